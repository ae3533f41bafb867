//! The API: the same powers as the pages, as JSON. What it promises is `openapi.json`, against which a test holds it.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::live::{Figures, Live, Moment, Stage, words};
use super::query::Asked;
use super::routes::Content;
use super::runs::{Made, Refusal};
use crate::history::{EndpointFigures, KeptRun};

const DESCRIPTION: &str = include_str!("openapi.json");
/// So many runs on one page of the list.
const PAGE: u64 = 100;

/// A run, kept or being made.
#[derive(Debug, Serialize)]
pub(super) struct RunAnswer {
    id: u64,
    state: &'static str,
    scenario: String,
    target: String,
    /// Of a kept run its verdict's, of one that was made here how the check ended.
    outcome: Option<String>,
    /// The kept run that it is, or has become.
    kept_id: Option<u64>,
    started_at: Option<String>,
    branch: Option<String>,
    commit: Option<String>,
    complete: Option<bool>,
    pinned: bool,
    requests: Option<u64>,
    failures: Option<u64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Vec<Figures>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Moment>,
}

#[derive(Debug, Serialize)]
struct Listing {
    runs: Vec<RunAnswer>,
    /// Kept runs that fit the filter, on all pages.
    kept: u64,
    page: u64,
    may_be_begun: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    scenario: String,
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    error: &'a str,
}

pub(super) fn description() -> Response {
    ([(CONTENT_TYPE, "application/json")], DESCRIPTION).into_response()
}

pub(super) fn list(content: &Content, asked: &Asked) -> Response {
    let mut runs: Vec<RunAnswer> = Vec::new();
    if asked.page == 0 {
        let fits = |made: &&Made| made.fits(&asked.filter);
        runs.extend(content.runs.all().iter().filter(fits).map(|made| RunAnswer {
            endpoints: None,
            now: None,
            ..made_here(content, made)
        }));
    }
    let mut kept = 0;
    if let Some(history) = &content.history {
        match history.runs(&asked.filter, asked.page * PAGE, PAGE) {
            Ok((some, all)) => {
                runs.extend(some.into_iter().map(|run| of_kept(run, None)));
                kept = all;
            }
            Err(error) => return problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        }
    }
    Json(Listing { runs, kept, page: asked.page + 1, may_be_begun: content.runs.may_be_begun().to_vec() }).into_response()
}

pub(super) fn show(content: &Content, id: u64) -> Response {
    if let Some(made) = content.runs.find(id) {
        return Json(made_here(content, &made)).into_response();
    }
    let Some(history) = &content.history else { return no_such_run() };
    match history.run(id).and_then(|run| Ok((run, history.endpoints(id)?))) {
        Ok((Some(run), endpoints)) => Json(of_kept(run, Some(endpoints))).into_response(),
        Ok((None, _)) => no_such_run(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

pub(super) fn begin(content: &Content, body: &[u8]) -> Response {
    let Ok(Begin { scenario }) = serde_json::from_slice(body) else {
        return problem(StatusCode::BAD_REQUEST, "the body is not {\"scenario\": NAME}");
    };
    match content.runs.begin(&scenario) {
        Ok(id) => {
            let made = content.runs.find(id).map(|made| made_here(content, &made));
            (StatusCode::CREATED, [(LOCATION, format!("/api/runs/{id}"))], Json(made)).into_response()
        }
        Err(refusal) => refused(&refusal),
    }
}

pub(super) fn stop(content: &Content, id: u64) -> Response {
    let Some(made) = content.runs.find(id) else { return no_such_run() };
    if made.feed.stop("stopped from the dashboard") {
        (StatusCode::ACCEPTED, Json(made_here(content, &made))).into_response()
    } else {
        problem(StatusCode::CONFLICT, "this run is not being made")
    }
}

pub(super) fn no_such_run() -> Response {
    problem(StatusCode::NOT_FOUND, "there is no such run")
}

pub(super) fn problem(status: StatusCode, error: &str) -> Response {
    (status, Json(Problem { error })).into_response()
}

fn refused(refusal: &Refusal) -> Response {
    let (status, text) = said(refusal);
    problem(status, &text)
}

/// A refusal in words.
pub(super) fn said(refusal: &Refusal) -> (StatusCode, String) {
    match refusal {
        Refusal::Unknown(known) => {
            (StatusCode::BAD_REQUEST, format!("this scenario may not be begun here: allowed are {}", known.join(", ")))
        }
        Refusal::Busy(id) => (StatusCode::CONFLICT, format!("run {id} is not over, and two loads would spoil each other")),
        Refusal::Ending => (StatusCode::SERVICE_UNAVAILABLE, "perfgate is ending".to_owned()),
    }
}

fn made_here(content: &Content, made: &Made) -> RunAnswer {
    let live = made.feed.looked_at();
    of_made(made, &live, content.kept(&live))
}

/// A run that is or was made here, as it stands.
pub(super) fn of_made(made: &Made, live: &Live, kept_id: Option<u64>) -> RunAnswer {
    let all = live.all_tasks.as_ref();
    RunAnswer {
        id: made.id,
        state: if live.stage == Stage::Ended { "ended" } else { "running" },
        scenario: if live.heading.scenario.is_empty() { made.scenario.clone() } else { live.heading.scenario.clone() },
        target: live.heading.target.clone(),
        outcome: live.outcome.map(words),
        kept_id,
        started_at: live.heading.started_at.map(|at| at.to_string()),
        branch: None,
        commit: None,
        complete: None,
        pinned: false,
        requests: all.map(|all| all.requests),
        failures: all.map(|all| all.failures),
        p95_ms: all.and_then(|all| all.p95_ms),
        p99_ms: all.and_then(|all| all.p99_ms),
        endpoints: Some(live.endpoints.clone()),
        now: live.latest.clone(),
    }
}

fn of_kept(run: KeptRun, endpoints: Option<Vec<EndpointFigures>>) -> RunAnswer {
    let figures =
        |EndpointFigures { endpoint, requests, failures, p95_ms, p99_ms }| Figures { name: endpoint, requests, failures, p95_ms, p99_ms };
    let KeptRun {
        id,
        path: _,
        verdict: _,
        outcome,
        scenario,
        hash: _,
        fingerprint: _,
        target,
        branch,
        commit,
        started_at,
        complete,
        pinned,
        requests,
        failures,
        p95_ms,
        p99_ms,
    } = run;
    RunAnswer {
        id,
        state: "kept",
        scenario,
        target,
        outcome: Some(outcome),
        kept_id: Some(id),
        started_at: Some(started_at.to_string()),
        branch,
        commit,
        complete: Some(complete),
        pinned,
        requests: Some(requests),
        failures: Some(failures),
        p95_ms,
        p99_ms,
        endpoints: endpoints.map(|endpoints| endpoints.into_iter().map(figures).collect()),
        now: None,
    }
}
