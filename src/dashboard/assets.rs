//! The files that the pages load, all of them part of the program.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::report::page_parts::{SCRIPT, STYLE};

const OWN_STYLE: &str = include_str!("assets/dashboard.css");
const OWN_SCRIPT: &str = include_str!("assets/dashboard.js");
const ICON: &str = include_str!("assets/icon.svg");
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The file with this name.
pub(super) fn asset(name: &str) -> Option<Response> {
    let (kind, text) = match name {
        "report.css" => (CSS, STYLE),
        "report.js" => (JAVASCRIPT, SCRIPT),
        "dashboard.css" => (CSS, OWN_STYLE),
        "dashboard.js" => (JAVASCRIPT, OWN_SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return None,
    };
    Some(([(CONTENT_TYPE, kind)], text).into_response())
}
