//! The page as a whole: its head with the policy, the order of its sections, style and script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::first::{First, Judged};
use super::overall::Overall;
use super::past::Past;
use super::{charts, checks, endpoints, facts, failures, first, loads, text};
use crate::report::content::{content, headline, place};
use crate::report::{Context, Subject};
use crate::run::Run;

/// How every page looks, in the light and in the dark.
pub const STYLE: &str = include_str!("assets/style.css");
/// Sorting, filtering, reading and zooming.
pub const SCRIPT: &str = include_str!("assets/script.js");

/// One part of the page, under its own heading and reachable from the top.
struct Section {
    id: &'static str,
    title: &'static str,
    /// Its title where there is little room.
    short: &'static str,
    body: Markup,
}

pub(super) fn of_verdict(subject: &Subject<'_>, around: &Context<'_>) -> Markup {
    let Subject { verdict, run, reproduce } = *subject;
    let past = &Past::of(subject, around);
    let content = content(verdict, run);
    let overall = Overall::of(run, &content.findings);
    let mut sections = vec![
        Section { id: "checks", title: "All checks", short: "Checks", body: checks::table(&content) },
        Section { id: "over-time", title: "Over time", short: "Over time", body: charts::over_time(&overall) },
        Section { id: "distribution", title: "Distribution of latency", short: "Distribution", body: charts::distribution(&overall, past) },
        Section { id: "endpoints", title: "Endpoints", short: "Endpoints", body: endpoints::table(&overall, past) },
        Section { id: "failures", title: "Failures", short: "Failures", body: failures::failures(run) },
        Section {
            id: "generator",
            title: "Self-checks and generator",
            short: "Generator",
            body: facts::generator(run, &verdict.self_checks),
        },
        Section { id: "thresholds", title: "Thresholds and baseline", short: "Thresholds", body: facts::thresholds(verdict) },
        Section { id: "reproduce", title: "How to reproduce", short: "Reproduce", body: facts::reproduce(reproduce) },
        Section { id: "environment", title: "Environment", short: "Environment", body: facts::environment(run) },
    ];
    if let Some(loads) = loads::table(run, around) {
        sections.insert(1, Section { id: "loads", title: "Loads", short: "Loads", body: loads });
    }
    let told = loads::told(subject, around);
    let first = first::of_verdict(&overall, &Judged { loads: told.as_deref(), verdict, content: &content, past, reproduce });
    whole(&format!("perfgate: {}", headline(verdict)), &first, &sections)
}

pub(super) fn of_run(run: &Run) -> Markup {
    let environment = &run.environment;
    let place = place(&run.scenario.name, environment.name.as_deref(), &run.target, environment.commit.as_deref());
    let (overall, past) = (Overall::of(run, &[]), Past::default());
    let sections = [
        Section { id: "over-time", title: "Over time", short: "Over time", body: charts::over_time(&overall) },
        Section {
            id: "distribution",
            title: "Distribution of latency",
            short: "Distribution",
            body: charts::distribution(&overall, &past),
        },
        Section { id: "endpoints", title: "Endpoints", short: "Endpoints", body: endpoints::table(&overall, &past) },
        Section { id: "failures", title: "Failures", short: "Failures", body: failures::failures(run) },
        Section { id: "generator", title: "Generator", short: "Generator", body: facts::generator(run, &[]) },
        Section { id: "environment", title: "Environment", short: "Environment", body: facts::environment(run) },
    ];
    whole(&format!("perfgate: run · {place}"), &first::of_run(&overall, &place), &sections)
}

fn whole(title: &str, first: &First, sections: &[Section]) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (text(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#main" { "Skip to the result" }
                (first.heading)
                main id="main" {
                    div class="first" { (first.body) }
                    nav aria-label="Sections" { @for section in sections { a href={ "#" (section.id) } { (section.short) } } }
                    @for section in sections {
                        section id=(section.id) aria-labelledby={ "h-" (section.id) } {
                            h2 id={ "h-" (section.id) } { (section.title) }
                            (section.body)
                        }
                    }
                }
                footer { "Made by perfgate " (env!("CARGO_PKG_VERSION")) ". This file loads nothing and sends nothing." }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// Nothing may be loaded or sent; only this very style and this very script hold.
#[must_use]
pub fn policy() -> String {
    let hash = |asset: &str| BASE64.encode(Sha256::digest(asset.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}
