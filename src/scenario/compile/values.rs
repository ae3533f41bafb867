//! Texts with `${..}` as templates: names become slots, columns and functions, and what was read is noted down.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Checked;
use super::context::Context;
use super::syntax::{Piece, Syntax, parse, split, unquote};
use crate::document::{Mistake, Place, Placed, nearest, suggestion};
use crate::scenario::escape::encode_path;
use crate::scenario::{Escape, Expression, Part, Template};

const FUNCTIONS: [&str; 5] = ["uuid()", "random_int(1, 100)", "random_choice(a, b)", "now()", "number(x)"];
const FORMS: &str = "values are `${name}`, `${data.column}`, `${env.NAME}`, `${user.id}`, `${iteration}`, `${uuid()}`, \
                     `${random_int(1, 100)}`, `${random_choice(a, b)}`, `${now()}` and `${number(x)}`; a literal `${` is written `$${`";

/// How deep functions may stand in each other.
const MAX_DEPTH: usize = 8;

/// What the templates of a step refer to.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    /// Slot, and where it is read.
    pub variables: Vec<(usize, Place)>,
    pub data: BTreeSet<usize>,
    /// Index into the declared environment variables.
    pub environment: BTreeSet<usize>,
}

impl Reads {
    /// Adds what another template reads.
    pub fn include(&mut self, other: &Self) {
        let Self { variables, data, environment } = other;
        self.variables.extend_from_slice(variables);
        self.data.extend(data);
        self.environment.extend(environment);
    }
}

/// Compiles templates and notes what they read.
#[derive(Debug)]
pub struct Values<'a> {
    pub context: &'a Context<'a>,
    pub reads: Reads,
}

/// How the plain text between values is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    AsWritten,
    /// As values are.
    Escaped,
    /// As a path: what is encoded already stays as it is.
    Path,
}

/// Parts of a template under construction.
#[derive(Debug, Default)]
pub struct Parts {
    parts: Vec<Part>,
    text: String,
}

impl Parts {
    pub fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends a finished template.
    pub fn push_template(&mut self, template: &Template) {
        for part in template.parts() {
            match part {
                Part::Text(text) => self.push_text(text),
                Part::Value { .. } => {
                    self.end_text();
                    self.parts.push(part.clone());
                }
            }
        }
    }

    fn push_value(&mut self, expression: Expression, escape: Escape) {
        match expression {
            Expression::Literal(text) => escape.write(&text, &mut self.text),
            expression => {
                self.end_text();
                self.parts.push(Part::Value { expression, escape });
            }
        }
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(Arc::from(std::mem::take(&mut self.text))));
        }
    }

    pub fn into_template(mut self) -> Template {
        self.end_text();
        Template::new(self.parts)
    }
}

impl<'a> Values<'a> {
    pub fn new(context: &'a Context<'a>) -> Self {
        Self { context, reads: Reads::default() }
    }

    /// A text as a template, its plain text as written.
    pub fn template(&mut self, text: &str, place: Place, escape: Escape) -> Checked<Template> {
        let mut parts = Parts::default();
        self.append(&mut parts, &Placed { value: text, place }, escape, Plain::AsWritten)?;
        Ok(parts.into_template())
    }

    /// Appends a text to a template.
    pub fn append(&mut self, parts: &mut Parts, text: &Placed<&str>, escape: Escape, plain: Plain) -> Checked<()> {
        for piece in self.split(text)? {
            match piece {
                Piece::Text(piece) => match plain {
                    Plain::AsWritten => parts.push_text(&piece),
                    Plain::Escaped => escape.write(&piece, &mut parts.text),
                    Plain::Path => parts.push_text(&encode_path(&piece)),
                },
                Piece::Value { written, inner } => {
                    let place = self.context.document.find(text.place, written);
                    let expression = self.expression(&Occurrence { whole: written, inner, place }, 0)?;
                    parts.push_value(expression, escape);
                }
            }
        }
        Ok(())
    }

    /// The pieces of a text.
    pub fn split<'t>(&self, text: &Placed<&'t str>) -> Checked<Vec<Piece<'t>>> {
        split(text.value).map_err(|unclosed| {
            let place = self.context.document.find(text.place, unclosed);
            self.context.mistake_with_hint(place, "`${` is not closed by a `}`", FORMS)
        })
    }

    fn expression(&mut self, value: &Occurrence<'_>, depth: usize) -> Checked<Expression> {
        let Some(syntax) = parse(value.inner).filter(|_| depth < MAX_DEPTH) else {
            return Err(self.context.mistake_with_hint(value.place, format!("`{}` is not a value", value.whole), FORMS));
        };
        match syntax {
            Syntax::Name("iteration") => Ok(Expression::Iteration),
            Syntax::Name(name) => self.variable(name, value),
            Syntax::Member("user", "id") => Ok(Expression::UserId),
            Syntax::Member("user", _) => {
                Err(self.context.mistake_with_hint(value.place, format!("`{}` is not a value", value.whole), "did you mean `user.id`?"))
            }
            Syntax::Member("env", name) => self.environment(name, value),
            Syntax::Member(set, column) => self.column(set, column, value),
            Syntax::Call(name, arguments) => self.call(name, &arguments, value, depth),
        }
    }

    fn variable(&mut self, name: &str, value: &Occurrence<'_>) -> Checked<Expression> {
        if let Some(slot) = self.context.variables.iter().position(|variable| variable == name) {
            self.reads.variables.push((slot, value.place));
            return Ok(Expression::Variable(slot));
        }
        let message = format!("nothing sets `{}`", value.whole);
        let hint = if let Some(set) = self.context.data.iter().find(|set| set.name == name) {
            format!("`{name}` is a data set: name a column, as `${{{name}.{}}}`", set.columns.first().map_or("id", String::as_str))
        } else if self.context.environment.iter().any(|variable| variable.name == name) {
            format!("write `${{env.{name}}}`")
        } else {
            let known = self.known_values();
            nearest(name, &known).map_or_else(
                || "a `save` or `foreach` of a step sets a value; else name a data column, `env.NAME` or a function".to_owned(),
                |word| format!("did you mean `${{{word}}}`?"),
            )
        };
        Err(self.context.mistake_with_hint(value.place, message, hint))
    }

    fn known_values(&self) -> Vec<String> {
        let columns = self.context.data.iter().flat_map(|set| set.columns.iter().map(|column| format!("{}.{column}", set.name)));
        let functions = ["uuid()", "now()", "user.id", "iteration"].map(str::to_owned);
        self.context.variables.iter().cloned().chain(columns).chain(functions).collect()
    }

    fn environment(&mut self, name: &str, value: &Occurrence<'_>) -> Checked<Expression> {
        let declared = self.context.environment;
        let Some(index) = declared.iter().position(|variable| variable.name == name) else {
            let names: Vec<&str> = declared.iter().map(|variable| variable.name.as_str()).collect();
            let hint = nearest(name, &names).map_or_else(|| format!("add it: `env: [{name}]`"), |word| format!("did you mean `{word}`?"));
            return Err(self.context.mistake_with_hint(
                value.place,
                format!("environment variable `{name}` is not listed under `env`"),
                hint,
            ));
        };
        self.reads.environment.insert(index);
        if let Some(text) = &declared[index].value {
            return Ok(Expression::Literal(Arc::from(text.as_str())));
        }
        let hint = "set it in the job's environment; pull requests from forks get no secrets";
        Err(self.context.mistake_with_hint(value.place, format!("environment variable `{name}` is not set or empty"), hint))
    }

    fn column(&mut self, set: &str, column: &str, value: &Occurrence<'_>) -> Checked<Expression> {
        let data = self.context.data;
        let Some(index) = data.iter().position(|known| known.name == set) else {
            let hint = nearest(&format!("{set}.{column}"), &self.known_values()).map_or_else(
                || suggestion(set, &data.iter().map(|known| known.name.as_str()).collect::<Vec<_>>()),
                |word| format!("did you mean `${{{word}}}`?"),
            );
            return Err(self.context.mistake_with_hint(value.place, format!("there is no data set `{set}`"), hint));
        };
        let Some(column_index) = data[index].columns.iter().position(|known| known == column) else {
            let message = format!("data set `{set}` has no column `{column}`");
            return Err(self.context.mistake_with_hint(value.place, message, suggestion(column, &data[index].columns)));
        };
        self.reads.data.insert(index);
        Ok(Expression::Column { data: index, column: column_index })
    }

    fn call(&mut self, name: &str, arguments: &[&str], value: &Occurrence<'_>, depth: usize) -> Checked<Expression> {
        match (name, arguments) {
            ("uuid", []) => Ok(Expression::Uuid),
            ("now", []) => Ok(Expression::Now),
            ("random_int", [low, high]) => match (low.parse(), high.parse()) {
                (Ok(low), Ok(high)) if low <= high => Ok(Expression::RandomInt(low, high)),
                _ => Err(self.wrong_arguments(value, "two whole numbers, the smaller one first, as `random_int(1, 100)`")),
            },
            ("random_choice", [_, ..]) => {
                let choices = arguments.iter().map(|choice| Expression::Literal(Arc::from(unquote(choice))));
                Ok(Expression::RandomChoice(choices.collect()))
            }
            ("number", [argument]) if unquote(argument) != *argument || argument.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                self.number(Expression::Literal(Arc::from(unquote(argument))), value)
            }
            ("number", [argument]) => {
                let expression = self.expression(&Occurrence { inner: argument, ..*value }, depth + 1)?;
                self.number(expression, value)
            }
            ("uuid" | "now", _) => Err(self.wrong_arguments(value, "nothing between its parentheses")),
            ("random_choice", []) => Err(self.wrong_arguments(value, "at least one choice, as `random_choice(red, green)`")),
            ("random_int", _) => Err(self.wrong_arguments(value, "two whole numbers, as `random_int(1, 100)`")),
            ("number", _) => Err(self.wrong_arguments(value, "one value, as `number(products.price)`")),
            _ => {
                let names = FUNCTIONS.map(|function| function.split('(').next().unwrap_or_default());
                let hint = nearest(name, &names).map_or_else(|| suggestion("", &FUNCTIONS), |word| format!("did you mean `{word}`?"));
                Err(self.context.mistake_with_hint(value.place, format!("there is no function `{name}`"), hint))
            }
        }
    }

    fn number(&self, expression: Expression, value: &Occurrence<'_>) -> Checked<Expression> {
        match &expression {
            // While the hash is taken, a name in private-use characters stands in place of a value of the environment.
            Expression::Literal(text) if !text.starts_with('\u{f8ff}') && !is_json_number(text) => {
                Err(self.wrong_arguments(value, "a number"))
            }
            _ => Ok(Expression::Number(Box::new(expression))),
        }
    }

    fn wrong_arguments(&self, value: &Occurrence<'_>, needed: &str) -> Box<Mistake> {
        self.context.mistake(value.place, format!("`{}` does not go: the function takes {needed}", value.whole))
    }
}

/// A value, whole and between its braces, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Occurrence<'a> {
    whole: &'a str,
    inner: &'a str,
    place: Place,
}

fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text.trim()).is_ok()
}
