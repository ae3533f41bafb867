//! GitHub's own description of its API, cut to the calls that we make (MIT, beside it): whether a body fits it, and a
//! least body that does.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("../../github/openapi-subset.json")).unwrap());

/// One call as GitHub describes it.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    description: &'static Value,
}

impl Operation {
    /// The call that a request is, if GitHub has one.
    pub fn find(method: &str, path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        let described = DESCRIPTION["paths"].as_object().unwrap();
        let mut fitting: Vec<_> = described.iter().filter(|(template, _)| fits(template, path)).collect();
        // `/pulls/7` before `/{anything}/7`.
        fitting.sort_by_key(|(template, _)| template.matches('{').count());
        let description = fitting.first()?.1.get(method.to_ascii_lowercase())?;
        Some(Self { description })
    }

    /// What is wrong with a body that is sent.
    pub fn mistakes_of_request(self, body: &[u8]) -> Vec<String> {
        match self.description.pointer("/requestBody/content/application~1json/schema") {
            Some(schema) => mistakes(schema, body),
            None if body.is_empty() => Vec::new(),
            None => vec!["it takes no body".to_owned()],
        }
    }

    /// What is wrong with a body that is answered.
    pub fn mistakes_of_answer(self, status: u16, body: &[u8]) -> Vec<String> {
        let Some(answer) = self.answer(status) else { return vec![format!("status {status} is not described")] };
        answer.pointer("/content/application~1json/schema").map(|schema| mistakes(schema, body)).unwrap_or_default()
    }

    /// The least body that fits, with these values in it; of a list, one entry for each value.
    pub fn body(self, status: u16, values: &Value) -> Value {
        let schema = &self.answer(status).unwrap()["content"]["application/json"]["schema"];
        laid_over(least(schema), values, schema)
    }

    fn answer(self, status: u16) -> Option<&'static Value> {
        Some(resolved(self.description["responses"].get(status.to_string())?))
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    // The path of a file is one parameter of many segments.
    let rest = template.last() == Some(&"{path}") && path.len() >= template.len();
    (template.len() == path.len() || rest) && template.iter().zip(&path).all(|(wanted, found)| wanted.starts_with('{') || wanted == found)
}

fn mistakes(schema: &Value, body: &[u8]) -> Vec<String> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return vec!["it is not JSON".to_owned()] };
    let mut whole = as_json_schema(schema);
    whole["components"] = as_json_schema(&DESCRIPTION["components"]);
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .build(&json!({"allOf": [whole.clone()], "components": whole["components"]}))
        .unwrap();
    validator.iter_errors(&body).map(|error| format!("{} at {}", error, error.instance_path())).collect()
}

/// Version 3.0 writes `nullable` where JSON Schema names the type `null`.
fn as_json_schema(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut map: Map<String, Value> = map.iter().map(|(key, value)| (key.clone(), as_json_schema(value))).collect();
            if map.get("nullable") == Some(&Value::Bool(true)) {
                map.remove("nullable");
                return json!({"anyOf": [map, {"type": "null"}]});
            }
            Value::Object(map)
        }
        Value::Array(list) => Value::Array(list.iter().map(as_json_schema).collect()),
        other => other.clone(),
    }
}

fn resolved(value: &'static Value) -> &'static Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => resolved(DESCRIPTION.pointer(reference.trim_start_matches('#')).unwrap()),
        None => value,
    }
}

/// The least value that fits a schema.
fn least(schema: &'static Value) -> Value {
    let schema = resolved(schema);
    if schema["nullable"] == true {
        return Value::Null;
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(all) = schema["allOf"].as_array() {
        return all.iter().map(least).reduce(|one, other| merged(one, &other)).unwrap();
    }
    if let Some(first) = schema["anyOf"].get(0).or_else(|| schema["oneOf"].get(0)) {
        return least(first);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("uri")) => json!("https://github.example/x"),
        (Some("string"), Some("date-time")) => json!("2026-11-20T12:00:00Z"),
        (Some("string"), _) => json!("x"),
        (Some("integer" | "number"), _) => json!(1),
        (Some("boolean"), _) => json!(false),
        (Some("array"), _) => json!([]),
        _ => least_object(schema),
    }
}

fn least_object(schema: &'static Value) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Value::Object(required.map(|name| (name.to_owned(), schema["properties"].get(name).map_or(json!({}), least))).collect())
}

/// Values over a least body. A value inside of what is missing or null gets the least of that around it.
fn laid_over(base: Value, values: &Value, schema: &'static Value) -> Value {
    let schema = first_of(resolved(schema));
    match values {
        Value::Object(fields) => {
            let mut object = match base {
                Value::Object(object) => object,
                _ => least_object(schema).as_object().unwrap().clone(),
            };
            for (name, value) in fields {
                let known = object.remove(name).unwrap_or(Value::Null);
                let value = match schema["properties"].get(name) {
                    Some(schema) => laid_over(known, value, schema),
                    None => value.clone(),
                };
                object.insert(name.clone(), value);
            }
            Value::Object(object)
        }
        Value::Array(entries) if schema["items"].is_object() => {
            Value::Array(entries.iter().map(|entry| laid_over(least(&schema["items"]), entry, &schema["items"])).collect())
        }
        other => other.clone(),
    }
}

fn first_of(schema: &'static Value) -> &'static Value {
    schema["allOf"].get(0).or_else(|| schema["anyOf"].get(0)).or_else(|| schema["oneOf"].get(0)).map_or(schema, resolved)
}

fn merged(one: Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other.clone());
            Value::Object(one)
        }
        (one, _) => one,
    }
}
