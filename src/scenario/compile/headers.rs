//! Headers and credentials of a request: those of the step before those of `http.headers`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Checked;
use super::values::{Parts, Plain, Reads, Values};
use crate::document::{Placed, suggestion};
use crate::scenario::escape::is_forbidden_in_header;
use crate::scenario::file::{AuthFile, BasicFile, Entries, Text};
use crate::scenario::{Escape, Expression, Part, Template};

/// What the engine itself decides; a scenario that could set them could send one request and count another.
const OWN_HEADERS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"];

/// A header with what its value reads.
#[derive(Debug, Clone)]
pub struct Header {
    pub name: String,
    pub value: Template,
    pub reads: Reads,
}

/// Compiles a mapping of headers; names come out in lower case.
pub fn compile_headers(values: &mut Values<'_>, written: &Entries<Placed<Text>>) -> Checked<Vec<(String, Template)>> {
    let mut headers: Vec<(String, Template)> = Vec::new();
    for (name, value) in &written.0 {
        let lower = header_name(values, name)?;
        if OWN_HEADERS.contains(&lower.as_str()) {
            return Err(values.context.mistake(name.place, format!("header `{}` is not set by a scenario", name.value)));
        }
        if headers.iter().any(|(other, _)| *other == lower) {
            return Err(values.context.mistake(name.place, format!("header `{}` stands here twice", name.value)));
        }
        let value = header_value(values, value)?;
        headers.push((lower, value));
    }
    Ok(headers)
}

/// A valid header name, in lower case.
pub fn header_name(values: &Values<'_>, name: &Placed<String>) -> Checked<String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.value.is_empty() || !name.value.chars().all(is_token) {
        return Err(values.context.mistake(name.place, format!("`{}` is not the name of a header", name.value.escape_debug())));
    }
    Ok(name.value.to_ascii_lowercase())
}

fn header_value(values: &mut Values<'_>, value: &Placed<Text>) -> Checked<Template> {
    if value.value.0.trim_end_matches('\n').contains(is_forbidden_in_header) {
        return Err(values.context.mistake(value.place, "the value of a header holds no line breaks or control characters"));
    }
    values.template(value.value.0.trim(), value.place, Escape::Header)
}

/// The value of the header `authorization`.
pub fn compile_auth(values: &mut Values<'_>, auth: &Placed<AuthFile>) -> Checked<Template> {
    match &auth.value {
        AuthFile { basic: Some(basic), bearer: None } => compile_basic(values, basic),
        AuthFile { basic: None, bearer: Some(token) } => {
            let token = Placed { value: Text(format!("Bearer {}", token.value.0)), place: token.place };
            header_value(values, &token)
        }
        AuthFile { basic: _, bearer: _ } => {
            let hint = "write `{basic: {username: .., password: ..}}` or `{bearer: ..}`";
            Err(values.context.mistake_with_hint(auth.place, "`auth` holds exactly one of `basic` and `bearer`", hint))
        }
    }
}

fn compile_basic(values: &mut Values<'_>, basic: &BasicFile) -> Checked<Template> {
    let BasicFile { username, password } = basic;
    let mut credentials = Parts::default();
    let username_text = Placed { value: username.value.0.as_str(), place: username.place };
    if username_text.value.contains(':') && !username_text.value.contains("${") {
        return Err(values.context.mistake(username.place, "the user name of `basic` holds no `:`"));
    }
    values.append(&mut credentials, &username_text, Escape::None, Plain::AsWritten)?;
    credentials.push_text(":");
    let password_text = Placed { value: password.value.0.as_str(), place: password.place };
    values.append(&mut credentials, &password_text, Escape::None, Plain::AsWritten)?;
    let credentials = credentials.into_template();
    let parts = match credentials.as_static() {
        Some(text) => vec![Part::Text(format!("Basic {}", STANDARD.encode(text)).into())],
        None => vec![Part::Text("Basic ".into()), Part::Value { expression: Expression::Base64(credentials), escape: Escape::None }],
    };
    Ok(Template::new(parts))
}

/// A media type as written.
pub fn media_type(values: &Values<'_>, written: &Placed<String>) -> Checked<String> {
    if !written.value.contains('/') || written.value.contains(is_forbidden_in_header) {
        let hint = suggestion(&written.value, &["application/octet-stream", "image/png", "text/csv"]);
        return Err(values.context.mistake_with_hint(
            written.place,
            format!("`{}` is not a media type", written.value.escape_debug()),
            hint,
        ));
    }
    Ok(written.value.clone())
}
