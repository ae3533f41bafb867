//! The Scenario: what the user wrote, checked and resolved, so that nothing after it has to check again. Values that
//! change from request to request are compiled to templates over numbered variables; what is sent when is the plan's.

mod compile;
mod error;
mod escape;
mod file;
mod guard;
mod hash;
mod open;
mod reads;
mod target;
mod template;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use serde_json_path::JsonPath;

pub use self::compile::Surroundings;
pub use self::error::{OverrideError, ScenarioError};
pub use self::guard::{Permissions, Refusal, check_address, check_host, check_scenario};
pub use self::target::TargetError;
pub use self::template::{Escape, Expression, Part, Template};
use crate::endpoint::EndpointRole;
use crate::units::Rate;

/// A checked scenario.
#[derive(Debug)]
pub struct Scenario {
    pub name: String,
    pub target: Target,
    /// Path that preflight asks, wanting 2xx.
    pub ready: Option<String>,
    pub seed: u64,
    /// `sha256:..` over what is sent: steps, data contents, load, tags; not target, seed or durations.
    pub hash: String,
    pub load: Load,
    pub http: HttpOptions,
    pub connections: Connections,
    pub tls: TlsOptions,
    pub data: Vec<DataSet>,
    /// At least one; the top-level `start` and `tasks` are one kind without a name.
    pub kinds: Vec<UserKind>,
    /// How tasks and kinds are picked by weight.
    pub mix: Mix,
    pub isolation: Isolation,
    /// Everything that requests are counted under; steps refer to it by index.
    pub endpoints: Vec<Endpoint>,
    /// Names of the variables, by slot.
    pub variables: Vec<String>,
    /// Values of `${env.NAME}`: blanked wherever they would be shown.
    pub secrets: Vec<String>,
    /// Worth telling, but no reason to stop.
    pub warnings: Vec<String>,
}

/// Where the load goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub scheme: Scheme,
    /// Host name or address literal, lower case, IPv6 without brackets, no trailing dot.
    pub host: String,
    pub port: u16,
    /// Put before every path; empty or `/prefix` without a slash at its end.
    pub base_path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

/// When and how much.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub model: Model,
    /// In order, each longer than zero, names unique.
    pub phases: Vec<Phase>,
}

/// What the numbers of the phases mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// So many concurrent users.
    Closed,
    /// So many task starts a second, come what may.
    Open {
        arrivals: Arrivals,
        /// `None`: rate x time-out, at most what descriptors allow.
        max_in_flight: Option<u64>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    Uniform,
    Poisson,
}

/// One stretch of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    pub name: String,
    pub length: Duration,
    pub shape: Shape,
    /// Whether its requests are judged.
    pub measured: bool,
    /// Weights of the tasks, by kind and task, in thousandths; empty where their own go.
    pub mix: Vec<Vec<u64>>,
}

/// How the load moves within a phase: users (closed) or starts a second (open).
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Constant(f64),
    /// Straight from the first to the second.
    Ramp(f64, f64),
    /// Equal stretches, one after the other; at least two.
    Steps(Vec<f64>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct HttpOptions {
    /// Of a whole request, connection included.
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub version: HttpVersion,
    /// Sent with every request unless the step names the same header; names in lower case.
    pub headers: Vec<(String, Template)>,
    pub cookies: CookiePolicy,
    /// How many redirects are followed, on the same host only.
    pub redirects: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    Auto,
    Http1,
    Http2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookiePolicy {
    /// Each user keeps its own.
    Keep,
    Ignore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    PerUser,
    PerRequest,
    Shared(u32),
}

/// PEM files, already read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    pub ca: Option<Vec<u8>>,
    pub cert: Option<Vec<u8>>,
    pub key: Option<Vec<u8>>,
}

/// A CSV file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    pub name: String,
    pub columns: Vec<String>,
    /// At least one row, each as long as `columns`.
    pub rows: Vec<Vec<Arc<str>>>,
    pub order: DataOrder,
    pub on_exhausted: OnExhausted,
}

/// Which row a task iteration gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataOrder {
    Random,
    Sequential,
    /// Sequential over rows shuffled by the seed.
    Shuffle,
    /// One row per user, kept for its life; no row goes to two users at once.
    Unique,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExhausted {
    Stop,
    Recycle,
}

/// Whether endpoints are loaded together or one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    #[default]
    Together,
    /// `--each`
    EachAlone,
}

/// One kind of user, with what it does.
#[derive(Debug, Clone)]
pub struct UserKind {
    /// `None` for the top-level tasks.
    pub name: Option<String>,
    /// In thousandths.
    pub weight: u64,
    /// Once per user, before its first task.
    pub start: Vec<Step>,
    /// At least one.
    pub tasks: Vec<Task>,
    /// Once per user, at its end.
    pub stop: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// Exact to one start per task.
    Exact,
    Random,
}

#[derive(Debug, Clone)]
pub struct Task {
    pub name: String,
    /// In thousandths.
    pub weight: u64,
    pub steps: Vec<Step>,
    /// After the whole task, besides the steps' own.
    pub think: Option<Think>,
    /// Cycles start this far apart.
    pub pacing: Option<Duration>,
    /// Data sets whose current row its steps read, by index.
    pub data: Vec<usize>,
}

/// A pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Think {
    Fixed(Duration),
    /// Uniform between both.
    Range(Duration, Duration),
    /// Cut off at zero.
    Normal {
        mean: Duration,
        sd: Duration,
    },
    Exponential(Duration),
}

/// One request, with what is expected of its answer.
#[derive(Debug, Clone)]
pub struct Step {
    /// Index into [`Scenario::endpoints`].
    pub endpoint: usize,
    pub method: Method,
    /// Path and query as sent, values escaped; begins with `/`, base path included.
    pub path: Template,
    /// Names in lower case; the defaults of `http.headers` are merged in.
    pub headers: Vec<(String, Template)>,
    /// Content type is among the headers already.
    pub body: Option<Body>,
    pub expect: Expect,
    pub save: Vec<Save>,
    pub when: Option<Condition>,
    pub repeat: Repeat,
    /// After the step.
    pub think: Option<Think>,
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

#[derive(Debug, Clone)]
pub enum Body {
    Template(Template),
    Bytes(Arc<[u8]>),
}

/// How often a step runs within its task.
#[derive(Debug, Clone)]
pub enum Repeat {
    Once,
    Times(u32),
    /// Once for each element of the list that a variable holds; the element is in `item`'s slot.
    Each {
        list: Template,
        item: usize,
    },
}

/// What an answer must be like.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    /// Empty: 2xx.
    pub status: Vec<StatusPattern>,
    /// Header names in lower case.
    pub headers: Vec<(String, Matcher)>,
    pub json: Vec<(JsonPath, Matcher)>,
    pub body: Vec<Matcher>,
    /// Body bytes.
    pub min_size: Option<u64>,
    pub max_size: Option<u64>,
    /// A slower answer is a failed check.
    pub within: Option<Duration>,
}

/// A status, or all of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusPattern {
    Exactly(u16),
    /// `2xx` is 2.
    Hundred(u16),
}

#[derive(Debug, Clone)]
pub enum Matcher {
    Exists,
    Absent,
    /// Equal as JSON, or as text for headers and bodies.
    Equals(Expected),
    Contains(Template),
    Matches(Regex),
}

/// What a value is compared with.
#[derive(Debug, Clone)]
pub enum Expected {
    Json(serde_json::Value),
    /// Filled in when compared; as text.
    Template(Template),
}

/// One value kept from an answer.
#[derive(Debug, Clone)]
pub struct Save {
    pub slot: usize,
    pub from: SaveFrom,
    /// Taken where nothing is found; without it nothing found is a failed check.
    pub default: Option<Template>,
}

#[derive(Debug, Clone)]
pub enum SaveFrom {
    Json {
        path: JsonPath,
        pick: Pick,
    },
    /// Name in lower case.
    Header {
        name: String,
    },
    Cookie {
        name: String,
    },
    /// The first group, or the whole match without one.
    Regex(Regex),
}

/// Which of several nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    First,
    Last,
    Random,
    /// All, as a JSON list.
    All,
}

/// `when`: whether a step runs.
#[derive(Debug, Clone)]
pub enum Condition {
    /// Unless empty, `0` or `false`.
    Truthy(Template),
    Equal(Template, Template),
    NotEqual(Template, Template),
}

/// What requests are counted, judged and shown under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `METHOD name`.
    pub name: String,
    pub role: EndpointRole,
}

/// What the command line changes of a scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    pub target: Option<String>,
    /// Scales every phase so that the peak is this.
    pub users: Option<u64>,
    pub rate: Option<Rate>,
    /// Sets `hold`.
    pub duration: Option<Duration>,
    pub tags: Vec<String>,
    pub exclude_tags: Vec<String>,
    pub seed: Option<u64>,
    pub isolation: Isolation,
}

impl Scenario {
    /// What the store of its runs is called: runs of endpoints alone are kept apart from those of all together.
    #[must_use]
    pub fn store_name(&self) -> String {
        match self.isolation {
            Isolation::Together => self.name.clone(),
            Isolation::EachAlone => format!("{}-each", self.name),
        }
    }

    /// How many loads it takes, one after the other, each through all phases.
    #[must_use]
    pub fn load_count(&self) -> u32 {
        let asked = || self.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).count();
        match self.isolation {
            Isolation::Together => 1,
            Isolation::EachAlone => u32::try_from(asked()).unwrap_or(u32::MAX),
        }
    }
}

impl Target {
    /// `https://staging.shop.example` with the port where it is not the scheme's own.
    #[must_use]
    pub fn origin(&self) -> String {
        let (scheme, usual) = match self.scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{}", self.port) }
    }

    /// As [`Self::origin`], without the scheme: the `Host` header.
    #[must_use]
    pub fn authority(&self) -> String {
        let origin = self.origin();
        origin.split_once("://").map_or(origin.clone(), |(_, authority)| authority.to_owned())
    }
}

impl Method {
    pub const ALL: [Self; 7] = [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// As sent: `GET`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether a request without effect may be sent once more after its reused connection was closed unanswered.
    #[must_use]
    pub const fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

impl StatusPattern {
    #[must_use]
    pub const fn holds(self, status: u16) -> bool {
        match self {
            Self::Exactly(exact) => status == exact,
            Self::Hundred(hundred) => status / 100 == hundred,
        }
    }
}

impl Expect {
    /// Whether the status is an ok one; without a pattern 2xx is.
    #[must_use]
    pub fn status_holds(&self, status: u16) -> bool {
        if self.status.is_empty() { status / 100 == 2 } else { self.status.iter().any(|pattern| pattern.holds(status)) }
    }

    /// Whether the body has to be kept to examine it.
    #[must_use]
    pub fn looks_into_body(&self) -> bool {
        !self.json.is_empty() || !self.body.is_empty()
    }
}

impl Step {
    /// Whether the body of the answer has to be kept.
    #[must_use]
    pub fn keeps_body(&self) -> bool {
        self.expect.looks_into_body() || self.save.iter().any(|save| matches!(save.from, SaveFrom::Json { .. } | SaveFrom::Regex(_)))
    }
}

impl Shape {
    /// The load at a share (0 to 1) of the phase.
    #[must_use]
    pub fn at(&self, share: f64) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Ramp(from, to) => from + (to - from) * share.clamp(0.0, 1.0),
            Self::Steps(values) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "a list has few steps"
                )]
                let index = (share.clamp(0.0, 1.0) * values.len() as f64) as usize;
                values[index.min(values.len() - 1)]
            }
        }
    }

    /// The load on average over the phase.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Ramp(from, to) => f64::midpoint(*from, *to),
            #[expect(clippy::cast_precision_loss, reason = "a list has few steps")]
            Self::Steps(values) => values.iter().sum::<f64>() / values.len() as f64,
        }
    }

    /// The highest load of the phase.
    #[must_use]
    pub fn peak(&self) -> f64 {
        match self {
            Self::Constant(value) => *value,
            Self::Ramp(from, to) => from.max(*to),
            Self::Steps(values) => values.iter().copied().fold(0.0, f64::max),
        }
    }
}

impl Load {
    /// The highest load of all phases.
    #[must_use]
    pub fn peak(&self) -> f64 {
        self.phases.iter().map(|phase| phase.shape.peak()).fold(0.0, f64::max)
    }

    /// All phases together.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.phases.iter().map(|phase| phase.length).sum()
    }
}
