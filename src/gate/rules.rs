//! The rules of one metric, and how a narrower place inherits those of a wider one.

use std::collections::BTreeMap;

use super::{Metric, Unit};
use crate::document::Placed;

/// One word of a metric's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    Max,
    Min,
    Warn,
    Rise,
    Fall,
    AtLeast,
    MustDetect,
}

/// What one place of the file says of a term.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// Whatever is inherited does not hold here.
    Off,
    /// In the metric's unit; for `rise`, `fall` and `must_detect` the change as in [`Rules`].
    To(f64),
}

/// What one place of the file says of one metric; a term that it does not say is inherited.
pub type RuleSettings = BTreeMap<Term, Setting>;

/// What one place of the file says, by metric, with the place of the metric's name.
pub type Layer = BTreeMap<Metric, Placed<RuleSettings>>;

/// The rules of one metric as they hold for one subject. Values are in the metric's unit; changes are fractions of
/// the baseline (0.1 is 10 %), for failure rates points (0.005 is 0.5 points).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rules {
    pub max: Option<f64>,
    pub min: Option<f64>,
    /// Always stricter than the limit beside it.
    pub warn: Option<f64>,
    pub rise: Option<f64>,
    pub fall: Option<f64>,
    /// The least difference in the metric's unit that counts as a rise or fall.
    pub at_least: Option<f64>,
    /// The change that must be seen if it is there.
    pub must_detect: Option<f64>,
}

impl Term {
    pub const ALL: [Self; 7] = [Self::Max, Self::Min, Self::Warn, Self::Rise, Self::Fall, Self::AtLeast, Self::MustDetect];

    /// As files write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Min => "min",
            Self::Warn => "warn",
            Self::Rise => "rise",
            Self::Fall => "fall",
            Self::AtLeast => "at_least",
            Self::MustDetect => "must_detect",
        }
    }

    /// The terms that a metric of this unit can have.
    #[must_use]
    pub const fn of_unit(unit: Unit) -> &'static [Self] {
        match unit {
            Unit::Ms | Unit::Share => &[Self::Max, Self::Warn, Self::Rise, Self::AtLeast, Self::MustDetect],
            Unit::PerSecond => &[Self::Min, Self::Warn, Self::Fall, Self::AtLeast, Self::MustDetect],
        }
    }

    /// What a bare value is.
    #[must_use]
    pub const fn bare(unit: Unit) -> Self {
        match unit {
            Unit::Ms | Unit::Share => Self::Max,
            Unit::PerSecond => Self::Min,
        }
    }
}

impl Rules {
    /// The rules that follow from settings, the widest place first.
    pub fn layered<'a>(settings: impl IntoIterator<Item = &'a RuleSettings>) -> Self {
        let mut merged = RuleSettings::new();
        for layer in settings {
            merged.extend(layer);
        }
        let value = |term| match merged.get(&term) {
            Some(&Setting::To(value)) => Some(value),
            Some(Setting::Off) | None => None,
        };
        let mut rules = Self {
            max: value(Term::Max),
            min: value(Term::Min),
            warn: value(Term::Warn),
            rise: value(Term::Rise),
            fall: value(Term::Fall),
            at_least: value(Term::AtLeast),
            must_detect: value(Term::MustDetect),
        };
        // What is inherited says nothing any more where a stricter limit, or a larger change, has overtaken it.
        rules.warn = rules.warn.filter(|_| rules.warn_is_stricter());
        rules.must_detect = rules.must_detect.filter(|&seen| rules.change().is_some_and(|allowed| seen > allowed));
        rules
    }

    /// Whether the warning line is reached before the limit.
    #[must_use]
    fn warn_is_stricter(&self) -> bool {
        match (self.warn, self.max, self.min) {
            (Some(warn), Some(max), _) => warn < max,
            (Some(warn), None, Some(min)) => warn > min,
            _ => false,
        }
    }

    /// The allowed change against the baseline, whichever way it goes.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        self.rise.or(self.fall)
    }

    /// How many checks they make.
    #[must_use]
    pub fn count(&self) -> usize {
        [self.max, self.min, self.rise, self.fall].into_iter().flatten().count()
    }
}

/// The rules of every metric that follow from layers, the widest first; metrics without a check are left out.
#[must_use]
pub fn rules_of_layers(layers: &[&Layer]) -> Vec<(Metric, Rules)> {
    let mut metrics: Vec<Metric> = layers.iter().flat_map(|layer| layer.keys().copied()).collect();
    metrics.sort_unstable();
    metrics.dedup();
    metrics.into_iter().map(|metric| (metric, rules_in(layers, metric))).filter(|(_, rules)| rules.count() > 0).collect()
}

/// The rules of one metric that follow from layers, the widest first.
#[must_use]
pub fn rules_in(layers: &[&Layer], metric: Metric) -> Rules {
    Rules::layered(layers.iter().filter_map(|layer| layer.get(&metric)).map(|placed| &placed.value))
}
