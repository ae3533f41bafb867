//! Two kept runs side by side, endpoint by endpoint. It shows what differs and judges nothing: that is the gate's.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{Markup, html};

use super::history_page::{outcome, share, when};
use super::page::{self, Kind, Place};
use super::percentiles;
use crate::history::{EndpointFigures, History, HistoryError, KeptRun};
use crate::report::page_parts::{Aid, Kind as Column, grid, line, number};
use crate::units::{format_count, format_millis, format_share};

const NONE: &str = "-";

/// A run with its endpoints.
type Whole = (KeptRun, Vec<EndpointFigures>);

pub(super) fn page(history: &History, ids: &[u64]) -> Response {
    let &[one, other] = ids else {
        return page::refused(StatusCode::BAD_REQUEST, "Mark two runs, no more and no fewer.");
    };
    match (open(history, one), open(history, other)) {
        (Ok(Some(one)), Ok(Some(other))) => {
            let (earlier, later) = if one.0.started_at <= other.0.started_at { (one, other) } else { (other, one) };
            Html(page::whole("two runs", Place::Elsewhere, Kind::Still, &body(&earlier, &later)).into_string()).into_response()
        }
        (Err(error), _) | (_, Err(error)) => page::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        _ => page::not_found(),
    }
}

fn open(history: &History, id: u64) -> Result<Option<Whole>, HistoryError> {
    history.run(id)?.map(|run| Ok((run, history.endpoints(id)?))).transpose()
}

fn body((earlier, before): &Whole, (later, after): &Whole) -> Markup {
    let differs = differences(earlier, later);
    html! {
        h1 { "Two runs side by side" }
        @for difference in &differs { p class="notice" { strong { "not comparable: " } (difference) } }
        p class="note" { "What differs, without the noise between runs: whether it is a regression is for a gate to say." }
        (facts(earlier, later))
        h2 { "Endpoints" }
        (endpoints(before, after))
        h2 { "Latency by percentile" }
        (percentiles::charts(earlier, later))
    }
}

fn differences(earlier: &KeptRun, later: &KeptRun) -> Vec<String> {
    let mut differs = Vec::new();
    if earlier.hash != later.hash {
        differs.push("they did not send the same (scenario hash)".to_owned());
    }
    if earlier.fingerprint != later.fingerprint {
        differs.push(format!("they come from different machines: {}; {}", line(&earlier.fingerprint), line(&later.fingerprint)));
    }
    differs
}

fn facts(earlier: &KeptRun, later: &KeptRun) -> Markup {
    let text = |value: &Option<String>| line(value.as_deref().unwrap_or(NONE));
    let millis = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), format_millis);
    let row =
        |name: &str, value: &dyn Fn(&KeptRun) -> Markup| html! { th scope="row" { (name) } td { (value(earlier)) } td { (value(later)) } };
    let rows = [
        row("run", &|run| html! { a href={ "/runs/" (run.id) } { (when(run)) } }),
        row("outcome", &|run| outcome(&run.outcome)),
        row("scenario", &|run| html! { (line(&run.scenario)) }),
        row("branch", &|run| html! { (text(&run.branch)) }),
        row("commit", &|run| html! { code { (text(&run.commit)) } }),
        row("target", &|run| html! { (line(&run.target)) }),
        row("requests", &|run| html! { (format_count(run.requests)) }),
        row("p95 of all tasks", &|run| html! { (millis(run.p95_ms)) }),
        row("p99 of all tasks", &|run| html! { (millis(run.p99_ms)) }),
        row("failed", &|run| html! { (share(run.failures, run.requests).map_or_else(|| NONE.to_owned(), format_share)) }),
    ];
    grid("The two runs", &[("what", Column::Text), ("earlier", Column::Text), ("later", Column::Text)], &rows, Aid::Plain)
}

fn endpoints(before: &[EndpointFigures], after: &[EndpointFigures]) -> Markup {
    let columns = [
        ("endpoint", Column::Text),
        ("p95 earlier", Column::Number),
        ("p95 later", Column::Number),
        ("change", Column::Number),
        ("p99 earlier", Column::Number),
        ("p99 later", Column::Number),
        ("change", Column::Number),
        ("failed earlier", Column::Number),
        ("failed later", Column::Number),
    ];
    let gone = before.iter().filter(|one| !after.iter().any(|other| other.endpoint == one.endpoint)).map(|one| (Some(one), None));
    let there = after.iter().map(|other| (before.iter().find(|one| one.endpoint == other.endpoint), Some(other)));
    let rows: Vec<Markup> = there.chain(gone).map(|(one, other)| row(one, other)).collect();
    grid("Endpoints of both runs", &columns, &rows, Aid::Sorted)
}

fn row(before: Option<&EndpointFigures>, after: Option<&EndpointFigures>) -> Markup {
    let name = after.or(before).map_or(NONE, |figures| figures.endpoint.as_str());
    let millis = |value: Option<f64>| number(&value.map_or_else(|| NONE.to_owned(), format_millis), value);
    let failed = |figures: Option<&EndpointFigures>| {
        let value = figures.and_then(|figures| share(figures.failures, figures.requests));
        number(&value.map_or_else(|| NONE.to_owned(), format_share), value)
    };
    let percentile = |of: fn(&EndpointFigures) -> Option<f64>| {
        let (one, other) = (before.and_then(of), after.and_then(of));
        let change = one.zip(other).filter(|(one, _)| *one > 0.0).map(|(one, other)| other / one - 1.0);
        html! { (millis(one)) (millis(other)) (number(&change.map_or_else(|| NONE.to_owned(), signed), change)) }
    };
    html! {
        th scope="row" { code { (line(name)) } }
        (percentile(|figures| figures.p95_ms))
        (percentile(|figures| figures.p99_ms))
        (failed(before))
        (failed(after))
    }
}

fn signed(change: f64) -> String {
    format!("{:+.1} %", change * 100.0)
}
