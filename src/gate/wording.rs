//! Values in the words of a finding: enough digits that a value and its limit are told apart wherever they differ.

use super::Unit;
use crate::units::{Rate, format_millis, format_share};

/// A value with its unit: `142 ms`, `1.2 %`, `150/s`.
pub(super) fn value_text(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Ms => format_millis(value),
        Unit::Share => format_share(value),
        Unit::PerSecond => Rate::per_second(value).map_or_else(|| "-".into(), |rate| rate.to_string()),
    }
}

/// Two values of one unit, told apart if they differ: not `120 ms is above 120 ms`.
pub(super) fn told_apart(unit: Unit, one: f64, other: f64) -> (String, String) {
    apart(|value, decimals| exact(unit, value, decimals), |value| value_text(unit, value), one, other)
}

/// A change against a baseline and the allowed one: `+17 %`, `+10 %`; for shares in points.
pub(super) fn changes_apart(unit: Unit, change: f64, allowed: f64) -> (String, String) {
    let suffix = if unit == Unit::Share { " points" } else { " %" };
    let precise = |value: f64, decimals: usize| format!("{:+.decimals$}{suffix}", value * 100.0);
    let short = |value: f64| {
        let decimals = usize::from((value * 100.0).abs() < 9.95) * (1 + usize::from(unit == Unit::Share));
        trim_zeros(&format!("{:+.decimals$}", value * 100.0)) + suffix
    };
    apart(precise, short, change, allowed)
}

fn apart(precise: impl Fn(f64, usize) -> String, short: impl Fn(f64) -> String, one: f64, other: f64) -> (String, String) {
    let shortest = (short(one), short(other));
    if shortest.0 != shortest.1 || one.total_cmp(&other).is_eq() {
        return shortest;
    }
    let longer = (1..=6).map(|decimals| (precise(one, decimals), precise(other, decimals)));
    longer.into_iter().find(|(one, other)| one != other).unwrap_or(shortest)
}

fn exact(unit: Unit, value: f64, decimals: usize) -> String {
    match unit {
        Unit::Ms => format!("{value:.decimals$} ms"),
        Unit::Share => format!("{:.decimals$} %", value * 100.0),
        Unit::PerSecond => format!("{value:.decimals$}/s"),
    }
}

fn trim_zeros(number: &str) -> String {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').to_owned() } else { number.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_and_its_limit_are_told_apart() {
        assert_eq!(told_apart(Unit::Ms, 142.2, 120.0), ("142 ms".into(), "120 ms".into()));
        assert_eq!(told_apart(Unit::Ms, 120.04, 120.0), ("120.04 ms".into(), "120.00 ms".into()));
        assert_eq!(told_apart(Unit::Share, 0.010_001, 0.01), ("1.0001 %".into(), "1.0000 %".into()));
        assert_eq!(told_apart(Unit::PerSecond, 150.0, 150.0), ("150/s".into(), "150/s".into()));
    }

    #[test]
    fn changes_are_told_apart_from_what_is_allowed() {
        assert_eq!(changes_apart(Unit::Ms, 0.1736, 0.1), ("+17 %".into(), "+10 %".into()));
        assert_eq!(changes_apart(Unit::Ms, 0.104, 0.1), ("+10.4 %".into(), "+10.0 %".into()));
        assert_eq!(changes_apart(Unit::Share, 0.0084, 0.005), ("+0.84 points".into(), "+0.5 points".into()));
        assert_eq!(changes_apart(Unit::PerSecond, -0.25, -0.1), ("-25 %".into(), "-10 %".into()));
    }
}
