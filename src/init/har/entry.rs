//! One entry of a HAR file as a request of the visit.

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::format::{Entry, PostData};
use crate::init::draft::{DraftBody, Pairs, method_named};
use crate::scenario::Method;

/// A request with what is known of its answer. Texts are as recorded, secrets included.
pub struct Visited<'a> {
    /// Seconds since the epoch.
    pub started: f64,
    pub ended: f64,
    pub method: Method,
    /// `https://shop.example`
    pub origin: String,
    /// Percent-encoded, without query.
    pub path: String,
    pub query: Pairs,
    pub headers: Pairs,
    pub body: Option<DraftBody>,
    pub body_size: usize,
    pub graphql_operation: Option<String>,
    /// Names of the cookies that were sent.
    pub cookies: Vec<&'a str>,
    /// Names of the cookies that the answer set.
    pub cookies_set: Vec<&'a str>,
    pub status: u16,
    /// The body of a JSON answer.
    pub answer: Option<&'a str>,
    pub is_static: bool,
}

/// The request of an entry; `None`, with a note, where a scenario can't send it.
pub fn visited<'a>(entry: &'a Entry, notes: &mut Vec<String>) -> Option<Visited<'a>> {
    let url = Url::parse(&entry.request.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        notes.push("left out: what is no http or https (data, blob, WebSocket)".to_owned());
        return None;
    };
    let Some(method) = method_named(&entry.request.method) else {
        notes.push("left out: a method that a scenario does not have".to_owned());
        return None;
    };
    let status = status(entry);
    if status == 0 {
        notes.push("left out: what got no answer".to_owned());
        return None;
    }
    if method == Method::Options
        || entry.resource_type.as_deref().is_some_and(|kind| matches!(kind, "websocket" | "preflight"))
        || status < 200
    {
        notes.push("left out: the browser's own (preflight, WebSocket)".to_owned());
        return None;
    }
    let started = entry.started_date_time.parse::<Timestamp>().map_or(0.0, |time| time.as_duration().as_secs_f64());
    let body = entry.request.post_data.as_ref().and_then(|body| body_of(body, notes));
    let json_answer = |content: &&super::format::Content| {
        content.encoding.is_none() && content.mime_type.as_deref().is_some_and(|kind| kind.contains("json"))
    };
    Some(Visited {
        started,
        ended: started + entry.time.filter(|time| time.is_finite()).unwrap_or(0.0).max(0.0) / 1000.0,
        method,
        origin: url.origin().ascii_serialization(),
        path: url.path().to_owned(),
        query: url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .filter(|(name, _)| !name.is_empty())
            .collect(),
        headers: headers_of(entry),
        body_size: entry.request.post_data.as_ref().and_then(|body| body.text.as_ref()).map_or(0, String::len),
        graphql_operation: graphql_operation(url.path(), body.as_ref()),
        body,
        cookies: cookie_names(
            entry
                .request
                .headers
                .iter()
                .filter(|header| header.name.eq_ignore_ascii_case("cookie"))
                .flat_map(|header| header.value.split(';')),
        ),
        cookies_set: cookie_names(
            entry
                .response
                .headers
                .iter()
                .filter(|header| header.name.eq_ignore_ascii_case("set-cookie"))
                .flat_map(|header| header.value.lines()),
        ),
        status: if status == 304 { 200 } else { status },
        answer: Some(&entry.response.content).filter(json_answer).and_then(|content| content.text.as_deref()),
        is_static: is_static(entry, url.path()),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status that is none becomes 0")]
fn status(entry: &Entry) -> u16 {
    if (100.0..600.0).contains(&entry.response.status) { entry.response.status as u16 } else { 0 }
}

fn cookie_names<'a>(cookies: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    cookies.filter_map(|cookie| cookie.split('=').next()).map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// By what the browser says, else by the media type of the answer, else by the name.
fn is_static(entry: &Entry, path: &str) -> bool {
    const EXTENSIONS: [&str; 24] = [
        ".js",
        ".mjs",
        ".css",
        ".map",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".webp",
        ".avif",
        ".ico",
        ".woff",
        ".woff2",
        ".ttf",
        ".otf",
        ".eot",
        ".mp4",
        ".webm",
        ".mp3",
        ".wasm",
        ".webmanifest",
        ".pdf",
        ".bmp",
    ];
    match entry.resource_type.as_deref() {
        Some("xhr" | "fetch" | "document") => return false,
        Some("script" | "stylesheet" | "image" | "font" | "media" | "manifest" | "texttrack" | "ping") => return true,
        _ => {}
    }
    let media = entry.response.content.mime_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let by_media = [
        "image/",
        "font/",
        "video/",
        "audio/",
        "text/css",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "application/wasm",
        "application/font",
    ];
    let lower = path.to_ascii_lowercase();
    by_media.iter().any(|kind| media.starts_with(kind)) || EXTENSIONS.iter().any(|extension| lower.ends_with(extension))
}

/// Headers that the page chose; what the browser adds of itself says nothing to the API.
fn headers_of(entry: &Entry) -> Pairs {
    const BROWSERS_OWN: [&str; 27] = [
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "cookie",
        "user-agent",
        "accept-encoding",
        "accept-language",
        "referer",
        "origin",
        "cache-control",
        "pragma",
        "dnt",
        "te",
        "upgrade",
        "upgrade-insecure-requests",
        "priority",
        "if-none-match",
        "if-modified-since",
        "if-match",
        "content-type",
        "save-data",
        "device-memory",
        "purpose",
        "x-client-data",
        "keep-alive",
        "expect",
    ];
    let mut headers = Pairs::new();
    for header in &entry.request.headers {
        let name = header.name.to_ascii_lowercase();
        let is_named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.!#$%&'*+^`|~".contains(c));
        let is_own = BROWSERS_OWN.contains(&name.as_str())
            || ["sec-", "proxy-", "cf-", "x-forwarded", "traceparent", "tracestate", "sentry-", "baggage"]
                .iter()
                .any(|prefix| name.starts_with(prefix));
        let is_usual = name == "accept" && (header.value == "*/*" || header.value.starts_with("text/html"));
        if is_named && !header.value.trim().is_empty() && !is_own && !is_usual && !headers.iter().any(|(known, _)| *known == name) {
            headers.push((name, header.value.clone()));
        }
    }
    headers
}

fn body_of(body: &PostData, notes: &mut Vec<String>) -> Option<DraftBody> {
    let media = body.mime_type.to_ascii_lowercase();
    let text = body.text.as_deref().unwrap_or_default();
    if media.starts_with("multipart/") {
        if body.params.is_empty() || body.params.iter().any(|param| param.file_name.is_some()) {
            notes.push("an uploaded file is not in the recording: add it under `multipart`".to_owned());
        }
        let fields: Pairs = body.params.iter().filter(|param| param.file_name.is_none()).map(field).collect();
        return (!fields.is_empty()).then_some(DraftBody::Multipart(fields));
    }
    if media.starts_with("application/x-www-form-urlencoded") {
        let fields: Pairs = if text.is_empty() {
            body.params.iter().map(field).collect()
        } else {
            url::form_urlencoded::parse(text.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        };
        return (!fields.is_empty()).then_some(DraftBody::Form(fields));
    }
    if text.is_empty() {
        return None;
    }
    let is_json = media.is_empty() || media.contains("json") || media.starts_with("text/plain");
    match serde_json::from_str::<Value>(text) {
        Ok(value) if is_json && (value.is_object() || value.is_array()) => Some(DraftBody::Json(value)),
        _ => Some(DraftBody::Text { text: text.to_owned(), media_type: (!body.mime_type.is_empty()).then(|| body.mime_type.clone()) }),
    }
}

fn field(param: &super::format::Param) -> (String, String) {
    (param.name.clone(), param.value.clone().unwrap_or_default())
}

/// The operation of a GraphQL request, which all have one path.
fn graphql_operation(path: &str, body: Option<&DraftBody>) -> Option<String> {
    let Some(DraftBody::Json(body)) = body.filter(|_| path.to_ascii_lowercase().contains("graphql")) else { return None };
    let name = body.get("operationName")?.as_str()?;
    let is_name = !name.is_empty() && name.len() <= 80 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| name.to_owned())
}
