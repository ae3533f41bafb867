//! Answers that go on: how a running load stands, as parts of its page or as JSON. Whoever reads too slowly is told the
//! newest state next and misses those between.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;

use super::api::of_made;
use super::feed::{Feed, Standing, Watched};
use super::live::{PARTS, Stage, words};
use super::runs::Made;

/// Something is told at least this often, so that either end notices that the other is gone.
const BEAT: Duration = Duration::from_secs(2);

/// What one browser or program was told so far.
struct Told {
    feed: Feed,
    changes: watch::Receiver<u64>,
    waiting: VecDeque<Event>,
    over: bool,
    _watched: Watched,
}

/// The parts of the page that have changed, once a second; then `end`. `None` where enough follow it.
pub(super) fn page_parts(made: &Made) -> Option<Response> {
    let mut shown: Option<Arc<Standing>> = None;
    stream(made.feed.clone(), "parts", move |now| {
        let is_new = |index: usize| shown.as_ref().is_none_or(|shown| shown.parts()[index] != now.parts()[index]);
        let new = PARTS.iter().zip(now.parts()).enumerate().filter(|(index, _)| is_new(*index)).map(|(_, part)| part);
        let changed: BTreeMap<&&str, &String> = new.collect();
        shown = Some(Arc::clone(now));
        (!changed.is_empty()).then(|| serde_json::to_string(&changed).unwrap_or_default())
    })
}

/// The run as the API tells it, whenever that has changed; then `end`. `None` where enough follow it.
pub(super) fn events(made: &Made) -> Option<Response> {
    let of_run = made.clone();
    let mut last = String::new();
    stream(made.feed.clone(), "progress", move |now| {
        let text = serde_json::to_string(&of_made(&of_run, now, None)).unwrap_or_default();
        (text != last).then(|| {
            last.clone_from(&text);
            text
        })
    })
}

fn stream(feed: Feed, name: &'static str, told: impl FnMut(&Arc<Standing>) -> Option<String> + Send + 'static) -> Option<Response> {
    let mut changes = feed.changes();
    changes.mark_changed();
    let state = Told { changes, waiting: VecDeque::new(), over: false, _watched: feed.watch()?, feed };
    let events = unfold((state, told), move |(mut state, mut told)| async move {
        loop {
            if let Some(event) = state.waiting.pop_front() {
                return Some((Ok::<_, Infallible>(event), (state, told)));
            }
            if state.over {
                return None;
            }
            match tokio::time::timeout(BEAT, state.changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                // A browser passes over an event that says nothing at all.
                Err(_) => return Some((Ok(Event::default().event("beat").data("still here")), (state, told))),
            }
            let now = state.feed.now();
            state.waiting.extend(told(&now).map(|text| Event::default().event(name).data(text)));
            state.over = now.stage == Stage::Ended;
            if state.over {
                state.waiting.push_back(Event::default().event("end").data(now.outcome.map(words).unwrap_or_default()));
            }
        }
    });
    Some(Sse::new(events).into_response())
}
