//! The page of a run that is being made: the live view's parts in their places, and the buttons where there are any.

use maud::{Markup, PreEscaped, html};

use super::live::{Live, PARTS, Stage, stage};
use super::page::{Kind, Place, whole};
use super::routes::Content;
use super::runs::Made;
use crate::report::page_parts::line;

pub(super) fn page(made: &Made, content: &Content) -> Markup {
    let live = made.feed.looked_at();
    let over = live.stage == Stage::Ended;
    let body = html! {
        // Its text changes with the stage alone: what is replaced each second is not read out each second.
        p id="stage" class="away" role="status" { (line(&stage(&live))) }
        div data-parts=[(!over).then(|| format!("/runs/{}/parts", made.id))] {
            p id="lost" class="lost" hidden {}
            @for (id, part) in PARTS.iter().zip(live.parts()) {
                div id=(id) { (PreEscaped(part)) }
                @if *id == "state" { (around(made, content, &live)) }
            }
        }
    };
    whole(&title(made, &live), Place::Live, if over { Kind::Still } else { Kind::Moving }, &body)
}

/// What can be done about it below its header: while it runs to stop it, and afterwards to read on or begin another one. The
/// script shows the second in place of the first once it has ended.
fn around(made: &Made, content: &Content, live: &Live) -> Markup {
    let over = live.stage == Stage::Ended;
    html! {
        @if content.allows_runs() && !over {
            form class="form" method="post" action={ "/runs/" (made.id) "/stop" } data-until-end { button class="button" type="submit" { "Stop this run" } }
        }
        div data-after-end hidden[!over] {
            @if content.history.is_some() {
                @if over && live.kept.is_none() { p class="note" { "Nothing was kept of this run." } }
                @else { p { a href={ "/runs/" (made.id) "/report" } { "Its report in the history" } } }
            }
            @if over { (begin(content)) } @else { (begin_form(content)) }
        }
    }
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

/// A button for the scenarios that may be begun; while one is loaded the way to it.
pub(super) fn begin(content: &Content) -> Markup {
    match content.runs.busy() {
        Some(busy) if content.allows_runs() => {
            html! { p class="note" { a href={ "/runs/" (busy.id) } { "Run " (busy.id) } " is not over; another one can be begun then." } }
        }
        _ => begin_form(content),
    }
}

fn begin_form(content: &Content) -> Markup {
    html! {
        @if content.allows_runs() {
            form class="form" method="post" action="/runs" {
                label { "Scenario to load" select name="scenario" { @for name in content.runs.may_be_begun() { option { (line(name)) } } } }
                button class="button" type="submit" { "Begin a run" }
            }
        }
    }
}

fn title(made: &Made, live: &Live) -> String {
    let name = &live.heading.scenario;
    format!("{} · {}", stage(live), if name.is_empty() { &made.scenario } else { name })
}
