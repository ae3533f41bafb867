//! Tasks and steps, as typed: requests, what is expected of their answers, and what is saved.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Entries, Node, OneOrMany, Text, ThinkFile};
use crate::document::{Placed, Scalar, Written};

/// Steps that belong together.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// Default `task 1`, `task 2`, ..
    pub name: Option<Placed<String>>,
    /// How often it is picked, in relation to the other tasks; default 1.
    pub weight: Option<Placed<Scalar>>,
    /// Words by which `--tags` and `--exclude-tags` choose.
    #[serde(default)]
    pub tags: Vec<Placed<String>>,
    pub steps: Placed<Vec<Placed<StepFile>>>,
    /// Pause after the whole task, besides those of its steps.
    pub think: Option<Placed<ThinkFile>>,
    /// Cycles start this far apart.
    pub pacing: Option<Placed<String>>,
}

/// One request. Exactly one of `get`, `head`, `post`, `put`, `patch`, `delete` and `options` holds its path.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    pub get: Option<Placed<String>>,
    pub head: Option<Placed<String>>,
    pub post: Option<Placed<String>>,
    pub put: Option<Placed<String>>,
    pub patch: Option<Placed<String>>,
    pub delete: Option<Placed<String>>,
    pub options: Option<Placed<String>>,
    /// What it is counted and judged under, together with the method; default the path as written, without query.
    pub name: Option<Placed<String>>,
    /// Words by which `--tags` and `--exclude-tags` choose.
    #[serde(default)]
    pub tags: Vec<Placed<String>>,
    /// Put behind the path, escaped.
    #[serde(default)]
    pub query: Entries<Placed<Text>>,
    #[serde(default)]
    pub headers: Entries<Placed<Text>>,
    /// `{basic: {username: .., password: ..}}` or `{bearer: ..}`.
    pub auth: Option<Placed<AuthFile>>,
    /// A JSON body.
    pub json: Option<Placed<Node>>,
    /// A GraphQL operation as JSON body; an answer with `errors` is a failed check.
    pub graphql: Option<Placed<GraphqlFile>>,
    /// A form as body.
    pub form: Option<Placed<Entries<Placed<Text>>>>,
    /// Text as body.
    pub body: Option<Placed<Text>>,
    /// A file as body, sent as it is.
    pub body_file: Option<Placed<String>>,
    /// A multipart form as body: text, or `{file: .., type: ..}`.
    pub multipart: Option<Placed<Entries<Placed<Written<PartFile>>>>>,
    /// A status, `2xx`, a list of them, or the long form.
    pub expect: Option<Placed<Written<ExpectFile>>>,
    /// Values kept from the answer, by name: `$.json.path`, with `first`, `last`, `random` or `all` behind it, or the long form.
    #[serde(default)]
    pub save: Entries<Placed<Written<SaveFile>>>,
    /// The step runs unless this is empty, `0` or `false`; `a == b` and `a != b` compare.
    pub when: Option<Placed<Text>>,
    /// How often the step runs.
    pub repeat: Option<Placed<Scalar>>,
    /// Runs once for each element of a saved list.
    pub foreach: Option<Placed<ForeachFile>>,
    /// Pause after the step, in place of the usual one.
    pub think: Option<Placed<ThinkFile>>,
    /// Of the whole request, in place of `http.timeout`.
    pub timeout: Option<Placed<String>>,
}

/// A GraphQL operation.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphqlFile {
    /// The document: `query ($id: ID!) { product(id: $id) { name } }`.
    pub query: Placed<Text>,
    /// Which operation of the document, where it holds several.
    pub operation: Option<Placed<Text>>,
    #[serde(default)]
    pub variables: Entries<Placed<Node>>,
}

/// Exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthFile {
    pub basic: Option<BasicFile>,
    pub bearer: Option<Placed<Text>>,
}

/// User name and password.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicFile {
    pub username: Placed<Text>,
    pub password: Placed<Text>,
}

/// A file within a multipart form.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartFile {
    /// Relative to the scenario file, in its folder or below.
    pub file: Placed<String>,
    /// Its media type; default `application/octet-stream`.
    #[serde(rename = "type")]
    pub media_type: Option<Placed<String>>,
}

/// A step for each element of a list.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForeachFile {
    /// `${name}` of a value that was saved with `all`.
    pub list: Placed<String>,
    /// The name that the element has within the step.
    #[serde(rename = "as")]
    pub element: Placed<String>,
}

/// What an answer must be like.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectFile {
    /// `200`, `2xx` or a list; default 2xx.
    pub status: Option<Placed<OneOrMany>>,
    /// By header name: `exists`, `absent`, a text, or the long form.
    #[serde(default)]
    pub headers: Entries<Placed<Written<TextMatchers>>>,
    /// By JSON path: `exists`, `absent`, a value, or the long form.
    #[serde(default)]
    pub json: Entries<Placed<Written<JsonMatchers>>>,
    /// Text that the body contains, a list of texts, or the long form.
    pub body: Option<Placed<Written<BodyMatchers>>>,
    /// Bytes of the body: `100..5000` or `{min: .., max: ..}`.
    pub size: Option<Placed<Written<SizeFile>>>,
    /// A slower answer is a failed check.
    pub within: Option<Placed<String>>,
}

/// Everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonMatchers {
    /// Any value, compared as JSON.
    pub equals: Option<Placed<Node>>,
    pub contains: Option<Placed<Text>>,
    /// A regular expression.
    pub matches: Option<Placed<Text>>,
}

/// Everything that is said must hold.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextMatchers {
    pub equals: Option<Placed<Text>>,
    pub contains: Option<Placed<Text>>,
    /// A regular expression.
    pub matches: Option<Placed<Text>>,
}

/// Everything that is said must hold.
pub type BodyMatchers = TextMatchers;

/// Bytes, both included.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeFile {
    pub min: Option<Placed<Scalar>>,
    pub max: Option<Placed<Scalar>>,
}

/// Where a value is kept from: exactly one of `json`, `header`, `cookie` and `regex`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveFile {
    /// A JSON path, with `first`, `last`, `random` or `all` behind it.
    pub json: Option<Placed<String>>,
    pub header: Option<Placed<String>>,
    pub cookie: Option<Placed<String>>,
    /// The first group, or the whole match.
    pub regex: Option<Placed<String>>,
    /// Taken where nothing is found; without it, nothing found is a failed check.
    pub default: Option<Placed<Text>>,
}
