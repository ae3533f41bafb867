//! Over what a figure is taken: which endpoint and which phases, by name, so that the same question can be asked of
//! the judged run and of every baseline run.

use crate::run::{Digest, Figures, Gist, PhaseSelection, Quantity, Round, Run};
use crate::stats::Estimate;

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

impl<'a> Subject<'a> {
    /// The subject that a file calls by this name.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        if name == Self::Total.name() { Self::Total } else { Self::Endpoint(name) }
    }

    /// The endpoint; `None` for all of them.
    const fn endpoint(self) -> Option<&'a str> {
        match self {
            Self::Endpoint(name) => Some(name),
            Self::Total => None,
        }
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
        let endpoint = match subject {
            Subject::Endpoint(name) => Some(run.endpoints.iter().find(|endpoint| endpoint.name == name)?),
            Subject::Total => None,
        };
        Some(Self::over(run, endpoint, selection))
    }
}

/// What a digest says of a subject in a scope; `None` as in [`Figures::of`], and for the whole run, which is never compared.
pub(super) fn gist_of<'a>(digest: &'a Digest, subject: Subject<'_>, scope: Scope<'_>) -> Option<&'a Gist> {
    let endpoint = subject.endpoint();
    match scope {
        Scope::Pooled { named } => digest.gist(endpoint, |phase| !named.contains(&phase)),
        Scope::Phase(name) => digest.gist(endpoint, |phase| phase == name),
        Scope::WholeRun => None,
    }
}

/// The same of a round of one build against itself.
pub(super) fn change_of(round: &Round, subject: Subject<'_>, scope: Scope<'_>, quantity: Quantity) -> Option<Estimate> {
    let endpoint = subject.endpoint();
    match scope {
        Scope::Pooled { named } => round.change(endpoint, |phase| !named.contains(&phase), quantity),
        Scope::Phase(name) => round.change(endpoint, |phase| phase == name, quantity),
        Scope::WholeRun => None,
    }
}
