//! The first screen: the outcome in one line, why, and each check that asks for attention in a sentence and a picture.

use maud::{Markup, html};

use super::checks::outcome;
use super::past::Past;
use super::{charts, text};
use crate::gate::{Finding, FindingOutcome, Outcome};
use crate::report::Subject;
use crate::report::content::{Content, Notice, counted, exit_line, run_line, run_notices};
use crate::report::figures::{NONE, failed_share, rate};
use crate::report::sentences::{Sentence, metric, sentence};
use crate::run::{PhaseSelection, Run};
use crate::units::{Percentile, format_count, format_millis};

/// So many breaches, and so many other findings, get a picture; the rest are in the table of all checks. Where nothing
/// could be decided, each of them says the same.
const BREACHES: usize = 12;
const OTHERS: usize = 3;

/// What a reader sees before anything else.
pub(super) struct First {
    pub heading: Markup,
    pub body: Markup,
}

pub(super) fn of_verdict(subject: &Subject<'_>, content: &Content<'_>, past: &Past<'_>) -> First {
    let Subject { verdict, run, .. } = *subject;
    let (class, sign) = match verdict.outcome {
        Outcome::Pass => ("pass", "✓"),
        Outcome::Warn => ("warn", "!"),
        Outcome::Fail => ("fail", "✕"),
        Outcome::Inconclusive => ("unsure", "?"),
        Outcome::Error => ("error", "✕"),
    };
    let heading = html! {
        header class=(class) {
            p class="sign" aria-hidden="true" { (sign) }
            div {
                h1 { (text(&content.headline.to_string())) }
                p class="meta" {
                    (run_line(run)) " · " (run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string())
                    @if let Some(branch) = &verdict.run.branch { " · " (text(branch)) }
                    " · " (exit_line(verdict))
                }
            }
        }
    };
    // Who is blocked looks for what failed; who is not, for what speaks against the numbers.
    let has_breach = content.findings.iter().any(|finding| finding.outcome == FindingOutcome::Fail);
    let body = html! {
        @if let Some(why) = content.why { p { strong { "Why: " } (text(why)) } }
        @if let Some(hint) = content.hint { p { strong { "What to do: " } (text(hint)) } }
        @if has_breach { (attention(run, content, past)) }
        (notices(&told_once(&content.notices)))
        @if !has_breach { (attention(run, content, past)) }
        (tiles(run))
    };
    First { heading, body }
}

pub(super) fn of_run(run: &Run, place: &str) -> First {
    let heading = html! {
        header class="run" {
            div {
                h1 { "run · " (text(place)) }
                p class="meta" { (run_line(run)) " · " (run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string()) " · not judged" }
            }
        }
    };
    First { heading, body: html! { (notices(&run_notices(run))) (tiles(run)) } }
}

/// Without what another one says as a part of its own.
fn told_once(notices: &[Notice]) -> Vec<Notice> {
    let is_part = |one: &Notice| notices.iter().any(|other| other.text.len() > one.text.len() && other.text.ends_with(&one.text));
    notices.iter().filter(|one| !is_part(one)).cloned().collect()
}

fn notices(notices: &[Notice]) -> Markup {
    html! { @for notice in notices { p class="notice" { strong { (notice.name) ": " } (text(&notice.text)) } } }
}

fn attention(run: &Run, content: &Content<'_>, past: &Past<'_>) -> Markup {
    let findings: Vec<&Finding> = content.attention().collect();
    if findings.is_empty() {
        return closest(content, past);
    }
    let (breaches, others): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| finding.outcome == FindingOutcome::Fail);
    let shown: Vec<&Finding> = breaches.into_iter().take(BREACHES).chain(others.into_iter().take(OTHERS)).collect();
    let rest = findings.len() - shown.len();
    html! {
        div class="cards" { @for (index, finding) in shown.iter().enumerate() { (card(run, finding, past, index)) } }
        @if rest > 0 { p class="note" { "… and " (counted(rest, "check")) " more that " a href="#checks" { "ask for attention" } "." } }
    }
}

fn card(run: &Run, finding: &Finding, past: &Past<'_>, index: usize) -> Markup {
    let past = past.values(finding);
    html! {
        article class={ "card" @if finding.outcome == FindingOutcome::Fail { " fail" } } {
            h2 { (outcome(finding.outcome)) " " (said(&sentence(finding))) }
            (charts::finding(finding, &past, &format!("f{index}")))
            (charts::within(run, finding, &format!("w{index}")))
            (charts::values(finding, &past))
        }
    }
}

/// Where nothing asks for attention, the check that came nearest to its limit.
fn closest(content: &Content<'_>, past: &Past<'_>) -> Markup {
    let Some(closest) = content.closest() else { return html! {} };
    let nearest = content.findings.iter().find(|finding| finding.outcome == FindingOutcome::Pass && finding.measured.is_some());
    html! {
        div class="cards" {
            article class="card" {
                h2 { "Closest to its limit: " (said(&closest)) }
                @if let Some(finding) = nearest {
                    @let past = past.values(finding);
                    (charts::finding(finding, &past, "f0"))
                    (charts::values(finding, &past))
                }
            }
        }
        @if let Some((change, finding)) = content.blindest() {
            p class="note" {
                "Smallest rise that every comparison would have seen: " (change) " (" code { (text(&finding.endpoint)) } " " (text(&metric(finding))) ")."
            }
        }
    }
}

fn said(sentence: &Sentence<'_>) -> Markup {
    html! { @if let Some(label) = sentence.label { code { (text(label)) } " " } (text(&sentence.rest)) }
}

/// All tasks in the judged phases, in six numbers.
fn tiles(run: &Run) -> Markup {
    let total = run.total(PhaseSelection::Judged);
    let millis = |percentile| total.latency.percentile_ms(percentile).map_or_else(|| NONE.into(), format_millis);
    let peak = run.phases.iter().filter(|phase| phase.measured).map(|phase| phase.peak).fold(0.0, f64::max);
    let tiles = [
        ("throughput", run.throughput(PhaseSelection::Judged).map_or_else(|| NONE.into(), rate)),
        ("p50", millis(Percentile::P50)),
        ("p95", millis(Percentile::P95)),
        ("p99", millis(Percentile::P99)),
        ("failed", total.counts.failure_rate().map_or_else(|| NONE.into(), |share| failed_share(share, total.counts.failures.total()))),
        ("requests", format_count(total.counts.requests)),
        ("peak load", format!("{}", (peak * 100.0).round() / 100.0)),
    ];
    html! { dl class="tiles" aria-label="All tasks in the judged phases" { @for (name, value) in tiles { div { dt { (name) } dd { (value) } } } } }
}
