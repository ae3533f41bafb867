//! What a report says and in which order: the headline, why, what to do, the findings worst first, and what a reader
//! must not overlook. Texts are raw here: each format makes them harmless for its own sink.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::figures;
use super::sentences::{self, Sentence};
use crate::exit::ExitCode;
use crate::gate::{BaselineRef, Finding, FindingOutcome, Outcome, Rule, SelfCheckOutcome, Unit, Verdict};
use crate::run::{PhaseSelection, PhaseSeries, Run};
use crate::units::{format_count, format_duration};

/// How much of a commit is shown.
pub(super) const COMMIT_CHARACTERS: usize = 7;
/// So many checks without a verdict for one cause are told in one sentence.
const ALIKE: usize = 3;
/// The reason's code of a verdict without a comparison.
const NO_BASELINE: &str = "no_baseline";
/// What the target of an imported run is called where its file does not tell.
const UNKNOWN: &str = "unknown";
/// The flag of a run that lifts no rule, but is read otherwise.
const EACH: &str = "--each";

/// Everything that a report says about one verdict, in order.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub headline: Headline<'a>,
    /// Why there is no judgement; for other outcomes the findings say it.
    pub why: Option<&'a str>,
    pub hint: Option<&'static str>,
    pub notices: Vec<Notice>,
    /// All findings, worst first.
    pub findings: Vec<&'a Finding>,
}

/// The first line: the outcome, how many checks, of what.
#[derive(Debug)]
pub(super) struct Headline<'a> {
    verdict: &'a Verdict,
}

/// Something that asks for attention.
#[derive(Debug)]
pub(super) struct Point<'a> {
    pub sentence: Sentence<'a>,
    pub outcome: FindingOutcome,
    /// The check that says so; `None` where it is several.
    pub alone: Option<&'a Finding>,
    /// How many checks say so.
    pub checks: usize,
}

/// Something that a reader must not overlook, under a short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub name: &'static str,
    pub text: String,
}

/// What a report says about `verdict`.
pub(super) fn content<'a>(verdict: &'a Verdict, run: &Run) -> Content<'a> {
    let why = matches!(verdict.outcome, Outcome::Inconclusive | Outcome::Error)
        .then(|| verdict.reasons.first().map_or(verdict.exit().meaning().0, |reason| reason.text.as_str()));
    Content {
        headline: headline(verdict),
        why,
        hint: sentences::hint(verdict),
        notices: notices(verdict, run),
        findings: worst_first(&verdict.findings),
    }
}

/// The headline of `verdict`.
pub(super) fn headline(verdict: &Verdict) -> Headline<'_> {
    Headline { verdict }
}

impl Content<'_> {
    /// One sentence for each finding that asks for attention: breaches, what is undecided, waived or warned about. Where
    /// many have no verdict for one cause, the cause is told once.
    pub(super) fn sentences(&self) -> Vec<Sentence<'_>> {
        self.points().into_iter().map(|point| point.sentence).collect()
    }

    /// The same with what each is about, worst first.
    pub(super) fn points(&self) -> Vec<Point<'_>> {
        let mut alike: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in self.attention().filter(|finding| finding.outcome == FindingOutcome::Inconclusive) {
            alike.entry(&finding.reason).or_default().push(finding);
        }
        let mut told = BTreeSet::new();
        let mut points = Vec::new();
        for finding in self.attention() {
            match alike.get(finding.reason.as_str()).filter(|alike| alike.len() >= ALIKE && alike[0].outcome == finding.outcome) {
                None => {
                    points.push(Point {
                        sentence: sentences::sentence(finding),
                        outcome: finding.outcome,
                        alone: Some(finding),
                        checks: 1,
                    });
                }
                Some(alike) if told.insert(finding.reason.as_str()) => {
                    points.push(Point { sentence: sentences::together(alike), outcome: finding.outcome, alone: None, checks: alike.len() });
                }
                Some(_) => {}
            }
        }
        points
    }

    /// The findings that ask for attention, worst first.
    pub(super) fn attention(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().copied().filter(|finding| !matches!(finding.outcome, FindingOutcome::Pass | FindingOutcome::Skipped))
    }

    /// Of the checks that passed, the one nearest to its limit.
    pub(super) fn closest(&self) -> Option<Sentence<'_>> {
        let finding = self.findings.iter().find(|finding| finding.outcome == FindingOutcome::Pass && finding.measured.is_some())?;
        let metric = sentences::metric(finding);
        let against = match finding.rule {
            Rule::Max | Rule::Min => format!("{metric} {}, limit {}", figures::measured(finding), figures::bound(finding)),
            Rule::Rise | Rule::Fall => {
                format!(
                    "{metric} {}, was {} ({}), allowed {}",
                    figures::measured(finding),
                    figures::baseline(finding),
                    figures::change(finding),
                    figures::limit(finding)
                )
            }
        };
        Some(Sentence { label: Some(&finding.endpoint), rest: against })
    }

    /// The smallest rise of latency that every comparison could have seen, and which of them is the blindest. `None`
    /// where one of them does not know.
    pub(super) fn blindest(&self) -> Option<(String, &Finding)> {
        let compared =
            |finding: &&Finding| finding.rule == Rule::Rise && finding.unit == Unit::Ms && finding.outcome != FindingOutcome::Skipped;
        let visible = |finding: &Finding| finding.change.and_then(|change| change.visible).filter(|visible| visible.is_finite());
        let comparisons = self.findings.iter().copied().filter(compared);
        let seen: Vec<(&Finding, f64)> = comparisons.map(|finding| Some((finding, visible(finding)?))).collect::<Option<_>>()?;
        let (finding, visible) = seen.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((format!("{} %", visible.ceil()), finding))
    }
}

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = self.verdict;
        write!(f, "{}", self.word())?;
        if let Some(checks) = checks(verdict) {
            write!(f, " · {checks}")?;
        }
        write!(
            f,
            " · {}",
            place(&verdict.run.scenario, verdict.run.environment.as_deref(), &verdict.run.target, verdict.run.commit.as_deref())
        )
    }
}

impl Headline<'_> {
    /// The outcome: `failed`; `failed (soft)` where it does not stop the pipeline.
    pub(super) fn word(&self) -> String {
        let word = sentences::outcome_word(self.verdict.outcome);
        if is_soft(self.verdict) { format!("{word} (soft)") } else { word.into() }
    }
}

/// `checkout on staging @ 3f9c1ab`; without a name for the environment, the target's host.
pub(super) fn place(scenario: &str, environment: Option<&str>, target: &str, commit: Option<&str>) -> String {
    let host = target.split_once("://").map_or(target, |(_, rest)| rest);
    let commit: String = commit.map(|commit| commit.chars().take(COMMIT_CHARACTERS).collect()).unwrap_or_default();
    let at = if commit.is_empty() { String::new() } else { format!(" @ {commit}") };
    let on = environment.or(Some(host).filter(|host| *host != UNKNOWN)).map(|on| format!(" on {on}")).unwrap_or_default();
    format!("{scenario}{on}{at}")
}

/// `exit 1 (gate failed)`; where `--soft` lifted it, that too.
pub(super) fn exit_line(verdict: &Verdict) -> String {
    if is_soft(verdict) {
        format!("exit 0 (soft: {})", sentences::outcome_word(verdict.outcome))
    } else {
        format!("exit {}", verdict.exit())
    }
}

/// `8,970 requests in 50s, 0.2 % failed`.
pub(super) fn run_line(run: &Run) -> String {
    run_line_of(run, &run.total(PhaseSelection::Judged).counts)
}

/// The same where all tasks over the judged phases are counted already.
pub(super) fn run_line_of(run: &Run, total: &PhaseSeries) -> String {
    let failed =
        total.failure_rate().map(|share| format!(", {} failed", figures::failed_share(share, total.failures.total()))).unwrap_or_default();
    format!("{} requests in {}{failed}", format_count(total.requests), format_duration(run.duration_of(PhaseSelection::Judged)))
}

/// `baseline: 7 runs from .perfgate/baselines/checkout, 2026-11-12 to 2026-11-19, 1 left out`.
pub(super) fn baseline_line(baseline: &BaselineRef) -> String {
    let days = match (baseline.oldest, baseline.newest) {
        (Some(oldest), Some(newest)) => format!(", {} to {}", oldest.strftime("%Y-%m-%d"), newest.strftime("%Y-%m-%d")),
        _ => String::new(),
    };
    let left_out = if baseline.left_out.is_empty() { String::new() } else { format!(", {} left out", baseline.left_out.len()) };
    format!("{} from {}{days}{left_out}", counted(usize::try_from(baseline.runs).unwrap_or(usize::MAX), "run"), baseline.source)
}

/// How many checks came out how, for the end of a list: `12 passed, 2 skipped`.
pub(super) fn counts<'a>(findings: impl Iterator<Item = &'a &'a Finding>) -> String {
    let order = [
        FindingOutcome::Fail,
        FindingOutcome::Inconclusive,
        FindingOutcome::Waived,
        FindingOutcome::Warn,
        FindingOutcome::Skipped,
        FindingOutcome::Pass,
    ];
    let mut numbers = [0_u64; 6];
    for finding in findings {
        numbers[usize::from(rank(finding.outcome))] += 1;
    }
    let parts = order.into_iter().zip(numbers).filter(|&(_, number)| number > 0);
    parts.map(|(outcome, number)| format!("{} {}", format_count(number), sentences::finding_word(outcome))).collect::<Vec<_>>().join(", ")
}

/// `1 check`, `14 checks`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", format_count(number as u64), if number == 1 { "" } else { "s" })
}

/// What a reader of a run must know before its numbers: that it is not whole, what was lifted, what speaks against it.
pub(super) fn run_notices(run: &Run) -> Vec<Notice> {
    let mut notices = unusual(run, &[]);
    notices.extend(run.generator.problems.iter().map(|problem| Notice { name: "generator", text: problem.text.clone() }));
    notices
}

fn unusual(run: &Run, more_overrides: &[String]) -> Vec<Notice> {
    let mut notices = Vec::new();
    if !run.complete {
        notices
            .push(Notice { name: "incomplete", text: run.aborted_by.clone().unwrap_or_else(|| "the run did not come to its end".into()) });
    }
    if let Some(imported) = &run.imported {
        notices.push(Notice { name: "imported", text: imported.description() });
        notices.extend(imported.notes.iter().map(|note| Notice { name: "imported", text: note.clone() }));
    }
    let new = more_overrides.iter().filter(|flag| !run.overrides.contains(flag));
    let (each, lifted): (Vec<&str>, Vec<&str>) = run.overrides.iter().chain(new).map(String::as_str).partition(|flag| *flag == EACH);
    if !each.is_empty() {
        let text = format!("{EACH}: one endpoint at a time, each as often as in the whole load");
        notices.push(Notice { name: "each alone", text });
    }
    if !lifted.is_empty() {
        notices.push(Notice { name: "lifted rules", text: lifted.join(" ") });
    }
    notices
}

fn notices(verdict: &Verdict, run: &Run) -> Vec<Notice> {
    let mut notices = unusual(run, &verdict.run.overrides);
    if is_soft(verdict) {
        notices.push(Notice { name: "soft", text: "this outcome does not stop the pipeline".into() });
    }
    notices.extend(uncounted_baseline(verdict));
    let led = usize::from(matches!(verdict.outcome, Outcome::Inconclusive | Outcome::Error));
    let breached = verdict.findings.iter().any(|finding| finding.outcome == FindingOutcome::Fail);
    let said =
        |code: &str| (breached && code == "gate_failed") || (!run.complete && code == "incomplete") || (led > 0 && code == "distrusted");
    for reason in verdict.reasons.iter().skip(led).filter(|reason| !said(&reason.code)) {
        let name = if reason.code == NO_BASELINE { "no baseline" } else { "note" };
        notices.push(Notice { name, text: reason.text.clone() });
    }
    for check in verdict.self_checks.iter().filter(|check| matches!(check.outcome, SelfCheckOutcome::Fail | SelfCheckOutcome::Warn)) {
        let text = format!("{} {}: {}", check.name, sentences::self_check_word(check.outcome), check.detail);
        notices.push(Notice { name: "self-check", text });
    }
    notices
}

/// That nothing was compared although rules ask for it, where no reason of the verdict says so.
fn uncounted_baseline(verdict: &Verdict) -> Option<Notice> {
    let relative = |finding: &&Finding| matches!(finding.rule, Rule::Rise | Rule::Fall) && finding.outcome == FindingOutcome::Skipped;
    let skipped = verdict.findings.iter().filter(relative).count();
    let without = verdict.baseline.as_ref().is_none_or(|baseline| baseline.runs == 0);
    let said = verdict.reasons.iter().any(|reason| reason.code == NO_BASELINE);
    let text = format!("{} had nothing to compare with, absolute limits were judged", counted(skipped, "check"));
    (without && skipped > 0 && !said).then_some(Notice { name: "no baseline", text })
}

fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    let key = |finding: &Finding| figures::excess(finding).unwrap_or(f64::NEG_INFINITY);
    sorted.sort_by(|a, b| rank(a.outcome).cmp(&rank(b.outcome)).then_with(|| key(b).total_cmp(&key(a))));
    sorted
}

const fn rank(outcome: FindingOutcome) -> u8 {
    match outcome {
        FindingOutcome::Fail => 0,
        FindingOutcome::Inconclusive => 1,
        FindingOutcome::Waived => 2,
        FindingOutcome::Warn => 3,
        FindingOutcome::Skipped => 4,
        FindingOutcome::Pass => 5,
    }
}

/// `2 of 14 checks`, `1 warning in 14 checks`, `12 checks, 2 skipped`; nothing where nothing was judged.
fn checks(verdict: &Verdict) -> Option<String> {
    let total = verdict.findings.len();
    let of = |outcome| verdict.findings.iter().filter(|finding| finding.outcome == outcome).count();
    let all = counted(total, "check");
    let (skipped, waived) = (of(FindingOutcome::Skipped), of(FindingOutcome::Waived));
    Some(match verdict.outcome {
        _ if total == 0 => return None,
        Outcome::Fail => format!("{} of {all}", of(FindingOutcome::Fail)),
        Outcome::Inconclusive | Outcome::Error if of(FindingOutcome::Inconclusive) > 0 => {
            format!("{} of {all} undecided", of(FindingOutcome::Inconclusive))
        }
        Outcome::Warn if of(FindingOutcome::Warn) > 0 => format!("{} in {all}", counted(of(FindingOutcome::Warn), "warning")),
        _ => {
            let mut text = counted(total - skipped, "check");
            for (number, word) in [(skipped, "skipped"), (waived, "waived")] {
                if number > 0 {
                    text = format!("{text}, {number} {word}");
                }
            }
            text
        }
    })
}

/// Whether the exit code was lifted although the gate did not pass.
fn is_soft(verdict: &Verdict) -> bool {
    verdict.exit() == ExitCode::Pass && !matches!(verdict.outcome, Outcome::Pass | Outcome::Warn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn findings_come_worst_first_and_breaches_by_how_far_they_are_over() {
        let verdict = samples::failed();
        let content = content(&verdict, &samples::run());
        let order: Vec<_> = content.findings.iter().map(|f| (f.outcome, f.endpoint.as_str(), f.metric.as_str())).collect();
        assert_eq!(order[0], (FindingOutcome::Fail, "GET /api/orders/:id", "failures"));
        assert_eq!(order[1], (FindingOutcome::Fail, "POST /api/checkout", "p95"));
        let ranks: Vec<_> = content.findings.iter().map(|f| rank(f.outcome)).collect();
        assert!(ranks.is_sorted());
    }

    #[test]
    fn headlines_count_what_matters() {
        for (verdict, line) in [
            (samples::passed(), "passed · 6 checks · checkout on staging @ 3f9c1ab"),
            (samples::warned(), "passed with warnings · 4 checks, 2 skipped · checkout on staging @ 3f9c1ab"),
            (samples::failed(), "failed · 2 of 8 checks · checkout on staging @ 3f9c1ab"),
            (samples::inconclusive(), "no verdict · 2 of 6 checks undecided · checkout on staging @ 3f9c1ab"),
            (samples::error(), "error · checkout on staging @ 3f9c1ab"),
            (samples::soft(), "failed (soft) · 2 of 8 checks · checkout on staging @ 3f9c1ab"),
        ] {
            assert_eq!(headline(&verdict).to_string(), line);
        }
    }

    #[test]
    fn without_a_named_environment_the_host_is_named() {
        assert_eq!(place("shop", None, "https://staging.shop.example:8443", None), "shop on staging.shop.example:8443");
    }

    #[test]
    fn an_incomplete_run_says_what_ended_it() {
        let mut run = samples::run();
        run.complete = false;
        run.aborted_by = Some("SIGINT after 12.3 s".into());
        assert_eq!(run_notices(&run)[0], Notice { name: "incomplete", text: "SIGINT after 12.3 s".into() });
    }

    #[test]
    fn no_reason_and_no_lifted_rule_is_lost() {
        let mut verdict = samples::warned();
        verdict.reasons.push(crate::gate::Reason { code: "no_baseline".into(), text: "2 runs are too old".into() });
        verdict.run.overrides = vec!["--thresholds-from-base".into()];
        let named: Vec<_> = notices(&verdict, &samples::run()).iter().map(|notice| notice.name).collect();
        assert_eq!(named, ["lifted rules", "no baseline", "no baseline"]);
        verdict.reasons.clear();
        assert_eq!(notices(&verdict, &samples::run())[1].text, "2 checks had nothing to compare with, absolute limits were judged");
    }

    #[test]
    fn what_every_comparison_could_see_is_said_only_where_each_knows() {
        let mut verdict = samples::passed();
        verdict.findings[1].change.as_mut().unwrap().visible = Some(11.4);
        assert_eq!(
            content(&verdict, &samples::run()).blindest().map(|(text, finding)| (text, finding.endpoint.clone())),
            Some(("12 %".into(), "GET /api/orders/:id".into()))
        );
        verdict.findings[1].change.as_mut().unwrap().visible = None;
        assert!(content(&verdict, &samples::run()).blindest().is_none());
    }
}
