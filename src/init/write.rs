//! A draft as a scenario file.

use std::fmt::Write as _;
use std::time::Duration;

use super::draft::{Draft, DraftAuth, DraftBody, DraftKind, DraftRows, DraftSave, DraftStep, DraftTable, DraftTask};
use super::yaml::{Position, flow_pairs, push_json, push_pairs, text};
use crate::units::format_duration;

/// More notes stand on standard error only.
const NOTES_IN_FILE: usize = 40;

/// The scenario file.
#[must_use]
pub fn scenario_yaml(draft: &Draft) -> String {
    let mut out = String::new();
    for comment in draft.comments.iter().chain(draft.notes.iter().take(NOTES_IN_FILE)) {
        push_comment(&mut out, 0, comment);
    }
    let _ = writeln!(out, "version: 1\nname: {}\ntarget: {}", text(&draft.name, Position::Block), text(&draft.target, Position::Block));
    if !draft.env.is_empty() {
        let _ = writeln!(out, "env: [{}]", draft.env.join(", "));
    }
    push_tables(&mut out, &draft.tables);
    let _ = writeln!(out, "load: {}", load(draft));
    if draft.redirects > 0 {
        let _ = writeln!(out, "http: {{redirects: {}{}}}", draft.redirects, prefixed_headers(draft));
    } else if !draft.headers.is_empty() {
        let _ = writeln!(out, "http: {{headers: {}}}", flow_pairs(&draft.headers));
    }
    match draft.kinds.as_slice() {
        [only] => push_kind(&mut out, 0, only),
        several => {
            let _ = writeln!(out, "users:");
            for kind in several {
                let _ = writeln!(out, "  {}:", text(&kind.name, Position::Block));
                if (kind.weight - 1.0).abs() > f64::EPSILON {
                    let _ = writeln!(out, "    weight: {}", kind.weight);
                }
                push_kind(&mut out, 4, kind);
            }
        }
    }
    out
}

fn push_tables(out: &mut String, tables: &[DraftTable]) {
    if !tables.is_empty() {
        out.push_str("data:\n");
    }
    for DraftTable { name, file, rows } in tables {
        let order = match rows {
            DraftRows::Random => "random",
            DraftRows::PerUser => "unique, on_exhausted: recycle",
        };
        let _ = writeln!(out, "  {name}: {{file: {}, order: {order}}}", text(file, Position::Flow));
    }
}

fn prefixed_headers(draft: &Draft) -> String {
    if draft.headers.is_empty() { String::new() } else { format!(", headers: {}", flow_pairs(&draft.headers)) }
}

fn load(draft: &Draft) -> String {
    let ramp = if draft.ramp > Duration::ZERO { format!("ramp: {}, ", format_duration(draft.ramp)) } else { String::new() };
    format!("{{users: {}, {ramp}hold: {}}}", draft.users, hold(draft.hold))
}

/// A minute is written as the first lines of a newcomer have it.
fn hold(hold: Duration) -> String {
    if hold == Duration::from_secs(60) { "60s".to_owned() } else { format_duration(hold) }
}

/// A comment is one line, whatever its text holds.
fn push_comment(out: &mut String, indent: usize, comment: &str) {
    let line: String =
        comment.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c }).collect();
    let _ = writeln!(out, "{}# {}", " ".repeat(indent), line.trim());
}

fn push_kind(out: &mut String, indent: usize, kind: &DraftKind) {
    let margin = " ".repeat(indent);
    push_lifecycle(out, indent, "start", &kind.start);
    let _ = writeln!(out, "{margin}tasks:");
    for task in &kind.tasks {
        push_task(out, indent + 2, task);
    }
    push_lifecycle(out, indent, "stop", &kind.stop);
}

fn push_lifecycle(out: &mut String, indent: usize, key: &str, steps: &[DraftStep]) {
    if !steps.is_empty() {
        let _ = writeln!(out, "{}{key}:", " ".repeat(indent));
        for step in steps {
            push_step(out, indent + 2, step);
        }
    }
}

fn push_task(out: &mut String, indent: usize, task: &DraftTask) {
    let margin = " ".repeat(indent);
    if let Some(path) = sole_path(task) {
        let _ = writeln!(out, "{margin}- steps: [{{{path}}}]");
        return;
    }
    let mut keys: Vec<String> = Vec::new();
    if !task.name.is_empty() {
        keys.push(format!("name: {}", text(&task.name, Position::Block)));
    }
    if (task.weight - 1.0).abs() > f64::EPSILON {
        keys.push(format!("weight: {}", task.weight));
    }
    if !task.tags.is_empty() {
        let tags: Vec<String> = task.tags.iter().map(|tag| text(tag, Position::Flow)).collect();
        keys.push(format!("tags: [{}]", tags.join(", ")));
    }
    keys.extend(task.think.iter().map(|think| format!("think: {think}")));
    keys.extend(task.pacing.iter().map(|pacing| format!("pacing: {pacing}")));
    keys.push("steps:".to_owned());
    for (index, key) in keys.iter().enumerate() {
        let _ = writeln!(out, "{margin}{}{key}", if index == 0 { "- " } else { "  " });
    }
    for step in &task.steps {
        push_step(out, indent + 4, step);
    }
}

/// `get: /path` of a task that says nothing else.
fn sole_path(task: &DraftTask) -> Option<String> {
    let [step] = task.steps.as_slice() else { return None };
    let bare = DraftTask { steps: vec![DraftStep::new(step.method, step.path.clone())], weight: 1.0, ..DraftTask::default() };
    (*task == bare).then(|| format!("{}: {}", step.method.name().to_ascii_lowercase(), text(&step.path, Position::Flow)))
}

fn push_step(out: &mut String, indent: usize, step: &DraftStep) {
    let DraftStep { comment, method, path, name, query, headers, auth, body, expect, save, repeat, think, timeout } = step;
    let margin = " ".repeat(indent);
    if let Some(comment) = comment {
        push_comment(out, indent, comment);
    }
    let _ = writeln!(out, "{margin}- {}: {}", method.name().to_ascii_lowercase(), text(path, Position::Block));
    let inner = indent + 2;
    push_key(out, inner, "name", name.as_ref().map(|name| text(name, Position::Block)));
    push_key(out, inner, "repeat", repeat.map(|times| times.to_string()));
    push_key(out, inner, "auth", auth.as_ref().map(credentials));
    push_filled(out, inner, "query", query);
    let mut headers = headers.clone();
    if let Some(DraftBody::Text { media_type: Some(media_type), .. }) = body {
        headers.push(("content-type".to_owned(), media_type.clone()));
    }
    push_filled(out, inner, "headers", &headers);
    push_body(out, inner, body.as_ref());
    push_key(out, inner, "expect", expect.map(|status| status.to_string()));
    let saved: Vec<String> = save.iter().map(|(name, from)| format!("{name}: {}", saved_from(from))).collect();
    push_key(out, inner, "save", (!saved.is_empty()).then(|| format!("{{{}}}", saved.join(", "))));
    push_key(out, inner, "think", think.clone());
    push_key(out, inner, "timeout", timeout.clone());
}

/// A key with its value, where there is one.
fn push_key(out: &mut String, indent: usize, key: &str, value: Option<String>) {
    if let Some(value) = value {
        let _ = writeln!(out, "{}{key}: {value}", " ".repeat(indent));
    }
}

fn push_filled(out: &mut String, indent: usize, key: &str, pairs: &[(String, String)]) {
    if !pairs.is_empty() {
        push_pairs(out, indent, key, pairs);
    }
}

fn credentials(auth: &DraftAuth) -> String {
    match auth {
        DraftAuth::Bearer(token) => format!("{{bearer: {}}}", text(token, Position::Flow)),
        DraftAuth::Basic { username, password } => {
            format!("{{basic: {{username: {}, password: {}}}}}", text(username, Position::Flow), text(password, Position::Flow))
        }
    }
}

fn push_body(out: &mut String, indent: usize, body: Option<&DraftBody>) {
    match body {
        Some(DraftBody::Json(value)) => push_json(out, indent, "json", value),
        Some(DraftBody::Form(pairs)) => push_pairs(out, indent, "form", pairs),
        Some(DraftBody::Multipart(pairs)) => push_pairs(out, indent, "multipart", pairs),
        Some(DraftBody::Text { text: body, media_type: _ }) => {
            let _ = writeln!(out, "{}body: {}", " ".repeat(indent), text(body, Position::Block));
        }
        None => {}
    }
}

fn saved_from(from: &DraftSave) -> String {
    match from {
        DraftSave::Json(path) => text(path, Position::Flow),
        DraftSave::Header(name) => format!("{{header: {}}}", text(name, Position::Flow)),
        DraftSave::Cookie(name) => format!("{{cookie: {}}}", text(name, Position::Flow)),
    }
}
