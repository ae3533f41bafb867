//! A scenario under construction, whatever it is drafted from. Texts are as the scenario file has them: `${..}` is a value
//! filled in, and a literal one was escaped by [`literal`].

use std::time::Duration;

use serde_json::Value;

use crate::scenario::Method;

/// Everything that the files of `init` say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    pub name: String,
    /// What it was drafted from, as messages call it.
    pub source: String,
    pub target: String,
    /// Lines at the top of the scenario that say what it is.
    pub comments: Vec<String>,
    /// What could not be carried over, and what is left to do.
    pub notes: Vec<String>,
    /// The environment variables that it reads.
    pub env: Vec<String>,
    pub tables: Vec<DraftTable>,
    pub users: u64,
    pub ramp: Duration,
    pub hold: Duration,
    pub redirects: u32,
    /// Of every request.
    pub headers: Pairs,
    pub kinds: Vec<DraftKind>,
}

/// A table with a row for each user or each pass through a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftTable {
    pub name: String,
    pub file: String,
    pub rows: DraftRows,
}

/// Who gets which row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftRows {
    /// Any row for each pass through a task.
    Random,
    /// A row for each user, kept for its life.
    PerUser,
}

/// Names and values in the order in which they are written.
pub type Pairs = Vec<(String, String)>;

/// One kind of user; a name only where there are several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DraftKind {
    pub name: String,
    /// 1 is the usual one.
    pub weight: f64,
    pub start: Vec<DraftStep>,
    pub tasks: Vec<DraftTask>,
    pub stop: Vec<DraftStep>,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DraftTask {
    /// Empty: without a name.
    pub name: String,
    pub weight: f64,
    pub tags: Vec<String>,
    /// As the file has it: `1s..3s`.
    pub think: Option<String>,
    pub pacing: Option<String>,
    pub steps: Vec<DraftStep>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftStep {
    pub comment: Option<String>,
    pub method: Method,
    pub path: String,
    /// Where it is not the path itself.
    pub name: Option<String>,
    pub query: Pairs,
    pub headers: Pairs,
    pub auth: Option<DraftAuth>,
    pub body: Option<DraftBody>,
    pub expect: Option<u16>,
    /// Names with the source as the file has it: `$.token`.
    pub save: Vec<(String, DraftSave)>,
    pub repeat: Option<u64>,
    pub think: Option<String>,
    pub timeout: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftAuth {
    Bearer(String),
    Basic { username: String, password: String },
}

#[derive(Debug, Clone, PartialEq)]
pub enum DraftBody {
    Json(Value),
    Form(Pairs),
    Multipart(Pairs),
    Text { text: String, media_type: Option<String> },
}

/// Where a value is kept from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftSave {
    Json(String),
    Header(String),
    Cookie(String),
}

/// Deeper JSON is written as text: a scenario file may not be as deep.
const DEEPEST_JSON: usize = 24;

impl Draft {
    /// With the load of a newcomer.
    #[must_use]
    pub fn new(name: String, source: &str, target: String) -> Self {
        Self { name, source: source.to_owned(), target, users: 50, hold: Duration::from_secs(60), ..Self::default() }
    }

    /// Declares an environment variable and gives the text that stands for it.
    pub fn env(&mut self, name: &str) -> String {
        if !self.env.iter().any(|known| known == name) {
            self.env.push(name.to_owned());
        }
        format!("${{env.{name}}}")
    }

    /// The same, with a number wherever a table has a value: the tables themselves are nowhere to be read.
    #[must_use]
    pub fn without_tables(&self) -> Self {
        let mut draft = self.clone();
        let tables = std::mem::take(&mut draft.tables);
        if tables.is_empty() {
            return draft;
        }
        for kind in &mut draft.kinds {
            let steps = kind.start.iter_mut().chain(kind.tasks.iter_mut().flat_map(|task| &mut task.steps)).chain(&mut kind.stop);
            steps.for_each(|step| step.replace(&|text: &str| fill_in(text, &tables)));
        }
        draft
    }

    /// All steps of all kinds.
    pub fn steps(&self) -> impl Iterator<Item = &DraftStep> {
        self.kinds.iter().flat_map(|kind| kind.start.iter().chain(kind.tasks.iter().flat_map(|task| &task.steps)).chain(&kind.stop))
    }
}

impl DraftStep {
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            comment: None,
            method,
            path: path.into(),
            name: None,
            query: Pairs::new(),
            headers: Pairs::new(),
            auth: None,
            body: None,
            expect: None,
            save: Vec::new(),
            repeat: None,
            think: None,
            timeout: None,
        }
    }
}

impl DraftStep {
    /// Replaces every text that may hold values.
    fn replace(&mut self, with: &impl Fn(&str) -> String) {
        let pairs = |pairs: &mut Pairs| pairs.iter_mut().for_each(|(_, value)| *value = with(value));
        self.path = with(&self.path);
        pairs(&mut self.query);
        pairs(&mut self.headers);
        match &mut self.auth {
            Some(DraftAuth::Bearer(token)) => *token = with(token),
            Some(DraftAuth::Basic { username, password }) => (*username, *password) = (with(username), with(password)),
            None => {}
        }
        match &mut self.body {
            Some(DraftBody::Json(value)) => replace_in_json(value, with),
            Some(DraftBody::Form(fields) | DraftBody::Multipart(fields)) => pairs(fields),
            Some(DraftBody::Text { text, media_type: _ }) => *text = with(text),
            None => {}
        }
    }
}

fn replace_in_json(value: &mut Value, with: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = with(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_in_json(item, with)),
        Value::Object(entries) => entries.values_mut().for_each(|value| replace_in_json(value, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `${table.column}` as a number.
fn fill_in(text: &str, tables: &[DraftTable]) -> String {
    let mut out = text.to_owned();
    for table in tables {
        let begin = format!("${{{}.", table.name);
        while let Some(at) = out.find(&begin) {
            let Some(length) = out[at..].find('}') else { break };
            out.replace_range(at..=at + length, "1000000");
        }
    }
    out
}

impl DraftBody {
    /// JSON, as text where it is too deep for a scenario file.
    #[must_use]
    pub fn json(value: Value) -> Self {
        if depth(&value) <= DEEPEST_JSON {
            return Self::Json(value);
        }
        Self::Text { text: json_text(&value), media_type: Some("application/json".to_owned()) }
    }
}

/// A JSON value as a text that may hold values: its texts were escaped, its names are taken literally here.
#[must_use]
pub fn json_text(value: &Value) -> String {
    with_literal_names(value).to_string()
}

fn with_literal_names(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(with_literal_names).collect()),
        Value::Object(entries) => Value::Object(entries.iter().map(|(name, value)| (literal(name), with_literal_names(value))).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A text that is to be taken literally.
#[must_use]
pub fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

/// A duration as a file has it; tenths of a second are exact enough for a pause of seconds.
#[must_use]
pub fn pause(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 86_400.0);
    if seconds >= 1.0 { format!("{}s", (seconds * 10.0).round() / 10.0) } else { format!("{}ms", (seconds * 1000.0).round()) }
}

/// The stem, or the stem with the first number that makes it free.
#[must_use]
pub fn free_name(stem: &str, joint: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(stem) {
        return stem.to_owned();
    }
    (2..100_000).map(|number| format!("{stem}{joint}{number}")).find(|name| !is_taken(name)).unwrap_or_else(|| stem.to_owned())
}

/// The JSON path of a member.
#[must_use]
pub fn json_member(path: &str, key: &str) -> String {
    let is_plain =
        key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { format!("{path}.{key}") } else { format!("{path}['{}']", key.replace('\\', "\\\\").replace('\'', "\\'")) }
}

/// The method of this name, in whatever case.
#[must_use]
pub fn method_named(name: &str) -> Option<Method> {
    Method::ALL.into_iter().find(|method| method.name().eq_ignore_ascii_case(name))
}
