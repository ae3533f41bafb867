//! `save`: which values are kept from an answer.

use super::Checked;
use super::expect::{json_path, regex};
use super::headers::header_name;
use super::values::Values;
use crate::document::{Mistake, Place, Placed, Written};
use crate::scenario::file::{Entries, SaveFile};
use crate::scenario::{Escape, Pick, Save, SaveFrom};

/// Compiles `save`.
pub fn compile_saves(values: &mut Values<'_>, written: &Entries<Placed<Written<SaveFile>>>) -> Checked<Vec<Save>> {
    written.0.iter().map(|(name, save)| compile_save(values, name, save)).collect()
}

fn compile_save(values: &mut Values<'_>, name: &Placed<String>, save: &Placed<Written<SaveFile>>) -> Checked<Save> {
    let slot = values.context.slot(name)?;
    let place = save.place;
    match &save.value {
        Written::Scalar(path) => Ok(Save { slot, from: from_json(values, &path.to_string(), place)?, default: None }),
        Written::List(_) => Err(not_one_source(values, place)),
        Written::Map(SaveFile { json, header, cookie, regex: expression, default }) => {
            let from = match (json, header, cookie, expression) {
                (Some(path), None, None, None) => from_json(values, &path.value, path.place)?,
                (None, Some(header), None, None) => SaveFrom::Header { name: header_name(values, header)? },
                (None, None, Some(cookie), None) => SaveFrom::Cookie { name: cookie.value.clone() },
                (None, None, None, Some(expression)) => SaveFrom::Regex(regex(values, &expression.value, expression.place)?),
                _ => return Err(not_one_source(values, place)),
            };
            let default = default.as_ref().map(|text| values.template(&text.value.0, text.place, Escape::None)).transpose()?;
            Ok(Save { slot, from, default })
        }
    }
}

/// A path, with one of four words behind it.
fn from_json(values: &Values<'_>, text: &str, place: Place) -> Checked<SaveFrom> {
    let text = text.trim();
    let (path, pick) = match text.rsplit_once(' ') {
        Some((path, "first")) => (path, Pick::First),
        Some((path, "last")) => (path, Pick::Last),
        Some((path, "random")) => (path, Pick::Random),
        Some((path, "all")) => (path, Pick::All),
        _ => (text, Pick::First),
    };
    Ok(SaveFrom::Json { path: json_path(values, path.trim_end(), place)?, pick })
}

fn not_one_source(values: &Values<'_>, place: Place) -> Box<Mistake> {
    let hint = "write `$.path`, or one of `{json: ..}`, `{header: ..}`, `{cookie: ..}` and `{regex: ..}`";
    values.context.mistake_with_hint(place, "a saved value comes from exactly one place of the answer", hint)
}
