//! Which address is which page. Every one of them is a file of the program, a page that is made when it is asked for, or
//! nothing; ids are numbers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::middleware;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::{get, post};
use maud::{Markup, html};

use super::access::{self, Access, BODY_BYTES};
use super::live::{Live, Stage};
use super::query::{Asked, scenario_of_form};
use super::runs::{Refusal, Runs};
use super::upkeep::Upkeep;
use super::{api, assets, compare, history_page, kept_report, live_page, page, streams};
use crate::history::History;
use crate::report::page_parts::line;

/// A body may take so long.
const BODY: Duration = Duration::from_secs(5);

/// What a dashboard shows.
#[derive(Debug, Default)]
pub struct Content {
    pub runs: Runs,
    pub history: Option<Arc<History>>,
    /// Who is told whenever somebody looks at the history: it may have to be brought up to date.
    pub upkeep: Option<Upkeep>,
}

impl Content {
    pub(super) fn allows_runs(&self) -> bool {
        !self.runs.may_be_begun().is_empty()
    }

    /// The kept run that this one has become, once the history knows it.
    pub(super) fn kept(&self, live: &Live) -> Option<u64> {
        // What is not known yet is asked again.
        self.history.as_ref()?.id_of_file(live.kept.as_ref()?).ok()?
    }

    /// Somebody looks at the history: it is brought up to date, unless that would disturb what is being measured.
    async fn look(&self) {
        if let Some(upkeep) = self.upkeep.as_ref().filter(|_| self.runs.busy().is_none()) {
            upkeep.catch_up().await;
        }
    }
}

type Shared = State<Arc<Content>>;

pub(super) fn router(access: Arc<Access>, content: Arc<Content>) -> Router {
    Router::new()
        .route("/", get(first))
        .route("/live", get(newest))
        .route("/compare", get(two_runs))
        .route("/runs", post(begin))
        .route("/runs/{id}", get(one_run))
        .route("/runs/{id}/parts", get(parts))
        .route("/runs/{id}/report", get(report_of_made))
        .route("/runs/{id}/stop", post(stop))
        .route("/assets/{name}", get(asset))
        .route("/favicon.ico", get(|| async { assets::asset("icon.svg").unwrap_or_else(page::not_found) }))
        .route("/api/openapi.json", get(|| async { api::description() }))
        .route("/api/runs", get(api_list).post(api_begin))
        .route("/api/runs/{id}", get(api_show).delete(api_stop))
        .route("/api/runs/{id}/stop", post(api_stop))
        .route("/api/runs/{id}/events", get(api_events))
        .fallback(|| async { page::not_found() })
        .layer(middleware::from_fn_with_state(access, access::check))
        .with_state(content)
}

async fn first(State(content): Shared, uri: Uri) -> Response {
    content.look().await;
    match (content.history.clone(), content.runs.find(1)) {
        (None, Some(made)) => shown(live_page::page(&made, &content)),
        (None, None) => page::not_found(),
        (Some(history), _) => made_aside(move || history_page::page(&history, &content, &Asked::of(&uri))).await,
    }
}

async fn newest(State(content): Shared) -> Response {
    match content.runs.all().first() {
        Some(made) => shown(live_page::page(made, &content)),
        None => shown(live_page::none(&content)),
    }
}

async fn two_runs(State(content): Shared, uri: Uri) -> Response {
    let Some(history) = content.history.clone() else { return page::not_found() };
    made_aside(move || compare::page(&history, &Asked::of(&uri).runs)).await
}

async fn one_run(State(content): Shared, Path(id): Path<String>) -> Response {
    let Some(id) = number(&id) else { return page::not_found() };
    if let Some(made) = content.runs.find(id) {
        return shown(live_page::page(&made, &content));
    }
    let Some(history) = content.history.clone() else { return page::not_found() };
    made_aside(move || match history.run(id) {
        Ok(Some(run)) => kept_report::answer(&history, &run),
        Ok(None) => page::not_found(),
        Err(error) => page::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    })
    .await
}

async fn parts(State(content): Shared, Path(id): Path<String>) -> Response {
    let Some(made) = number(&id).and_then(|id| content.runs.find(id)) else { return page::not_found() };
    streams::page_parts(&made).unwrap_or_else(|| page::refused(StatusCode::SERVICE_UNAVAILABLE, "Enough others follow this run."))
}

/// The report of a run that was made here, as soon as the history has it.
async fn report_of_made(State(content): Shared, Path(id): Path<String>) -> Response {
    let Some(made) = number(&id).and_then(|id| content.runs.find(id)) else { return page::not_found() };
    content.look().await;
    let live = made.feed.looked_at();
    let Some(kept) = content.kept(&live) else {
        let why = match (live.stage, &live.kept) {
            (Stage::Ended, None) => "Nothing was kept of this run: it ended before anything was measured.",
            (Stage::Ended, Some(_)) => "This run is not in the history yet: it is read in a moment. Reload this page.",
            _ => "This run is not over.",
        };
        return page::refused(StatusCode::NOT_FOUND, why);
    };
    (StatusCode::SEE_OTHER, [(LOCATION, format!("/runs/{kept}"))]).into_response()
}

async fn begin(State(content): Shared, body: Body) -> Response {
    let body = match taken_in(body).await {
        Ok(body) => body,
        Err(missing) => return page::refused(missing.status(), missing.text()),
    };
    let scenario = scenario_of_form(&body).unwrap_or_default();
    match content.runs.begin(&scenario) {
        Ok(id) => (StatusCode::SEE_OTHER, [(LOCATION, format!("/runs/{id}"))]).into_response(),
        Err(refusal) => {
            let (status, text) = api::said(&refusal);
            let busy = if let Refusal::Busy(id) = refusal { Some(id) } else { None };
            page::refused_with(
                status,
                &html! { (line(&text)) "." @if let Some(id) = busy { " " a href={ "/runs/" (id) } { "See run " (id) } } },
            )
        }
    }
}

async fn stop(State(content): Shared, Path(id): Path<String>) -> Response {
    let Some(made) = number(&id).and_then(|id| content.runs.find(id)) else { return page::not_found() };
    made.feed.stop("stopped from the dashboard");
    (StatusCode::SEE_OTHER, [(LOCATION, format!("/runs/{}", made.id))]).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    assets::asset(&name).unwrap_or_else(page::not_found)
}

async fn api_list(State(content): Shared, uri: Uri) -> Response {
    content.look().await;
    made_aside(move || api::list(&content, &Asked::of(&uri))).await
}

async fn api_show(State(content): Shared, Path(id): Path<String>) -> Response {
    let Some(id) = number(&id) else { return api::no_such_run() };
    made_aside(move || api::show(&content, id)).await
}

async fn api_begin(State(content): Shared, body: Body) -> Response {
    match taken_in(body).await {
        Ok(body) => api::begin(&content, &body),
        Err(missing) => api::problem(missing.status(), missing.text()),
    }
}

async fn api_stop(State(content): Shared, Path(id): Path<String>) -> Response {
    number(&id).map_or_else(api::no_such_run, |id| api::stop(&content, id))
}

async fn api_events(State(content): Shared, Path(id): Path<String>) -> Response {
    let Some(made) = number(&id).and_then(|id| content.runs.find(id)) else { return api::no_such_run() };
    streams::events(&made).unwrap_or_else(|| api::problem(StatusCode::SERVICE_UNAVAILABLE, "enough others follow this run"))
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    TooLarge,
    TooSlow,
}

impl Missing {
    const fn status(self) -> StatusCode {
        match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "the body is larger than 8 KiB",
            Self::TooSlow => "the body does not come within 5 s",
        }
    }
}

async fn taken_in(body: Body) -> Result<Bytes, Missing> {
    let whole = tokio::time::timeout(BODY, to_bytes(body, BODY_BYTES)).await.map_err(|_| Missing::TooSlow)?;
    whole.map_err(|_| Missing::TooLarge)
}

fn number(id: &str) -> Option<u64> {
    id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok()).flatten()
}

fn shown(page: Markup) -> Response {
    Html(page.into_string()).into_response()
}

/// Makes an answer where it keeps no other one waiting.
async fn made_aside(make: impl FnOnce() -> Response + Send + 'static) -> Response {
    let failed = |_| page::refused(StatusCode::INTERNAL_SERVER_ERROR, "This page could not be made: a bug in perfgate.");
    tokio::task::spawn_blocking(make).await.unwrap_or_else(failed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// What the router above says, read as text: axum does not tell its routes.
    fn routes() -> BTreeSet<(String, &'static str)> {
        let lines = include_str!("routes.rs").lines().filter_map(|line| line.trim().strip_prefix(".route(\"/api/")?.split_once('"'));
        let methods = |(path, rest): (&str, &'static str)| {
            let named = ["get", "post", "put", "patch", "delete"].into_iter().filter(|method| rest.contains(&format!("{method}(")));
            named.map(|method| (format!("/api/{path}"), method)).collect::<Vec<_>>()
        };
        lines.flat_map(methods).collect()
    }

    #[test]
    fn every_route_of_the_api_is_described_with_its_refusals_and_nothing_else_is() {
        let description: serde_json::Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let mut described = BTreeSet::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for method in ["get", "post", "put", "patch", "delete"].into_iter().filter(|method| item.get(*method).is_some()) {
                described.insert((path.clone(), method));
                let responses = item[method]["responses"].as_object().unwrap();
                let expected = if method == "get" { &["401", "403", "413", "421"][..] } else { &["401", "403", "405", "413", "421"] };
                assert!(expected.iter().all(|status| responses.contains_key(*status)), "{method} {path}: {:?}", responses.keys());
            }
        }
        assert_eq!(described, routes());
        assert!(described.len() >= 6, "{described:?}");
    }
}
