//! Tables that a Locust file reads: a CSV file whose rows become data of the scenario. The file itself is not looked into.

use super::classes::plain_text;
use super::tasks::dotted;
use crate::init::draft::{DraftRows, DraftTable};
use crate::init::python::{Expression, Statement, StatementKind};

/// The tables of a file, and which of them users take rows from.
#[derive(Debug, Default)]
pub struct Tables {
    /// By the name that the file gives them: the path of each.
    files: Vec<(String, String)>,
    used: Vec<DraftTable>,
}

impl Tables {
    /// Those at the top of a file: `USERS = list(csv.DictReader(open("users.csv")))`, also within `with open(..) as f:`.
    pub fn read(statements: &[Statement]) -> Self {
        let mut tables = Self::default();
        for statement in statements {
            match &statement.kind {
                StatementKind::Assign { target: Expression::Name(name), value } => tables.add(name, value, None),
                StatementKind::With { items, body } => {
                    let [(opened, Some(alias))] = items.as_slice() else { continue };
                    let opened = opened_path(opened).map(|path| (alias.as_str(), path));
                    for inner in body {
                        if let StatementKind::Assign { target: Expression::Name(name), value } = &inner.kind {
                            tables.add(name, value, opened.as_ref());
                        }
                    }
                }
                _ => {}
            }
        }
        tables
    }

    fn add(&mut self, name: &str, value: &Expression, opened: Option<&(&str, String)>) {
        if let Some(path) = table_path(value, opened) {
            self.files.push((name.to_owned(), path));
        }
    }

    /// Whether a statement at the top only reads tables.
    pub fn reads(&self, statement: &Statement) -> bool {
        let is_table = |name: &Expression| matches!(name, Expression::Name(name) if self.files.iter().any(|(known, _)| known == name));
        match &statement.kind {
            StatementKind::With { body, .. } => {
                body.iter().all(|inner| matches!(&inner.kind, StatementKind::Assign { target, .. } if is_table(target)))
            }
            _ => false,
        }
    }

    /// The table that `random.choice(USERS)` or `USERS.pop()` takes a row of, as the scenario calls it. A row that is kept in
    /// `self`, or taken out, is the user's own.
    pub fn row(&mut self, target: &str, value: &Expression) -> Option<String> {
        let Expression::Call { function, arguments, .. } = value else { return None };
        let function = dotted(function)?;
        let (table, taken_out) = match (function.as_str(), arguments.as_slice()) {
            ("random.choice" | "choice", [Expression::Name(table)]) => (table.as_str(), false),
            ("next", [Expression::Name(table)]) => (table.as_str(), true),
            (function, _) => (function.strip_suffix(".pop")?, true),
        };
        let file = self.files.iter().find(|(known, _)| known == table)?.1.clone();
        let rows = if taken_out || target.starts_with("self.") { DraftRows::PerUser } else { DraftRows::Random };
        if let Some(known) = self.used.iter().find(|known| known.file == file && known.rows == rows) {
            return Some(known.name.clone());
        }
        let stem = super::answers::variable_name(&table.to_ascii_lowercase());
        let name = crate::init::draft::free_name(&stem, "_", |candidate| self.used.iter().any(|known| known.name == candidate));
        self.used.push(DraftTable { name: name.clone(), file, rows });
        Some(name)
    }

    /// Those that users take rows from.
    pub fn into_used(self) -> Vec<DraftTable> {
        self.used
    }
}

/// `${users.name}`; `None` for a column that a scenario cannot name.
pub fn cell(table: &str, column: &str) -> Option<String> {
    let is_name = column.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    is_name.then(|| format!("${{{table}.{column}}}"))
}

/// The path of `list(csv.DictReader(open("users.csv")))` and its like.
fn table_path(value: &Expression, opened: Option<&(&str, String)>) -> Option<String> {
    let Expression::Call { function, arguments, .. } = value else { return None };
    match (dotted(function)?.as_str(), arguments.first()?) {
        ("list" | "itertools.cycle" | "cycle" | "iter", inner) => table_path(inner, opened),
        ("csv.DictReader" | "DictReader", Expression::Name(file)) => {
            opened.filter(|(alias, _)| alias == file).map(|(_, path)| path.clone())
        }
        ("csv.DictReader" | "DictReader", file) => opened_path(file),
        _ => None,
    }
}

/// The path of `open("users.csv", ..)`, where it lies beside the file or below.
fn opened_path(value: &Expression) -> Option<String> {
    let Expression::Call { function, arguments, .. } = value else { return None };
    let path = (dotted(function)? == "open").then(|| arguments.first().and_then(plain_text)).flatten()?;
    let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
    let is_below = !path.is_empty() && !path.starts_with('/') && !path.split(['/', '\\']).any(|part| part == "..");
    (is_below && !path.contains(char::is_control)).then_some(path)
}
