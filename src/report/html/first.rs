//! The first screen: the outcome in one line, why, and each check that asks for attention in a sentence and a picture.

use maud::{Markup, html};

use super::checks::{ROWS_ID, outcome};
use super::endpoints::endpoint_id;
use super::overall::Overall;
use super::past::Past;
use super::{charts, code, text};
use crate::gate::{Finding, FindingOutcome, Outcome, Verdict};
use crate::report::content::{Content, Notice, Point, counted, exit_line, run_line_of, run_notices};
use crate::report::figures::{NONE, failed_share, rate};
use crate::report::sentences::{Sentence, metric};
use crate::run::PhaseSelection;
use crate::units::{Percentile, format_count, format_millis};

/// So many breaches, and so many other points, get a card; the rest are in the table of all checks.
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
    /// That other loads were judged with this one.
    pub loads: Option<&'a str>,
    /// The command line that makes this run again.
    pub reproduce: &'a str,
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
                    (run_line_of(run, &overall.total.counts))
                    @if verdict.run.loads > 1 { " in the last of " (format_count(verdict.run.loads)) " loads" }
                    " · " (run.started_at.strftime("%Y-%m-%d %H:%M UTC").to_string())
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
        @if let Some(loads) = judged.loads { p { strong { "Loads: " } (text(loads)) "." } }
        @if has_breach { (remedy(judged)) (attention(overall, judged)) }
        (notices(&told_once(&content.notices, content.why)))
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

/// What whoever is blocked does next.
fn remedy(judged: &Judged<'_>) -> Markup {
    let file = &judged.verdict.thresholds.file;
    html! {
        p {
            strong { "What to do: " }
            "find in the pictures since when and where in the run it happened, repeat it with " code { (text(judged.reproduce)) }
            ", and mend it; where the new value is meant, raise the limit in " code { (text(file)) } ", or waive it there until a date."
        }
    }
}

/// Without what another one says as a part of its own, or ends with what was said already.
fn told_once(notices: &[Notice], said: Option<&str>) -> Vec<Notice> {
    let is_part = |one: &Notice| notices.iter().any(|other| other.text.len() > one.text.len() && other.text.ends_with(&one.text));
    let is_said = |one: &Notice| said.is_some_and(|said| one.text.ends_with(said));
    notices.iter().filter(|one| !is_part(one) && !is_said(one)).cloned().collect()
}

fn notices(notices: &[Notice]) -> Markup {
    html! { @for notice in notices { p class="notice" { strong { (notice.name) ": " } (text(&notice.text)) } } }
}

fn attention(overall: &Overall<'_>, judged: &Judged<'_>) -> Markup {
    let Judged { content, past, .. } = *judged;
    let (breaches, others): (Vec<Point<'_>>, Vec<Point<'_>>) =
        content.points().into_iter().partition(|point| point.outcome == FindingOutcome::Fail);
    if breaches.is_empty() && others.is_empty() {
        return closest(content, past);
    }
    // Who has more breaches than there is room for looks at nothing else.
    let other_room = if breaches.len() > BREACHES { 0 } else { OTHERS };
    let left_out = breaches.len().saturating_sub(BREACHES);
    let rest: usize = others.iter().skip(other_room).map(|point| point.checks).sum();
    let shown = breaches.iter().take(BREACHES).chain(others.iter().take(other_room));
    html! {
        div class="cards" { @for (index, point) in shown.enumerate() { (card(overall, point, past, index)) } }
        @if left_out + rest > 0 {
            p class="note" {
                "… and " @if left_out > 0 { strong { (counted(left_out, "failed check")) } " more" @if rest > 0 { ", and " } }
                @if rest > 0 { (counted(rest, "other check")) @if rest == 1 { " that asks" } @else { " that ask" } " for attention" }
                ", " a href={ "#" (ROWS_ID) } { "in the list of all checks" } "."
            }
        }
    }
}

fn card(overall: &Overall<'_>, point: &Point<'_>, past: &Past<'_>, index: usize) -> Markup {
    html! {
        article class={ "card" @if point.outcome == FindingOutcome::Fail { " fail" } } {
            h2 { (outcome(point.outcome)) " " (said(&point.sentence)) }
            @if let Some(finding) = point.alone { (pictures(overall, finding, past, index)) }
        }
    }
}

fn pictures(overall: &Overall<'_>, finding: &Finding, past: &Past<'_>, index: usize) -> Markup {
    let charted = overall.place_of(&finding.endpoint).filter(|place| !overall.charted[*place].slices.is_empty());
    let past = past.values(finding);
    html! {
        (charts::finding(finding, &past, &format!("f{index}")))
        (charts::within(overall, finding, &format!("w{index}")))
        @let values = [charts::values(finding, &past), charts::step_values(overall, finding)];
        @if values.iter().any(|table| !table.0.is_empty()) { (folded(&values)) }
        @if let Some(charted) = charted.filter(|_| finding.measured.is_some()) {
            p class="more" { a href={ "#" (endpoint_id(charted)) } { "This endpoint over time and by percentile" } }
        }
    }
}

fn folded(tables: &[Markup]) -> Markup {
    html! { details class="values" { summary { "Values as a table" } @for table in tables { (table) } } }
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
                    @let values = [charts::values(finding, &past)];
                    @if !past.values.is_empty() { (folded(&values)) }
                }
            }
        }
        @if let Some((change, finding)) = content.blindest() {
            p class="note" {
                "Smallest rise that every comparison would have seen: " (change) " (" (code(&finding.endpoint)) " " (text(&metric(finding))) ")."
            }
        }
    }
}

/// A number and its unit stay on one line.
fn said(sentence: &Sentence<'_>) -> Markup {
    let rest = text(&sentence.rest).replace(" %", "\u{a0}%").replace(" ms", "\u{a0}ms");
    html! { @if let Some(label) = sentence.label { (code(label)) " " } (rest) }
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
    html! { p class="note" id="tiles" { "All tasks in the judged phases:" } dl class="tiles" aria-labelledby="tiles" { @for (name, value) in tiles { div { dt { (name) } dd { (value) } } } } }
}
