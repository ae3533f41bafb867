//! One limit as a person wrote it, `300ms`, `1%` or `150/s`, as a number in its metric's unit; and which limits make
//! no sense, because they could never be broken or always are.

use thiserror::Error;

use super::rules::{Setting, Term};
use super::{Metric, Unit};
use crate::document::Scalar;
use crate::units::{LONGEST_MS, QuantityError, Rate, parse_duration, parse_percent};

/// Why a limit can't stand where it does.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LimitError {
    #[error("`{0}` has no value")]
    Empty(String),
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
    #[error("`{0}` is negative")]
    Negative(String),
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    #[error("`{term}` of `{metric}` must be {allowed}, not `{written}`")]
    Senseless { term: &'static str, metric: Metric, allowed: &'static str, written: String },
    #[error("`{metric}` has no rule `{term}`")]
    NoSuchRule { term: &'static str, metric: Metric },
}

impl LimitError {
    /// What to write instead.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Empty(_) => Some("write a limit with its unit, or `off`".into()),
            Self::NotFinite(_) | Self::Negative(_) => Some("write for example `300ms`, `1%` or `150/s`".into()),
            Self::Quantity(_) => None,
            Self::Senseless { .. } => Some("`off` switches a check off".into()),
            Self::NoSuchRule { metric, .. } => {
                let names: Vec<_> = Term::of_unit(metric.unit()).iter().map(|term| format!("`{}`", term.name())).collect();
                Some(format!("it has {}", names.join(", ")))
            }
        }
    }
}

/// Reads what stands behind a rule's name.
///
/// # Errors
/// [`LimitError`] where the metric has no such rule, or the value is no limit of it.
pub fn read_limit(metric: Metric, term: Term, written: &Scalar) -> Result<Setting, LimitError> {
    if !Term::of_unit(metric.unit()).contains(&term) {
        return Err(LimitError::NoSuchRule { term: term.name(), metric });
    }
    let text = match written {
        Scalar::Null => return Err(LimitError::Empty(term.name().to_owned())),
        Scalar::Number(number) if !number.is_finite() => return Err(LimitError::NotFinite(number.to_string())),
        other => other.to_string(),
    };
    if text == "off" {
        return Ok(Setting::Off);
    }
    if text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(LimitError::Negative(text));
    }
    let value = quantity(metric.unit(), term, &text)?;
    match senseless(metric.unit(), term, value) {
        Some(allowed) => Err(LimitError::Senseless { term: term.name(), metric, allowed, written: text }),
        None => Ok(Setting::To(value)),
    }
}

fn quantity(unit: Unit, term: Term, text: &str) -> Result<f64, QuantityError> {
    match (unit, term) {
        (Unit::Share, _) | (_, Term::Rise | Term::Fall | Term::MustDetect) => parse_percent(text),
        (Unit::Ms, _) => parse_duration(text).map(|limit| (limit.as_secs_f64() * 1e9).round() / 1e6),
        (Unit::PerSecond, _) => text.parse::<Rate>().map(Rate::get),
    }
}

/// What is allowed, where the value is not.
fn senseless(unit: Unit, term: Term, value: f64) -> Option<&'static str> {
    let (fine, allowed) = match (unit, term) {
        (_, Term::AtLeast | Term::MustDetect | Term::Min) | (Unit::PerSecond, Term::Warn) => (value > 0.0, "above 0"),
        (Unit::Ms, Term::Max | Term::Warn) => (value > 0.0 && value < LONGEST_MS, "above 0 and below 1h"),
        (Unit::Share, _) | (_, Term::Fall) => (value < 1.0, "below 100%"),
        (_, Term::Rise | Term::Max) => (true, ""),
    };
    (!fine).then_some(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(metric: &str, term: Term, written: &Scalar) -> Result<Setting, String> {
        read_limit(metric.parse().unwrap(), term, written).map_err(|error| error.to_string())
    }

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    #[test]
    fn limits_are_read_in_their_metrics_unit() {
        for (metric, term, written, value) in [
            ("p95", Term::Max, "1.2s", 1200.0),
            ("p95", Term::Rise, "10%", 0.1),
            ("failures", Term::Max, "0%", 0.0),
            ("failures.5xx", Term::Rise, "0.5%", 0.005),
            ("throughput", Term::Min, "90/m", 1.5),
            ("throughput", Term::Fall, "10%", 0.1),
            ("throughput", Term::AtLeast, "5/s", 5.0),
            ("ttfb.p50", Term::AtLeast, "5ms", 5.0),
        ] {
            assert_eq!(read(metric, term, &text(written)), Ok(Setting::To(value)), "{metric} {written}");
        }
        assert_eq!(read("p95", Term::Rise, &text("off")), Ok(Setting::Off));
    }

    #[test]
    fn what_is_no_limit_is_refused_with_its_reason() {
        for (metric, term, written, message) in [
            ("p95", Term::Max, Scalar::Whole(300), "`300` has no unit: write for example `300s` or `300ms`"),
            ("p95", Term::Max, Scalar::Number(f64::NAN), "`NaN` is not a finite number"),
            ("failures", Term::Max, Scalar::Number(f64::INFINITY), "`inf` is not a finite number"),
            ("p95", Term::Max, Scalar::Whole(-3), "`-3` is negative"),
            ("p95", Term::Max, text("-3ms"), "`-3ms` is negative"),
            ("p95", Term::Max, text("0ms"), "`max` of `p95` must be above 0 and below 1h, not `0ms`"),
            ("p95", Term::Max, text("2h"), "`max` of `p95` must be above 0 and below 1h, not `2h`"),
            ("p95", Term::Max, Scalar::Null, "`max` has no value"),
            ("p95", Term::Min, text("3ms"), "`p95` has no rule `min`"),
            ("p95", Term::Rise, text("5ms"), "`5ms` is not a percentage: write for example `1%` or `0.5%`"),
            ("failures", Term::Max, Scalar::Number(0.01), "`0.01` has no unit: write for example `0.01%`"),
            ("failures", Term::Max, text("100%"), "`max` of `failures` must be below 100%, not `100%`"),
            ("throughput", Term::Fall, text("100%"), "`fall` of `throughput` must be below 100%, not `100%`"),
            ("throughput", Term::Min, text("0/s"), "`min` of `throughput` must be above 0, not `0/s`"),
            ("throughput", Term::Max, text("1/s"), "`throughput` has no rule `max`"),
        ] {
            assert_eq!(read(metric, term, &written), Err(message.to_owned()));
        }
    }
}
