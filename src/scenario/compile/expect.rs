//! `expect`: what an answer must be like.

use regex::Regex;
use serde_json_path::JsonPath;

use super::Checked;
use super::body::{json_scalar, json_value};
use super::headers::header_name;
use super::quantity::positive_duration;
use super::syntax::Piece;
use super::values::Values;
use crate::document::{Mistake, Place, Placed, Scalar, Written};
use crate::scenario::file::{BodyMatchers, ExpectFile, JsonMatchers, OneOrMany, SizeFile, Text, TextMatchers};
use crate::scenario::{Escape, Expect, Expected, Matcher, StatusPattern};

/// A longer path is refused, as is one that nests deeper: its parser is recursive.
const MAX_PATH_LENGTH: usize = 1000;
const MAX_PATH_DEPTH: usize = 16;

/// Compiles `expect`.
pub fn compile_expect(values: &mut Values<'_>, written: &Placed<Written<ExpectFile>>) -> Checked<Expect> {
    let place = written.place;
    let long = match &written.value {
        Written::Scalar(scalar) => return Ok(Expect { status: vec![status_pattern(values, scalar, place)?], ..Expect::default() }),
        Written::List(items) => return Ok(Expect { status: status_list(values, items, place)?, ..Expect::default() }),
        Written::Map(long) => long,
    };
    let ExpectFile { status, headers, json, body, size, within } = long;
    let mut expect = Expect::default();
    if let Some(status) = status {
        expect.status = statuses(values, status)?;
    }
    for (name, matcher) in &headers.0 {
        let lower = header_name(values, name)?;
        expect.headers.extend(text_matchers(values, matcher)?.into_iter().map(|matcher| (lower.clone(), matcher)));
    }
    for (path, matcher) in &json.0 {
        let parsed = json_path(values, &path.value, path.place)?;
        expect.json.extend(json_matchers(values, matcher)?.into_iter().map(|matcher| (parsed.clone(), matcher)));
    }
    if let Some(body) = body {
        expect.body = body_matchers(values, body)?;
    }
    if let Some(size) = size {
        (expect.min_size, expect.max_size) = sizes(values, size)?;
    }
    expect.within = within.as_ref().map(|within| positive_duration(values.context.document, "within", within)).transpose()?;
    Ok(expect)
}

fn statuses(values: &Values<'_>, written: &Placed<OneOrMany>) -> Checked<Vec<StatusPattern>> {
    match &written.value {
        Written::Scalar(scalar) => Ok(vec![status_pattern(values, scalar, written.place)?]),
        Written::List(items) => status_list(values, items, written.place),
        Written::Map(never) => match *never {},
    }
}

fn status_list(values: &Values<'_>, items: &[Placed<Scalar>], place: Place) -> Checked<Vec<StatusPattern>> {
    if items.is_empty() {
        return Err(values.context.mistake(place, "the list of statuses is empty: no answer could be right"));
    }
    items.iter().map(|item| status_pattern(values, &item.value, item.place)).collect()
}

fn status_pattern(values: &Values<'_>, scalar: &Scalar, place: Place) -> Checked<StatusPattern> {
    let pattern = match scalar {
        Scalar::Whole(status) => u16::try_from(*status).ok().filter(|status| (100..1000).contains(status)).map(StatusPattern::Exactly),
        Scalar::Text(text) => match text.as_bytes() {
            [hundred @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] => Some(StatusPattern::Hundred(u16::from(hundred - b'0'))),
            _ => None,
        },
        _ => None,
    };
    pattern.ok_or_else(|| {
        values.context.mistake_with_hint(place, format!("`{scalar}` is not a status"), "write `200`, `2xx` or a list as `[200, 404]`")
    })
}

fn json_matchers(values: &mut Values<'_>, written: &Placed<Written<JsonMatchers>>) -> Checked<Vec<Matcher>> {
    let place = written.place;
    match &written.value {
        Written::Scalar(scalar) => Ok(vec![match word(scalar) {
            Some(matcher) => matcher,
            None => json_equals(values, scalar, place)?,
        }]),
        Written::List(items) => {
            let list = items.iter().map(|item| json_scalar(values, &item.value, item.place)).collect::<Checked<_>>()?;
            Ok(vec![Matcher::Equals(Expected::Json(list))])
        }
        Written::Map(JsonMatchers { equals, contains, matches }) => {
            let equals = equals.as_ref().map(|node| json_value(values, node)).transpose()?;
            let equals = equals.map(|value| Matcher::Equals(Expected::Json(value)));
            let matchers = [equals, contains_text(values, contains.as_ref())?, matches_regex(values, matches.as_ref())?];
            at_least_one(values, place, matchers)
        }
    }
}

/// A text with `${..}` is compared as text, everything else as JSON.
fn json_equals(values: &mut Values<'_>, scalar: &Scalar, place: Place) -> Checked<Matcher> {
    if let Scalar::Text(text) = scalar {
        let has_values = values.split(&Placed { value: text, place })?.iter().any(|piece| matches!(piece, Piece::Value { .. }));
        let template = values.template(text, place, Escape::None)?;
        return Ok(Matcher::Equals(match template.as_static().filter(|_| !has_values) {
            Some(text) => Expected::Json(text.into()),
            None => Expected::Template(template),
        }));
    }
    Ok(Matcher::Equals(Expected::Json(json_scalar(values, scalar, place)?)))
}

fn text_matchers(values: &mut Values<'_>, written: &Placed<Written<TextMatchers>>) -> Checked<Vec<Matcher>> {
    let place = written.place;
    match &written.value {
        Written::Scalar(scalar) => Ok(vec![match word(scalar) {
            Some(matcher) => matcher,
            None => Matcher::Equals(Expected::Template(values.template(&scalar.to_string(), place, Escape::None)?)),
        }]),
        Written::List(_) => Err(no_list(values, place)),
        Written::Map(long) => long_text_matchers(values, long, place),
    }
}

/// Here a bare text is contained, not equal: a body is long.
fn body_matchers(values: &mut Values<'_>, written: &Placed<Written<BodyMatchers>>) -> Checked<Vec<Matcher>> {
    let place = written.place;
    let mut contained = |scalar: &Scalar, place| values.template(&scalar.to_string(), place, Escape::None).map(Matcher::Contains);
    match &written.value {
        Written::Scalar(scalar) => Ok(vec![contained(scalar, place)?]),
        Written::List(items) => items.iter().map(|item| contained(&item.value, item.place)).collect(),
        Written::Map(long) => long_text_matchers(values, long, place),
    }
}

fn long_text_matchers(values: &mut Values<'_>, long: &TextMatchers, place: Place) -> Checked<Vec<Matcher>> {
    let TextMatchers { equals, contains, matches } = long;
    let equals = equals.as_ref().map(|text| values.template(&text.value.0, text.place, Escape::None)).transpose()?;
    let equals = equals.map(|template| Matcher::Equals(Expected::Template(template)));
    let matchers = [equals, contains_text(values, contains.as_ref())?, matches_regex(values, matches.as_ref())?];
    at_least_one(values, place, matchers)
}

fn word(scalar: &Scalar) -> Option<Matcher> {
    match scalar {
        Scalar::Text(text) if text == "exists" => Some(Matcher::Exists),
        Scalar::Text(text) if text == "absent" => Some(Matcher::Absent),
        _ => None,
    }
}

fn contains_text(values: &mut Values<'_>, text: Option<&Placed<Text>>) -> Checked<Option<Matcher>> {
    text.map(|text| values.template(&text.value.0, text.place, Escape::None).map(Matcher::Contains)).transpose()
}

fn matches_regex(values: &Values<'_>, text: Option<&Placed<Text>>) -> Checked<Option<Matcher>> {
    text.map(|text| regex(values, &text.value.0, text.place).map(Matcher::Matches)).transpose()
}

fn at_least_one(values: &Values<'_>, place: Place, matchers: [Option<Matcher>; 3]) -> Checked<Vec<Matcher>> {
    let matchers: Vec<Matcher> = matchers.into_iter().flatten().collect();
    if matchers.is_empty() {
        return Err(values.context.mistake(place, "nothing is expected here: name `equals`, `contains` or `matches`"));
    }
    Ok(matchers)
}

fn no_list(values: &Values<'_>, place: Place) -> Box<Mistake> {
    values.context.mistake_with_hint(place, "a list may not stand here", "write `exists`, `absent`, a value or `{contains: ..}`")
}

/// A regular expression, compiled with the limits of its engine.
pub fn regex(values: &Values<'_>, text: &str, place: Place) -> Checked<Regex> {
    Regex::new(text).map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "too large".to_owned(),
            other => other.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        values.context.mistake(place, format!("the regular expression cannot be used: {reason}"))
    })
}

/// A JSON path.
pub fn json_path(values: &Values<'_>, text: &str, place: Place) -> Checked<JsonPath> {
    let wrong = |reason: &str| {
        let hint = "a path begins with `$`, as `$.items[0].id` or `$.items[*].id`";
        values.context.mistake_with_hint(place, format!("`{text}` is not a JSONPath{reason}"), hint)
    };
    if text.len() > MAX_PATH_LENGTH || depth(text) > MAX_PATH_DEPTH {
        return Err(values.context.mistake(place, "the JSONPath is too long or nests too deep"));
    }
    JsonPath::parse(text).map_err(|error| wrong(&format!(", at its character {}", error.position())))
}

fn depth(path: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for character in path.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn sizes(values: &Values<'_>, written: &Placed<Written<SizeFile>>) -> Checked<(Option<u64>, Option<u64>)> {
    let place = written.place;
    let wrong = || {
        let hint = "write bytes, as `100..5000` or `{min: 100}`";
        values.context.mistake_with_hint(place, "this is not a size", hint)
    };
    let bytes = |scalar: &Scalar| match scalar {
        Scalar::Whole(bytes) => u64::try_from(*bytes).ok(),
        Scalar::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    let placed = |written: &Option<Placed<Scalar>>| written.as_ref().map(|size| bytes(&size.value).ok_or_else(wrong)).transpose();
    let (least, most) = match &written.value {
        Written::Scalar(Scalar::Text(text)) => {
            let (least, most) = text.split_once("..").ok_or_else(wrong)?;
            let end = |text: &str| bytes(&Scalar::Text(text.to_owned())).ok_or_else(wrong);
            (Some(end(least)?), Some(end(most)?))
        }
        Written::Scalar(scalar) => {
            let exactly = Some(bytes(scalar).ok_or_else(wrong)?);
            (exactly, exactly)
        }
        Written::List(_) => return Err(wrong()),
        Written::Map(SizeFile { min, max }) => (placed(min)?, placed(max)?),
    };
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        return Err(values.context.mistake(place, format!("the size {least}..{most} ends before it begins")));
    }
    Ok((least, most))
}
