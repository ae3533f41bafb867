//! A draft from an OpenAPI 3 description: one task for each operation, with example values, secrets as variables.

mod credentials;
mod server;
#[cfg(test)]
mod tests;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use self::credentials::{Credential, hoist_bearer};
use self::server::server_of;
use super::draft::{Draft, DraftBody, DraftKind, DraftStep, DraftTask, Pairs, free_name, json_text, literal};
use super::sample::{Sampler, given_value};
use super::secrets::{is_secret_name, variable_name};
use super::{InitError, file_name, slug};
use crate::document::Document;
use crate::scenario::Method;

/// More tasks make no scenario that anybody reads.
const MAX_TASKS: usize = 300;
/// A larger example is not taken (bytes).
const LARGEST_BODY: usize = 16 * 1024;
/// Longer example values of parameters are cut (characters).
const LONGEST_VALUE: usize = 200;
/// Reading is more frequent than writing.
const WEIGHT_OF_READING: f64 = 4.0;
/// All but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is known while operations are read.
struct Reader<'a> {
    root: &'a Value,
    sampler: Sampler<'a>,
    draft: Draft,
    names: Vec<String>,
    left_out: Vec<String>,
}

/// One operation where it stands.
struct Operation<'a> {
    path: &'a str,
    method: Method,
    /// Of the path, overridden by those of the operation.
    parameters: Vec<&'a Value>,
    value: &'a Value,
}

/// Reads a description, JSON or YAML. `target` is loaded instead of what the description names.
///
/// # Errors
/// [`InitError`] where it is no OpenAPI 3 description, or has no operation.
pub fn from_openapi(file: &str, text: &str, name: Option<&str>, target: Option<&str>) -> Result<Draft, InitError> {
    let root = parse(file, text)?;
    check_version(file, &root)?;
    let title = root["info"]["title"].as_str().unwrap_or_default();
    let name = name.map(str::to_owned).or_else(|| slug(title)).unwrap_or_else(|| "api".to_owned());
    let (server, note) = server_of(&root, &name, target);
    let mut draft = Draft::new(name, file, server);
    draft.comments = vec![format!(
        "Drafted from {}: every operation is a task. Weights and example values are guesses: make them real.",
        file_name(file)
    )];
    draft.notes.extend(note);
    let mut reader = Reader { root: &root, sampler: Sampler::new(&root), draft, names: Vec::new(), left_out: Vec::new() };
    let tasks = reader.tasks();
    if tasks.is_empty() {
        let hint = "under `paths` stand operations such as `get`; deprecated ones are left out";
        return Err(InitError::Nothing { file: file.to_owned(), missing: "it has no operation under `paths`", hint });
    }
    Ok(reader.finish(tasks))
}

fn parse(file: &str, text: &str) -> Result<Value, InitError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|source| InitError::NotJson { file: file.to_owned(), source });
    }
    Ok(Document::from_text(file, text).parse_foreign()?)
}

fn check_version(file: &str, root: &Value) -> Result<(), InitError> {
    let not_a = |hint| Err(InitError::NotA { file: file.to_owned(), expected: "an OpenAPI 3 description", hint });
    match root["openapi"].as_str() {
        Some(version) if version.starts_with("3.") => Ok(()),
        _ if root.get("swagger").is_some() => not_a("it is Swagger 2: `npx swagger2openapi FILE -o openapi.json` converts it"),
        _ => not_a("such a file begins with `openapi: 3.0.3` or the like; a recorded visit goes with --har"),
    }
}

impl<'a> Reader<'a> {
    fn tasks(&mut self) -> Vec<DraftTask> {
        let (mut tasks, mut deprecated, mut surplus) = (Vec::new(), 0, 0);
        for operation in self.operations() {
            if operation.value["deprecated"] == true {
                deprecated += 1;
            } else if tasks.len() == MAX_TASKS {
                surplus += 1;
            } else {
                let task = self.task(&operation);
                tasks.push(task);
            }
        }
        if deprecated > 0 {
            self.draft.notes.push(format!("left out because they are deprecated: {}", counted(deprecated, "operation")));
        }
        if surplus > 0 {
            self.draft.notes.push(format!("only the first {MAX_TASKS} operations were taken; left out: {surplus}"));
        }
        tasks
    }

    fn operations(&self) -> Vec<Operation<'a>> {
        let root = self.root;
        let mut operations = Vec::new();
        for (path, item) in root["paths"].as_object().into_iter().flatten().filter(|(path, _)| path.starts_with('/')) {
            let Some(item) = self.sampler.resolve(item) else { continue };
            for method in Method::ALL {
                let Some(value) = item.get(method.name().to_ascii_lowercase()).filter(|value| value.is_object()) else { continue };
                let all = [&item["parameters"], &value["parameters"]].into_iter().filter_map(Value::as_array).flatten();
                let mut parameters: Vec<&'a Value> = Vec::new();
                for parameter in all.filter_map(|parameter| self.sampler.resolve(parameter)) {
                    parameters.retain(|known| (&known["name"], &known["in"]) != (&parameter["name"], &parameter["in"]));
                    parameters.push(parameter);
                }
                operations.push(Operation { path, method, parameters, value });
            }
        }
        operations
    }

    fn task(&mut self, operation: &Operation<'a>) -> DraftTask {
        let mut step = DraftStep::new(operation.method, self.path(operation));
        let label = operation.path.split(['?', '#']).next().unwrap_or_default().replace('{', ":").replace('}', "");
        let label: String = label.chars().filter(|c| !c.is_control()).take(180).collect();
        if step.path != label {
            step.name = Some(literal(&label));
        }
        self.add_parameters(operation, &mut step);
        self.add_body(operation, &mut step);
        step.expect = expected_status(&operation.value["responses"]);
        for credential in self.credentials(operation) {
            match credential {
                Credential::Auth(auth) => step.auth = Some(auth),
                Credential::Header(name, value) => step.headers.push((name, value)),
                Credential::Query(name, value) => step.query.push((name, value)),
            }
        }
        let (tag, weight) = match operation.method {
            Method::Get | Method::Head | Method::Options => ("read", WEIGHT_OF_READING),
            Method::Delete => ("delete", 1.0),
            Method::Post | Method::Put | Method::Patch => ("write", 1.0),
        };
        DraftTask { name: self.name_of(operation), weight, tags: vec![tag.to_owned()], steps: vec![step], ..DraftTask::default() }
    }

    fn name_of(&mut self, operation: &Operation<'_>) -> String {
        let id = operation.value["operationId"].as_str().map(str::to_owned);
        let name = id.unwrap_or_else(|| format!("{} {}", operation.method.name().to_ascii_lowercase(), operation.path));
        let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
        let stem = if name.trim().is_empty() { "task" } else { name.trim() };
        let name = free_name(stem, " ", |candidate| self.names.iter().any(|known| known == candidate));
        self.names.push(name.clone());
        name
    }

    /// The path with example values in the places of its parameters.
    fn path(&mut self, operation: &Operation<'a>) -> String {
        let mut path = String::new();
        let mut rest = operation.path.split(['?', '#']).next().unwrap_or_default();
        while let Some((before, (name, after))) = rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
            path.push_str(&literal(before));
            path.push_str(&self.path_value(operation, name));
            rest = after;
        }
        path.push_str(&literal(rest));
        path.chars().filter(|c| !c.is_control()).collect()
    }

    fn path_value(&mut self, operation: &Operation<'a>, name: &str) -> String {
        let parameter = operation.parameters.iter().find(|parameter| parameter["in"] == "path" && parameter["name"] == name);
        let value = parameter.and_then(|parameter| self.parameter_value(parameter));
        let has_example = parameter.is_some_and(|parameter| self.is_given(parameter));
        if !has_example && !self.left_out.iter().any(|known| known == name) {
            self.left_out.push(name.to_owned());
        }
        // An id that is made up anew each time is never found.
        let value = value.filter(|value| value != "${uuid()}").unwrap_or_else(|| "1".to_owned());
        utf8_percent_encode(&value.replace("$${", "${"), SEGMENT).to_string()
    }

    fn is_given(&self, parameter: &'a Value) -> bool {
        let schema = parameter.get("schema").and_then(|schema| self.sampler.resolve(schema));
        given_value(parameter).is_some() || schema.is_some_and(|schema| given_value(schema).is_some())
    }

    /// The example of a parameter as text, escaped.
    fn parameter_value(&mut self, parameter: &'a Value) -> Option<String> {
        let given = given_value(parameter).map(|value| as_text(&escaped_whole(value)).chars().take(LONGEST_VALUE).collect());
        let schema = parameter.get("schema").or_else(|| parameter["content"].as_object()?.values().next()?.get("schema"));
        given.or_else(|| self.sampler.sample(schema?).map(|value| as_text(&value)))
    }

    /// What a request has to have.
    fn add_parameters(&mut self, operation: &Operation<'a>, step: &mut DraftStep) {
        /// What the description may not say of itself, by its own rules.
        const NOT_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];
        for parameter in operation.parameters.iter().filter(|parameter| parameter["required"] == true) {
            let Some(name) = parameter["name"].as_str().filter(|name| !name.is_empty()) else { continue };
            let value = if is_secret_name(name) && parameter["in"] != "path" {
                self.draft.env(&format!("STAGING_{}", variable_name(name)))
            } else {
                self.parameter_value(parameter).unwrap_or_else(|| "example".to_owned())
            };
            match parameter["in"].as_str() {
                Some("query") => step.query.push((name.to_owned(), value)),
                Some("header") if !NOT_PARAMETERS.contains(&name.to_ascii_lowercase().as_str()) => {
                    push_header(&mut step.headers, name, &value);
                }
                Some("cookie") => push_header(&mut step.headers, "cookie", &format!("{}={value}", literal(name))),
                _ => {}
            }
        }
    }

    fn add_body(&mut self, operation: &Operation<'a>, step: &mut DraftStep) {
        let body = self.sampler.resolve(&operation.value["requestBody"]);
        let Some(content) = body.and_then(|body| body["content"].as_object()).filter(|content| !content.is_empty()) else { return };
        let kinds = [BodyOf::Json, BodyOf::Form, BodyOf::Multipart, BodyOf::Text];
        let of_kind = |kind: BodyOf| content.iter().find(|(name, _)| kind.is_of(&name.to_ascii_lowercase()));
        let found = kinds.into_iter().find_map(|kind| Some((of_kind(kind)?, kind)));
        let Some(((media_type, media), kind)) = found else {
            let known: Vec<&str> = content.keys().map(String::as_str).take(3).collect();
            self.draft.notes.push(format!(
                "{} {}: add a body, {} is not drafted",
                operation.method.name(),
                operation.path,
                known.join(", ")
            ));
            return;
        };
        let Some(value) = given_value(media)
            .map(escaped_whole)
            .filter(|value| value.to_string().len() <= LARGEST_BODY)
            .or_else(|| self.sampler.sample(media.get("schema")?))
        else {
            self.draft.notes.push(format!("{} {}: add a body, its schema gives no example", operation.method.name(), operation.path));
            return;
        };
        let value = self.without_passwords(value);
        step.body = Some(match kind {
            BodyOf::Json => {
                if !media_type.starts_with("application/json") {
                    push_header(&mut step.headers, "content-type", media_type);
                }
                DraftBody::json(value)
            }
            BodyOf::Form => DraftBody::Form(fields(&value)),
            BodyOf::Multipart => DraftBody::Multipart(fields(&value)),
            BodyOf::Text => DraftBody::Text { text: as_text(&value), media_type: Some(media_type.clone()) },
        });
    }

    /// An example's password is nobody's: the real one comes from the environment.
    fn without_passwords(&mut self, value: Value) -> Value {
        match value {
            Value::Object(entries) => Value::Object(
                entries
                    .into_iter()
                    .map(|(name, value)| {
                        let is_password = name.to_ascii_lowercase().contains("password") && value.is_string();
                        let value =
                            if is_password { Value::String(self.draft.env("STAGING_PASSWORD")) } else { self.without_passwords(value) };
                        (name, value)
                    })
                    .collect(),
            ),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.without_passwords(item)).collect()),
            other => other,
        }
    }

    fn finish(self, mut tasks: Vec<DraftTask>) -> Draft {
        let Self { mut draft, left_out, .. } = self;
        hoist_bearer(&mut draft, &mut tasks);
        if !left_out.is_empty() {
            let names: Vec<&str> = left_out.iter().map(String::as_str).take(12).collect();
            draft.notes.push(format!("the description has no example of {}: write real ones into the paths", names.join(", ")));
        }
        if tasks.iter().any(|task| task.tags.iter().any(|tag| tag == "delete")) {
            draft.notes.push("a DELETE asks for the same thing each time: `--exclude-tags delete` leaves these tasks out".to_owned());
        }
        draft.kinds = vec![DraftKind { weight: 1.0, tasks, ..DraftKind::default() }];
        draft
    }
}

#[derive(Debug, Clone, Copy)]
enum BodyOf {
    Json,
    Form,
    Multipart,
    Text,
}

impl BodyOf {
    /// Whether a media type, in lower case, is one of this kind.
    fn is_of(self, media_type: &str) -> bool {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match self {
            Self::Json => essence == "application/json" || essence.ends_with("+json"),
            Self::Form => essence == "application/x-www-form-urlencoded",
            Self::Multipart => essence == "multipart/form-data",
            Self::Text => essence.starts_with("text/"),
        }
    }
}

fn push_header(headers: &mut Pairs, name: &str, value: &str) {
    let name = name.to_ascii_lowercase();
    match headers.iter_mut().find(|(known, _)| *known == name) {
        Some((_, cookies)) if name == "cookie" => *cookies = format!("{cookies}; {value}"),
        Some((_, known)) => value.clone_into(known),
        None => headers.push((name, value.to_owned())),
    }
}

/// The fields of a form; what is no text is written as JSON.
fn fields(value: &Value) -> Pairs {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), as_text(value))).collect()
}

/// An escaped value as text.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => json_text(other),
    }
}

fn escaped_whole(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(literal(text)),
        Value::Array(items) => Value::Array(items.iter().map(escaped_whole).collect()),
        Value::Object(entries) => Value::Object(entries.iter().map(|(name, value)| (name.clone(), escaped_whole(value))).collect()),
        other => other.clone(),
    }
}

/// The one status that the description promises, where it is not plain 200.
fn expected_status(responses: &Value) -> Option<u16> {
    let statuses: Vec<u16> = responses.as_object().into_iter().flatten().filter_map(|(status, _)| status.parse().ok()).collect();
    let in_hundred = |hundred: u16| statuses.iter().copied().filter(move |status| status / 100 == hundred).collect::<Vec<_>>();
    match (in_hundred(2).as_slice(), in_hundred(3).as_slice()) {
        ([only], _) if *only != 200 => Some(*only),
        ([], [only]) => Some(*only),
        _ => None,
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
