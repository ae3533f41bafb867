//! Values of a Locust file as a scenario has them: texts with `${..}`, JSON, pauses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::answers::{Place, Wanted, looked_up, want};
use super::classes::plain_text;
use super::tables::cell;
use super::tasks::without_me;
use crate::init::draft::{Pairs, literal, pause};
use crate::init::python::{Expression, StatementKind, TextPiece};
use crate::init::secrets::{Secrets, is_secret_name, looks_secret};

/// What names stand for: `${..}`, or a literal text.
#[derive(Debug, Clone, Default)]
pub struct Names {
    known: BTreeMap<String, Known>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// As the scenario writes it.
    Written(String),
    /// A constant of the file.
    Constant(Expression),
    /// The answer to the step of this index.
    Answer(usize),
    /// Something within the JSON of an answer.
    Json(Place),
    /// The current row of the table of this name.
    Row(String),
}

impl Names {
    /// The constants at the top of a file.
    pub fn of_module(statements: &[crate::init::python::Statement]) -> Self {
        let mut names = Self::default();
        for statement in statements {
            if let StatementKind::Assign { target: Expression::Name(name), value } = &statement.kind
                && !matches!(value, Expression::Other)
            {
                names.set(name, Known::Constant(value.clone()));
            }
        }
        names
    }

    pub fn set(&mut self, name: &str, known: Known) {
        self.known.insert(name.to_owned(), known);
    }

    pub fn get(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    /// Takes what another body knows of `self`. Its answers are its own: they belong to its steps.
    pub fn take_over_own(&mut self, other: Self) {
        let is_kept = |(name, known): &(String, Known)| {
            name.starts_with("self.") && matches!(known, Known::Written(_) | Known::Constant(_) | Known::Row(_))
        };
        self.known.extend(other.known.into_iter().filter(is_kept));
    }

    /// Whether some name stands for this variable.
    pub fn has_variable(&self, variable: &str) -> bool {
        let written = format!("${{{variable}}}");
        self.known.values().any(|known| matches!(known, Known::Written(known) if *known == written))
    }

    /// What a name no longer stands for.
    pub fn forget(&mut self, name: &str) {
        self.known.remove(name);
    }
}

/// Turns expressions into what a scenario has; secrets and variables of the environment are noted on the way.
pub struct Values<'r> {
    pub names: &'r Names,
    pub secrets: &'r mut Secrets,
    pub env: &'r mut Vec<String>,
    /// What is to be saved of the answers so far.
    pub wanted: &'r mut Vec<Wanted>,
    /// `self`, by whatever name.
    pub me: &'r str,
}

impl Values<'_> {
    /// A text with `${..}`; `None` where nobody knows the value before the program runs.
    pub fn text(&mut self, expression: &Expression) -> Option<String> {
        self.text_within(expression, 0)
    }

    fn text_within(&mut self, expression: &Expression, depth: usize) -> Option<String> {
        if depth > 10 {
            return None;
        }
        match expression {
            Expression::Text(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    TextPiece::Plain(text) => Some(literal(text)),
                    TextPiece::Value(value) => self.text_within(value, depth + 1),
                })
                .collect(),
            Expression::Number(number) => Some(number.to_string()),
            Expression::Flag(flag) => Some(flag.to_string()),
            Expression::Name(name) => match self.names.get(&without_me(name, self.me)).cloned()? {
                Known::Written(written) => Some(written),
                Known::Constant(value) => self.text_within(&value, depth + 1),
                Known::Json(_) => self.of_answer(expression),
                Known::Answer(_) | Known::Row(_) => None,
            },
            Expression::Call { function, arguments, .. } => {
                self.call(function, arguments, depth).or_else(|| self.cell(expression)).or_else(|| self.of_answer(expression))
            }
            Expression::Index(value, index) => match (&**value, plain_text(index)) {
                (Expression::Name(name), Some(variable)) if name == "os.environ" => Some(self.environment(&variable)),
                _ => self.cell(expression).or_else(|| self.of_answer(expression)),
            },
            _ => None,
        }
    }

    /// A value of an answer, which is saved for it.
    fn of_answer(&mut self, expression: &Expression) -> Option<String> {
        want(expression, self.names, self.me, self.wanted).map(|variable| format!("${{{variable}}}"))
    }

    /// `row["column"]`
    fn cell(&self, expression: &Expression) -> Option<String> {
        let (row, column) = looked_up(expression)?;
        let Expression::Name(row) = row else { return None };
        let Known::Row(table) = self.names.get(&without_me(&row, self.me))? else { return None };
        cell(table, &column)
    }

    fn call(&mut self, function: &Expression, arguments: &[Expression], depth: usize) -> Option<String> {
        let Expression::Name(function) = function else { return None };
        match (function.as_str(), arguments) {
            ("random.randint" | "randint", [Expression::Number(low), Expression::Number(high)]) => {
                Some(format!("${{random_int({low}, {high})}}"))
            }
            ("random.randrange" | "randrange", [Expression::Number(end)]) if *end >= 1.0 => {
                Some(format!("${{random_int(0, {})}}", end - 1.0))
            }
            ("random.randrange" | "randrange", [Expression::Number(low), Expression::Number(end)]) => {
                Some(format!("${{random_int({low}, {})}}", end - 1.0))
            }
            ("random.choice" | "choice", [choices]) => self.choice(choices),
            ("uuid.uuid4" | "uuid4", []) => Some("${uuid()}".to_owned()),
            ("str" | "int", [value]) => self.text_within(value, depth + 1),
            ("os.getenv" | "getenv" | "os.environ.get" | "environ.get", [variable, ..]) => {
                plain_text(variable).map(|name| self.environment(&name))
            }
            _ => None,
        }
    }

    fn choice(&mut self, choices: &Expression) -> Option<String> {
        let choices = match choices {
            Expression::Name(name) => match self.names.get(&without_me(name, self.me))? {
                Known::Constant(list) => list.clone(),
                _ => return None,
            },
            other => other.clone(),
        };
        let Expression::List(choices) = choices else { return None };
        let quoted = |choice: &Expression| match choice {
            Expression::Number(number) => Some(number.to_string()),
            other => plain_text(other).filter(|text| !text.contains(['"', '$', '}'])).map(|text| format!("\"{text}\"")),
        };
        let written: Vec<String> = choices.iter().take(50).map(quoted).collect::<Option<_>>()?;
        (!written.is_empty()).then(|| format!("${{random_choice({})}}", written.join(", ")))
    }

    fn environment(&mut self, name: &str) -> String {
        // The pipeline's own keys are not for scenarios.
        let is_forbidden = name.contains("GITHUB") || name.starts_with("GH_") || name.starts_with("CI_") || name.starts_with("ACTIONS_");
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let name =
            if is_forbidden || !is_name { format!("STAGING_{}", crate::init::secrets::variable_name(name)) } else { name.to_owned() };
        if !self.env.contains(&name) {
            self.env.push(name.clone());
        }
        format!("${{env.{name}}}")
    }

    /// A value under a name: a literal secret is replaced by a variable.
    pub fn named_text(&mut self, name: &str, expression: &Expression) -> Option<String> {
        let written = self.text(expression)?;
        if written.contains("${") || written.is_empty() {
            return Some(written);
        }
        if let Some((scheme, token)) = written.split_once(' ').filter(|_| name.eq_ignore_ascii_case("authorization")) {
            return Some(format!("{scheme} {}", self.secrets.hide("token", token)));
        }
        if is_secret_name(name) || looks_secret(&written) { Some(self.secrets.hide(name, &written)) } else { Some(written) }
    }

    /// A dictionary of texts: headers, a query, a form.
    pub fn pairs(&mut self, expression: &Expression) -> Option<Pairs> {
        let Expression::Dictionary(entries) = self.constant(expression) else { return None };
        entries
            .iter()
            .map(|(name, value)| {
                let name = plain_text(name)?;
                let value = self.named_text(&name, value)?;
                Some((name, value))
            })
            .collect()
    }

    /// What a name stands for, where it is a constant.
    fn constant(&self, expression: &Expression) -> Expression {
        match expression {
            Expression::Name(name) => match self.names.get(&without_me(name, self.me)) {
                Some(Known::Constant(value)) => value.clone(),
                _ => expression.clone(),
            },
            other => other.clone(),
        }
    }

    /// Any JSON value.
    pub fn json(&mut self, expression: &Expression) -> Option<Value> {
        self.json_under("", expression, 0)
    }

    fn json_under(&mut self, name: &str, expression: &Expression, depth: usize) -> Option<Value> {
        if depth > 20 {
            return None;
        }
        match self.constant(expression) {
            Expression::None => Some(Value::Null),
            Expression::Flag(flag) => Some(Value::Bool(flag)),
            #[expect(clippy::cast_possible_truncation, reason = "a whole number of a source file")]
            Expression::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => Some(Value::from(number as i64)),
            Expression::Number(number) => serde_json::Number::from_f64(number).map(Value::Number),
            Expression::List(items) => {
                items.iter().map(|item| self.json_under(name, item, depth + 1)).collect::<Option<_>>().map(Value::Array)
            }
            Expression::Dictionary(entries) => {
                let mut object = Map::new();
                for (key, value) in &entries {
                    let key = plain_text(key)?;
                    let value = self.json_under(&key, value, depth + 1)?;
                    object.insert(key, value);
                }
                Some(Value::Object(object))
            }
            other => self.named_text(name, &other).map(Value::String),
        }
    }
}

/// How a user waits after a task.
#[derive(Debug, Clone, PartialEq)]
pub enum Waiting {
    Think(String),
    Pacing(String),
}

/// `between(1, 5)`, `constant(2)`, `constant_pacing(3)`, `constant_throughput(0.5)`.
pub fn waiting(expression: &Expression) -> Option<Waiting> {
    let Expression::Call { function, arguments, .. } = expression else { return None };
    let Expression::Name(function) = &**function else { return None };
    match (function.rsplit('.').next()?, arguments.as_slice()) {
        ("between", [Expression::Number(from), Expression::Number(to)]) if from <= to => Some(Waiting::Think(range(*from, *to))),
        ("constant", [Expression::Number(seconds)]) => Some(Waiting::Think(pause(*seconds))),
        ("constant_pacing", [Expression::Number(seconds)]) if *seconds >= 0.001 => Some(Waiting::Pacing(pause(*seconds))),
        ("constant_throughput", [Expression::Number(rate)]) if *rate > 0.0 && *rate <= 1000.0 => Some(Waiting::Pacing(pause(1.0 / rate))),
        _ => None,
    }
}

fn range(from: f64, to: f64) -> String {
    if (to - from).abs() < f64::EPSILON { pause(from) } else { format!("{}..{}", pause(from), pause(to)) }
}
