//! Values as YAML text: plain where nothing can be mistaken, else quoted.

use std::fmt::Write as _;

use serde_json::Value;

/// A longer value is written over several lines.
const WIDEST: usize = 100;

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// On its own line: braces are plain.
    Block,
    /// Within `{}` or `[]`.
    Flow,
}

/// A text, quoted where it needs to be.
#[must_use]
pub fn text(text: &str, position: Position) -> String {
    if is_plain(text, position) { text.to_owned() } else { quoted(text) }
}

/// `{a: 1, b: "x y"}`
#[must_use]
pub fn flow_pairs(pairs: &[(String, String)]) -> String {
    let written: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}: {}", text(name, Position::Flow), text(value, Position::Flow))).collect();
    format!("{{{}}}", written.join(", "))
}

/// `key: ..` with its value on the same line, or on lines of their own where it is long.
pub fn push_pairs(out: &mut String, indent: usize, key: &str, pairs: &[(String, String)]) {
    let flow = flow_pairs(pairs);
    let margin = " ".repeat(indent);
    if indent + key.len() + 2 + flow.len() <= WIDEST {
        let _ = writeln!(out, "{margin}{key}: {flow}");
        return;
    }
    let _ = writeln!(out, "{margin}{key}:");
    for (name, value) in pairs {
        let _ = writeln!(out, "{margin}  {}: {}", text(name, Position::Block), text(value, Position::Block));
    }
}

/// As [`push_pairs`], for any JSON value.
pub fn push_json(out: &mut String, indent: usize, key: &str, value: &Value) {
    let flow = flow_json(value);
    let margin = " ".repeat(indent);
    if indent + key.len() + 2 + flow.len() <= WIDEST {
        let _ = writeln!(out, "{margin}{key}: {flow}");
        return;
    }
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let _ = writeln!(out, "{margin}{key}:");
            for (name, value) in entries {
                push_json(out, indent + 2, &text(name, Position::Block), value);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let _ = writeln!(out, "{margin}{key}:");
            for item in items {
                let _ = writeln!(out, "{margin}  - {}", flow_json(item));
            }
        }
        _ => {
            let _ = writeln!(out, "{margin}{key}: {flow}");
        }
    }
}

/// A value on one line.
fn flow_json(value: &Value) -> String {
    match value {
        Value::String(string) => text(string, Position::Flow),
        Value::Array(items) => format!("[{}]", items.iter().map(flow_json).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let written = entries.iter().map(|(name, value)| format!("{}: {}", text(name, Position::Flow), flow_json(value)));
            format!("{{{}}}", written.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Only what no reader of YAML takes for anything but a text.
fn is_plain(text: &str, position: Position) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '$' || c == '_');
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/_.$+-=?&%()~;".contains(c) || (position == Position::Block && "{},".contains(c));
    let inner_ok = text.char_indices().all(|(at, c)| match c {
        ':' => text[at + 1..].starts_with(|next: char| next != ' ' && is_safe(next)),
        ' ' => at + 1 < text.len() && !text[at + 1..].starts_with([' ', '#']),
        c => is_safe(c),
    });
    begins_well && inner_ok && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// What YAML allows as it is, line separators and the byte order mark left out.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') && u32::from(c) <= 0xffff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::document::Document;

    fn read(yaml: &str) -> Value {
        Document::from_text("t.yaml", yaml).parse().unwrap_or_else(|error| panic!("{error}\n{yaml}"))
    }

    #[test]
    fn what_needs_no_quotes_has_none() {
        for plain in ["/api/products", "/api/${id}", "Bearer ${token}", "$.access_token", "application/json", "a b c"] {
            assert_eq!(text(plain, Position::Block), plain);
        }
        for other in ["${id}", "a: b", "a #b", "1", "true", "No", "- x", "", "a,b", "{x", "a ", "é", "*x", "!x", "a:"] {
            assert!(text(other, Position::Flow).starts_with('"'), "{other}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-z:# ${}\\[\\],\"'\\\\\n-]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z:# ${}-]{1,8}|\\PC{1,4}", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn every_value_is_read_back_as_it_was(value in any_json(), indent in prop_oneof![Just(0_usize), Just(90)]) {
            let mut out = String::new();
            push_json(&mut out, 0, "key", &json!({"a": value.clone(), "pad": "x".repeat(indent)}));
            prop_assert_eq!(&read(&out)["key"]["a"], &value, "{}", out);
        }

        #[test]
        fn pairs_are_read_back_as_they_were(name in "[A-Za-z_][A-Za-z0-9_-]{0,9}", value in any::<String>(), wide in any::<bool>()) {
            let mut out = String::new();
            let pad = "x".repeat(if wide { 100 } else { 1 });
            push_pairs(&mut out, 0, "query", &[(name.clone(), format!("v{value}")), ("pad_".to_owned(), pad)]);
            prop_assert_eq!(&read(&out)["query"][&name], &Value::from(format!("v{value}")), "{}", out);
        }
    }
}
