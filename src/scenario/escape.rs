//! Writing a value so that it stays one value at its place: in a path, a JSON text, a header.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::template::Escape;

/// All but the unreserved characters of RFC 3986.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What may not stand in a path or query as it is; `%` may, since who writes a path may have encoded it.
const PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

impl Escape {
    /// Appends `text` to `out` as it has to be written at this kind of place. For [`Escape::JsonValue`] it becomes a JSON string.
    pub fn write(self, text: &str, out: &mut String) {
        match self {
            Self::None => out.push_str(text),
            Self::Percent => out.extend(utf8_percent_encode(text, VALUE)),
            Self::JsonValue => out.push_str(&Value::from(text).to_string()),
            Self::JsonString => {
                let quoted = Value::from(text).to_string();
                out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            }
            Self::Header => out.extend(text.chars().filter(|c| !is_forbidden_in_header(*c))),
        }
    }
}

/// Whether a character would end or spoil a header line.
pub(super) fn is_forbidden_in_header(character: char) -> bool {
    character.is_control() && character != '\t'
}

/// A path as written, with what may not be sent in it percent-encoded.
pub(super) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_its_own_escape() {
        for (escape, written) in [
            (Escape::None, "a/\"b\" é\n"),
            (Escape::Percent, "a%2F%22b%22%20%C3%A9%0A"),
            (Escape::JsonString, "a/\\\"b\\\" é\\n"),
            (Escape::JsonValue, "\"a/\\\"b\\\" é\\n\""),
            (Escape::Header, "a/\"b\" é"),
        ] {
            let mut out = String::new();
            escape.write("a/\"b\" é\n", &mut out);
            assert_eq!(out, written, "{escape:?}");
        }
    }
}
