//! A draft from a HAR file: what a browser asked while somebody visited, as one task with the pauses of that visit.
//! Secrets of the visit are not copied, see `secrets.rs`.

mod entry;
mod fold;
mod format;
mod select;

use std::collections::BTreeSet;

use serde_json::Value;

use self::entry::{Visited, visited};
use self::fold::folded;
use self::format::HarFile;
use self::select::{count_notes, leave_out, own_origin};
use super::draft::{Draft, DraftBody, DraftKind, DraftSave, DraftStep, DraftTask, Pairs, free_name, json_member, pause};
use super::secrets::{Secrets, is_secret_name, looks_secret};
use super::{InitError, file_name, name_of_host};

/// More steps make no task that anybody reads.
const MAX_STEPS: usize = 200;
/// A shorter gap is the browser's own (s).
const SHORTEST_PAUSE: f64 = 0.25;
/// A longer gap was no thinking (s).
const LONGEST_PAUSE: f64 = 30.0;
/// A larger body is left out (bytes).
const LARGEST_BODY: usize = 16 * 1024;

/// Reads a recorded visit. `target` is loaded instead of the host that was visited.
///
/// # Errors
/// [`InitError`] where it is no HAR file, or nothing in it is worth asking.
pub fn from_har(file: &str, text: &str, name: Option<&str>, target: Option<&str>) -> Result<Draft, InitError> {
    let har: HarFile = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|source| match source.classify() {
        serde_json::error::Category::Data => InitError::NotA {
            file: file.to_owned(),
            expected: "a HAR file",
            hint: "in the browser's network tools, `Save all as HAR`; an API description goes with --openapi",
        },
        _ => InitError::NotJson { file: file.to_owned(), source },
    })?;
    let mut notes = Vec::new();
    let mut visit: Vec<Visited<'_>> = har.log.entries.iter().filter_map(|entry| visited(entry, &mut notes)).collect();
    visit.sort_by(|a, b| a.started.total_cmp(&b.started));
    let Some(origin) = own_origin(&visit) else { return Err(nothing(file)) };
    let left_out = leave_out(&mut visit, &origin);
    if visit.is_empty() {
        return Err(nothing(file));
    }
    let host = origin.split_once("://").map_or(origin.as_str(), |(_, rest)| rest);
    let name =
        name.map(str::to_owned).or_else(|| name_of_host(host.split(':').next().unwrap_or(host))).unwrap_or_else(|| "visit".to_owned());
    let mut draft = Draft::new(name, file, target.map_or_else(|| origin.clone(), |target| target.trim_end_matches('/').to_owned()));
    draft.comments = vec![format!("Drafted from {}: one recorded visit, with its pauses. Every user repeats it.", file_name(file))];
    draft.notes = left_out.into_iter().chain(count_notes(&notes)).collect();
    if target.is_none() {
        draft.notes.push(format!("{origin} is what was visited: is it staging? else change `target`"));
    }
    Ok(Writer { draft, secrets: Secrets::default() }.write(&visit))
}

fn nothing(file: &str) -> InitError {
    let hint = "record the visit with `Preserve log` on; static files and requests without an answer are left out";
    InitError::Nothing { file: file.to_owned(), missing: "no request of a page or an API was answered", hint }
}

/// Writes the requests of a visit as steps.
struct Writer {
    draft: Draft,
    secrets: Secrets,
}

impl Writer {
    fn write(mut self, visit: &[Visited<'_>]) -> Draft {
        let saves = self.find_secrets(visit);
        let mut steps = Vec::new();
        for (index, request) in visit.iter().enumerate() {
            let mut step = self.step(request);
            step.save = saves
                .iter()
                .filter(|save| save.request == index)
                .map(|save| (save.variable.clone(), DraftSave::Json(save.path.clone())))
                .collect();
            step.think = pause_after(visit, index);
            steps.push(step);
        }
        self.add_cookies(visit);
        self.hoist_headers(&mut steps);
        let longest = visit.windows(2).map(|pair| pair[1].started - pair[0].ended).fold(0.0, f64::max);
        if longest > LONGEST_PAUSE {
            self.draft.notes.push(format!("pauses over {LONGEST_PAUSE} s were cut to that: the longest was {longest:.0} s"));
        }
        let Self { mut draft, secrets } = self;
        draft.env = secrets.into_names();
        if !draft.env.is_empty() {
            draft.notes.push(format!("secrets were not copied: {} must be set in the environment", draft.env.join(", ")));
        }
        let task = DraftTask { name: "visit".to_owned(), weight: 1.0, steps, ..DraftTask::default() };
        draft.kinds = vec![DraftKind { weight: 1.0, tasks: vec![task], ..DraftKind::default() }];
        draft
    }

    /// Notes every secret before anything is written, so that it is replaced wherever it stands. A token that an earlier
    /// answer of the visit gave is saved from there.
    fn find_secrets(&mut self, visit: &[Visited<'_>]) -> Vec<Saved> {
        let mut saves: Vec<Saved> = Vec::new();
        for (index, request) in visit.iter().enumerate() {
            for (name, value) in candidates(request) {
                if self.secrets.knows(&value) {
                    continue;
                }
                if let Some(save) = given_before(&visit[..index], &value, &saves) {
                    self.secrets.saved(&value, &save.variable);
                    saves.push(save);
                }
                drop(self.secrets.value(&name, &value));
            }
            match &request.body {
                Some(DraftBody::Json(json)) => drop(self.secrets.json(json)),
                Some(DraftBody::Form(pairs) | DraftBody::Multipart(pairs)) => drop(self.secrets.pairs(pairs)),
                Some(DraftBody::Text { .. }) | None => {}
            }
        }
        saves
    }

    fn step(&mut self, request: &Visited<'_>) -> DraftStep {
        let path = self.path(&request.path);
        let mut step = DraftStep::new(request.method, path);
        let name = folded(&request.path, request.graphql_operation.as_deref());
        step.name = (name != step.path).then_some(name);
        step.query = request.query.iter().map(|(name, value)| (name.clone(), self.secrets.value(name, value))).collect();
        step.headers = request.headers.iter().map(|(name, value)| (name.clone(), self.header(name, value))).collect();
        step.body = request.body.as_ref().and_then(|body| self.body(body, request));
        step.expect = (request.status / 100 == 3).then_some(request.status);
        step
    }

    fn path(&mut self, path: &str) -> String {
        let segment = |segment: &str| {
            let is_hex = segment.chars().all(|c| c.is_ascii_hexdigit());
            let opens_a_door = looks_secret(segment) && (!is_hex || segment.len() > 32);
            if opens_a_door { self.secrets.hide("path", segment) } else { self.secrets.text(segment) }
        };
        path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }

    /// The scheme of an authorization is no secret.
    fn header(&mut self, name: &str, value: &str) -> String {
        if name == "authorization"
            && let Some((scheme, token)) = value.split_once(' ')
        {
            return format!("{scheme} {}", self.secrets.hide("token", token));
        }
        self.secrets.value(name, value)
    }

    fn body(&mut self, body: &DraftBody, request: &Visited<'_>) -> Option<DraftBody> {
        if request.body_size > LARGEST_BODY {
            self.draft.notes.push(format!(
                "{} {}: its body of {} KiB is left out",
                request.method.name(),
                folded(&request.path, None),
                request.body_size / 1024
            ));
            return None;
        }
        Some(match body {
            DraftBody::Json(value) => DraftBody::json(self.secrets.json(value)),
            DraftBody::Form(pairs) => DraftBody::Form(self.secrets.pairs(pairs)),
            DraftBody::Multipart(pairs) => DraftBody::Multipart(self.secrets.pairs(pairs)),
            DraftBody::Text { text, media_type } => {
                // Nobody knows where in such a text a secret stands.
                let is_suspicious = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c)).any(is_secret_name)
                    || text.split_whitespace().any(looks_secret);
                let text = if is_suspicious { self.secrets.hide("body", text) } else { self.secrets.text(text) };
                DraftBody::Text { text, media_type: media_type.clone() }
            }
        })
    }

    /// Cookies that the visit brought along were set before it was recorded. Those of statistics are nobody's loss.
    fn add_cookies(&mut self, visit: &[Visited<'_>]) {
        const OF_STATISTICS: [&str; 10] = ["_ga", "_gid", "_gat", "_gcl", "_fb", "_hj", "ajs_", "amp_", "_pk_", "optanon"];
        let mut set: BTreeSet<&str> = BTreeSet::new();
        let mut brought: BTreeSet<&str> = BTreeSet::new();
        for request in visit {
            let is_new =
                |name: &&&str| !set.contains(**name) && !OF_STATISTICS.iter().any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
            brought.extend(request.cookies.iter().filter(is_new).copied());
            set.extend(request.cookies_set.iter().copied());
        }
        if !brought.is_empty() {
            let names: Vec<&str> = brought.into_iter().take(8).collect();
            let cookie = self.secrets.hide("cookie", "the cookies that the visit brought along");
            self.draft.headers.push(("cookie".to_owned(), cookie));
            self.draft.notes.push(format!(
                "the visit brought cookies along ({}): STAGING_COOKIE stands for them; or log in under `start`",
                names.join(", ")
            ));
        }
    }

    /// A header that every step has is written once.
    fn hoist_headers(&mut self, steps: &mut [DraftStep]) {
        let Some(first) = steps.first().map(|step| step.headers.clone()).filter(|_| steps.len() > 1) else { return };
        let is_shared = |header: &(String, String)| steps.iter().all(|step| step.headers.contains(header));
        // A value that a step saves is not there for the steps before it.
        let shared: Pairs =
            first.into_iter().filter(|header| is_shared(header) && (!header.1.contains("${") || header.1.contains("${env."))).collect();
        for step in steps {
            step.headers.retain(|header| !shared.contains(header));
        }
        self.draft.headers.extend(shared);
    }
}

/// A value that a step keeps from its answer.
struct Saved {
    request: usize,
    variable: String,
    path: String,
}

/// The values of a request that may have come from an earlier answer.
fn candidates(request: &Visited<'_>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in &request.headers {
        let (name, value) = match (name.as_str(), value.split_once(' ')) {
            ("authorization", Some((_, token))) => ("token", token),
            (name, _) => (name, value.as_str()),
        };
        found.push((name.to_owned(), value.to_owned()));
    }
    found.extend(request.query.iter().cloned());
    found.retain(|(name, value)| !value.is_empty() && (is_secret_name(name) || looks_secret(value)));
    found
}

/// Where an earlier answer of the visit gave this value.
fn given_before(earlier: &[Visited<'_>], value: &str, saves: &[Saved]) -> Option<Saved> {
    for (request, visited) in earlier.iter().enumerate() {
        let Some(answer) = visited.answer.filter(|text| text.contains(value)).and_then(|text| serde_json::from_str::<Value>(text).ok())
        else {
            continue;
        };
        if let Some((path, key)) = path_to(&answer, value, "$", 0) {
            let stem = super::slug(&key).unwrap_or_default().replace('-', "_");
            let stem = if stem.starts_with(|c: char| c.is_ascii_alphabetic()) && stem != "env" && stem != "user" {
                stem
            } else {
                "token".to_owned()
            };
            let variable = free_name(&stem, "_", |candidate| saves.iter().any(|save| save.variable == candidate));
            return Some(Saved { request, variable, path });
        }
    }
    None
}

/// The JSON path of a text within an answer, and its key.
fn path_to(answer: &Value, value: &str, at: &str, depth: usize) -> Option<(String, String)> {
    if depth > 8 {
        return None;
    }
    match answer {
        Value::Object(entries) => entries.iter().find_map(|(key, inner)| {
            let path = json_member(at, key);
            if inner == value { Some((path, key.clone())) } else { path_to(inner, value, &path, depth + 1) }
        }),
        Value::Array(items) => {
            items.iter().take(50).enumerate().find_map(|(index, inner)| path_to(inner, value, &format!("{at}[{index}]"), depth + 1))
        }
        _ => None,
    }
}

/// How long the visitor waited between an answer and the next request.
fn pause_after(visit: &[Visited<'_>], index: usize) -> Option<String> {
    let next = visit.get(index + 1)?;
    let answered = visit[..=index].iter().map(|request| request.ended).fold(f64::MIN, f64::max);
    let gap = next.started - answered;
    (gap >= SHORTEST_PAUSE).then(|| pause(gap.min(LONGEST_PAUSE)))
}

#[cfg(test)]
mod tests;
