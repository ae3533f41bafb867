//! The page of all kept runs: what can be filtered by, the trend of a scenario's endpoints, and every run with its outcome.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{Markup, html};

use super::live::words;
use super::page::{self, Kind, Place};
use super::query::Asked;
use super::routes::Content;
use super::runs::Made;
use super::{live_page, trend};
use crate::history::{Choices, Filter, History, HistoryError, KeptRun};
use crate::report::page_parts::{Aid, Kind as Column, grid, line, number};
use crate::units::{format_count, format_millis, format_share};

/// So many runs on one page.
const PAGE: u64 = 100;
/// So many files that are no runs are named.
const UNREADABLE: u64 = 100;
const NONE: &str = "-";

pub(super) fn page(history: &History, content: &Content, asked: &Asked) -> Response {
    match body(history, content, asked) {
        Ok(body) => Html(page::whole("runs", Place::History, Kind::Still, &body).into_string()).into_response(),
        Err(error) => page::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn body(history: &History, content: &Content, asked: &Asked) -> Result<Markup, HistoryError> {
    let choices = history.choices()?;
    let (runs, count, asked) = &runs_of(history, asked)?;
    let scenario = asked.filter.scenario.clone().or_else(|| <[String; 1]>::try_from(choices.scenarios.clone()).ok().map(|[only]| only));
    let trends = match scenario {
        Some(scenario) if asked.page == 0 => {
            trend::charts(history, &Filter { scenario: Some(scenario), ..asked.filter.clone() }, asked.group.as_deref())?
        }
        None if !choices.scenarios.is_empty() => {
            html! { p class="note" { "Choose a scenario to see how its endpoints changed over time." } }
        }
        _ => html! {},
    };
    Ok(html! {
        h1 { "Runs" }
        (filters(&choices, &asked.filter))
        (live_page::begin(content))
        (being_made(content, &asked.filter))
        (trends)
        h2 { (format_count(*count)) @if *count == 1 { " run" } @else { " runs" } }
        (looked_for(history)?)
        @if runs.is_empty() { p class="none" { "No kept run fits." } }
        @else {
            form class="form" id="compare" method="get" action="/compare" { button class="button" type="submit" { "Compare two marked runs" } }
            (table(runs))
            (pages(asked, *count))
        }
    })
}

/// The page that was asked for, or the last one where there are not as many.
fn runs_of(history: &History, asked: &Asked) -> Result<(Vec<KeptRun>, u64, Asked), HistoryError> {
    let (runs, count) = history.runs(&asked.filter, asked.page * PAGE, PAGE)?;
    if !runs.is_empty() || count == 0 {
        return Ok((runs, count, asked.clone()));
    }
    let last = Asked { page: (count - 1) / PAGE, ..asked.clone() };
    let (runs, count) = history.runs(&last.filter, last.page * PAGE, PAGE)?;
    Ok((runs, count, last))
}

/// Where these runs come from, how far the first look has come, and what could not be read.
fn looked_for(history: &History) -> Result<Markup, HistoryError> {
    let (unreadable, count) = history.unreadable(UNREADABLE)?;
    Ok(html! {
        @if !history.folders().is_empty() {
            p class="note" { "From " @for (index, folder) in history.folders().iter().enumerate() {
                @if index > 0 { ", " } code { (line(&folder.display().to_string())) } @if !folder.exists() { " (not there)" }
            } "." }
        }
        @if let Some(read) = history.reading() { p class="notice" { (format_count(read as u64)) " files read so far, still reading. Reload this page for more." } }
        @if count > 0 {
            details {
                summary { (format_count(count)) @if count == 1 { " file could not be read" } @else { " files could not be read" } }
                ul class="said" { @for file in &unreadable { li { code { (line(&file.path.display().to_string())) } ": " (line(&file.why)) } } }
                @if count > UNREADABLE { p class="note" { "and " (format_count(count - UNREADABLE)) " more" } }
            }
        }
    })
}

fn filters(choices: &Choices, filter: &Filter) -> Markup {
    let choice = |name: &str, title: &str, values: &[String], chosen: &Option<String>| {
        html! {
            label { (title) select name=(name) {
                option value="" { "all" }
                @for value in values { option value=(value) selected[chosen.as_ref() == Some(value)] { (line(value)) } }
            } }
        }
    };
    html! {
        form class="form" method="get" action="/" {
            (choice("scenario", "Scenario", &choices.scenarios, &filter.scenario))
            (choice("branch", "Branch", &choices.branches, &filter.branch))
            (choice("outcome", "Outcome", &choices.outcomes, &filter.outcome))
            button class="button" type="submit" { "Show" }
            @if *filter != Filter::default() { a class="button" href="/" { "Show all" } }
        }
    }
}

fn being_made(content: &Content, filter: &Filter) -> Markup {
    let made: Vec<Made> = content.runs.all().into_iter().filter(|made| made.fits(filter)).collect();
    html! { @if !made.is_empty() {
        ul { @for made in &made {
            @let live = made.feed.now();
            li { a href={ "/runs/" (made.id) } { "Run " (made.id) ", " (line(&made.scenario)) } " · " (live.outcome.map_or_else(|| "running".to_owned(), words)) }
        } }
    } }
}

fn table(runs: &[KeptRun]) -> Markup {
    let columns = [
        ("compare", Column::Picture),
        ("started (UTC)", Column::Text),
        ("outcome", Column::Text),
        ("scenario", Column::Text),
        ("branch", Column::Text),
        ("commit", Column::Text),
        ("target", Column::Text),
        ("requests", Column::Number),
        ("p95", Column::Number),
        ("p99", Column::Number),
        ("failed", Column::Number),
    ];
    grid("Runs", &columns, &runs.iter().map(row).collect::<Vec<_>>(), Aid::Sorted)
}

fn row(run: &KeptRun) -> Markup {
    let millis = |value: Option<f64>| number(&value.map_or_else(|| NONE.to_owned(), format_millis), value);
    let failed = share(run.failures, run.requests);
    let started = time(run);
    html! {
        td { input type="checkbox" name="run" form="compare" value=(run.id) aria-label={ "compare the run of " (started) }; }
        th scope="row" { a href={ "/runs/" (run.id) } { (started) } @if run.pinned { " (pinned)" } @if !run.complete { " (incomplete)" } }
        td { (outcome(&run.outcome)) }
        td { (line(&run.scenario)) }
        td { (line(run.branch.as_deref().unwrap_or(NONE))) }
        td { code class="commit" { (line(&run.commit.as_deref().unwrap_or(NONE).chars().take(7).collect::<String>())) } }
        td class="target" { (line(&run.target)) }
        td class="n" data-v=(run.requests) { (format_count(run.requests)) }
        (millis(run.p95_ms))
        (millis(run.p99_ms))
        (number(&failed.map_or_else(|| NONE.to_owned(), format_share), failed))
    }
}

/// When it began, as far as people tell runs apart.
pub(super) fn when(run: &KeptRun) -> String {
    format!("{} UTC", time(run))
}

fn time(run: &KeptRun) -> String {
    run.started_at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A share of requests; `None` without one.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// An outcome as the report shows it.
pub(super) fn outcome(word: &str) -> Markup {
    let (class, sign, text) = match word {
        "pass" => ("pass", "✓", "passed"),
        "warn" => ("warn", "!", "passed with warnings"),
        "fail" => ("fail", "✕", "failed"),
        "inconclusive" => ("unsure", "?", "no verdict"),
        "error" => ("fail", "✕", "error"),
        _ => ("skipped", "–", "not judged"),
    };
    html! { span class={ "outcome " (class) } { span aria-hidden="true" { (sign) " " } (text) } }
}

fn pages(asked: &Asked, count: u64) -> Markup {
    let last = count.saturating_sub(1) / PAGE;
    html! { @if last > 0 {
        nav class="form top" aria-label="More runs" {
            @if asked.page > 0 { a href=(asked.at_page(asked.page - 1)) { "newer" } }
            span { "page " (asked.page + 1) " of " (last + 1) }
            @if asked.page < last { a href=(asked.at_page(asked.page + 1)) { "older" } }
        }
    } }
}
