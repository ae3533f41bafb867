//! Which requests of a visit become steps: those of the API that was visited, with a note for all others.

use std::collections::BTreeMap;

use super::MAX_STEPS;
use super::entry::Visited;
use crate::scenario::Target;

/// The same note once, with how often it holds.
pub fn count_notes(notes: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for note in notes {
        *counts.entry(note).or_default() += 1;
    }
    counts.into_iter().map(|(note, count)| if count == 1 { note.clone() } else { format!("{note} ({count} requests)") }).collect()
}

/// Where most of what was no static file was asked; of equals the first.
pub fn own_origin(visit: &[Visited<'_>]) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for request in visit.iter().filter(|request| !request.is_static && request.origin.parse::<Target>().is_ok()) {
        match counts.iter_mut().find(|(origin, _)| *origin == request.origin) {
            Some((_, count)) => *count += 1,
            None => counts.push((&request.origin, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(origin, _)| origin.to_owned())
}

/// Drops what is not the API's own, and says so.
pub fn leave_out(visit: &mut Vec<Visited<'_>>, origin: &str) -> Vec<String> {
    let mut notes = Vec::new();
    let foreign: BTreeMap<String, usize> =
        visit.iter().filter(|request| request.origin != origin).fold(BTreeMap::new(), |mut hosts, request| {
            *hosts.entry(request.origin.clone()).or_default() += 1;
            hosts
        });
    visit.retain(|request| request.origin == origin);
    let static_files = visit.iter().filter(|request| request.is_static).count();
    visit.retain(|request| !request.is_static);
    if static_files > 0 {
        notes.push(format!("left out: {static_files} requests for static files (scripts, styles, images, fonts)"));
    }
    if !foreign.is_empty() {
        let hosts: Vec<String> = foreign.iter().take(6).map(|(host, count)| format!("{host} ({count})")).collect();
        let more = if foreign.len() > 6 { format!(" and {} more", foreign.len() - 6) } else { String::new() };
        notes.push(format!("left out: requests to other hosts, which may not be loaded: {}{more}", hosts.join(", ")));
    }
    let failed = visit.iter().filter(|request| request.status >= 400).count();
    visit.retain(|request| request.status < 400);
    if failed > 0 {
        notes.push(format!("left out: {failed} requests that were answered with an error when the visit was recorded"));
    }
    if visit.len() > MAX_STEPS {
        notes.push(format!("only the first {MAX_STEPS} of {} requests were taken: record a shorter visit", visit.len()));
        visit.truncate(MAX_STEPS);
    }
    notes
}
