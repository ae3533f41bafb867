//! The gate: `judge(run, thresholds, baseline) -> Verdict`. Pure: no clock, no I/O but opening the threshold file,
//! no randomness. How a verdict is shown is not known here.

mod absolute;
#[cfg(test)]
mod bad_baselines;
pub mod change;
mod check;
mod comparison;
mod enough_data;
mod failures;
mod fit;
mod imported;
mod judge;
mod limits;
mod metric;
mod movement;
mod outcome;
mod relative;
mod review;
mod rules;
#[cfg(test)]
mod samples;
mod scope;
mod self_checks;
mod side_by_side;
mod sittings;
mod steadiness;
mod suggest;
mod suggest_text;
mod suspicion;
mod thresholds;
mod thresholds_file;
mod thresholds_reader;
mod verdict;
mod waive;
mod wording;

pub use self::comparison::{BaselineChoice, Beside, has_history};
pub use self::enough_data::samples_needed;
pub use self::judge::{Judgement, Release, judge, judge_release};
pub use self::metric::{FailureKind, Metric, UnknownMetric};
pub use self::review::{Alteration, Direction, compare};
pub use self::rules::Rules;
pub use self::scope::{Scope, Subject};
pub use self::suggest::{
    ChangeLimits, EndpointSuggestion, FailureSuggestion, LatencyLimits, LatencySuggestion, Suggestion, TooFewRuns, suggest,
};
pub use self::thresholds::{BaselinePolicy, GateSettings, Thresholds, ThresholdsError, Waiver};
pub use self::verdict::*;
pub use crate::run::{Figures, Measurement};
