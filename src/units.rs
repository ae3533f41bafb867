//! Quantities that a user writes and reads: durations, rates, shares and percentiles, each with its unit.
//! Parsing and printing only; what a quantity is used for is not known here.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// Why a written quantity could not be read; the message names the value and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// A number without its unit.
    #[error("`{value}` has no unit: write for example `{example}`")]
    MissingUnit { value: String, example: String },
    /// Not of the quantity's form at all.
    #[error("`{value}` is not a {what}: write for example {example}")]
    Malformed { value: String, what: &'static str, example: &'static str },
    /// Of the right form, but outside what is allowed.
    #[error("{what} `{value}` is out of range: {allowed}")]
    OutOfRange { value: String, what: &'static str, allowed: &'static str },
}

/// A number with the letters behind it, `1.5ms` as `(1.5, "ms")`; `None` where it starts with no digit or is not finite.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    number.is_finite().then_some((number, &text[end..]))
}

/// Reads a duration such as `250ms`, `1.5s`, `2m` or `1m30s`. Units: `us`, `ms`, `s`, `m`, `h`, `d`.
///
/// # Errors
/// [`QuantityError`] where a unit is missing or unknown, or the value is negative, not finite or above 10 years.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    const MAX_SECONDS: f64 = 10.0 * 365.0 * 86_400.0;
    let malformed = || QuantityError::Malformed { value: text.into(), what: "duration", example: "`300ms`, `30s`, `2m` or `1m30s`" };
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return Err(malformed());
    }
    while !rest.is_empty() {
        let (number, tail) = split_number(rest).ok_or_else(malformed)?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let scale = match &tail[..unit_end] {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            "" if number == 0.0 => 1.0,
            "" => {
                return Err(QuantityError::MissingUnit { value: text.into(), example: format!("{}s` or `{}ms", text.trim(), text.trim()) });
            }
            _ => return Err(malformed()),
        };
        seconds += number * scale;
        rest = &tail[unit_end..];
    }
    if seconds > MAX_SECONDS {
        return Err(QuantityError::OutOfRange { value: text.into(), what: "duration", allowed: "at most 10 years" });
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Prints a duration the way it would be written: `250ms`, `1.5s`, `2m`, `1m30s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds == 0.0 {
        "0s".into()
    } else if seconds < 0.001 {
        format!("{}us", trim_zeros(seconds * 1e6, 0))
    } else if seconds < 1.0 {
        format!("{}ms", trim_zeros(seconds * 1e3, 1))
    } else if seconds < 60.0 {
        format!("{}s", trim_zeros(seconds, 1))
    } else if seconds < 3600.0 {
        two_parts(seconds, 60.0, 'm', 's')
    } else {
        two_parts(seconds / 60.0, 60.0, 'h', 'm')
    }
}

fn two_parts(value: f64, size: f64, big: char, small: char) -> String {
    let value = value.round();
    let (whole, rest) = ((value / size).floor(), value % size);
    if rest == 0.0 { format!("{whole}{big}") } else { format!("{whole}{big}{rest}{small}") }
}

fn trim_zeros(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Latencies above this are not told apart (ms): whatever is longer is known to be at least that.
pub const LONGEST_MS: f64 = 3_600_000.0;

/// Prints milliseconds for a reader: `0.42 ms`, `21.5 ms`, `142 ms`, `1.25 s`, `≥ 1 h`.
#[must_use]
pub fn format_millis(millis: f64) -> String {
    if !millis.is_finite() {
        "-".into()
    } else if millis >= LONGEST_MS {
        "≥ 1 h".into()
    } else if millis < 10.0 {
        format!("{millis:.2} ms")
    } else if millis < 100.0 {
        format!("{millis:.1} ms")
    } else if millis < 1000.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.2} s", millis / 1000.0)
    }
}

/// Prints a share (0.0123) as percent with the digits that matter: `1.23 %`, `0.05 %`, `12 %`, `100 %`; what is there, however
/// little, is never 0: `<0.01 %`.
#[must_use]
pub fn format_share(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        "-".into()
    } else if percent == 0.0 || percent.abs() >= 99.995 {
        format!("{percent:.0} %")
    } else if percent.abs() < 0.005 {
        format!("{}<0.01 %", if percent < 0.0 { "-" } else { "" })
    } else if percent.abs() < 10.0 {
        format!("{} %", trim_zeros(percent, 2))
    } else {
        format!("{} %", trim_zeros(percent, 1))
    }
}

/// Prints a count with thin groups: `12,345`.
#[must_use]
pub fn format_count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Reads a share written in percent, `1%` or `0.5%`, as a fraction (0.01, 0.005).
///
/// # Errors
/// [`QuantityError`] where `%` is missing or the number is not finite.
pub fn parse_percent(text: &str) -> Result<f64, QuantityError> {
    let malformed = || QuantityError::Malformed { value: text.into(), what: "percentage", example: "`1%` or `0.5%`" };
    let (number, unit) = split_number(text.trim()).ok_or_else(malformed)?;
    match unit.trim() {
        "%" => Ok(number / 100.0),
        "" => Err(QuantityError::MissingUnit { value: text.into(), example: format!("{}%", text.trim()) }),
        _ => Err(malformed()),
    }
}

/// Events per second, finite and not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// `None` where the value is negative or not finite.
    #[must_use]
    pub fn per_second(value: f64) -> Option<Self> {
        (value.is_finite() && value >= 0.0).then_some(Self(value))
    }

    /// Events per second.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::Malformed { value: text.into(), what: "rate", example: "`300/s`, `90/m` or `5000/h`" };
        let (number, unit) = split_number(text.trim()).ok_or_else(malformed)?;
        let seconds = match unit.trim() {
            "/s" | "/sec" => 1.0,
            "/m" | "/min" => 60.0,
            "/h" => 3600.0,
            "" => return Err(QuantityError::MissingUnit { value: text.into(), example: format!("{}/s", text.trim()) }),
            _ => return Err(malformed()),
        };
        Ok(Self(number / seconds))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", trim_zeros(self.0, 2))
    }
}

/// A percentile strictly between 0 and 100, in thousandths of a percent so that it can be compared and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentile(u32);

impl Percentile {
    pub const P50: Self = Self(50_000);
    pub const P75: Self = Self(75_000);
    pub const P90: Self = Self(90_000);
    pub const P95: Self = Self(95_000);
    pub const P99: Self = Self(99_000);
    pub const P99_9: Self = Self(99_900);
    /// The percentiles that every report gives.
    pub const ALL: [Self; 6] = [Self::P50, Self::P75, Self::P90, Self::P95, Self::P99, Self::P99_9];

    /// The fraction of requests at or below it: 0.95 for p95.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 100_000.0
    }

    /// As a whole number: 95,000 for p95.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// How many requests it takes until ten are expected beyond it: 200 for p95, 1,000 for p99.
    #[must_use]
    pub fn requests_needed(self) -> u64 {
        let beyond = u64::from(100_000 - self.0);
        (10 * 100_000_u64).div_ceil(beyond)
    }
}

impl FromStr for Percentile {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let malformed = || QuantityError::Malformed { value: text.into(), what: "percentile", example: "`p95` or `p99.9`" };
        let number: f64 = text.strip_prefix('p').and_then(|n| n.parse().ok()).ok_or_else(malformed)?;
        if !(number > 0.0 && number < 100.0) {
            return Err(QuantityError::OutOfRange { value: text.into(), what: "percentile", allowed: "above p0 and below p100" });
        }
        let thousandths = (number * 1000.0).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100,000 by the check above")]
        let thousandths = thousandths as u32;
        if thousandths == 0 || thousandths == 100_000 {
            return Err(malformed());
        }
        Ok(Self(thousandths))
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", f64::from(self.0) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        for (text, millis) in [("250ms", 250), ("1.5s", 1500), ("2m", 120_000), ("1m30s", 90_000), ("1h", 3_600_000), ("0", 0), ("0s", 0)] {
            assert_eq!(parse_duration(text).map(|d| d.as_millis()), Ok(millis), "{text}");
        }
    }

    #[test]
    fn a_duration_without_a_unit_says_how_to_write_it() {
        let error = parse_duration("30").unwrap_err();
        assert_eq!(error.to_string(), "`30` has no unit: write for example `30s` or `30ms`");
    }

    #[test]
    fn nonsense_durations_are_refused() {
        for text in ["", "abc", "-5s", "1x", "s", "1e999s", ".nan", "inf", "5 apples", "99999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_print_as_they_are_written() {
        for text in ["250ms", "1.5s", "2m", "1m30s", "1h", "1h30m", "0s", "500us"] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Ok(text));
        }
    }

    #[test]
    fn rates_shares_and_percentiles_are_read_with_their_units() {
        assert_eq!("90/m".parse::<Rate>().map(Rate::get), Ok(1.5));
        assert!("90".parse::<Rate>().is_err());
        assert_eq!(parse_percent("0.5%"), Ok(0.005));
        assert!(parse_percent("0.5").is_err());
        assert_eq!("p99.9".parse::<Percentile>(), Ok(Percentile::P99_9));
        for text in ["p0", "p100", "p", "95", "pNaN", "p-1"] {
            assert!(text.parse::<Percentile>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_percentile_needs_ten_requests_beyond_it() {
        assert_eq!(Percentile::P95.requests_needed(), 200);
        assert_eq!(Percentile::P99.requests_needed(), 1000);
        assert_eq!(Percentile::P50.requests_needed(), 20);
    }

    #[test]
    fn numbers_print_for_readers() {
        assert_eq!(format_millis(0.416), "0.42 ms");
        assert_eq!(format_millis(142.2), "142 ms");
        assert_eq!(format_millis(1250.0), "1.25 s");
        assert_eq!([3_599_999.0, 3_600_000.0].map(format_millis), ["3600.00 s", "≥ 1 h"]);
        assert_eq!(format_share(0.0123), "1.23 %");
        assert_eq!(format_share(1.0), "100 %");
        assert_eq!([0.0, 0.000_001, 0.000_05, -0.000_001].map(format_share), ["0 %", "<0.01 %", "0.01 %", "-<0.01 %"]);
        assert_eq!(format_count(1_234_567), "1,234,567");
    }
}
