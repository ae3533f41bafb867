//! Example values from JSON schemas as OpenAPI has them: an example where one is given, else the plainest value that fits.
//! A schema may refer to itself, and may be as large as it likes: cycles are left out, and there is a budget for the rest.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Number, Value};

use super::draft::literal;

/// So many references in a row lead nowhere.
const MAX_HOPS: usize = 32;
/// Deeper values are left out.
const MAX_DEPTH: usize = 16;
/// Values of one sample.
const MAX_VALUES: usize = 300;
/// Values of all samples together: more make no scenario that anybody reads.
const ALL_VALUES: usize = 20_000;
/// Longer examples are cut (characters).
const LONGEST_TEXT: usize = 200;
/// Of one sample.
const MAX_BYTES: usize = 16 * 1024;
/// Of all samples together.
const ALL_BYTES: usize = 256 * 1024;

/// Draws values from the schemas of one description.
#[derive(Debug)]
pub struct Sampler<'a> {
    root: &'a Value,
    /// References that are being followed.
    following: Vec<&'a str>,
    values_left: usize,
    all_left: usize,
    bytes_left: usize,
    all_bytes_left: usize,
}

/// What the parts of a composed schema say together.
#[derive(Debug, Default)]
struct Composed<'a> {
    properties: Vec<(&'a str, &'a Value)>,
    required: Vec<&'a str>,
    /// The first part that is no mere object.
    value: Option<&'a Value>,
}

impl<'a> Sampler<'a> {
    #[must_use]
    pub fn new(root: &'a Value) -> Self {
        Self { root, following: Vec::new(), values_left: 0, all_left: ALL_VALUES, bytes_left: 0, all_bytes_left: ALL_BYTES }
    }

    /// Follows a `$ref` to what it means; `None` where it leads out of the file, nowhere, or in a circle.
    #[must_use]
    pub fn resolve(&self, value: &'a Value) -> Option<&'a Value> {
        let mut value = value;
        for _ in 0..MAX_HOPS {
            let Some(reference) = reference_of(value) else { return Some(value) };
            value = self.target_of(reference)?;
        }
        None
    }

    fn target_of(&self, reference: &str) -> Option<&'a Value> {
        let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
        self.root.pointer(&pointer)
    }

    /// A value that fits; strings are escaped for the scenario. `None` where only a circle would fit, or nothing is left.
    pub fn sample(&mut self, schema: &'a Value) -> Option<Value> {
        self.values_left = MAX_VALUES.min(self.all_left);
        self.bytes_left = MAX_BYTES.min(self.all_bytes_left);
        let (values, bytes) = (self.values_left, self.bytes_left);
        let value = self.value(schema, 0);
        self.all_left -= values - self.values_left;
        self.all_bytes_left -= bytes - self.bytes_left;
        value
    }

    fn value(&mut self, schema: &'a Value, depth: usize) -> Option<Value> {
        self.values_left = self.values_left.checked_sub(1)?;
        if depth > MAX_DEPTH {
            return None;
        }
        if let Some(given) = given_value(schema) {
            return self.paid(escaped(given));
        }
        if let Some(reference) = reference_of(schema) {
            if self.following.contains(&reference) || self.following.len() > MAX_HOPS {
                return None;
            }
            let target = self.target_of(reference)?;
            self.following.push(reference);
            let value = self.value(target, depth);
            self.following.pop();
            return value;
        }
        let following = self.following.len();
        let value = self.composed_value(schema, depth);
        self.following.truncate(following);
        value
    }

    fn composed_value(&mut self, schema: &'a Value, depth: usize) -> Option<Value> {
        let mut composed = Composed::default();
        self.compose(schema, &mut composed, depth);
        if !composed.properties.is_empty() {
            return Some(self.object(&composed, depth));
        }
        let plain = composed.value.unwrap_or(schema);
        if let Some(given) = given_value(plain) {
            return self.paid(escaped(given));
        }
        match type_of(plain) {
            "object" => Some(Value::Object(Map::new())),
            "array" => Some(self.array(plain, depth)),
            "integer" | "number" => Some(number(plain)),
            "boolean" => Some(Value::Bool(true)),
            "null" => Some(Value::Null),
            _ => self.paid(Value::String(string(plain))),
        }
    }

    /// A value, where there are bytes left for it.
    fn paid(&mut self, value: Value) -> Option<Value> {
        self.bytes_left = self.bytes_left.checked_sub(value.to_string().len())?;
        Some(value)
    }

    /// Collects what `allOf`, the first fitting member of `oneOf` and `anyOf`, and the schema itself say.
    fn compose(&mut self, schema: &'a Value, composed: &mut Composed<'a>, depth: usize) {
        let Some(left) = self.values_left.checked_sub(1) else { return };
        self.values_left = left;
        if depth > MAX_DEPTH {
            return;
        }
        if let Some(reference) = reference_of(schema) {
            if self.following.contains(&reference) || self.following.len() > MAX_HOPS {
                return;
            }
            // Stays until the whole value is made: its properties are sampled later.
            self.following.push(reference);
            if let Some(target) = self.target_of(reference) {
                self.compose(target, composed, depth + 1);
            }
            return;
        }
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                composed.properties.retain(|(known, _)| known != name);
                composed.properties.push((name, property));
            }
        } else if schema.get("type").is_some() || schema.get("enum").is_some() {
            composed.value.get_or_insert(schema);
        }
        composed.required.extend(schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str));
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.compose(part, composed, depth + 1);
        }
        for key in ["oneOf", "anyOf"] {
            let members = schema[key].as_array().into_iter().flatten();
            if let Some(first) = members.into_iter().find(|member| type_of(member) != "null") {
                self.compose(first, composed, depth + 1);
            }
        }
    }

    /// What is required, and what has an example; all of it where nothing is required.
    fn object(&mut self, composed: &Composed<'a>, depth: usize) -> Value {
        let wants_all = composed.required.is_empty() && depth == 0;
        let mut object = Map::new();
        for (name, property) in &composed.properties {
            let is_required = composed.required.contains(name);
            let resolved = self.resolve(property);
            if resolved.is_some_and(|property| property["readOnly"] == true) {
                continue;
            }
            if !(is_required || wants_all || resolved.is_some_and(|property| given_value(property).is_some())) {
                continue;
            }
            match self.value(property, depth + 1) {
                Some(value) => drop(object.insert((*name).to_owned(), value)),
                None if is_required => drop(object.insert((*name).to_owned(), Value::Null)),
                None => {}
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &'a Value, depth: usize) -> Value {
        let count = schema["minItems"].as_u64().unwrap_or(1).clamp(1, 5);
        let items = schema.get("items").or_else(|| schema["prefixItems"].get(0));
        let items: Vec<Value> = (0..count).filter_map(|_| self.value(items?, depth + 1)).collect();
        Value::Array(items)
    }
}

fn reference_of(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// The value that the description itself gives.
#[must_use]
pub fn given_value(schema: &Value) -> Option<&Value> {
    let first = |list: &'static str| schema.get(list).and_then(|list| list.get(0));
    // `examples` is a list in a schema, and a mapping of `{value: ..}` in a parameter or a media type.
    let named = || schema.get("examples")?.as_object()?.values().next()?.get("value");
    let given = [schema.get("example"), first("examples"), named(), schema.get("default"), schema.get("const"), first("enum")];
    given.into_iter().flatten().find(|value| !value.is_null())
}

fn type_of(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(name) => name,
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("null"),
        _ if schema.get("properties").is_some() || schema.get("additionalProperties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "",
    }
}

fn number(schema: &Value) -> Value {
    let limit = |key: &str| schema[key].as_f64();
    let is_whole = type_of(schema) == "integer";
    let step = limit("multipleOf").filter(|step| *step > 0.0).unwrap_or(1.0);
    // `exclusiveMinimum` is a number since 3.1 and was a flag beside `minimum` before.
    let above = limit("exclusiveMinimum").or_else(|| limit("minimum").filter(|_| schema["exclusiveMinimum"] == true));
    let below = limit("exclusiveMaximum").or_else(|| limit("maximum").filter(|_| schema["exclusiveMaximum"] == true));
    let least = above.map(|above| above + step).or_else(|| limit("minimum")).unwrap_or(f64::MIN);
    let most = below.map(|below| below - step).or_else(|| limit("maximum")).unwrap_or(f64::MAX);
    let wanted = 1.0_f64.max(step).max(least).min(most.max(least));
    let fitting = if wanted % step == 0.0 { wanted } else { (wanted / step).ceil() * step };
    if is_whole || fitting.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a number out of range is the description's own")]
        return Value::from(fitting as i64);
    }
    Number::from_f64(fitting).map_or(Value::from(1), Value::Number)
}

fn string(schema: &Value) -> String {
    let text = match schema["format"].as_str().unwrap_or_default() {
        "date-time" => "2026-01-15T12:00:00Z",
        "date" => "2026-01-15",
        "time" => "12:00:00Z",
        "duration" => "PT1H",
        "uuid" => return "${uuid()}".to_owned(),
        "email" | "idn-email" => "someone@shop.example",
        "uri" | "url" | "uri-reference" | "iri" => "https://shop.example/thing",
        "hostname" | "idn-hostname" => "shop.example",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "byte" => "cGVyZmdhdGU=",
        _ => "example",
    };
    let bound = |key: &str| schema[key].as_u64().and_then(|length| usize::try_from(length).ok());
    let least = bound("minLength").unwrap_or(0).min(LONGEST_TEXT);
    let most = bound("maxLength").unwrap_or(usize::MAX);
    let padded: String = text.chars().chain("x".chars().cycle().take(least.saturating_sub(text.len()))).collect();
    padded.chars().take(most).collect()
}

/// A given value with its texts escaped, and cut where they are too long to read.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(literal(&text.chars().take(LONGEST_TEXT).collect::<String>())),
        Value::Array(items) => Value::Array(items.iter().take(20).map(escaped).collect()),
        Value::Object(entries) => Value::Object(entries.iter().take(100).map(|(name, value)| (name.clone(), escaped(value))).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sample(schema: &Value, schemas: &Value) -> Value {
        let root = json!({"schema": schema, "s": schemas});
        Sampler::new(&root).sample(&root["schema"]).unwrap_or(json!("nothing"))
    }

    #[test]
    fn the_plainest_value_that_fits_is_taken() {
        for (schema, value) in [
            (json!({"type": "integer", "minimum": 5}), json!(5)),
            (json!({"type": "integer", "minimum": 5, "exclusiveMinimum": true}), json!(6)),
            (json!({"type": "integer", "exclusiveMinimum": 9, "multipleOf": 5}), json!(15)),
            (json!({"type": "number", "maximum": 0.5, "multipleOf": 0.25}), json!(0.5)),
            (json!({"type": "string", "minLength": 9}), json!("examplexx")),
            (json!({"type": "string", "maxLength": 3}), json!("exa")),
            (json!({"type": ["null", "boolean"]}), json!(true)),
            (json!({"enum": ["red", "green"]}), json!("red")),
            (json!({"const": 3}), json!(3)),
            (json!({"example": "${x}"}), json!("$${x}")),
            (json!({"type": "string", "examples": ["a"]}), json!("a")),
            (json!({"items": {"type": "integer"}, "minItems": 2}), json!([1, 1])),
            (json!({"type": "array"}), json!([])),
            (json!({"type": "object"}), json!({})),
            (json!({"$ref": "other.yaml#/x"}), json!("nothing")),
            (json!({"$ref": "#/s/gone"}), json!("nothing")),
        ] {
            assert_eq!(sample(&schema, &json!({})), value, "{schema}");
        }
    }

    #[test]
    fn an_object_has_what_is_required_and_what_has_an_example() {
        let object = json!({
            "required": ["id", "kind"],
            "properties": {
                "id": {"type": "integer"}, "note": {"type": "string"}, "kind": {"$ref": "#/s/Kind"}, "size": {"type": "integer", "example": 42},
                "made": {"type": "string", "readOnly": true, "example": "x"},
            },
        });
        assert_eq!(sample(&object, &json!({"Kind": {"enum": ["tool"]}})), json!({"id": 1, "kind": "tool", "size": 42}));
        let all = json!({"properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}});
        assert_eq!(sample(&all, &json!({})), json!({"a": 1, "b": true}));
    }

    #[test]
    fn composed_schemas_are_taken_together() {
        let schemas = json!({
            "Base": {"properties": {"id": {"type": "integer"}}},
            "Cat": {"allOf": [{"$ref": "#/s/Base"}, {"properties": {"lives": {"type": "integer", "default": 9}}}, {"required": ["id", "lives"]}]},
        });
        assert_eq!(sample(&json!({"oneOf": [{"type": "null"}, {"$ref": "#/s/Cat"}]}), &schemas), json!({"id": 1, "lives": 9}));
        assert_eq!(sample(&json!({"anyOf": [{"type": "string", "format": "date"}]}), &schemas), json!("2026-01-15"));
    }

    #[test]
    fn circles_end() {
        let schemas = json!({
            "Node": {"required": ["next", "name"], "properties": {"next": {"$ref": "#/s/Node"}, "name": {"type": "string"}, "all": {"items": {"$ref": "#/s/Node"}, "example": null}}},
            "Loop": {"$ref": "#/s/Loop"},
            "Self": {"allOf": [{"$ref": "#/s/Self"}]},
            "List": {"type": "array", "items": {"$ref": "#/s/List"}},
        });
        assert_eq!(sample(&json!({"$ref": "#/s/Node"}), &schemas), json!({"name": "example", "next": null}));
        assert_eq!(sample(&json!({"$ref": "#/s/Loop"}), &schemas), json!("nothing"));
        assert_eq!(sample(&json!({"$ref": "#/s/List"}), &schemas), json!([]));
        sample(&json!({"$ref": "#/s/Self"}), &schemas);
    }

    #[test]
    fn a_schema_that_doubles_at_every_level_ends_too() {
        let mut schemas = Map::new();
        for level in 0..60 {
            let next = json!({"$ref": format!("#/s/L{}", level + 1)});
            schemas
                .insert(format!("L{level}"), json!({"required": ["a", "b"], "properties": {"a": next, "b": next}, "allOf": [next, next]}));
        }
        let text = sample(&json!({"$ref": "#/s/L0"}), &Value::Object(schemas)).to_string();
        assert!(text.len() < 100_000, "{}", text.len());
    }

    fn any_schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!({"$ref": "#/s/a"})),
            Just(json!({"$ref": "#/schema"})),
            Just(json!({"type": "integer", "multipleOf": 0, "minimum": 1e300})),
            Just(json!({"type": 5, "enum": [], "minItems": -1, "maxLength": 1e9})),
            Just(json!([1])),
            Just(Value::Null),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            let key = prop::sample::select(vec!["properties", "items", "allOf", "oneOf", "example", "required", "type", "a"]);
            prop_oneof![
                prop::collection::btree_map(key, inner.clone(), 1..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())),
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn whatever_stands_there_a_sample_ends(schema in any_schema(), a in any_schema()) {
            let value = sample(&schema, &json!({"a": a}));
            prop_assert!(value.to_string().len() < 1_000_000);
        }
    }
}
