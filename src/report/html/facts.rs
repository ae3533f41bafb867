//! What stands behind a verdict: self-checks, the generator, thresholds, baseline, how to repeat it, and where it ran.

use maud::{Markup, html};

use super::grid::{Aid, Kind, facts, grid};
use super::text;
use crate::gate::{Direction, SelfCheck, SelfCheckOutcome, ThresholdChange, Verdict};
use crate::report::content::{baseline_line, counted};
use crate::report::sentences::self_check_word;
use crate::run::Run;
use crate::units::{format_count, format_millis, format_share};

/// The code of a reason that says what a change loosens.
const LOOSENED: &str = "thresholds_loosened";

pub(super) fn generator(run: &Run, self_checks: &[SelfCheck]) -> Markup {
    html! {
        @if !self_checks.is_empty() { (checks(self_checks)) }
        @for problem in &run.generator.problems { p class="notice" { strong { "generator: " } (text(&problem.text)) } }
        (books(run))
    }
}

fn checks(checks: &[SelfCheck]) -> Markup {
    let row = |check: &SelfCheck| {
        let (class, sign) = match check.outcome {
            SelfCheckOutcome::Pass => ("pass", "✓"),
            SelfCheckOutcome::Warn => ("warn", "!"),
            SelfCheckOutcome::Fail => ("fail", "✕"),
            SelfCheckOutcome::Skipped => ("skipped", "–"),
        };
        html! {
            td { span class={ "outcome " (class) } { span aria-hidden="true" { (sign) " " } (self_check_word(check.outcome)) } }
            th scope="row" { (text(&check.name)) }
            td class="why" { (text(&check.detail)) }
        }
    };
    let rows: Vec<Markup> = checks.iter().map(row).collect();
    grid("Self-checks", &[("outcome", Kind::Text), ("self-check", Kind::Text), ("what was seen", Kind::Text)], &rows, Aid::Plain)
}

/// The generator's books; a run of another tool has none.
fn books(run: &Run) -> Markup {
    let generator = &run.generator;
    if generator.scheduled == 0 && generator.sent == 0 {
        return html! { p class="none" { "This run has no books of a generator: nothing was sent, or another tool made it." } };
    }
    let known = |text: Option<String>| text.unwrap_or_else(|| "not known on this system".into());
    facts(&[
        ("scheduled", format_count(generator.scheduled)),
        ("sent", format_count(generator.sent)),
        ("ok", format_count(generator.ok)),
        ("failed", format_count(generator.failed)),
        ("not sent", format_count(generator.not_sent)),
        ("unfinished", format_count(generator.unfinished)),
        ("timers late (p99)", generator.late_p99_ms.map_or_else(|| "not timed".into(), format_millis)),
        ("own CPU", known(generator.cpu_busy.map(format_share))),
        ("taken by the hypervisor", known(generator.steal.map(format_share))),
        ("most at once", format_count(generator.max_in_flight)),
        ("load threads", format_count(generator.threads)),
        ("connections opened", format_count(generator.connections_opened)),
    ])
}

pub(super) fn thresholds(verdict: &Verdict) -> Markup {
    let thresholds = &verdict.thresholds;
    html! {
        (facts(&[
            ("thresholds", thresholds.file.clone()),
            ("their hash", thresholds.hash.clone()),
            ("checks", format_count(thresholds.checks)),
            ("baseline", verdict.baseline.as_ref().map_or_else(|| "nothing was compared".into(), baseline_line)),
            ("flags of the load", verdict.run.overrides.join(" ")),
        ]))
        @if thresholds.changes.is_empty() {
            @for reason in verdict.reasons.iter().filter(|reason| reason.code == LOOSENED) {
                p class="notice" { strong { "changed: " } (text(&reason.text)) }
            }
        } @else {
            h3 { "Changed with what is judged" }
            (changes(&thresholds.changes))
        }
        @if let Some(baseline) = verdict.baseline.as_ref().filter(|baseline| !baseline.left_out.is_empty()) {
            details {
                summary { (counted(baseline.left_out.len(), "run")) " left out of the comparison" }
                ul { @for left_out in &baseline.left_out { li { (text(left_out)) } } }
            }
        }
    }
}

fn changes(changes: &[ThresholdChange]) -> Markup {
    let row = |change: &ThresholdChange| {
        let (class, sign, word) = match change.direction {
            Direction::Looser => ("warn", "!", "looser"),
            Direction::Stricter => ("pass", "✓", "stricter"),
        };
        html! {
            td { span class={ "outcome " (class) } { span aria-hidden="true" { (sign) " " } (word) } }
            th scope="row" { (text(&change.text)) }
        }
    };
    let rows: Vec<Markup> = changes.iter().map(row).collect();
    grid("Changes of the thresholds", &[("direction", Kind::Text), ("limit", Kind::Text)], &rows, Aid::Plain)
}

pub(super) fn reproduce(command: &str) -> Markup {
    html! { pre class="command" tabindex="0" { code { (text(command)) } } }
}

pub(super) fn environment(run: &Run) -> Markup {
    let environment = &run.environment;
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    facts(&[
        ("target", run.target.clone()),
        ("started", run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("scenario", format!("{}, seed {}", run.scenario.name, run.scenario.seed)),
        ("scenario's hash", run.scenario.hash.clone()),
        ("environment", given(&environment.name)),
        (
            if run.imported.is_some() { "imported on" } else { "machine" },
            format!("{} {}, {} cores", environment.os, environment.arch, environment.cores),
        ),
        ("CPU", given(&environment.cpu)),
        ("perfgate", environment.perfgate.clone()),
        ("commit", given(&environment.commit)),
        ("branch", given(&environment.branch)),
        ("CI", format!("{} {}", given(&environment.ci), given(&environment.job)).trim().to_owned()),
    ])
}
