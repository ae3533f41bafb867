//! Text with values to be filled in, compiled once: `${token}`, `${products.id}`, `${random_int(1, 100)}`.
//! What a value is at a moment is known to the user who sends, not here.

use std::sync::Arc;

/// Text and values, in order. A text without values is one part, or none for an empty text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(Arc<str>),
    Value { expression: Expression, escape: Escape },
}

/// How a value is written at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// As it is.
    None,
    /// Percent-encoded for a path segment or a query or form value.
    Percent,
    /// Inside a JSON string.
    JsonString,
    /// As a JSON value of its own type: saved values keep theirs, `random_int` and `number` are numbers, text is a string.
    JsonValue,
    /// In a header: control bytes are dropped.
    Header,
}

/// A value to be filled in. `${env.NAME}` is text by the time it gets here.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A saved variable or the element of a `foreach`, by slot.
    Variable(usize),
    /// A cell of the current row of a data set.
    Column {
        data: usize,
        column: usize,
    },
    /// The user's number, from 1.
    UserId,
    /// Which iteration of its tasks the user is in (closed), or which start it is (open), from 1.
    Iteration,
    Uuid,
    /// Uniform, both ends included.
    RandomInt(i64, i64),
    /// One of them, uniform.
    RandomChoice(Vec<Expression>),
    /// RFC 3339, UTC, milliseconds.
    Now,
    Literal(Arc<str>),
    /// The value as a JSON number, for numbers out of data files.
    Number(Box<Expression>),
    /// A text, filled in and then written as Base64: the credentials of basic authentication.
    Base64(Template),
}

impl Template {
    /// From its parts.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The whole text where nothing has to be filled in.
    #[must_use]
    pub fn as_static(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}
