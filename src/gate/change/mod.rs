//! Whether a metric changed by more than is allowed and by more than noise: decided on logarithms and their errors, for
//! all compared metrics of a gate together, so that the chance of a false alarm holds for the whole gate. Pure numbers:
//! runs, endpoints and words are not known here.

mod history;
mod rounds;

pub use self::history::{Compared, judge_history, screen_history};
pub use self::rounds::{LOOKS, Paired, Replay, judge_rounds, replay};
use crate::stats::t_quantile;

/// How sure a pass is of one metric: the chance that a change of `must_detect` looks like this is below 2.5 %.
const PASS_LEVEL: f64 = 0.975;
/// The level of the interval that is shown: 95 %, two-sided.
const SHOWN_LEVEL: f64 = 0.975;
/// Quantile of the normal distribution at 99 %: "found with 99 % probability".
const FOUND: f64 = 2.326;
/// The chance, which all metrics of a gate share, that one looks like a regression where nothing changed.
const SUSPICION: f64 = 0.10;
/// A metric decides only where so many requests are expected beyond its percentile.
const TAIL_NEEDED: f64 = 5.0;
/// So many are not few: what they do not resolve is hidden by the target's own noise.
const TAIL_PLENTY: f64 = 100.0;

/// What may change and what must be found, as logarithms of a ratio, both above 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub allowed: f64,
    pub must_detect: f64,
}

/// Which direction is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worse {
    Higher,
    Lower,
}

/// What is known of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// More than allowed, beyond noise, and confirmed.
    Regressed,
    /// Not more than allowed, and a change of `must_detect` is excluded.
    Unchanged,
    /// Neither: more data may tell.
    Undecided,
    /// Neither, and runs of this length never could, because their requests are few; it does not look like a regression.
    Unresolvable,
    /// The same of many requests: what the target does by itself hides it, and more such runs would not help.
    Hidden,
}

/// One metric, decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub decision: Decision,
    /// The logarithm of new over old; above 0 is higher, whichever is worse.
    pub log: f64,
    /// The 95 % interval around it.
    pub low: f64,
    pub high: f64,
    /// The smallest change for the worse that this much data finds with 99 % probability, as a logarithm above 0.
    pub visible: f64,
    /// How much runs (or rounds) of the same build differ: a standard deviation of the logarithm.
    pub noise: f64,
    /// Whether it looks like a regression that is not confirmed yet.
    pub suspect: bool,
}

/// What it comes to where such runs can't resolve a metric with so many requests beyond its percentile; other metrics have none.
/// What is no number is never waved through.
fn unresolved(measured: &Measured, tail: f64) -> Decision {
    if ![measured.change, measured.low, measured.up].iter().all(|number| number.is_finite()) {
        return Decision::Undecided;
    }
    if tail.is_finite() && tail >= TAIL_PLENTY { Decision::Hidden } else { Decision::Unresolvable }
}

impl Worse {
    /// A change with "worse" above 0.
    const fn signed(self, log: f64) -> f64 {
        match self {
            Self::Higher => log,
            Self::Lower => -log,
        }
    }
}

/// A change with its errors, worse above 0.
#[derive(Debug, Clone, Copy)]
struct Measured {
    change: f64,
    /// Standard error towards better and towards worse.
    low: f64,
    up: f64,
    freedom: f64,
}

impl Measured {
    /// Whether it is within what is allowed, and `must_detect` excluded.
    fn is_unchanged(&self, limits: Limits, level: f64) -> bool {
        self.change < limits.allowed && self.change + t_quantile(level, self.freedom) * self.up < limits.must_detect
    }

    /// Whether it is beyond what is allowed, and beyond noise by this many standard errors.
    fn is_beyond(&self, limits: Limits, errors: f64) -> bool {
        self.change > limits.allowed && self.change - errors * self.low > 0.0
    }

    fn shown(&self, worse: Worse, decision: Decision, critical: f64, noise: f64) -> Change {
        let factor = t_quantile(SHOWN_LEVEL, self.freedom);
        let (at_best, at_worst) = (self.change - factor * self.low, self.change + factor * self.up);
        let (low, high) = match worse {
            Worse::Higher => (at_best, at_worst),
            Worse::Lower => (-at_worst, -at_best),
        };
        let visible = (critical + FOUND) * self.low;
        Change { decision, log: worse.signed(self.change), low, high, visible, noise, suspect: false }
    }
}
