//! Templates filled in: what each `${..}` is for one user at one moment, written with the escape of its place.

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde_json::Value as Json;

use crate::plan::Dice;
use crate::scenario::{DataSet, Escape, Expression, Part, Template};

/// Everything but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value that a user keeps.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(Arc<str>),
    /// As it stood in an answer, with its own type.
    Json(Json),
}

/// A template asked for a variable that is not set (yet, or because what should have set it failed).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingValue {
    pub slot: usize,
}

/// What a template can see.
#[derive(Debug)]
pub struct Scope<'a> {
    pub data: &'a [DataSet],
    /// Current row of each data set.
    pub rows: &'a [usize],
    pub variables: &'a [Option<Value>],
    /// From 1.
    pub user: u64,
    /// From 1.
    pub iteration: u64,
    pub dice: &'a mut Dice,
}

impl Scope<'_> {
    /// Appends the filled-in template to `out`.
    ///
    /// # Errors
    /// [`MissingValue`] where a variable is not set; `out` may then hold a part.
    pub fn write(&mut self, template: &Template, out: &mut Vec<u8>) -> Result<(), MissingValue> {
        for part in template.parts() {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Value { expression, escape } => write_escaped(&self.value(expression)?, *escape, out),
            }
        }
        Ok(())
    }

    /// The filled-in template as text.
    ///
    /// # Errors
    /// [`MissingValue`] where a variable is not set.
    pub fn text(&mut self, template: &Template) -> Result<String, MissingValue> {
        let mut out = Vec::new();
        self.write(template, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// The one value that a template consists of, with its type; text where there is more around it.
    ///
    /// # Errors
    /// [`MissingValue`] where a variable is not set.
    pub fn typed(&mut self, template: &Template) -> Result<Value, MissingValue> {
        match template.parts() {
            [Part::Value { expression, .. }] => self.value(expression),
            _ => self.text(template).map(|text| Value::Text(text.into())),
        }
    }

    fn value(&mut self, expression: &Expression) -> Result<Value, MissingValue> {
        Ok(match expression {
            Expression::Variable(slot) => {
                return self.variables.get(*slot).cloned().flatten().ok_or(MissingValue { slot: *slot });
            }
            Expression::Column { data, column } => Value::Text(Arc::clone(&self.data[*data].rows[self.rows[*data]][*column])),
            Expression::UserId => Value::Json(self.user.into()),
            Expression::Iteration => Value::Json(self.iteration.into()),
            Expression::Uuid => Value::Text(uuid(self.dice).into()),
            Expression::RandomInt(low, high) => Value::Json(self.dice.between(*low, *high).into()),
            Expression::RandomChoice(choices) => {
                let index = usize::try_from(self.dice.below(choices.len() as u64)).unwrap_or_default();
                return self.value(&choices[index]);
            }
            Expression::Now => Value::Text(format!("{:.3}", Timestamp::now()).into()),
            Expression::Literal(text) => Value::Text(Arc::clone(text)),
            Expression::Number(inner) => number(self.value(inner)?),
            Expression::Base64(template) => Value::Text(BASE64.encode(self.text(template)?).into()),
        })
    }
}

impl Value {
    /// As text; a JSON string without its quotes.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Json(Json::String(text)) => text.clone(),
            Self::Json(json) => json.to_string(),
        }
    }

    /// As JSON; text becomes a string.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Text(text) => Json::String(text.to_string()),
            Self::Json(json) => json.clone(),
        }
    }
}

fn number(value: Value) -> Value {
    let text = value.to_text();
    match serde_json::from_str::<Json>(text.trim()) {
        Ok(json @ Json::Number(_)) => Value::Json(json),
        _ => value,
    }
}

/// A version 4 UUID out of the user's own chance, so that the same seed sends the same.
fn uuid(dice: &mut Dice) -> String {
    let (high, low) = (dice.bits(), dice.bits());
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48, low & 0xffff_ffff_ffff)
}

fn write_escaped(value: &Value, escape: Escape, out: &mut Vec<u8>) {
    match escape {
        Escape::None => out.extend_from_slice(value.to_text().as_bytes()),
        Escape::Percent => {
            for piece in percent_encode(value.to_text().as_bytes(), RESERVED) {
                out.extend_from_slice(piece.as_bytes());
            }
        }
        Escape::Header => out.extend(value.to_text().bytes().filter(|byte| *byte >= b' ' && *byte != 0x7f)),
        Escape::JsonValue => {
            let _ = write!(out, "{}", value.to_json());
        }
        Escape::JsonString => {
            let quoted = Json::String(value.to_text()).to_string();
            out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Stream;

    fn written(expression: Expression, escape: Escape, variables: &[Option<Value>]) -> Result<String, MissingValue> {
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut scope = Scope { data: &[], rows: &[], variables, user: 3, iteration: 9, dice: &mut dice };
        scope.text(&Template::new(vec![Part::Text("<".into()), Part::Value { expression, escape }, Part::Text(">".into())]))
    }

    #[test]
    fn values_are_escaped_for_their_place() {
        let hostile = [Some(Value::Text("a/b \"ü\"\r\nx: 1".into()))];
        let variable = Expression::Variable(0);
        assert_eq!(written(variable.clone(), Escape::Percent, &hostile).unwrap(), "<a%2Fb%20%22%C3%BC%22%0D%0Ax%3A%201>");
        assert_eq!(written(variable.clone(), Escape::Header, &hostile).unwrap(), "<a/b \"ü\"x: 1>");
        assert_eq!(written(variable.clone(), Escape::JsonString, &hostile).unwrap(), r#"<a/b \"ü\"\r\nx: 1>"#);
        assert_eq!(written(variable, Escape::JsonValue, &hostile).unwrap(), r#"<"a/b \"ü\"\r\nx: 1">"#);
    }

    #[test]
    fn saved_json_keeps_its_type() {
        let saved = [Some(Value::Json(17.into()))];
        assert_eq!(written(Expression::Variable(0), Escape::JsonValue, &saved).unwrap(), "<17>");
        let column = Expression::Number(Box::new(Expression::Literal("42".into())));
        assert_eq!(written(column, Escape::JsonValue, &[]).unwrap(), "<42>");
        let word = Expression::Number(Box::new(Expression::Literal("many".into())));
        assert_eq!(written(word, Escape::JsonValue, &[]).unwrap(), "<\"many\">");
    }

    #[test]
    fn a_value_that_is_not_set_is_named() {
        assert_eq!(written(Expression::Variable(1), Escape::None, &[None, None]), Err(MissingValue { slot: 1 }));
    }

    #[test]
    fn generated_values_follow_from_the_seed() {
        let first = written(Expression::Uuid, Escape::None, &[]).unwrap();
        assert_eq!(first, written(Expression::Uuid, Escape::None, &[]).unwrap());
        assert_eq!((first.len(), &first[15..16]), (38, "4"));
        assert_eq!(written(Expression::UserId, Escape::None, &[]).unwrap(), "<3>");
        assert_eq!(written(Expression::Iteration, Escape::None, &[]).unwrap(), "<9>");
        assert_eq!(written(Expression::RandomInt(5, 5), Escape::None, &[]).unwrap(), "<5>");
    }
}
