//! A draft from an OpenAPI 3 description: one task for each operation, with example values, secrets as variables.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::draft::{Draft, DraftAuth, DraftBody, DraftKind, DraftStep, DraftTask, Pairs, literal};
use super::sample::{Sampler, given_value};
use super::secrets::{is_secret_name, variable_name};
use super::{InitError, file_name, slug};
use crate::document::Document;
use crate::scenario::{Method, Target};

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

/// How a request shows who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Credential {
    Auth(DraftAuth),
    Header(String, String),
    Query(String, String),
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

/// Where the load goes, and what to say of it.
fn server_of(root: &Value, name: &str, target: Option<&str>) -> (String, Option<String>) {
    let servers: Vec<(String, &str)> = root["servers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|server| Some((filled_server(server)?, server["description"].as_str().unwrap_or_default())))
        .collect();
    let is_staging = |(url, description): &&(String, &str)| {
        let words = format!("{url} {description}").to_ascii_lowercase();
        ["staging", "stage", "stg", "test", "sandbox", "localhost", "127.0.0.1"].iter().any(|word| words.contains(word))
    };
    let chosen = servers.iter().find(is_staging).or(servers.first()).map(|(url, _)| url.as_str());
    let prefix = chosen.map_or("", |url| path_of(url));
    if let Some(target) = target {
        // A target that names a path of its own means it.
        let own_path = target.parse::<Target>().is_ok_and(|target| !target.base_path.is_empty());
        return (if own_path { target.to_owned() } else { format!("{}{prefix}", target.trim_end_matches('/')) }, None);
    }
    match chosen.filter(|url| url.parse::<Target>().is_ok()) {
        Some(url) if servers.iter().any(|server| is_staging(&server) && server.0 == url) => (url.to_owned(), None),
        Some(url) => (url.to_owned(), Some(format!("{url} is the server that the description names: is it staging? else change `target`"))),
        None => {
            let placeholder = format!("https://staging.{name}.example{prefix}");
            let note = format!("the description names no server: change `target`, {placeholder} is a placeholder");
            (placeholder, Some(note))
        }
    }
}

/// The URL of a server with the defaults of its variables, without a slash at its end.
fn filled_server(server: &Value) -> Option<String> {
    let mut url = server["url"].as_str()?.to_owned();
    for (name, variable) in server["variables"].as_object().into_iter().flatten() {
        url = url.replace(&format!("{{{name}}}"), variable["default"].as_str().unwrap_or_default());
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// `/v1` of `https://a.example/v1`, and of `/v1`.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = if url.starts_with('/') { url } else { rest.find('/').map_or("", |at| &rest[at..]) };
    path.split(['?', '#']).next().unwrap_or_default()
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
        let is_taken = |candidate: &str| candidate.trim().is_empty() || self.names.iter().any(|known| known == candidate);
        let numbered = (1..).map(|number| if number == 1 { name.clone() } else { format!("{name} {number}") }).find(|name| !is_taken(name));
        let name = numbered.unwrap_or(name);
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
        let given = given_value(parameter).map(|value| literal(&as_text(value).chars().take(LONGEST_VALUE).collect::<String>()));
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
                Some("cookie") => push_header(&mut step.headers, "cookie", &format!("{name}={value}")),
                _ => {}
            }
        }
    }

    fn add_body(&mut self, operation: &Operation<'a>, step: &mut DraftStep) {
        let body = self.sampler.resolve(&operation.value["requestBody"]);
        let Some(content) = body.and_then(|body| body["content"].as_object()).filter(|content| !content.is_empty()) else { return };
        let of_type = |wanted: &dyn Fn(&str) -> bool| content.iter().find(|(name, _)| wanted(&name.to_ascii_lowercase()));
        let is_json =
            |name: &str| name.starts_with("application/json") || name.split(';').next().is_some_and(|name| name.ends_with("+json"));
        let media_types: [(&dyn Fn(&str) -> bool, BodyOf); 4] = [
            (&is_json, BodyOf::Json),
            (&|name| name.starts_with("application/x-www-form-urlencoded"), BodyOf::Form),
            (&|name| name.starts_with("multipart/form-data"), BodyOf::Multipart),
            (&|name| name.starts_with("text/"), BodyOf::Text),
        ];
        let found = media_types.into_iter().find_map(|(wanted, body)| Some((of_type(wanted)?, body)));
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

    /// The first way in that a scenario can go.
    fn credentials(&mut self, operation: &Operation<'a>) -> Vec<Credential> {
        let root = self.root;
        let Some(ways) = operation.value.get("security").or_else(|| root.get("security")).and_then(Value::as_array) else {
            return Vec::new();
        };
        let is_open = |way: &&Value| way.as_object().is_some_and(serde_json::Map::is_empty);
        if ways.iter().any(|way| is_open(&way)) {
            return Vec::new();
        }
        ways.first().and_then(Value::as_object).into_iter().flatten().filter_map(|(name, _)| self.credential(name)).collect()
    }

    fn credential(&mut self, name: &str) -> Option<Credential> {
        let root = self.root;
        let scheme = self.sampler.resolve(root["components"]["securitySchemes"].get(name)?)?;
        let variable = |suffix: &str| format!("STAGING_{}", with_suffix(&variable_name(name), suffix));
        match (scheme["type"].as_str()?, scheme["scheme"].as_str().unwrap_or_default().to_ascii_lowercase().as_str()) {
            ("http", "basic") => Some(Credential::Auth(DraftAuth::Basic {
                username: self.draft.env(&variable("USERNAME")),
                password: self.draft.env(&variable("PASSWORD")),
            })),
            ("http" | "oauth2" | "openIdConnect", _) => Some(Credential::Auth(DraftAuth::Bearer(self.draft.env(&variable("TOKEN"))))),
            ("apiKey", _) => {
                let key = scheme["name"].as_str()?.to_owned();
                let value = self.draft.env(&variable("KEY"));
                Some(match scheme["in"].as_str()? {
                    "query" => Credential::Query(key, value),
                    "cookie" => Credential::Header("cookie".to_owned(), format!("{key}={value}")),
                    _ => Credential::Header(key.to_ascii_lowercase(), value),
                })
            }
            _ => {
                let note = format!("security scheme `{name}` is not drafted: a client certificate stands under `tls`");
                if !self.draft.notes.contains(&note) {
                    self.draft.notes.push(note);
                }
                None
            }
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

/// A token that every request carries is written once.
fn hoist_bearer(draft: &mut Draft, tasks: &mut [DraftTask]) {
    let mut steps = tasks.iter().flat_map(|task| &task.steps);
    let Some(DraftAuth::Bearer(token)) = steps.next().and_then(|step| step.auth.clone()) else { return };
    if tasks.len() > 1 && steps.all(|step| step.auth == Some(DraftAuth::Bearer(token.clone()))) {
        draft.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        tasks.iter_mut().flat_map(|task| &mut task.steps).for_each(|step| step.auth = None);
    }
}

/// A name that does not say its suffix twice: `API_KEY`, not `API_KEY_KEY`.
fn with_suffix(name: &str, suffix: &str) -> String {
    if name.ends_with(suffix) { name.to_owned() } else { format!("{name}_{suffix}") }
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

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::init::first_files;

    fn drafted(description: &Value, target: Option<&str>) -> (String, Vec<String>) {
        let mut draft = from_openapi("api.json", &description.to_string(), None, target).unwrap_or_else(|error| panic!("{error}"));
        let files = first_files(&mut draft).unwrap_or_else(|error| panic!("{error}"));
        (files.scenario, draft.notes)
    }

    fn shop() -> Value {
        json!({
            "openapi": "3.1.0", "info": {"title": "Shop API"}, "security": [{"login": []}],
            "servers": [{"url": "https://shop.example/v1"}, {"url": "https://{host}/v1/", "description": "Staging", "variables": {"host": {"default": "staging.shop.example"}}}],
            "components": {
                "securitySchemes": {"login": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}, "api_key": {"type": "apiKey", "in": "query", "name": "key"}},
                "parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "example": 42}}},
                "schemas": {"Order": {"type": "object", "required": ["product", "buyer"], "properties": {"product": {"$ref": "#/components/schemas/Product"}, "buyer": {"type": "string", "format": "email"}, "password": {"type": "string", "example": "x"}}},
                            "Product": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "similar": {"$ref": "#/components/schemas/Product"}}}},
            },
            "paths": {
                "/products/{id}": {"parameters": [{"$ref": "#/components/parameters/Id"}], "get": {"operationId": "getProduct", "responses": {"200": {}}}, "delete": {"security": [{"basic": []}], "responses": {"204": {}}}},
                "/orders": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}, "responses": {"201": {}, "400": {}}}},
                "/search": {"get": {"security": [{"api_key": []}], "parameters": [{"name": "q", "in": "query", "required": true, "example": "red & blue"}, {"name": "page", "in": "query"}, {"name": "X-Trace", "in": "header", "required": true, "schema": {"type": "string", "format": "uuid"}}]}},
                "/old": {"get": {"deprecated": true}},
                "/login": {"post": {"security": [], "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"properties": {"user": {"type": "string"}, "password": {"type": "string"}}}}}}}},
            },
        })
    }

    #[test]
    fn every_operation_is_a_task_with_values_and_secrets_as_variables() {
        let (scenario, notes) = drafted(&shop(), None);
        for part in [
            "name: shop-api\ntarget: https://staging.shop.example/v1\n",
            "  - name: getProduct\n    weight: 4\n    tags: [read]\n    steps:\n      - get: /products/42\n        name: /products/:id\n        auth: {bearer: \"${env.STAGING_LOGIN_TOKEN}\"}\n",
            "      - delete: /products/42\n        name: /products/:id\n        auth: {basic: {username: \"${env.STAGING_BASIC_USERNAME}\", password: \"${env.STAGING_BASIC_PASSWORD}\"}}\n        expect: 204\n",
            "json: {buyer: \"someone@shop.example\", password: \"${env.STAGING_PASSWORD}\", product: {id: 1}}\n        expect: 201\n",
            "query: {q: red & blue, key: \"${env.STAGING_API_KEY}\"}\n        headers: {x-trace: \"${uuid()}\"}\n",
            "form: {password: \"${env.STAGING_PASSWORD}\", user: example}\n",
        ] {
            assert!(scenario.contains(part), "{part}\n{scenario}");
        }
        assert!(!scenario.contains("/old") && !scenario.contains("page"), "{scenario}");
        assert!(notes.iter().any(|note| note.contains("deprecated: 1 operation")), "{notes:#?}");
    }

    #[test]
    fn the_target_is_staging_where_one_is_named_else_what_was_asked_for() {
        let target = |servers: Value, asked: Option<&str>| {
            let description = json!({"openapi": "3.0.3", "info": {"title": "x"}, "servers": servers, "paths": {"/a": {"get": {}}}});
            let (scenario, notes) = drafted(&description, asked);
            let line = scenario.lines().find_map(|line| line.strip_prefix("target: ")).unwrap().to_owned();
            (line, notes.len())
        };
        assert_eq!(target(json!([{"url": "https://a.example"}]), None), ("https://a.example".to_owned(), 1));
        assert_eq!(target(json!([{"url": "/v2"}]), None), ("https://staging.x.example/v2".to_owned(), 1));
        assert_eq!(target(json!([{"url": "https://a.example/v1"}]), Some("http://127.0.0.1:9")), ("http://127.0.0.1:9/v1".to_owned(), 0));
        assert_eq!(target(json!([{"url": "https://a.example/v1"}]), Some("http://127.0.0.1:9/x")), ("http://127.0.0.1:9/x".to_owned(), 0));
        assert_eq!(target(json!([]), None).1, 1);
    }

    #[test]
    fn yaml_is_read_too_and_what_is_no_description_is_told_apart() {
        let yaml = "openapi: 3.0.3\ninfo: {title: A}\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: yes}\n";
        assert_eq!(from_openapi("a.yaml", yaml, None, None).unwrap().kinds[0].tasks.len(), 1);
        let fails = |text: &str| from_openapi("a", text, None, None).unwrap_err();
        assert!(fails("{\"swagger\": \"2.0\"}").hint().unwrap().contains("swagger2openapi"));
        assert_eq!(fails("{\"log\": {}}").to_string(), "a is not an OpenAPI 3 description");
        assert!(fails("{\"openapi\": \"3.0.0\", \"paths\": {}}").to_string().starts_with("a has nothing to ask"));
        assert!(fails("{\"openapi\":").to_string().starts_with("a is not JSON"));
        assert!(fails(&format!("openapi: {}", "[".repeat(100_000))).to_string().contains("a:1:"));
        assert!(fails(&format!("{{\"a\": {}", "[".repeat(100_000))).to_string().contains("recursion limit"));
        let bomb = format!(
            "a: &a [x, x]\n{}",
            (0..60)
                .map(|n| format!("b{n}: &b{n} [*{p}, *{p}]\n", p = if n == 0 { "a".to_owned() } else { format!("b{}", n - 1) }))
                .collect::<String>()
        );
        assert!(from_openapi("a", &bomb, None, None).is_err());
    }

    #[test]
    fn a_large_description_gives_a_scenario_of_readable_size() {
        let paths: serde_json::Map<String, Value> = (0..2000).map(|n| (format!("/p{n}/{{id}}"), json!({"get": {}, "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}))).collect();
        let wide: serde_json::Map<String, Value> =
            (0..1000).map(|n| (format!("k{n}"), json!({"type": "string", "example": "x".repeat(1_000)}))).collect();
        let description = json!({"openapi": "3.0.0", "info": {"title": "big"}, "servers": [{"url": "https://staging.a.example"}], "paths": paths, "components": {"schemas": {"A": {"properties": wide}}}});
        let (scenario, notes) = drafted(&description, None);
        assert!(scenario.len() < 1024 * 1024, "{}", scenario.len());
        assert!(notes.iter().any(|note| note.contains("only the first 300 operations were taken; left out: 3700")), "{notes:#?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_described_the_draft_reads(path in "/[ -~é]{0,14}", id in "\\PC{0,12}", name in "\\PC{0,8}", example in "\\PC{0,16}", place in "(path|query|header|cookie)", media in "(application/json|text/plain|multipart/form-data|application/x-www-form-urlencoded)") {
            let description = json!({"openapi": "3.0.0", "info": {"title": id}, "servers": [{"url": name}], "paths": {path: {
                "put": {"operationId": id, "parameters": [{"name": name, "in": place, "required": true, "example": example}],
                        "requestBody": {"content": {media: {"example": {name.clone(): example}}}}},
                "get": {},
            }}});
            let mut draft = from_openapi("a.json", &description.to_string(), None, None).unwrap();
            let files = first_files(&mut draft);
            prop_assert!(files.is_ok(), "{}\n{}", files.unwrap_err(), crate::init::write::scenario_yaml(&draft));
        }
    }
}
