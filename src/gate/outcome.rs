//! What follows from all rows: the outcome, the exit code, and the reasons with the most important first.

use super::check::{Cause, Row};
use super::comparison::{Comparison, Standing};
use super::suspicion::suspicions;
use super::{
    BaselinePolicy, Finding, FindingOutcome, Outcome, Reason, RunRef, SelfCheck, SelfCheckOutcome, Subject, Thresholds, ThresholdsRef,
    VERDICT_VERSION, Verdict, Waiver,
};
use crate::exit::ExitCode;
use crate::run::Run;
use crate::units::format_count;

/// How many rows a reason names.
const NAMED_ROWS: usize = 3;

/// What was judged, by what.
pub(super) struct Judged<'a> {
    pub(super) run: &'a Run,
    /// How many there were, the last of which is the run.
    pub(super) loads: usize,
    pub(super) thresholds: &'a Thresholds,
    pub(super) comparison: &'a Comparison<'a>,
}

/// Makes the verdict.
pub(super) fn conclude(mut rows: Vec<Row>, judged: &Judged<'_>, self_checks: Vec<SelfCheck>, unused: &[&Waiver]) -> Verdict {
    let &Judged { run, loads, thresholds, comparison } = judged;
    rows.sort_by(|one, other| rank(&one.finding).cmp(&rank(&other.finding)).then_with(|| other.excess.total_cmp(&one.excess)));
    let mut consequences = of_self_checks(&self_checks, run);
    consequences.extend(of_rows(&rows));
    consequences.extend(of_comparison(&rows, comparison));
    consequences.extend(of_suspicions(run, comparison));
    consequences.extend(of_unused(unused));
    consequences.sort_by_key(Consequence::rank);
    let exit = consequences.iter().fold(ExitCode::Pass, |exit, consequence| exit.worse(consequence.exit));
    Verdict {
        format: "perfgate-verdict".into(),
        version: VERDICT_VERSION,
        outcome: outcome(exit, &consequences),
        exit_code: exit.number(),
        reasons: consequences.into_iter().map(|consequence| consequence.reason).collect(),
        thresholds: ThresholdsRef {
            file: thresholds.file().into(),
            hash: thresholds.hash().into(),
            checks: rows.len() as u64,
            changes: Vec::new(),
        },
        findings: rows.into_iter().map(|row| row.finding).collect(),
        self_checks,
        run: run_ref(run, loads),
        baseline: comparison.reference(),
    }
}

/// One reason, and how the program ends because of it.
struct Consequence {
    exit: ExitCode,
    reason: Reason,
}

impl Consequence {
    fn new(exit: ExitCode, code: &str, text: String) -> Self {
        Self { exit, reason: Reason { code: code.into(), text } }
    }

    /// A breach first, then what makes the outcome, then warnings.
    fn rank(&self) -> u8 {
        match self.exit {
            ExitCode::GateFailed => 0,
            ExitCode::BaselineUnusable => 1,
            ExitCode::Pass => 3,
            _ => 2,
        }
    }
}

fn outcome(exit: ExitCode, consequences: &[Consequence]) -> Outcome {
    match exit {
        ExitCode::GateFailed => Outcome::Fail,
        ExitCode::NoVerdict => Outcome::Inconclusive,
        ExitCode::Pass if consequences.is_empty() => Outcome::Pass,
        ExitCode::Pass => Outcome::Warn,
        _ => Outcome::Error,
    }
}

/// Worst first.
fn rank(finding: &Finding) -> u8 {
    match finding.outcome {
        FindingOutcome::Fail => 0,
        FindingOutcome::Inconclusive => 1,
        FindingOutcome::Waived => 2,
        FindingOutcome::Warn => 3,
        FindingOutcome::Skipped => 4,
        FindingOutcome::Pass => 5,
    }
}

fn of_rows(rows: &[Row]) -> Vec<Consequence> {
    let with_outcome = |outcome| rows.iter().filter(|row| row.finding.outcome == outcome).collect::<Vec<_>>();
    let inconclusive = |cause| with_outcome(FindingOutcome::Inconclusive).into_iter().filter(|row| row.cause == cause).collect::<Vec<_>>();
    let counted = |chosen: &[&Row], what: &str| {
        let what = if chosen.len() == 1 { of_one(what) } else { what.to_owned() };
        format!("{} of {} checks {what}: {}", format_count(chosen.len() as u64), format_count(rows.len() as u64), names(chosen))
    };
    let kinds = [
        (ExitCode::GateFailed, "gate_failed", "failed", with_outcome(FindingOutcome::Fail)),
        (ExitCode::NoVerdict, "no_samples", "have no samples", inconclusive(Cause::NoSamples)),
        (ExitCode::NoVerdict, "too_few_samples", "have too few samples", inconclusive(Cause::TooFewSamples)),
        (ExitCode::NoVerdict, "undefined", "can't be computed", inconclusive(Cause::Undefined)),
        (ExitCode::NoVerdict, "undecided", "are undecided", inconclusive(Cause::Undecided)),
        (ExitCode::NoVerdict, "hidden", "are hidden by what the target does by itself", inconclusive(Cause::Hidden)),
        (ExitCode::NoVerdict, "not_stated", "are not answered by the imported file", inconclusive(Cause::NotStated)),
        (ExitCode::NoVerdict, "distrusted", "can't be decided by this run", inconclusive(Cause::Distrusted)),
        (ExitCode::Pass, "waived", "are waived", with_outcome(FindingOutcome::Waived)),
        (ExitCode::Pass, "warning", "warn", with_outcome(FindingOutcome::Warn)),
    ];
    let mut consequences: Vec<Consequence> = kinds
        .into_iter()
        .filter(|(.., chosen)| !chosen.is_empty())
        .map(|(exit, code, what, chosen)| Consequence::new(exit, code, counted(&chosen, what)))
        .collect();
    let has_a_say = |row: &Row| row.cause == Cause::Evaluated || row.finding.outcome == FindingOutcome::Inconclusive;
    if !rows.iter().any(has_a_say) {
        consequences.push(Consequence::new(ExitCode::NoVerdict, "nothing_checked", "no check could be evaluated".into()));
    }
    consequences
}

/// What is said of many, of one.
fn of_one(what: &str) -> String {
    let one =
        [("have ", "has "), ("are ", "is "), ("warn", "warns")].into_iter().find_map(|(many, one)| Some((one, what.strip_prefix(many)?)));
    one.map_or_else(|| what.to_owned(), |(one, rest)| format!("{one}{rest}"))
}

/// `POST /api/checkout p95, GET /x p99 and 3 more`, each once.
fn names(rows: &[&Row]) -> String {
    let mut names: Vec<String> = Vec::new();
    for Row { finding, .. } in rows {
        let phase = finding.phase.as_ref().map(|phase| format!(" in {phase}")).unwrap_or_default();
        let name = format!("{} {}{phase}", finding.endpoint, finding.metric);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(NAMED_ROWS);
    names.truncate(NAMED_ROWS);
    let listed = names.join(", ");
    if more > 0 { format!("{listed} and {more} more") } else { listed }
}

/// Self-checks whose warnings are worth knowing, and take nothing from a pass.
const ONLY_SHOWN: [&str; 2] = ["steady", "undisturbed"];

/// A run that is not complete says nothing, except where it ended because the target failed nearly every request.
fn of_self_checks(checks: &[SelfCheck], run: &Run) -> Vec<Consequence> {
    let is_sound =
        checks.iter().all(|check| check.outcome != SelfCheckOutcome::Fail || !["conserved", "generator"].contains(&check.name.as_str()));
    let is_proof = |check: &SelfCheck| check.name == "complete" && run.was_stopped_failing() && is_sound;
    let consequence = |check: &SelfCheck| {
        let exit = match check.outcome {
            SelfCheckOutcome::Fail if is_proof(check) => ExitCode::GateFailed,
            SelfCheckOutcome::Fail => ExitCode::NoVerdict,
            SelfCheckOutcome::Warn if !ONLY_SHOWN.contains(&check.name.as_str()) => ExitCode::Pass,
            SelfCheckOutcome::Warn | SelfCheckOutcome::Pass | SelfCheckOutcome::Skipped => return None,
        };
        let code = match check.name.as_str() {
            "complete" if is_proof(check) => "target_failing",
            "complete" => "incomplete",
            "samples" => "endpoint_without_requests",
            other => other,
        };
        Some(Consequence::new(exit, code, check.detail.clone()))
    };
    checks.iter().filter_map(consequence).collect()
}

fn of_comparison(rows: &[Row], comparison: &Comparison<'_>) -> Option<Consequence> {
    let Standing::TooFew { code, text, policy } = &comparison.standing else { return None };
    rows.iter().any(|row| row.cause == Cause::NotCompared).then(|| {
        let exit = match policy {
            BaselinePolicy::Warn => ExitCode::Pass,
            BaselinePolicy::Fail => ExitCode::BaselineUnusable,
        };
        Consequence::new(exit, code, text.clone())
    })
}

fn of_suspicions(run: &Run, comparison: &Comparison<'_>) -> Vec<Consequence> {
    let before = |subject: Subject<'_>| comparison.habits(subject);
    suspicions(run, before).into_iter().map(|text| Consequence::new(ExitCode::Pass, "suspicious", text)).collect()
}

fn of_unused(unused: &[&Waiver]) -> Vec<Consequence> {
    let text = |waiver: &Waiver| {
        format!("the waiver for {} of {} until {} is not needed: remove it", waiver.metric.value, waiver.endpoint.value, waiver.until)
    };
    unused.iter().map(|waiver| Consequence::new(ExitCode::Pass, "unused_waiver", text(waiver))).collect()
}

fn run_ref(run: &Run, loads: usize) -> RunRef {
    RunRef {
        scenario: run.scenario.name.clone(),
        hash: run.scenario.hash.clone(),
        target: run.target.clone(),
        started_at: run.started_at,
        measured_s: run.measured.as_secs_f64(),
        complete: run.complete,
        loads: loads as u64,
        commit: run.environment.commit.clone(),
        branch: run.environment.branch.clone(),
        environment: run.environment.name.clone(),
        overrides: run.overrides.clone(),
    }
}
