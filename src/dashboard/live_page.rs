//! The page of a run that is being made: the live view's parts in their places, and the buttons where there are any.

use maud::{Markup, PreEscaped, html};

use super::live::{PARTS, Stage};
use super::page::{Kind, Place, whole};
use super::routes::Content;
use super::runs::Made;
use crate::report::page_parts::line;

/// The headings of the parts; the first three need none.
const TITLES: [Option<&str>; 7] = [None, None, None, Some("Over time"), Some("Endpoints"), Some("Generator"), Some("What was said")];

pub(super) fn page(made: &Made, content: &Content) -> Markup {
    let live = made.feed.now();
    let over = live.stage == Stage::Ended;
    let body = html! {
        div data-parts=[(!over).then(|| format!("/runs/{}/parts", made.id))] {
            p id="lost" class="lost" role="status" hidden {}
            @for ((id, part), title) in PARTS.iter().zip(live.parts()).zip(TITLES) {
                @if let Some(title) = title { h2 { (title) } }
                div id=(id) { (PreEscaped(part)) }
            }
        }
        @if content.allows_runs() && !over {
            form class="form" method="post" action={ "/runs/" (made.id) "/stop" } data-stop { button class="button" type="submit" { "Stop this run" } }
        }
        @if over { (begin(content)) }
    };
    whole(&title(made), Place::Live, if over { Kind::Still } else { Kind::Moving }, &body)
}

/// Where nothing is being made.
pub(super) fn none(content: &Content) -> Markup {
    let body = html! {
        h1 { "Nothing is being loaded" }
        @if content.allows_runs() { (begin(content)) } @else {
            p { "Runs can be begun from here where perfgate serve is started with --allow-run SCENARIO; perfgate check --live serves a running check." }
        }
    };
    whole("live", Place::Live, Kind::Still, &body)
}

/// A button for each scenario that may be begun.
pub(super) fn begin(content: &Content) -> Markup {
    html! {
        @if content.allows_runs() {
            form class="form" method="post" action="/runs" {
                label { "Scenario" select name="scenario" { @for name in content.runs.may_be_begun() { option { (line(name)) } } } }
                button class="button" type="submit" { "Begin a run" }
            }
        }
    }
}

fn title(made: &Made) -> String {
    let live = made.feed.now();
    let name = &live.heading.scenario;
    format!("live {}", if name.is_empty() { &made.scenario } else { name })
}
