//! The part of GitHub's expressions that our files use. A name that nothing sets is a mistake of ours and fails the test,
//! where GitHub would fill in nothing.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value, json};

/// What an expression may speak of.
#[derive(Clone, Default)]
pub struct Known {
    /// `github`, `inputs`, `steps` and so on.
    pub contexts: Map<String, Value>,
    pub failed: bool,
    pub cancelled: bool,
}

impl Known {
    /// The text with every `${{ }}` filled in.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, expression)) = rest.split_once("${{") {
            let (expression, behind) = expression.split_once("}}").unwrap_or_else(|| panic!("`}}}}` is missing: {text}"));
            filled.push_str(before);
            filled.push_str(&text_of(&self.value(expression)));
            rest = behind;
        }
        filled + rest
    }

    /// Every text of these, filled in.
    pub fn fill_all(&self, values: Option<&Value>) -> Map<String, Value> {
        let entries = values.and_then(Value::as_object).into_iter().flatten();
        entries.map(|(name, value)| (name.clone(), Value::String(self.fill(&text_of(value))))).collect()
    }

    /// Whether a step with this condition is taken.
    pub fn allows(&self, condition: Option<&Value>) -> bool {
        let condition = condition.map(text_of).unwrap_or_default();
        let inner = condition.trim().strip_prefix("${{").and_then(|inner| inner.strip_suffix("}}"));
        let condition = inner.unwrap_or(&condition).trim();
        let asks_itself = ["always(", "failure(", "cancelled(", "success("].iter().any(|function| condition.contains(function));
        let goes_on = asks_itself || !(self.failed || self.cancelled);
        goes_on && (condition.is_empty() || is_true(&self.value(condition)))
    }

    fn value(&self, expression: &str) -> Value {
        let mut reader = Reader { known: self, rest: expression.chars().peekable(), whole: expression };
        let value = reader.either();
        reader.skip_space();
        assert!(reader.rest.peek().is_none(), "cannot be read to its end: {expression}");
        value
    }
}

struct Reader<'a> {
    known: &'a Known,
    rest: Peekable<Chars<'a>>,
    whole: &'a str,
}

impl Reader<'_> {
    fn either(&mut self) -> Value {
        let mut value = self.both();
        while self.takes("||") {
            let other = self.both();
            value = if is_true(&value) { value } else { other };
        }
        value
    }

    fn both(&mut self) -> Value {
        let mut value = self.comparison();
        while self.takes("&&") {
            let other = self.comparison();
            value = if is_true(&value) { other } else { value };
        }
        value
    }

    fn comparison(&mut self) -> Value {
        let value = self.single();
        if self.takes("==") {
            return json!(text_of(&value).eq_ignore_ascii_case(&text_of(&self.single())));
        }
        if self.takes("!=") {
            return json!(!text_of(&value).eq_ignore_ascii_case(&text_of(&self.single())));
        }
        value
    }

    fn single(&mut self) -> Value {
        if self.takes("(") {
            let value = self.either();
            assert!(self.takes(")"), "`)` is missing: {}", self.whole);
            return value;
        }
        if self.takes("'") {
            return Value::String(self.take_while(|c| c != '\'', true));
        }
        self.skip_space();
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'), false);
        if self.takes("(") { self.call(&name) } else { self.named(&name) }
    }

    fn call(&mut self, function: &str) -> Value {
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(text_of(&self.either()));
            self.takes(",");
        }
        let Known { failed, cancelled, .. } = self.known;
        match (function, arguments.as_slice()) {
            ("always", []) => json!(true),
            ("success", []) => json!(!failed && !cancelled),
            ("failure", []) => json!(failed),
            ("cancelled", []) => json!(cancelled),
            ("format", [pattern, value]) => json!(pattern.replace("{0}", value)),
            ("endsWith", [text, end]) => json!(text.ends_with(end.as_str())),
            _ => panic!("unknown function `{function}`: {}", self.whole),
        }
    }

    fn named(&self, name: &str) -> Value {
        let mut parts = name.split('.');
        let context = parts.next().unwrap_or_default();
        let mut value = self.known.contexts.get(context).unwrap_or_else(|| panic!("no context `{context}`: {}", self.whole));
        for part in parts {
            match value.get(part) {
                Some(found) => value = found,
                // A step says what it likes, and says nothing where it was skipped.
                None if context == "steps" && value.get("outputs").is_none() => return Value::Null,
                None => panic!("no `{name}`: {}", self.whole),
            }
        }
        value.clone()
    }

    fn takes(&mut self, token: &str) -> bool {
        self.skip_space();
        let mut ahead = self.rest.clone();
        let is_next = token.chars().all(|c| ahead.next() == Some(c));
        if is_next {
            self.rest = ahead;
        }
        is_next
    }

    fn skip_space(&mut self) {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool, and_end: bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.next_if(|c| is_part(*c)) {
            taken.push(c);
        }
        if and_end {
            self.rest.next();
        }
        taken
    }
}

/// A value as it stands in a text.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_true(value: &Value) -> bool {
    // The text `0` is true, as any text but the empty one.
    !matches!(value, Value::Null | Value::Bool(false)) && *value != json!(0) && *value != json!("")
}

#[test]
fn expressions_are_read_as_github_reads_them() {
    let mut known = Known::default();
    known.contexts.insert("inputs".to_owned(), json!({"out": "perfgate-out", "empty": ""}));
    known.contexts.insert("steps".to_owned(), json!({"one": {"outputs": {"code": "0"}}}));
    for (text, filled) in [
        ("${{ inputs.out }}/x", "perfgate-out/x"),
        ("${{ inputs.empty || format('a-{0}', inputs.out) }}", "a-perfgate-out"),
        ("${{ steps.one.outputs.code || 'none' }}${{ steps.one.outputs.other }}", "0"),
        ("${{ inputs.out == 'PERFGATE-OUT' && (inputs.empty != '' || 'yes') }}", "yes"),
    ] {
        assert_eq!(known.fill(text), filled, "{text}");
    }
    assert!(known.allows(None) && known.allows(Some(&json!("inputs.out == 'perfgate-out'"))));
    known.failed = true;
    assert!(!known.allows(None) && !known.allows(Some(&json!("${{ inputs.out != '' }}"))));
    assert!(known.allows(Some(&json!("${{ always() && inputs.out != '' }}"))));
    assert!(!known.allows(Some(&json!("always() && inputs.empty"))));
    assert!(std::panic::catch_unwind(|| known.fill("${{ inputs.scenrio }}")).is_err());
}
