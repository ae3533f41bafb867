//! The first screen: the outcome in one line, why, and each check that asks for attention in a sentence and a picture.

use maud::{Markup, html};

use super::checks::outcome;
use super::endpoints::endpoint_id;
use super::overall::Overall;
use super::past::Past;
use super::{charts, text};
use crate::gate::{Finding, FindingOutcome, Outcome, Verdict};
use crate::report::content::{Content, Notice, counted, exit_line, run_line_of, run_notices};
use crate::report::figures::{NONE, failed_share, rate};
use crate::report::sentences::{Sentence, metric, sentence};
use crate::run::PhaseSelection;
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

/// What a verdict says of a run, and what it compared it with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub verdict: &'a Verdict,
    pub content: &'a Content<'a>,
    pub past: &'a Past<'a>,
}

pub(super) fn of_verdict(overall: &Overall<'_>, judged: &Judged<'_>) -> First {
    let Judged { verdict, content, .. } = *judged;
    let run = overall.run;
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
                    (run_line_of(run, &overall.total.counts)) " · " (run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string())
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
        @if has_breach { (attention(overall, judged)) }
        (notices(&told_once(&content.notices)))
        @if !has_breach { (attention(overall, judged)) }
        (tiles(overall))
    };
    First { heading, body }
}

pub(super) fn of_run(overall: &Overall<'_>, place: &str) -> First {
    let run = overall.run;
    let heading = html! {
        header class="run" {
            div {
                h1 { "run · " (text(place)) }
                p class="meta" { (run_line_of(run, &overall.total.counts)) " · " (run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string()) " · not judged" }
            }
        }
    };
    First { heading, body: html! { (notices(&run_notices(run))) (tiles(overall)) } }
}

/// Without what another one says as a part of its own.
fn told_once(notices: &[Notice]) -> Vec<Notice> {
    let is_part = |one: &Notice| notices.iter().any(|other| other.text.len() > one.text.len() && other.text.ends_with(&one.text));
    notices.iter().filter(|one| !is_part(one)).cloned().collect()
}

fn notices(notices: &[Notice]) -> Markup {
    html! { @for notice in notices { p class="notice" { strong { (notice.name) ": " } (text(&notice.text)) } } }
}

fn attention(overall: &Overall<'_>, judged: &Judged<'_>) -> Markup {
    let Judged { content, past, .. } = *judged;
    let findings: Vec<&Finding> = content.attention().collect();
    if findings.is_empty() {
        return closest(content, past);
    }
    let (breaches, others): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| finding.outcome == FindingOutcome::Fail);
    let shown: Vec<&Finding> = breaches.into_iter().take(BREACHES).chain(others.into_iter().take(OTHERS)).collect();
    let rest = findings.len() - shown.len();
    html! {
        div class="cards" { @for (index, finding) in shown.iter().enumerate() { (card(overall, finding, past, index)) } }
        @if rest > 0 {
            p class="note" {
                "… and " (counted(rest, "check")) " more that " a href="#checks" { @if rest == 1 { "asks" } @else { "ask" } " for attention" } "."
            }
        }
    }
}

fn card(overall: &Overall<'_>, finding: &Finding, past: &Past<'_>, index: usize) -> Markup {
    let charted = overall.charted.iter().position(|endpoint| endpoint.name == finding.endpoint);
    let past = past.values(finding);
    html! {
        article class={ "card" @if finding.outcome == FindingOutcome::Fail { " fail" } } {
            h2 { (outcome(finding.outcome)) " " (said(&sentence(finding))) }
            (charts::finding(finding, &past, &format!("f{index}")))
            (charts::within(overall, finding, &format!("w{index}")))
            (charts::values(finding, &past))
            @if let Some(charted) = charted.filter(|_| finding.measured.is_some()) {
                p class="more" { a href={ "#" (endpoint_id(charted)) } { "This endpoint over time and by percentile" } }
            }
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

/// A number and its unit stay on one line.
fn said(sentence: &Sentence<'_>) -> Markup {
    let rest = text(&sentence.rest).replace(" %", "\u{a0}%").replace(" ms", "\u{a0}ms");
    html! { @if let Some(label) = sentence.label { code { (text(label)) } " " } (rest) }
}

/// All tasks in the judged phases, in six numbers.
fn tiles(overall: &Overall<'_>) -> Markup {
    let Overall { run, total, .. } = overall;
    let seconds = run.duration_of(PhaseSelection::Judged).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let throughput = (seconds > 0.0).then(|| total.counts.ok as f64 / seconds);
    let millis = |percentile| total.percentile_ms(percentile).map_or_else(|| NONE.into(), format_millis);
    let peak = run.phases.iter().filter(|phase| phase.measured).map(|phase| phase.peak).fold(0.0, f64::max);
    let tiles = [
        ("throughput", throughput.map_or_else(|| NONE.into(), rate)),
        ("p50", millis(Percentile::P50)),
        ("p95", millis(Percentile::P95)),
        ("p99", millis(Percentile::P99)),
        ("failed", total.counts.failure_rate().map_or_else(|| NONE.into(), |share| failed_share(share, total.counts.failures.total()))),
        ("requests", format_count(total.counts.requests)),
        ("peak load", if peak > 0.0 { format!("{}", (peak * 100.0).round() / 100.0) } else { NONE.into() }),
    ];
    html! { dl class="tiles" aria-label="All tasks in the judged phases" { @for (name, value) in tiles { div { dt { (name) } dd { (value) } } } } }
}
