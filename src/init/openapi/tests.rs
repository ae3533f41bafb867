use std::fmt::Write as _;

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
    for unsendable in ["/ ", "/a b", "/a\\b", "/${a}"] {
        assert_eq!(target(json!([{"url": unsendable}]), None), ("https://staging.x.example".to_owned(), 1), "{unsendable}");
    }
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
    let mut bomb = "b0: &b0 [x, x]\n".to_owned();
    for number in 1..60 {
        let _ = writeln!(bomb, "b{number}: &b{number} [*b{0}, *b{0}]", number - 1);
    }
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

#[test]
fn a_name_inside_of_a_text_is_taken_literally() {
    let body = json!({"a": {"${b}": ["${c}", {"${": 1}]}});
    let given = |name: &str, place: &str| json!({"name": name, "in": place, "required": true, "example": {"${x}": "${y}"}});
    let description = json!({"openapi": "3.0.0", "info": {"title": "x"}, "servers": [{"url": "https://staging.a.example"}], "paths": {"/a": {
        "get": {"parameters": [given("q", "query"), given("${c}", "cookie")]},
        "post": {"requestBody": {"content": {"text/plain": {"example": body}}}},
        "put": {"security": [{"cookie": []}], "requestBody": {"content": {"multipart/form-data": {"example": body}}}},
    }}, "components": {"securitySchemes": {"cookie": {"type": "apiKey", "in": "cookie", "name": "${k}"}}}});
    let (scenario, _) = drafted(&description, None);
    assert!(scenario.contains(r#"query: {q: "{\"$${x}\":\"$${y}\"}"}"#), "{scenario}");
    assert!(scenario.contains(r#"headers: {cookie: "$${c}={\"$${x}\":\"$${y}\"}"}"#), "{scenario}");
    assert!(scenario.contains(r#"headers: {cookie: "$${k}=${env."#), "{scenario}");
    assert!(scenario.contains(r#"body: "{\"a\":{\"$${b}\":[\"$${c}\",{\"$${\":1}]}}""#), "{scenario}");
    assert!(scenario.contains(r#"multipart: {a: "{\"$${b}\":[\"$${c}\",{\"$${\":1}]}"}"#), "{scenario}");
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
