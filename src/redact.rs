//! Values that must not be shown, blanked wherever they would be: as they are, and as JSON, an address or base64 writes
//! them. Which values those are is not known here.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Stands in the place of a value.
const BLANK: &str = "***";

/// Shorter values would blank half of every text.
const SHORTEST: usize = 6;

/// Words that are nobody's secret, and stand in texts that say something else.
const COMMON: [&str; 16] = [
    "default",
    "disabled",
    "enabled",
    "example",
    "github",
    "localhost",
    "password",
    "passwd",
    "perfgate",
    "production",
    "public",
    "secret",
    "service",
    "staging",
    "target",
    "testing",
];

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const OF_PATH: &AsciiSet = &UNRESERVED.remove(b'/');
const OF_QUERY: &AsciiSet = &OF_PATH.remove(b'?').remove(b'+').remove(b':').remove(b'@').remove(b'=').remove(b'&');

/// Knows the values to blank.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Every way to write one of them, the longest first.
    spellings: Vec<String>,
}

/// Without the values.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// Why a value is not blanked, where it is not.
#[must_use]
pub fn objection(value: &str) -> Option<&'static str> {
    if value.trim().chars().count() < SHORTEST {
        Some("is shorter than 6 characters")
    } else if COMMON.contains(&value.trim().to_ascii_lowercase().as_str()) {
        Some("is a common word")
    } else {
        None
    }
}

impl Redactor {
    /// From now on `secret` is blanked, and each of its lines: unless [`objection`] says why not.
    pub fn hide(&mut self, secret: &str) {
        for value in std::iter::once(secret).chain(secret.lines()).map(str::trim).filter(|value| objection(value).is_none()) {
            self.spellings.extend(spellings(value));
        }
        self.spellings.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        self.spellings.dedup();
    }

    /// The text with `***` for every hidden value.
    #[must_use]
    pub fn redacted<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for spelling in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = Cow::Owned(text.replace(spelling.as_str(), BLANK));
            }
        }
        text
    }
}

fn spellings(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let mut all = vec![value.to_owned(), json[1..json.len() - 1].to_owned()];
    for set in [NON_ALPHANUMERIC, UNRESERVED, OF_PATH, OF_QUERY] {
        let encoded = utf8_percent_encode(value, set).to_string();
        all.extend([encoded.replace("%20", "+"), in_small_letters(&encoded), encoded]);
    }
    for before in 0..3 {
        all.extend(
            [STANDARD_NO_PAD.encode(shifted(value, before)), URL_SAFE_NO_PAD.encode(shifted(value, before))]
                .map(|text| core(&text, value, before)),
        );
    }
    all.retain(|spelling| spelling.chars().count() >= SHORTEST);
    all
}

/// `%2F` as `%2f`.
fn in_small_letters(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_at(piece.len().min(2));
        out.extend(["%", &code.to_ascii_lowercase(), rest]);
    }
    out
}

/// The value behind so many other bytes.
fn shifted(value: &str, before: usize) -> Vec<u8> {
    [&vec![0; before][..], value.as_bytes()].concat()
}

/// Of its base64 what does not depend on the bytes around the value.
fn core(encoded: &str, value: &str, before: usize) -> String {
    let (first, after) = ((before * 8).div_ceil(6), (before + value.len()) * 8 / 6);
    encoded.get(first..after).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    fn hiding(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in secrets {
            redactor.hide(secret);
        }
        redactor
    }

    #[test]
    fn a_value_is_blanked_however_it_is_written() {
        let redactor = hiding(&["c4n/ary+ s\"?é", "first-line\nsecond-line"]);
        for (text, shown) in [
            ("a c4n/ary+ s\"?é b", "a *** b"),
            (r#"{"a": "c4n/ary+ s\"?é"}"#, r#"{"a": "***"}"#),
            ("/x/c4n%2Fary%2B%20s%22%3F%C3%A9/y", "/x/***/y"),
            ("/x/c4n%2fary%2b%20s%22%3f%c3%a9/y", "/x/***/y"),
            ("?q=c4n%2Fary%2B+s%22%3F%C3%A9&r", "?q=***&r"),
            ("only second-line", "only ***"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(redactor.redacted(text), shown);
        }
    }

    #[test]
    fn short_values_and_common_words_are_not_blanked_and_the_reason_is_known() {
        for (value, reason) in [("12345", "shorter"), ("Password", "common"), ("  abc \n", "shorter")] {
            assert!(objection(value).unwrap().contains(reason));
            assert_eq!(hiding(&[value]).redacted("12345 Password abc password"), "12345 Password abc password");
        }
        assert_eq!(objection("s3cr3t"), None);
    }

    proptest! {
        #[test]
        fn no_encoding_of_a_hidden_value_is_left(secret in "[ -~é€]{6,40}", before in "[ -~]{0,5}", after in "[ -~]{0,5}") {
            prop_assume!(objection(&secret).is_none() && secret == secret.trim());
            let redactor = hiding(&[&secret]);
            let whole = format!("{before}{secret}{after}");
            let percent = |text: &str, set| utf8_percent_encode(text, set).to_string();
            for (text, trace) in [
                (whole.clone(), secret.clone()),
                (serde_json::Value::from(whole.as_str()).to_string(), secret.clone()),
                (percent(&whole, UNRESERVED), percent(&secret, UNRESERVED)),
                (percent(&whole, NON_ALPHANUMERIC), percent(&secret, NON_ALPHANUMERIC)),
            ] {
                prop_assert!(!redactor.redacted(&text).contains(&trace), "{}", redactor.redacted(&text));
            }
            for encoded in [STANDARD.encode(&whole), URL_SAFE.encode(&whole)] {
                // A character of base64 that holds bits of a neighbour too may stay: it says at most four bits of the value.
                let left: usize = redactor.redacted(&encoded).replace(BLANK, "").len();
                prop_assert!(left * 6 <= (before.len() + after.len()) * 8 + 30, "{encoded}: {}", redactor.redacted(&encoded));
            }
        }
    }
}
