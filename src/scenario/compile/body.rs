//! Bodies: JSON, forms, text, files and multipart forms, each with its content type.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Checked;
use super::headers::media_type;
use super::local_file::Reach;
use super::syntax::Piece;
use super::values::{Parts, Plain, Values};
use crate::document::{Place, Placed, Scalar, Written};
use crate::scenario::file::{Entries, GraphqlFile, Node, PartFile, Text};
use crate::scenario::{Body, Escape, Template};

/// The largest file that is sent: 16 MiB.
const FILE_CAP: u64 = 16 * 1024 * 1024;

/// The keys of a step that hold a body.
#[derive(Debug)]
pub struct BodyKeys<'a> {
    pub json: Option<&'a Placed<Node>>,
    pub graphql: Option<&'a Placed<GraphqlFile>>,
    pub form: Option<&'a Placed<Entries<Placed<Text>>>>,
    pub text: Option<&'a Placed<Text>>,
    pub file: Option<&'a Placed<String>>,
    pub multipart: Option<&'a Placed<Entries<Placed<Written<PartFile>>>>>,
}

/// A body with its content type.
#[derive(Debug)]
pub struct TypedBody {
    pub body: Body,
    pub content_type: String,
    /// Whether a header `content-type` of the file may say otherwise: the boundary of a multipart form is nobody else's.
    pub overridable: bool,
}

/// Compiles the body, if there is one.
pub fn compile_body(values: &mut Values<'_>, keys: &BodyKeys<'_>) -> Checked<Option<TypedBody>> {
    refuse_second(values, keys)?;
    let BodyKeys { json, graphql, form, text, file, multipart } = keys;
    let typed = |body, content_type: &str| TypedBody { body, content_type: content_type.to_owned(), overridable: true };
    if let Some(json) = json {
        let mut parts = Parts::default();
        append_json(values, &mut parts, json)?;
        return Ok(Some(typed(Body::Template(parts.into_template()), "application/json")));
    }
    if let Some(graphql) = graphql {
        return Ok(Some(typed(Body::Template(compile_graphql(values, &graphql.value)?), "application/json")));
    }
    if let Some(form) = form {
        let body = Body::Template(compile_pairs(values, &form.value)?);
        return Ok(Some(typed(body, "application/x-www-form-urlencoded")));
    }
    if let Some(text) = text {
        let body = Body::Template(values.template(&text.value.0, text.place, Escape::None)?);
        return Ok(Some(typed(body, "text/plain; charset=utf-8")));
    }
    if let Some(file) = file {
        let content = values.context.files.read(file, Reach::Folder, FILE_CAP)?;
        return Ok(Some(typed(Body::Bytes(content.into()), type_by_name(&file.value))));
    }
    multipart.map(|multipart| compile_multipart(values, multipart)).transpose()
}

fn refuse_second(values: &Values<'_>, keys: &BodyKeys<'_>) -> Checked<()> {
    let written: Vec<(&str, Place)> = [
        ("json", keys.json.map(|key| key.place)),
        ("graphql", keys.graphql.map(|key| key.place)),
        ("form", keys.form.map(|key| key.place)),
        ("body", keys.text.map(|key| key.place)),
        ("body_file", keys.file.map(|key| key.place)),
        ("multipart", keys.multipart.map(|key| key.place)),
    ]
    .into_iter()
    .filter_map(|(key, place)| place.map(|place| (key, place)))
    .collect();
    match written.as_slice() {
        [(first, _), (second, place), ..] => {
            Err(values.context.mistake(*place, format!("both `{first}` and `{second}` are given: a request has one body")))
        }
        _ => Ok(()),
    }
}

/// `name=value&..`, escaped: a form's body, or a query.
pub fn compile_pairs(values: &mut Values<'_>, pairs: &Entries<Placed<Text>>) -> Checked<Template> {
    let mut parts = Parts::default();
    append_pairs(values, &mut parts, pairs)?;
    Ok(parts.into_template())
}

/// As [`compile_pairs`], at the end of what is there already.
pub fn append_pairs(values: &mut Values<'_>, parts: &mut Parts, pairs: &Entries<Placed<Text>>) -> Checked<()> {
    for (index, (name, value)) in pairs.0.iter().enumerate() {
        let mut written = String::from(if index == 0 { "" } else { "&" });
        Escape::Percent.write(&name.value, &mut written);
        written.push('=');
        parts.push_text(&written);
        values.append(parts, &Placed { value: &value.value.0, place: value.place }, Escape::Percent, Plain::Escaped)?;
    }
    Ok(())
}

/// Writes a value as JSON. A text that is one `${..}` becomes a value of its own type.
fn append_json(values: &mut Values<'_>, parts: &mut Parts, node: &Placed<Node>) -> Checked<()> {
    match &node.value {
        Node::Scalar(Scalar::Text(text)) => append_json_text(values, parts, &Placed { value: text, place: node.place }),
        Node::Scalar(scalar) => {
            parts.push_text(&json_scalar(values, scalar, node.place)?.to_string());
            Ok(())
        }
        Node::List(items) => {
            for (index, item) in items.iter().enumerate() {
                parts.push_text(if index == 0 { "[" } else { "," });
                append_json(values, parts, item)?;
            }
            parts.push_text(if items.is_empty() { "[]" } else { "]" });
            Ok(())
        }
        Node::Map(entries) => {
            for (index, (key, value)) in entries.0.iter().enumerate() {
                let mut written = String::from(if index == 0 { "{" } else { "," });
                Escape::JsonValue.write(&key.value, &mut written);
                written.push(':');
                parts.push_text(&written);
                append_json(values, parts, value)?;
            }
            parts.push_text(if entries.0.is_empty() { "{}" } else { "}" });
            Ok(())
        }
    }
}

/// `{"query": .., "operationName": .., "variables": {..}}`, as GraphQL over HTTP has it.
fn compile_graphql(values: &mut Values<'_>, graphql: &GraphqlFile) -> Checked<Template> {
    let GraphqlFile { query, operation, variables } = graphql;
    let mut parts = Parts::default();
    parts.push_text("{\"query\":");
    append_json_text(values, &mut parts, &Placed { value: query.value.0.as_str(), place: query.place })?;
    if let Some(operation) = operation {
        parts.push_text(",\"operationName\":");
        append_json_text(values, &mut parts, &Placed { value: operation.value.0.as_str(), place: operation.place })?;
    }
    if !variables.0.is_empty() {
        parts.push_text(",\"variables\":");
        append_json(values, &mut parts, &Placed { value: Node::Map(variables.clone()), place: query.place })?;
    }
    parts.push_text("}");
    Ok(parts.into_template())
}

fn append_json_text(values: &mut Values<'_>, parts: &mut Parts, text: &Placed<&str>) -> Checked<()> {
    if let [Piece::Value { .. }] = values.split(text)?.as_slice() {
        return values.append(parts, text, Escape::JsonValue, Plain::Escaped);
    }
    parts.push_text("\"");
    values.append(parts, text, Escape::JsonString, Plain::Escaped)?;
    parts.push_text("\"");
    Ok(())
}

/// A scalar that holds no `${..}`, as JSON.
pub fn json_scalar(values: &Values<'_>, scalar: &Scalar, place: Place) -> Checked<serde_json::Value> {
    match scalar {
        Scalar::Null => Ok(serde_json::Value::Null),
        Scalar::Flag(flag) => Ok((*flag).into()),
        Scalar::Whole(whole) => Ok((*whole).into()),
        Scalar::Text(text) => Ok(text.as_str().into()),
        Scalar::Number(number) => serde_json::Number::from_f64(*number)
            .map(serde_json::Value::Number)
            .ok_or_else(|| values.context.mistake(place, format!("`{number}` is not a finite number: JSON has no other"))),
    }
}

/// A JSON value as written, without `${..}`.
pub fn json_value(values: &Values<'_>, node: &Placed<Node>) -> Checked<serde_json::Value> {
    match &node.value {
        Node::Scalar(scalar) => json_scalar(values, scalar, node.place),
        Node::List(items) => items.iter().map(|item| json_value(values, item)).collect(),
        Node::Map(entries) => {
            entries.0.iter().map(|(key, value)| Ok((key.value.clone(), json_value(values, value)?))).collect::<Checked<_>>()
        }
    }
}

fn compile_multipart(values: &mut Values<'_>, form: &Placed<Entries<Placed<Written<PartFile>>>>) -> Checked<TypedBody> {
    let mut fields = Vec::new();
    for (name, part) in &form.value.0 {
        fields.push(read_field(values, name, part)?);
    }
    let boundary = boundary(&fields);
    let body = if fields.iter().all(|field| field.bytes().is_some()) {
        let mut bytes = Vec::new();
        for field in &fields {
            bytes.extend_from_slice(field.head(&boundary).as_bytes());
            bytes.extend_from_slice(field.bytes().unwrap_or_default());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Body::Bytes(bytes.into())
    } else {
        Body::Template(join_fields(values, &fields, &boundary, form.place)?)
    };
    Ok(TypedBody { body, content_type: format!("multipart/form-data; boundary={boundary}"), overridable: false })
}

/// One field of a multipart form.
struct Field {
    name: String,
    file_name: Option<String>,
    media_type: Option<String>,
    content: Body,
}

impl Field {
    /// Its content, where nothing has to be filled in.
    fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Body::Bytes(bytes) => Some(bytes),
            Body::Template(template) => template.as_static().map(str::as_bytes),
        }
    }

    fn head(&self, boundary: &str) -> String {
        let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let file_name = self.file_name.as_ref().map(|name| format!("; filename=\"{}\"", quoted(name))).unwrap_or_default();
        let media_type = self.media_type.as_ref().map(|media_type| format!("content-type: {media_type}\r\n")).unwrap_or_default();
        format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"{file_name}\r\n{media_type}\r\n", quoted(&self.name))
    }
}

fn read_field(values: &mut Values<'_>, name: &Placed<String>, part: &Placed<Written<PartFile>>) -> Checked<Field> {
    match &part.value {
        Written::Scalar(scalar) => {
            let content = Body::Template(values.template(&scalar.to_string(), part.place, Escape::None)?);
            Ok(Field { name: name.value.clone(), file_name: None, media_type: None, content })
        }
        Written::List(_) => {
            let hint = "write a text or `{file: photo.png, type: image/png}`";
            Err(values.context.mistake_with_hint(part.place, "a list is no field of a form", hint))
        }
        Written::Map(PartFile { file, media_type: written }) => {
            let content = Body::Bytes(values.context.files.read(file, Reach::Folder, FILE_CAP)?.into());
            let media_type = match written {
                Some(written) => media_type(values, written)?,
                None => type_by_name(&file.value).to_owned(),
            };
            let file_name = file.value.rsplit('/').next().map(str::to_owned);
            Ok(Field { name: name.value.clone(), file_name, media_type: Some(media_type), content })
        }
    }
}

/// The form as a template: its files have to be text.
fn join_fields(values: &Values<'_>, fields: &[Field], boundary: &str, place: Place) -> Checked<Template> {
    let mut parts = Parts::default();
    for field in fields {
        parts.push_text(&field.head(boundary));
        match &field.content {
            Body::Template(template) => parts.push_template(template),
            Body::Bytes(bytes) => {
                let Ok(text) = std::str::from_utf8(bytes) else {
                    let message = format!("the file of `{}` is not text, and another field holds `${{..}}`", field.name);
                    let hint = "a form with a binary file has only fields without values to be filled in";
                    return Err(values.context.mistake_with_hint(place, message, hint));
                };
                parts.push_text(text);
            }
        }
        parts.push_text("\r\n");
    }
    parts.push_text(&format!("--{boundary}--\r\n"));
    Ok(parts.into_template())
}

/// The same in every run, and in no file by accident. What is filled in is left out: it may be a secret.
fn boundary(fields: &[Field]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update(field.name.as_bytes());
        if let Body::Bytes(bytes) = &field.content {
            hash.update(bytes);
        }
    }
    let mut boundary = String::from("perfgate-");
    for byte in hash.finalize().iter().take(12) {
        let _ = write!(boundary, "{byte:02x}");
    }
    boundary
}

fn type_by_name(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "json" => "application/json",
        "xml" => "application/xml",
        "txt" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        _ => "application/octet-stream",
    }
}
