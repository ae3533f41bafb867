//! Answers that go on: how a running load stands, as parts of its page or as JSON. Whoever reads too slowly is told the
//! newest state next and misses those between.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;

use super::api::of_made;
use super::feed::{Feed, Watched};
use super::live::{Live, PARTS, Stage, parts};
use super::runs::Made;

/// Something is sent at least this often, so that a connection that is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What one browser or program was told so far.
struct Told {
    feed: Feed,
    changes: watch::Receiver<u64>,
    waiting: VecDeque<Event>,
    over: bool,
    _watched: Watched,
}

/// The parts of the page that have changed, once a second; then `end`.
pub(super) fn page_parts(made: &Made) -> Response {
    let mut shown: BTreeMap<&'static str, String> = BTreeMap::new();
    stream(made.feed.clone(), "parts", move |live| {
        let mut changed = BTreeMap::new();
        for (name, part) in PARTS.iter().zip(parts(live)) {
            let part = part.into_string();
            if shown.get(name) != Some(&part) {
                changed.insert(*name, part.clone());
                shown.insert(name, part);
            }
        }
        (!changed.is_empty()).then(|| serde_json::to_string(&changed).unwrap_or_default())
    })
}

/// The run as the API tells it, whenever that has changed; then `end`.
pub(super) fn events(made: &Made) -> Response {
    let of_run = made.clone();
    let mut last = String::new();
    stream(made.feed.clone(), "progress", move |live| {
        let text = serde_json::to_string(&of_made(&of_run, live)).unwrap_or_default();
        (text != last).then(|| {
            last.clone_from(&text);
            text
        })
    })
}

fn stream(feed: Feed, name: &'static str, mut told: impl FnMut(&Live) -> Option<String> + Send + 'static) -> Response {
    let mut changes = feed.changes();
    changes.mark_changed();
    let state = Told { changes, waiting: VecDeque::new(), over: false, _watched: feed.watch(), feed };
    let events = unfold((state, move |live: &Live| told(live)), move |(mut state, mut told)| async move {
        loop {
            if let Some(event) = state.waiting.pop_front() {
                return Some((Ok::<_, Infallible>(event), (state, told)));
            }
            if state.over || state.changes.changed().await.is_err() {
                return None;
            }
            let live = state.feed.now();
            state.waiting.extend(told(&live).map(|text| Event::default().event(name).data(text)));
            state.over = live.stage == Stage::Ended;
            if state.over {
                state.waiting.push_back(Event::default().event("end").data(live.outcome.unwrap_or_default()));
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
