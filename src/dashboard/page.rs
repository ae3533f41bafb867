//! What every page of the dashboard has around it, and the short ones that say no.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

use crate::report::page_parts::line;

/// Where a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    History,
    Live,
    Elsewhere,
}

/// What else a page does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Still,
    /// Asks again by itself where scripts are off.
    Moving,
}

pub(super) fn whole(title: &str, place: Place, kind: Kind, body: &Markup) -> Markup {
    let link = |to: &str, name: &str, own: Place| html! { a href=(to) aria-current=[(place == own).then_some("page")] { (name) } };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "perfgate: " (line(title)) }
                link rel="icon" href="/assets/icon.svg";
                link rel="stylesheet" href="/assets/report.css";
                link rel="stylesheet" href="/assets/dashboard.css";
                @if kind == Kind::Moving { noscript { meta http-equiv="refresh" content="2"; } }
            }
            body {
                a class="skip" href="#main" { "Skip to the content" }
                nav class="top" aria-label="Pages" { (link("/", "Runs", Place::History)) (link("/live", "Live", Place::Live)) }
                main id="main" { (body) }
                footer { "perfgate " (env!("CARGO_PKG_VERSION")) ". Served from this machine; nothing is loaded from elsewhere." }
                script src="/assets/report.js" {}
                script src="/assets/dashboard.js" {}
            }
        }
    }
}

/// A page that says in one sentence why there is nothing here, for who may see the others.
pub(super) fn refused(status: StatusCode, why: &str) -> Response {
    refused_with(status, &html! { (line(why)) })
}

pub(super) fn refused_with(status: StatusCode, why: &Markup) -> Response {
    let name = reason(status);
    let body = html! { h1 { (name) } p { (why) } p { a href="/" { "Back to the first page" } } };
    (status, Html(whole(name, Place::Elsewhere, Kind::Still, &body).into_string())).into_response()
}

/// The same for who may see nothing: it loads no style, which needs the cookie too, and is legible without.
pub(super) fn refused_outside(status: StatusCode, why: &str) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "perfgate: " (reason(status)) }
            }
            body { main { h1 { (reason(status)) } p { (line(why)) } } }
        }
    };
    (status, Html(page.into_string())).into_response()
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("No")
}

pub(super) fn not_found() -> Response {
    refused(StatusCode::NOT_FOUND, "There is nothing here.")
}
