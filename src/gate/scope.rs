//! Over what a figure is taken: which endpoint and which phases, by name, so that the same question can be asked of
//! the judged run and of every baseline run.

use crate::run::{PhaseSelection, Resolution, Run, Summary};
use crate::stats::Histogram;

/// Whose figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// One endpoint, by its label.
    Endpoint(&'a str),
    /// All task endpoints together.
    Total,
}

/// When.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All judged phases but those named, which have rules of their own.
    Pooled { named: &'a [&'a str] },
    /// One phase.
    Phase(&'a str),
    /// The whole run, phases that are not judged included.
    WholeRun,
}

/// What one subject did in one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub summary: Summary,
    /// The latencies once more, in blocks of time.
    pub blocks: Vec<Histogram>,
    /// The sum of the blocks.
    pub whole: Histogram,
    /// How many requests were answered as expected in each block of time.
    pub answered: Vec<u64>,
    /// Length of the scope (s).
    pub seconds: f64,
    /// How far apart latencies must be to be told apart, where another tool measured them.
    pub resolution: Resolution,
}

impl<'a> Subject<'a> {
    /// The subject that a file calls by this name.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        if name == Self::Total.name() { Self::Total } else { Self::Endpoint(name) }
    }

    /// As files and reports call it.
    #[must_use]
    pub const fn name(self) -> &'a str {
        match self {
            Self::Endpoint(name) => name,
            Self::Total => "total",
        }
    }
}

impl<'a> Scope<'a> {
    /// The phase whose own rules apply, `None` for the pooled ones.
    #[must_use]
    pub const fn phase(self) -> Option<&'a str> {
        match self {
            Self::Phase(name) => Some(name),
            Self::Pooled { .. } | Self::WholeRun => None,
        }
    }
}

impl Figures {
    /// Takes them from a run. `None` where it has no such endpoint, or no phase of this scope that is judged.
    #[must_use]
    pub fn of(run: &Run, subject: Subject<'_>, scope: Scope<'_>) -> Option<Self> {
        let named: Vec<usize> = match scope {
            Scope::Pooled { named } => (0..run.phases.len()).filter(|&index| named.contains(&run.phases[index].name.as_str())).collect(),
            Scope::Phase(_) | Scope::WholeRun => Vec::new(),
        };
        let selection = match scope {
            Scope::Pooled { .. } => PhaseSelection::JudgedWithout(&named),
            Scope::Phase(name) => PhaseSelection::One(run.phases.iter().position(|phase| phase.measured && phase.name == name)?),
            Scope::WholeRun => PhaseSelection::Whole,
        };
        if !(0..run.phases.len()).any(|index| run.selects(selection, index)) {
            return None;
        }
        let seconds = run.duration_of(selection).as_secs_f64();
        let resolution = run.imported.as_ref().map(|imported| imported.resolution.clone()).unwrap_or_default();
        let (summary, blocks, answered) = match subject {
            Subject::Endpoint(name) => {
                let endpoint = run.endpoints.iter().find(|endpoint| endpoint.name == name)?;
                let blocks = run.latency_blocks(endpoint, selection);
                (run.summary(endpoint, selection), blocks, run.answered_blocks(Some(endpoint), selection))
            }
            Subject::Total => (run.total(selection), run.total_latency_blocks(selection), run.answered_blocks(None, selection)),
        };
        let is_counted = summary.stated.is_none();
        let whole = if is_counted { summary.latency.clone() } else { Histogram::sum(&blocks) };
        Some(Self { summary, blocks, whole, answered, seconds, resolution })
    }

    /// The summary over every judged phase, and their length (s): what [`Self::of`] takes much longer for. `None` as there.
    #[must_use]
    pub fn summary_of(run: &Run, subject: Subject<'_>) -> Option<(Summary, f64)> {
        let selection = PhaseSelection::Judged;
        if !run.phases.iter().any(|phase| phase.measured) {
            return None;
        }
        let summary = match subject {
            Subject::Endpoint(name) => run.summary(run.endpoints.iter().find(|endpoint| endpoint.name == name)?, selection),
            Subject::Total => run.total(selection),
        };
        Some((summary, run.duration_of(selection).as_secs_f64()))
    }

    /// All of several loads together, for counts; latencies of different loads are never mixed by anybody else.
    #[must_use]
    pub fn together(of: &[Self]) -> Option<Self> {
        let (first, rest) = of.split_first()?;
        let mut all = first.clone();
        for one in rest {
            all.summary.counts.merge(&one.summary.counts);
            all.summary.latency.merge(&one.summary.latency);
            all.seconds += one.seconds;
        }
        Some(all)
    }

    /// Requests that were answered as expected, each second; `None` without a length.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn throughput(&self) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.summary.counts.ok as f64 / self.seconds)
    }
}
