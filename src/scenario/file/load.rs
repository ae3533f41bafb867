//! `load`, its phases, and `think`, as typed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Entries, OneOrMany};
use crate::document::{Placed, Scalar, Written};

/// How much, and for how long: `users` or `rate`, with `hold` (short) or `phases` (long).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadFile {
    /// Closed model: so many concurrent users.
    pub users: Option<Placed<OneOrMany>>,
    /// Open model: so many task starts a second, as `300/s`.
    pub rate: Option<Placed<OneOrMany>>,
    /// How starts of a `rate` follow each other.
    pub arrivals: Option<Placed<ArrivalsFile>>,
    /// Most requests under way at once with a `rate`; default rate x time-out.
    pub max_in_flight: Option<Placed<u64>>,
    /// From 0 to the peak, not judged; default none.
    pub ramp: Option<Placed<String>>,
    /// At the peak, not judged; default none.
    pub warmup: Option<Placed<String>>,
    /// At the peak, judged.
    pub hold: Option<Placed<String>>,
    /// The long form: phases one after the other, each with its own load.
    pub phases: Option<Placed<Vec<Placed<PhaseFile>>>>,
}

/// One stretch of the load.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseFile {
    /// Default `phase 1`, `phase 2`, ..
    pub name: Option<Placed<String>>,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub length: Placed<String>,
    /// `200`; `20..200` ramps; `[100, 200]` steps.
    pub users: Option<Placed<OneOrMany>>,
    /// `300/s`; `50/s..300/s` ramps; `[100/s, 200/s]` steps.
    pub rate: Option<Placed<OneOrMany>>,
    /// Weights of tasks in this phase, by name, in place of their own; 0 leaves one out.
    #[serde(default)]
    pub mix: Entries<Placed<Scalar>>,
    /// Whether its requests are judged; default true for a constant load, else false.
    pub measure: Option<bool>,
}

/// How starts follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArrivalsFile {
    Uniform,
    Poisson,
}

/// A pause, as typed.
pub type ThinkFile = Written<ExponentialOrNormal>;

/// A pause that is drawn from a distribution: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExponentialOrNormal {
    /// Cut off at zero.
    pub normal: Option<NormalFile>,
    /// Its mean.
    pub exponential: Option<Placed<String>>,
}

/// Mean and standard deviation.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalFile {
    pub mean: Placed<String>,
    pub sd: Placed<String>,
}
