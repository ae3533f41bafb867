//! The scenario file as typed: plain structs that say which keys there are and nothing about what they mean. The JSON
//! Schema for editors is derived from them, so their comments are written for those who write scenarios.

mod entries;
mod load;
mod node;
mod steps;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

pub use self::entries::Entries;
pub use self::load::{ArrivalsFile, ExponentialOrNormal, LoadFile, NormalFile, PhaseFile, ThinkFile};
pub use self::node::Node;
pub use self::steps::{
    AuthFile, BasicFile, BodyMatchers, ExpectFile, ForeachFile, GraphqlFile, JsonMatchers, PartFile, SaveFile, SizeFile, StepFile,
    TaskFile, TextMatchers,
};
use crate::document::{NoMapping, Placed, Scalar, Written};

/// A load scenario for perfgate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "perfgate scenario, version 1")]
pub struct ScenarioFile {
    /// Always 1.
    #[schemars(schema_with = "version_schema")]
    pub version: Placed<Scalar>,
    /// Name of the scenario; its thresholds are looked for in `thresholds/<name>.yaml`.
    pub name: Placed<String>,
    /// Where the load goes: scheme, host, port and a prefix for every path. `--target` overrides it.
    pub target: Option<Placed<String>>,
    /// Path that preflight asks, wanting 2xx.
    pub ready: Option<Placed<String>>,
    /// Every random choice follows from it.
    pub seed: Option<u64>,
    /// The only environment variables that this file may read, as `${env.NAME}`.
    #[serde(default)]
    pub env: Vec<Placed<String>>,
    /// CSV files by name; `${name.column}` is a value of the current row.
    #[serde(default)]
    pub data: Entries<DataFile>,
    /// How much, and for how long.
    pub load: Placed<LoadFile>,
    /// Options of every request.
    #[serde(default)]
    pub http: HttpFile,
    /// `per_user`, `per_request` or `{shared: 50}`.
    pub connections: Option<Placed<Written<SharedFile>>>,
    /// PEM files.
    #[serde(default)]
    pub tls: TlsFile,
    /// Pause after every step: `2s`, `1s..3s`, `{normal: {mean: 2s, sd: 500ms}}` or `{exponential: 2s}`.
    pub think: Option<Placed<ThinkFile>>,
    /// How tasks are picked by weight.
    #[serde(default)]
    pub mix: MixFile,
    /// Steps that each user does once, before its first task.
    #[serde(default)]
    pub start: Vec<Placed<StepFile>>,
    /// Steps that each user does once, at its end.
    #[serde(default)]
    pub stop: Vec<Placed<StepFile>>,
    /// What users do over and over, picked by weight.
    pub tasks: Option<Placed<Vec<Placed<TaskFile>>>>,
    /// Several kinds of user, in place of `start`, `tasks` and `stop`.
    pub users: Option<Placed<Written<Entries<KindFile>>>>,
}

/// One kind of user.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KindFile {
    /// Share of this kind among all users; default 1.
    pub weight: Option<Placed<Scalar>>,
    #[serde(default)]
    pub start: Vec<Placed<StepFile>>,
    pub tasks: Placed<Vec<Placed<TaskFile>>>,
    #[serde(default)]
    pub stop: Vec<Placed<StepFile>>,
    /// Pause after every step of this kind.
    pub think: Option<Placed<ThinkFile>>,
}

/// A CSV file whose first line names its columns.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// Relative to the scenario file, in its folder or below.
    pub file: Placed<String>,
    /// Which row a task iteration gets.
    #[serde(default)]
    pub order: OrderFile,
    /// What happens after the last row; default `stop` for `unique`, else `recycle`.
    pub on_exhausted: Option<ExhaustedFile>,
}

/// Which row a task iteration gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OrderFile {
    #[default]
    Random,
    Sequential,
    Shuffle,
    Unique,
}

/// What happens after the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExhaustedFile {
    Stop,
    Recycle,
}

/// How tasks are picked by weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MixFile {
    #[default]
    Exact,
    Random,
}

/// Options of every request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpFile {
    /// Of a whole request; default 30s.
    pub timeout: Option<Placed<String>>,
    /// Default 5s.
    pub connect_timeout: Option<Placed<String>>,
    /// `auto`, `1.1` or `2`.
    pub version: Option<Placed<Text>>,
    /// Sent with every request unless the step names the same header.
    #[serde(default)]
    pub headers: Entries<Placed<Text>>,
    /// Whether each user keeps its cookies; default true.
    pub cookies: Option<bool>,
    /// How many redirects are followed, on the same host only; default 0.
    pub redirects: Option<Placed<u32>>,
}

/// One pool of connections for all users.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedFile {
    pub shared: Placed<u32>,
}

/// PEM files, relative to the scenario file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFile {
    /// Authorities that are trusted besides the system's.
    pub ca: Option<Placed<String>>,
    /// Client certificate; needs `key`.
    pub cert: Option<Placed<String>>,
    pub key: Option<Placed<String>>,
}

/// Text; a number or `true` that stands here is taken as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Text(pub String);

/// One value or a list of values.
pub type OneOrMany = Written<NoMapping>;

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

fn version_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": 1})
}
