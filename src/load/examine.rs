//! An answer held against what the step expects of it, and values taken out of it.

use std::io::Read as _;
use std::time::Duration;

use serde_json::Value as Json;

use super::exchange;
use super::recorder::Fault;
use super::values::{Scope, Value};
use crate::run::FailureClass;
use crate::scenario::{Expect, Expected, Matcher, Pick, Save, SaveFrom, Step};
use crate::units::format_duration;

/// What an examination needs to see of an answer.
#[derive(Debug)]
pub struct Seen<'a> {
    pub status: u16,
    pub head: &'a [u8],
    /// As it came; empty where it was not kept.
    pub body: &'a [u8],
    pub bytes: u64,
    pub latency: Duration,
    /// What an inflated body may be long.
    pub body_cap: u64,
}

/// Examines an answer: what is wrong with it, or the values to be kept by slot.
///
/// # Errors
/// A [`Fault`] of class `status` or `check`.
pub fn examine(step: &Step, seen: &Seen<'_>, scope: &mut Scope<'_>) -> Result<Vec<(usize, Value)>, Fault> {
    if !step.expect.status_holds(seen.status) {
        return Err(Fault::new(FailureClass::Status, format!("status {}", seen.status)));
    }
    if step.save.is_empty() && expects_only_a_status(&step.expect) {
        return Ok(Vec::new());
    }
    let content = Content::of(seen)?;
    if let Some(unmet) = unmet(&step.expect, seen, &content, scope) {
        return Err(Fault::new(FailureClass::Check, format!("expected {unmet}")));
    }
    let nothing = |save: &Save| Fault::new(FailureClass::Check, format!("nothing to save from {}", place(&save.from)));
    step.save.iter().map(|save| Ok((save.slot, taken(save, seen, &content, scope).ok_or_else(|| nothing(save))?))).collect()
}

fn expects_only_a_status(expect: &Expect) -> bool {
    let Expect { status: _, headers, json, body, min_size, max_size, within } = expect;
    headers.is_empty() && json.is_empty() && body.is_empty() && min_size.is_none() && max_size.is_none() && within.is_none()
}

/// The body as text and, where it is JSON, as that.
struct Content {
    text: String,
    json: Option<Json>,
}

impl Content {
    fn of(seen: &Seen<'_>) -> Result<Self, Fault> {
        let inflated = inflate(seen)?;
        let bytes = inflated.as_deref().unwrap_or(seen.body);
        Ok(Self { text: String::from_utf8_lossy(bytes).into_owned(), json: serde_json::from_slice(bytes).ok() })
    }
}

/// The inflated body where the server compressed it. What we have no decoder for, or was packed more than once, is not looked
/// into as it came: an expectation of what is not there would hold of any such body.
fn inflate(seen: &Seen<'_>) -> Result<Option<Vec<u8>>, Fault> {
    if seen.body.is_empty() {
        return Ok(None);
    }
    let mut inflated = Vec::new();
    let cap = seen.body_cap + 1;
    let codings = codings(seen.head);
    let read = match codings.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => return Ok(None),
        ["gzip" | "x-gzip"] => flate2::read::MultiGzDecoder::new(seen.body).take(cap).read_to_end(&mut inflated),
        ["deflate"] => flate2::read::ZlibDecoder::new(seen.body).take(cap).read_to_end(&mut inflated),
        _ => return Err(Fault::new(FailureClass::Check, "a content-encoding that cannot be looked into, as gzip and deflate can")),
    };
    match read {
        Ok(_) if inflated.len() as u64 <= seen.body_cap => Ok(Some(inflated)),
        Ok(_) => Err(Fault::new(FailureClass::TooLarge, "inflated body over 10 MiB")),
        Err(_) => Err(Fault::new(FailureClass::Check, "compressed body cannot be inflated")),
    }
}

/// How a body was encoded, in that order and in lower case, without what changes nothing.
fn codings(head: &[u8]) -> Vec<String> {
    let mut codings = Vec::new();
    exchange::headers(head, |header, value| {
        if header.eq_ignore_ascii_case("content-encoding") {
            let value = String::from_utf8_lossy(value).to_ascii_lowercase();
            codings.extend(value.split(',').map(|coding| coding.trim().to_owned()));
        }
    });
    codings.retain(|coding| !coding.is_empty() && coding != "identity");
    codings
}

/// The first header of that name (lower case), as text.
fn header(head: &[u8], name: &str) -> Option<String> {
    let mut found = None;
    exchange::headers(head, |header, value| {
        if found.is_none() && header.eq_ignore_ascii_case(name) {
            found = Some(String::from_utf8_lossy(value).into_owned());
        }
    });
    found
}

/// The first expectation that is not met, by its place in the scenario.
fn unmet(expect: &Expect, seen: &Seen<'_>, content: &Content, scope: &mut Scope<'_>) -> Option<String> {
    if let Some(within) = expect.within.filter(|within| seen.latency > *within) {
        return Some(format!("an answer within {}", format_duration(within)));
    }
    if expect.min_size.is_some_and(|size| seen.bytes < size) || expect.max_size.is_some_and(|size| seen.bytes > size) {
        return Some("another body size".to_owned());
    }
    for (name, matcher) in &expect.headers {
        if !text_matches(matcher, header(seen.head, name).as_deref(), scope) {
            return Some(format!("header {name}"));
        }
    }
    if !expect.body.iter().all(|matcher| text_matches(matcher, Some(&content.text), scope)) {
        return Some("another body".to_owned());
    }
    if !expect.json.is_empty() && content.json.is_none() {
        return Some("a JSON body".to_owned());
    }
    for (path, matcher) in &expect.json {
        let nodes = content.json.as_ref().map(|json| path.query(json).all()).unwrap_or_default();
        if !json_matches(matcher, &nodes, scope) {
            return Some(format!("json {path}"));
        }
    }
    None
}

fn place(from: &SaveFrom) -> String {
    match from {
        SaveFrom::Json { path, .. } => format!("json {path}"),
        SaveFrom::Header { name } => format!("header {name}"),
        SaveFrom::Cookie { name } => format!("cookie {name}"),
        SaveFrom::Regex(regex) => format!("regex {regex}"),
    }
}

fn text_matches(matcher: &Matcher, text: Option<&str>, scope: &mut Scope<'_>) -> bool {
    let Some(text) = text else { return matches!(matcher, Matcher::Absent) };
    match matcher {
        Matcher::Exists => true,
        Matcher::Absent => false,
        Matcher::Equals(Expected::Json(expected)) => Value::Json(expected.clone()).to_text() == text,
        Matcher::Equals(Expected::Template(template)) => scope.text(template).is_ok_and(|expected| text == expected),
        Matcher::Contains(template) => scope.text(template).is_ok_and(|part| text.contains(&part)),
        Matcher::Matches(regex) => regex.is_match(text),
    }
}

fn json_matches(matcher: &Matcher, nodes: &[&Json], scope: &mut Scope<'_>) -> bool {
    match matcher {
        Matcher::Exists => !nodes.is_empty(),
        Matcher::Absent => nodes.is_empty(),
        Matcher::Equals(Expected::Json(expected)) => nodes.contains(&expected),
        Matcher::Equals(Expected::Template(_)) | Matcher::Contains(_) | Matcher::Matches(_) => {
            nodes.iter().any(|node| text_matches(matcher, Some(&Value::Json((*node).clone()).to_text()), scope))
        }
    }
}

fn taken(save: &Save, seen: &Seen<'_>, content: &Content, scope: &mut Scope<'_>) -> Option<Value> {
    found(save, seen, content, scope).or_else(|| scope.typed(save.default.as_ref()?).ok())
}

fn found(save: &Save, seen: &Seen<'_>, content: &Content, scope: &mut Scope<'_>) -> Option<Value> {
    match &save.from {
        SaveFrom::Header { name } => header(seen.head, name).map(|value| Value::Text(value.into())),
        SaveFrom::Cookie { name } => cookie(seen.head, name).map(|value| Value::Text(value.into())),
        SaveFrom::Regex(regex) => {
            let groups = regex.captures(&content.text)?;
            groups.get(1).or_else(|| groups.get(0)).map(|group| Value::Text(group.as_str().into()))
        }
        SaveFrom::Json { path, pick } => {
            let nodes = path.query(content.json.as_ref()?).all();
            picked(&nodes, *pick, scope).map(Value::Json)
        }
    }
}

fn picked(nodes: &[&Json], pick: Pick, scope: &mut Scope<'_>) -> Option<Json> {
    match pick {
        Pick::First => nodes.first().map(|node| (*node).clone()),
        Pick::Last => nodes.last().map(|node| (*node).clone()),
        Pick::Random => {
            let index = usize::try_from(scope.dice.below(nodes.len() as u64)).ok()?;
            nodes.get(index).map(|node| (*node).clone())
        }
        Pick::All => (!nodes.is_empty()).then(|| Json::Array(nodes.iter().map(|node| (*node).clone()).collect())),
    }
}

/// The value of the cookie that an answer sets.
fn cookie(head: &[u8], name: &str) -> Option<String> {
    let mut found = None;
    exchange::headers(head, |header, value| {
        if header.eq_ignore_ascii_case("set-cookie") {
            let text = String::from_utf8_lossy(value);
            let pair = text.split(';').next().unwrap_or_default();
            if let Some((key, value)) = pair.split_once('=')
                && key.trim() == name
            {
                found = Some(value.trim().to_owned());
            }
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::samples::step;
    use super::*;
    use crate::plan::{Dice, Stream};

    const PLAIN: &str = "HTTP/1.1 200 OK\r\nx-trace: 7\r\nX-Trace: 8\r\nset-cookie: sid=a=b; Path=/\r\n\r\n";
    const BODY: &str = r#"{"id": 7, "name": "Ada", "items": [{"n": 1}, {"n": 2}, {"n": 3}], "none": null}"#;

    fn seen<'a>(head: &'a str, body: &'a [u8]) -> Seen<'a> {
        Seen { status: 200, head: head.as_bytes(), body, bytes: body.len() as u64, latency: Duration::from_millis(5), body_cap: 200 }
    }

    fn examined(rest: &str, seen: &Seen<'_>, variables: &[Option<Value>]) -> Result<Vec<String>, (FailureClass, String)> {
        let step = step(&format!("{{get: /, save: {{known: $.id}}}}, {{get: /, {rest}}}"));
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut scope = Scope { data: &[], rows: &[], variables, user: 1, iteration: 1, dice: &mut dice };
        examine(&step, seen, &mut scope)
            .map(|saved| saved.into_iter().map(|(_, value)| value.to_text()).collect())
            .map_err(|fault| (fault.class, fault.cause.into_owned()))
    }

    fn saved(rest: &str) -> Vec<String> {
        examined(rest, &seen(PLAIN, BODY.as_bytes()), &[Some(Value::Text("Ada".into()))]).unwrap()
    }

    fn check(rest: &str) -> String {
        match examined(rest, &seen(PLAIN, BODY.as_bytes()), &[Some(Value::Text("Ada".into()))]) {
            Ok(_) => "met".into(),
            Err((class, cause)) => {
                assert_eq!(class, FailureClass::Check);
                cause
            }
        }
    }

    #[test]
    fn an_expectation_is_met_or_named() {
        for (rest, told) in [
            ("expect: {json: {$.id: 7}}", "met"),
            ("expect: {json: {$.id: '7'}}", "expected json $.id"),
            ("expect: {json: {$.name: Ada}}", "met"),
            ("expect: {json: {$.name: '${known}'}}", "met"),
            ("expect: {json: {$.none: exists}}", "met"),
            ("expect: {json: {$.other: exists}}", "expected json $.other"),
            ("expect: {json: {$.other: absent}}", "met"),
            ("expect: {json: {'$.items[*].n': 3}}", "met"),
            ("expect: {json: {$.name: {matches: '^A.a$'}}}", "met"),
            ("expect: {json: {$.name: {contains: x}}}", "expected json $.name"),
            ("expect: {headers: {x-trace: 7}}", "met"),
            ("expect: {headers: {x-trace: 8}}", "expected header x-trace"),
            ("expect: {headers: {x-none: absent}}", "met"),
            ("expect: {body: {contains: '${known}'}}", "met"),
            ("expect: {body: {contains: Bob}}", "expected another body"),
            ("expect: {size: {max: 10}}", "expected another body size"),
            ("expect: {within: 5ms}", "met"),
            ("expect: {within: 4ms}", "expected an answer within 4ms"),
        ] {
            assert_eq!(check(rest), told, "{rest}");
        }
    }

    #[test]
    fn a_value_is_taken_from_its_place() {
        assert_eq!(saved("save: {a: $.id, b: $.name}"), ["7", "Ada"]);
        assert_eq!(saved("save: {a: '$.items[*].n last', b: '$.items[*].n all'}"), ["3", "[1,2,3]"]);
        assert_eq!(saved("save: {a: {header: X-Trace}, b: {cookie: sid}}"), ["7", "a=b"]);
        assert_eq!(saved("save: {a: {regex: '\"id\": (\\d+)'}, b: {regex: 'A\\w+'}}"), ["7", "Ada"]);
        assert_eq!(saved("save: {a: {json: $.other, default: '${known}!'}}"), ["Ada!"]);
        assert!(["1", "2", "3"].contains(&saved("save: {a: '$.items[*].n random'}")[0].as_str()));
        assert_eq!(check("save: {a: $.other}"), "nothing to save from json $.other");
    }

    #[test]
    fn the_status_is_looked_at_first_and_2xx_is_ok_unless_said_otherwise() {
        for (status, rest, ok) in
            [(204, "name: a", true), (302, "name: a", false), (302, "expect: 302", true), (201, "expect: [200, 3xx]", false)]
        {
            let told = examined(rest, &Seen { status, ..seen(PLAIN, b"") }, &[None]);
            assert_eq!(told, if ok { Ok(vec![]) } else { Err((FailureClass::Status, format!("status {status}"))) }, "{status} {rest}");
        }
    }

    #[test]
    fn an_expectation_on_json_is_not_met_by_what_is_no_json() {
        for body in ["<html>", "", "{\"id\": 7"] {
            let told = examined("expect: {json: {$.error: absent}}", &seen(PLAIN, body.as_bytes()), &[None]);
            assert_eq!(told, Err((FailureClass::Check, "expected a JSON body".to_owned())), "{body:?}");
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_compressed_body_is_inflated_up_to_the_cap() {
        let head = "HTTP/1.1 200 OK\r\ncontent-encoding: GZIP\r\n\r\n";
        let told = |body: &[u8]| examined("expect: {body: {contains: a}}", &seen(head, body), &[None]).map_err(|(class, _)| class);
        assert_eq!(told(&gzip(&[b'a'; 200])), Ok(vec![]));
        assert_eq!(told(&gzip(&[b'a'; 201])), Err(FailureClass::TooLarge));
        assert_eq!(told(b"not gzip"), Err(FailureClass::Check));
        let two_members = [gzip(b"b"), gzip(b"a")].concat();
        assert_eq!(told(&two_members), Ok(vec![]));
    }

    #[test]
    fn a_body_that_cannot_be_inflated_is_not_looked_into_as_it_came() {
        let zlib = |bytes: &[u8]| {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let told = |encoding: &str, body: &[u8]| {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\n\r\n");
            examined("expect: {body: {matches: 'a'}}", &seen(&head, body), &[None])
        };
        assert_eq!(told("deflate", &zlib(&[b'a'; 200])), Ok(vec![]));
        assert_eq!(told("deflate", &zlib(&[b'a'; 201])).map_err(|(class, _)| class), Err(FailureClass::TooLarge));
        assert_eq!(told("identity", b"a"), Ok(vec![]));
        assert_eq!(told("identity,\r\ncontent-encoding: , GZIP", &gzip(b"a")), Ok(vec![]));
        let unknown = Err((FailureClass::Check, "a content-encoding that cannot be looked into, as gzip and deflate can".to_owned()));
        let twice = "gzip\r\nContent-Encoding: gzip";
        for encoding in ["br", "zstd", "compress", "gzip, gzip", twice, "gzip;q=1", "x".repeat(500).as_str()] {
            assert_eq!(told(encoding, &gzip(&gzip(b"a"))), unknown, "{encoding}");
        }
    }

    #[test]
    fn a_body_that_was_not_kept_is_not_inflated() {
        let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n";
        assert_eq!(examined("expect: {within: 5s}", &seen(head, b""), &[None]), Ok(vec![]));
    }
}
