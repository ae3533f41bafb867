//! A draft from a Locust file: user classes, tasks with weights, waiting times, `on_start`, requests. Python is a language
//! and a scenario is none, so that every line which could not be carried over is named.

mod answers;
mod classes;
mod requests;
mod statements;
mod tables;
mod tasks;
mod values;

use self::classes::{Classes, UserClass};
use self::tables::Tables;
use self::tasks::TaskReader;
use super::draft::{Draft, DraftKind, DraftTask};
use super::python::{Expression, StatementKind, parse};
use super::secrets::Secrets;
use super::{InitError, file_name, name_of_host, slug};
use crate::scenario::Target;

/// Locust follows redirects, and takes them for one request, as perfgate does; more than so many are never meant.
const REDIRECTS: u32 = 20;

/// Reads a Locust file. `target` is loaded instead of the `host` that it names.
///
/// # Errors
/// [`InitError`] where it is no Python, or has no user class whose requests can be read.
pub fn from_locust(file: &str, text: &str, name: Option<&str>, target: Option<&str>) -> Result<Draft, InitError> {
    let hint = "a file with `class Shopper(HttpUser)` and its tasks; a Python syntax error is told by `python -m py_compile FILE`";
    let not_python = || InitError::NotA { file: file.to_owned(), expected: "a Python file", hint };
    let module = parse(text).ok_or_else(not_python)?;
    let classes = Classes::read(&module.statements);
    let users = classes.users();
    if users.is_empty() {
        return match module.broken_line {
            Some(_) => Err(not_python()),
            None => Err(InitError::Nothing { file: file.to_owned(), missing: "it has no class that is an HttpUser or FastHttpUser", hint }),
        };
    }
    let mut notes: Vec<String> =
        module.broken_line.map(|line| format!("line {line}: is no Python, what stands around it may be missing")).into_iter().collect();
    let host = target.map(str::to_owned).or_else(|| host_of(&users, &mut notes));
    let named = |host: &str| host.parse::<Target>().ok().and_then(|target| name_of_host(&target.host));
    let name = name
        .map(str::to_owned)
        .or_else(|| host.as_deref().and_then(named))
        .or_else(|| slug(stem(file)))
        .unwrap_or_else(|| "locust".to_owned());
    if host.is_none() {
        notes.push(format!("the file names no `host`: change `target`, https://staging.{name}.example is a placeholder"));
    }
    let host = host.unwrap_or_else(|| format!("https://staging.{name}.example"));
    let mut draft = Draft::new(name, file, host.trim_end_matches('/').to_owned());
    draft.comments = vec![format!(
        "Drafted from {}. How many users there are, and for how long, stood on Locust's command line: say it under `load`.",
        file_name(file)
    )];
    draft.redirects = REDIRECTS;
    let mut secrets = Secrets::default();
    let mut tables = Tables::read(&module.statements);
    for user in &users {
        let mut reader = TaskReader {
            classes: &classes,
            user,
            origin: draft.target.clone(),
            secrets: &mut secrets,
            notes: &mut notes,
            default_headers: Vec::new(),
            start: Vec::new(),
            env: &mut draft.env,
            tables: &mut tables,
            wanted: Vec::new(),
            line: 0,
        };
        draft.kinds.extend(reader.kind());
    }
    if draft.kinds.is_empty() {
        return Err(InitError::Nothing { file: file.to_owned(), missing: "no task has a request that could be carried over", hint });
    }
    only_kind_needs_no_name(&mut draft.kinds);
    note_the_rest(&module.statements, &tables, &mut notes);
    draft.tables = tables.into_used();
    notes.extend(draft.tables.iter().map(|table| format!("`{0}` is read beside the scenario: copy it there", table.file)));
    draft.env.extend(secrets.into_names());
    notes.sort_by_key(|note| line_of(note));
    notes.dedup();
    draft.notes = notes;
    Ok(draft)
}

fn only_kind_needs_no_name(kinds: &mut [DraftKind]) {
    if let [only] = kinds {
        only.name = String::new();
        only.weight = 1.0;
        if let [DraftTask { weight, .. }] = only.tasks.as_mut_slice() {
            *weight = 1.0;
        }
    }
}

fn stem(file: &str) -> &str {
    file_name(file).split('.').next().unwrap_or(file)
}

/// The line that a note is about; notes about the whole file come last.
fn line_of(note: &str) -> usize {
    let digits: String = note
        .strip_prefix("line ")
        .or_else(|| note.strip_prefix("lines "))
        .unwrap_or_default()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(usize::MAX)
}

/// The first host; one scenario has one target.
fn host_of(users: &[UserClass<'_>], notes: &mut Vec<String>) -> Option<String> {
    let hosts: Vec<String> = users.iter().filter_map(|user| user.text_attribute("host")).collect();
    let first = hosts.first()?.clone();
    if hosts.iter().any(|host| *host != first) {
        notes.push(format!("the classes have several hosts: one scenario has one target, {first} was taken"));
    }
    Some(first)
}

/// What stands beside the classes and does something.
fn note_the_rest(statements: &[super::python::Statement], tables: &Tables, notes: &mut Vec<String>) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Class { name, bases, .. }
                if bases.iter().any(|base| matches!(base, Expression::Name(name) if name.ends_with("LoadTestShape"))) =>
            {
                notes.push(format!("line {}: not carried over: `{name}`, write its shape as phases under `load`", statement.first_line));
            }
            StatementKind::Function { decorators, .. }
                if decorators.iter().any(|decorator| tasks::dotted(decorator).is_some_and(|name| name.contains("events."))) =>
            {
                notes.push(tasks::not_carried_over(statement));
            }
            StatementKind::With { .. } | StatementKind::If { .. }
                if tables.reads(statement) || statement.source.starts_with("if __name__") => {}
            StatementKind::Other | StatementKind::With { .. } | StatementKind::For { .. } | StatementKind::If { .. } => {
                notes.push(tasks::not_carried_over(statement));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
