//! The path of a request: what is sent, and the name that it is counted under where the step gives none.

use super::Checked;
use super::body::append_pairs;
use super::syntax::Piece;
use super::values::{Parts, Plain, Values};
use crate::document::Placed;
use crate::scenario::file::{Entries, Text};
use crate::scenario::{Escape, Target, Template};

/// A path, ready to be sent.
#[derive(Debug)]
pub struct Path {
    /// Base path and query included.
    pub template: Template,
    /// As written, without query.
    pub name: String,
}

/// Compiles the path of a step and its `query`.
pub fn compile_path(values: &mut Values<'_>, written: &Placed<String>, query: &Entries<Placed<Text>>) -> Checked<Path> {
    let text = Placed { value: written.value.as_str(), place: written.place };
    check_characters(values, &text)?;
    let mut parts = Parts::default();
    let path = if let Some(path) = path_of_own_url(values, &text)? {
        path
    } else {
        parts.push_text(values.context.base_path);
        text.value
    };
    if !path.starts_with('/') {
        let hint = format!("write `/{path}`; host and port stand in `target`");
        return Err(values.context.mistake_with_hint(text.place, format!("the path `{path}` does not begin with `/`"), hint));
    }
    let path = Placed { value: path, place: text.place };
    let (name, has_query) = name_of(values, &path)?;
    values.append(&mut parts, &path, Escape::Percent, Plain::Path)?;
    if !query.0.is_empty() {
        parts.push_text(if has_query { "&" } else { "?" });
        append_pairs(values, &mut parts, query)?;
    }
    Ok(Path { template: parts.into_template(), name })
}

fn check_characters(values: &Values<'_>, text: &Placed<&str>) -> Checked<()> {
    if text.value.contains(char::is_control) {
        return Err(values.context.mistake(text.place, "a path holds no line breaks or control characters"));
    }
    for piece in values.split(text)? {
        if let Piece::Text(plain) = piece
            && plain.contains('#')
        {
            let place = values.context.document.find(text.place, "#");
            return Err(values.context.mistake_with_hint(
                place,
                "a path holds no `#`",
                "what follows it is never sent; a literal one is `%23`",
            ));
        }
    }
    Ok(())
}

/// The path of an absolute URL, which may lead to the target only; `None` for a plain path.
fn path_of_own_url<'t>(values: &Values<'_>, text: &Placed<&'t str>) -> Checked<Option<&'t str>> {
    let foreign = |authority: &str| {
        let host = authority.rsplit('@').next().unwrap_or_default();
        let message = format!("`{host}` is not the target: only the target's host can be loaded");
        values.context.mistake_with_hint(text.place, message, "write the path alone, as `get: /api/products`")
    };
    if let Some(rest) = text.value.strip_prefix("//") {
        return Err(foreign(rest.split('/').next().unwrap_or_default()));
    }
    let lower = text.value.to_ascii_lowercase();
    let Some(scheme) = ["http://", "https://"].into_iter().find(|scheme| lower.starts_with(scheme)) else { return Ok(None) };
    let rest = &text.value[scheme.len()..];
    let (authority, path) = rest.split_at(rest.find(['/', '?', '\\']).unwrap_or(rest.len()));
    let asked: Target = format!("{scheme}{authority}").parse().map_err(|_| foreign(authority))?;
    let is_own = values.context.own_targets.iter().any(|own| own.origin() == asked.origin());
    if is_own { Ok(Some(if path.is_empty() { "/" } else { path })) } else { Err(foreign(authority)) }
}

/// The text up to the first `?` outside of `${..}`, and whether there is one.
fn name_of(values: &Values<'_>, path: &Placed<&str>) -> Checked<(String, bool)> {
    let mut name = String::new();
    for piece in values.split(path)? {
        match piece {
            Piece::Value { written, .. } => name.push_str(written),
            Piece::Text(plain) => match plain.split_once('?') {
                Some((before, _)) => {
                    name.push_str(before);
                    return Ok((name, true));
                }
                None => name.push_str(&plain),
            },
        }
    }
    Ok((name, false))
}
