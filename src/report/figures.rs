//! The numbers of a finding in the words of its unit. Two numbers that differ never print alike side by side.

use crate::gate::{Change, Finding, Rule, Unit};
use crate::units::{Rate, format_count, format_millis, format_share};

/// Stands for a number that is not there.
pub(super) const NONE: &str = "-";

/// A value in its unit: `142 ms`, `1.23 %`, `151/s`.
pub(super) fn value(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ms => format_millis(value),
        Unit::Share => format_share(value),
        Unit::PerSecond => rate(value),
    }
}

/// As [`value`], with more digits where it would otherwise print like `other` without being it.
fn value_beside(unit: Unit, number: f64, other: f64) -> String {
    let text = value(unit, number);
    #[expect(clippy::float_cmp, reason = "only the very same number may print alike")]
    let alike = number != other && text == value(unit, other);
    match unit {
        _ if !alike => text,
        Unit::Ms => format!("{number:.3} ms"),
        Unit::Share => format!("{:.4} %", number * 100.0),
        Unit::PerSecond => format!("{number:.3}/s"),
    }
}

/// A failure rate, with the count where the rate is too small to be told: `<0.01 % (1)`.
pub(super) fn failed_share(share: f64, failed: u64) -> String {
    let text = format_share(share);
    if text.starts_with('<') { format!("{text} ({})", format_count(failed)) } else { text }
}

/// Events per second: `151/s`, `12.5/s`, `0.25/s`.
pub(super) fn rate(per_second: f64) -> String {
    let rounded = if per_second >= 100.0 {
        per_second.round()
    } else if per_second >= 10.0 {
        (per_second * 10.0).round() / 10.0
    } else {
        per_second
    };
    Rate::per_second(rounded).map_or_else(|| NONE.into(), |rate| rate.to_string())
}

/// What was measured, or [`NONE`].
pub(super) fn measured(finding: &Finding) -> String {
    finding.measured.map_or_else(
        || NONE.into(),
        |number| match (finding.unit, finding.rule) {
            (Unit::Share, _) if format_share(number).starts_with('<') => failed_share(number, failed(finding, number)),
            (_, Rule::Max | Rule::Min) => value_beside(finding.unit, number, finding.limit),
            (_, Rule::Rise | Rule::Fall) => value(finding.unit, number),
        },
    )
}

/// How many requests a share of a finding's requests is.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are far below 2^52")]
fn failed(finding: &Finding, share: f64) -> u64 {
    (share * finding.samples as f64).round() as u64
}

/// The value of the baseline, or [`NONE`].
pub(super) fn baseline(finding: &Finding) -> String {
    finding.baseline.as_ref().map_or_else(|| NONE.into(), |baseline| value(finding.unit, baseline.value))
}

/// The bare limit: `300 ms`, `+10 %`, `-10 %`, `+0.5 points`.
pub(super) fn limit(finding: &Finding) -> String {
    match finding.rule {
        Rule::Max | Rule::Min => value(finding.unit, finding.limit),
        Rule::Rise => moved(finding.unit, finding.limit * 100.0, None),
        Rule::Fall => moved(finding.unit, -finding.limit * 100.0, None),
    }
}

/// The limit with its direction, for a table: `≤ 300 ms`, `≥ 150/s`.
pub(super) fn bound(finding: &Finding) -> String {
    let sign = match finding.rule {
        Rule::Max | Rule::Rise => '≤',
        Rule::Min | Rule::Fall => '≥',
    };
    format!("{sign} {}", limit(finding))
}

/// How much it moved: `+18 %`, `+1.8 points`, or [`NONE`].
pub(super) fn change(finding: &Finding) -> String {
    finding.change.map_or_else(|| NONE.into(), |change| moved(finding.unit, change.percent, allowed(finding)))
}

/// As [`change`], with its interval: `+18 % (+12 to +24)`.
pub(super) fn change_with_interval(finding: &Finding) -> String {
    let interval = low_to_high(finding);
    if interval == NONE { change(finding) } else { format!("{} ({interval})", change(finding)) }
}

/// The bare interval of a change: `+12 to +24`, or [`NONE`].
pub(super) fn low_to_high(finding: &Finding) -> String {
    match finding.change {
        Some(Change { low: Some(low), high: Some(high), .. }) => format!("{} to {}", signed(low, None), signed(high, None)),
        _ => NONE.into(),
    }
}

/// The interval in words: `between +12 % and +24 %`.
pub(super) fn interval(finding: &Finding) -> Option<String> {
    let Change { low: Some(low), high: Some(high), .. } = finding.change? else { return None };
    Some(format!("between {} and {}", moved(finding.unit, low, None), moved(finding.unit, high, None)))
}

/// How far the measured value is beyond what is allowed: 0.1 is a tenth over, negative is within. Worse is larger.
pub(super) fn excess(finding: &Finding) -> Option<f64> {
    let measured = finding.measured?;
    let over = |allowed: f64| if measured > allowed { measured / allowed.max(0.0) - 1.0 } else { -(1.0 - measured / allowed) };
    let under = |allowed: f64| if allowed > measured { allowed / measured.max(0.0) - 1.0 } else { -(1.0 - allowed / measured) };
    let base = finding.baseline.as_ref().map(|baseline| baseline.value);
    let excess = match (finding.rule, finding.unit) {
        (Rule::Max, _) => over(finding.limit),
        (Rule::Min, _) => under(finding.limit),
        (Rule::Rise, Unit::Share) => over(base? + finding.limit),
        (Rule::Rise, _) => over(base? * (1.0 + finding.limit)),
        (Rule::Fall, Unit::Share) => under(base? - finding.limit),
        (Rule::Fall, _) => under(base? * (1.0 - finding.limit)),
    };
    Some(if excess.is_nan() { -1.0 } else { excess })
}

/// The allowed change in percent or points, where the rule is about a change.
fn allowed(finding: &Finding) -> Option<f64> {
    match finding.rule {
        Rule::Rise => Some(finding.limit * 100.0),
        Rule::Fall => Some(-finding.limit * 100.0),
        Rule::Max | Rule::Min => None,
    }
}

/// A change in percent, or in points for a share.
fn moved(unit: Unit, percent: f64, beside: Option<f64>) -> String {
    let number = signed(percent, beside);
    if unit == Unit::Share { format!("{number} points") } else { format!("{number} %") }
}

/// `+18`, `-4.5`, `+0.25`: with as many digits as it takes not to print like `beside`.
fn signed(number: f64, beside: Option<f64>) -> String {
    if !number.is_finite() {
        return NONE.into();
    }
    let usual = match number.abs() {
        size if size < 1.0 => 2,
        size if size < 10.0 => 1,
        _ => 0,
    };
    let differs =
        |decimals: &usize| beside.is_none_or(|other| (other - number).abs() < 1e-9 || fixed(other, *decimals) != fixed(number, *decimals));
    fixed(number, (usual..4).find(differs).unwrap_or(4))
}

/// With a sign and at most so many decimals: `+18`, `-4.5`.
fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{number:+.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{finding, rise};

    #[test]
    fn a_value_just_over_its_limit_does_not_print_like_it() {
        let mut over = finding("GET /a", "p95", 300.3);
        over.limit = 300.0;
        assert_eq!((measured(&over), limit(&over)), ("300.300 ms".into(), "300 ms".into()));
        let mut rose = rise("GET /a", "p95", 110.4, 100.0);
        rose.limit = 0.1;
        assert_eq!((change(&rose), limit(&rose)), ("+10.4 %".into(), "+10 %".into()));
    }

    #[test]
    fn a_failure_among_a_million_is_not_none() {
        let mut rare = finding("GET /a", "failures", 0.000_001);
        rare.limit = 0.01;
        rare.samples = 1_000_000;
        assert_eq!(measured(&rare), "<0.01 % (1)");
        rare.measured = Some(0.0);
        assert_eq!(measured(&rare), "0 %");
        rare.measured = Some(0.0002);
        assert_eq!(measured(&rare), "0.02 %");
    }

    #[test]
    fn changes_are_signed_and_failure_rates_move_in_points() {
        assert_eq!(signed(18.2, None), "+18");
        assert_eq!(signed(-4.52, None), "-4.5");
        assert_eq!(signed(0.254, None), "+0.25");
        assert_eq!(signed(f64::NAN, None), "-");
        assert_eq!(moved(Unit::Share, 1.8, None), "+1.8 points");
        assert_eq!(signed(10.0, Some(10.0)), "+10");
    }

    #[test]
    fn excess_is_relative_to_what_is_allowed() {
        let mut max = finding("GET /a", "p95", 330.0);
        max.limit = 300.0;
        assert!(excess(&max).is_some_and(|excess| (excess - 0.1).abs() < 1e-9));
        let mut none = finding("GET /a", "failures", 0.0);
        none.limit = 0.0;
        assert_eq!(excess(&none), Some(-1.0));
        none.measured = Some(0.1);
        assert_eq!(excess(&none), Some(f64::INFINITY));
        let rose = rise("GET /a", "p95", 132.0, 100.0);
        assert!(excess(&rose).is_some_and(|excess| (excess - 0.2).abs() < 1e-9));
    }

    #[test]
    fn rates_keep_the_digits_that_matter() {
        assert_eq!(
            ["151/s", "12.5/s", "0.25/s", "-"],
            [rate(150.6), rate(12.46), rate(0.25), rate(f64::NAN)].each_ref().map(String::as_str)
        );
    }
}
