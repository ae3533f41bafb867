//! One finding in one sentence: the one that its developer needs.

use super::figures;
use crate::gate::{Finding, FindingOutcome, Outcome, Rule, SelfCheckOutcome, Unit, Verdict};
use crate::units::format_count;

/// The endpoint name of findings about the whole scenario.
const TOTAL: &str = "total";

/// How many of several checks are named.
const NAMED: usize = 3;

/// A sentence that starts with an endpoint's label, or about the whole scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence<'a> {
    /// `None` for the whole scenario, which `rest` then names.
    pub label: Option<&'a str>,
    pub rest: String,
}

/// The outcome in a headline.
pub(super) const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "passed",
        Outcome::Warn => "passed with warnings",
        Outcome::Fail => "failed",
        Outcome::Inconclusive => "no verdict",
        Outcome::Error => "error",
    }
}

/// A finding's outcome in a table.
pub(super) const fn finding_word(outcome: FindingOutcome) -> &'static str {
    match outcome {
        FindingOutcome::Pass => "passed",
        FindingOutcome::Warn => "warning",
        FindingOutcome::Fail => "failed",
        FindingOutcome::Inconclusive => "no verdict",
        FindingOutcome::Waived => "waived",
        FindingOutcome::Skipped => "skipped",
    }
}

/// A self-check's outcome.
pub(super) const fn self_check_word(outcome: SelfCheckOutcome) -> &'static str {
    match outcome {
        SelfCheckOutcome::Pass => "passed",
        SelfCheckOutcome::Warn => "warning",
        SelfCheckOutcome::Fail => "failed",
        SelfCheckOutcome::Skipped => "skipped",
    }
}

/// A rule as it is written in the thresholds.
pub(super) const fn rule_word(rule: Rule) -> &'static str {
    match rule {
        Rule::Max => "max",
        Rule::Min => "min",
        Rule::Rise => "rise",
        Rule::Fall => "fall",
    }
}

/// The metric, with the phase whose own rules these are: `p95 in spike`.
pub(super) fn metric(finding: &Finding) -> String {
    match &finding.phase {
        Some(phase) => format!("{} in {phase}", finding.metric),
        None => finding.metric.clone(),
    }
}

/// What a finding says: for a breach, how much against what; otherwise the judge's own reason.
pub(super) fn sentence(finding: &Finding) -> Sentence<'_> {
    match finding.outcome {
        FindingOutcome::Fail => breach(finding),
        _ => with_reason(finding),
    }
}

/// What several say that have no verdict for one cause: `12 checks have no verdict: .. (GET /a p95 rise, .. and 9 more)`.
pub(super) fn together<'a>(findings: &[&'a Finding]) -> Sentence<'a> {
    let name = |finding: &&Finding| format!("{} {} {}", finding.endpoint, metric(finding), rule_word(finding.rule));
    let named = findings.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
    let more = findings.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {} more", format_count(more as u64)) } else { String::new() };
    let reason = findings.first().map_or("", |finding| finding.reason.trim());
    Sentence { label: None, rest: format!("{} checks have no verdict: {reason} ({named}{more})", format_count(findings.len() as u64)) }
}

/// `POST /api/checkout got slower: p95 142 ms, was 121 ms (+18 %, between +12 % and +24 %), allowed +10 %.`
fn breach(finding: &Finding) -> Sentence<'_> {
    let measured = figures::measured(finding);
    let share_of = if finding.unit == Unit::Share { format!(" of {} requests", format_count(finding.samples)) } else { String::new() };
    let (verb, metric, against) = (verb(finding), metric(finding), against(finding));
    let causes = causes(finding).map(|causes| format!(" ({causes})")).unwrap_or_default();
    about(finding, format!("{verb}: {metric} {measured}{share_of}{causes}{against}."))
}

/// What went wrong, as the reason of a failure rate tells it behind its count.
fn causes(finding: &Finding) -> Option<&str> {
    finding.reason.split_once("requests): ").map(|(_, causes)| causes)
}

fn verb(finding: &Finding) -> &'static str {
    match (finding.rule, finding.unit) {
        (Rule::Max, Unit::Ms) => "is too slow",
        (Rule::Max, Unit::Share) => "fails too often",
        (Rule::Max, Unit::PerSecond) => "is above its limit",
        (Rule::Min, Unit::PerSecond) => "handles too little",
        (Rule::Min, _) => "is below its limit",
        (Rule::Rise, Unit::Ms) => "got slower",
        (Rule::Rise, Unit::Share) => "fails more often",
        (Rule::Rise, Unit::PerSecond) => "rose",
        (Rule::Fall, Unit::PerSecond) => "handles less",
        (Rule::Fall, _) => "fell",
    }
}

fn against(finding: &Finding) -> String {
    let limit = figures::limit(finding);
    match finding.rule {
        Rule::Max => format!(", limit {limit}{}", beyond(finding, "over")),
        Rule::Min => format!(", at least {limit}{}", beyond(finding, "under")),
        Rule::Rise | Rule::Fall => {
            let interval = figures::interval(finding).map(|interval| format!(", {interval}")).unwrap_or_default();
            match (&finding.baseline, &finding.change) {
                (Some(_), Some(_)) => {
                    format!(", was {} ({}{interval}), allowed {limit}", figures::baseline(finding), figures::change(finding))
                }
                _ => format!(", allowed {limit}"),
            }
        }
    }
}

/// ` (4 % over)`: how far a limit was missed, as a share of it. Not for failure rates, where a share of a share misleads.
fn beyond(finding: &Finding, direction: &str) -> String {
    let (Some(measured), false) = (finding.measured, finding.unit == Unit::Share) else { return String::new() };
    let percent = (measured / finding.limit - 1.0).abs() * 100.0;
    match percent {
        _ if !percent.is_finite() => String::new(),
        _ if percent < 1.0 => format!(" (less than 1 % {direction})"),
        _ => format!(" ({percent:.0} % {direction})"),
    }
}

fn with_reason(finding: &Finding) -> Sentence<'_> {
    let label = finding.endpoint.as_str();
    let reason = finding.reason.trim();
    let reason = reason.strip_prefix(label).map_or(reason, |rest| rest.trim_start_matches([':', ' ']));
    let reason = reason.strip_prefix(&finding.metric).map_or(reason, |rest| rest.trim_start_matches([':', ' ']));
    let reason = if reason.is_empty() { finding_word(finding.outcome) } else { reason };
    about(finding, format!("{} {}: {reason}", metric(finding), rule_word(finding.rule)))
}

fn about(finding: &Finding, rest: String) -> Sentence<'_> {
    if finding.endpoint == TOTAL {
        Sentence { label: None, rest: format!("The whole scenario {rest}") }
    } else {
        Sentence { label: Some(&finding.endpoint), rest }
    }
}

/// What to do about an outcome that is not a judgement; `None` where the findings say it.
pub(super) fn hint(verdict: &Verdict) -> Option<&'static str> {
    if !matches!(verdict.outcome, Outcome::Inconclusive | Outcome::Error) {
        return None;
    }
    let code = verdict.reasons.first().map_or("", |reason| reason.code.as_str());
    let has_self_check = |name: &str| verdict.self_checks.iter().any(|check| check.name == name);
    // Only rounds side by side are examined for it.
    let is_side_by_side = has_self_check("balanced");
    let is_imported = has_self_check("imported");
    Some(match code {
        "too_few_samples" if is_imported => "load longer with the tool that measured it, or judge a lower percentile",
        "too_few_samples" => "hold the load longer (--duration) or raise it (--users, --rate), or judge a lower percentile",
        "not_stated" => "judge a file that holds it, most often the tool's record of every request, or leave these rules out",
        "no_samples" | "endpoint_without_requests" => "see that the tasks reach every declared endpoint, or leave endpoints out by tags",
        "generator" => "do what it says, most often a bigger or quieter machine or less load, and run it again",
        "no_baseline" => "keep baseline runs first: perfgate baseline refresh",
        "not_comparable" => "refresh the baseline with this scenario on this class of machine: perfgate baseline refresh",
        "undecided" if is_side_by_side => "allow more time (--max-duration), which is more rounds",
        "undecided" => "allow more time (--max-duration), or load the old build beside the new one (--against)",
        "hidden" if is_side_by_side => "give the target something to spare (fewer --users, a lower --rate), or load longer (--duration)",
        "hidden" => {
            "give the target something to spare (fewer --users, a lower --rate), load longer (--duration), or load the old build beside \
             the new one (--against)"
        }
        "incomplete" | "aborted" => "run it again, to its end",
        _ => match verdict.exit().meaning().1 {
            "-" => "run it again, to its end",
            remedy => remedy,
        },
    })
}

impl Sentence<'_> {
    /// As one plain text.
    pub(super) fn plain(&self) -> String {
        self.label.map_or_else(|| self.rest.clone(), |label| format!("{label} {}", self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::SelfCheck;
    use crate::report::samples::{failures, finding, inconclusive, rise, throughput};

    #[test]
    fn a_hint_asks_for_what_was_not_done_yet() {
        let hinted = |code: &str, is_side_by_side: bool| {
            let mut verdict = inconclusive();
            verdict.reasons[0].code = code.to_owned();
            let balanced = SelfCheck { name: "balanced".into(), outcome: SelfCheckOutcome::Pass, detail: String::new() };
            verdict.self_checks.extend(is_side_by_side.then_some(balanced));
            hint(&verdict).unwrap()
        };
        for code in ["undecided", "hidden"] {
            assert!(hinted(code, false).contains("--against") && !hinted(code, true).contains("--against"), "{code}");
            assert_eq!(hinted(code, true).contains("--max-duration"), code == "undecided", "more of the same does not tell what is hidden");
        }
    }

    fn failed(mut finding: Finding) -> String {
        finding.outcome = FindingOutcome::Fail;
        sentence(&finding).plain()
    }

    #[test]
    fn a_breach_says_how_much_against_what() {
        let mut rose = rise("POST /api/checkout", "p95", 142.2, 120.6);
        rose.change.as_mut().unwrap().low = Some(12.1);
        rose.change.as_mut().unwrap().high = Some(23.8);
        assert_eq!(failed(rose), "POST /api/checkout got slower: p95 142 ms, was 121 ms (+18 %, between +12 % and +24 %), allowed +10 %.");
        assert_eq!(failed(finding("GET /a", "p99", 842.0)), "GET /a is too slow: p99 842 ms, limit 300 ms (181 % over).");
        assert_eq!(failed(finding("GET /a", "p99", 300.4)), "GET /a is too slow: p99 300.400 ms, limit 300 ms (less than 1 % over).");
        assert_eq!(failed(failures("GET /a", 0.0213)), "GET /a fails too often: failures 2.13 % of 12,000 requests, limit 1 %.");
        assert_eq!(failed(throughput(140.0)), "The whole scenario handles too little: throughput 140/s, at least 150/s (7 % under).");
    }

    #[test]
    fn one_cause_of_many_is_told_once() {
        let undecided = |endpoint: &str, why: &str| {
            let mut finding = finding(endpoint, "p95", 100.0);
            (finding.outcome, finding.reason) = (FindingOutcome::Inconclusive, why.into());
            finding
        };
        let mut verdict = crate::report::samples::inconclusive();
        verdict.findings = ["GET /a", "GET /b", "GET /c", "GET /d"].map(|name| undecided(name, "the generator was busy")).into();
        verdict.findings.insert(1, undecided("GET /e", "140 requests, p95 needs 200"));
        let run = crate::report::samples::run();
        let content = crate::report::content::content(&verdict, &run);
        let told: Vec<String> = content.sentences().iter().map(Sentence::plain).collect();
        let once = "4 checks have no verdict: the generator was busy (GET /a p95 max, GET /b p95 max, GET /c p95 max and 1 more)";
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().any(|text| text == once), "{told:?}");
    }

    #[test]
    fn a_reason_does_not_name_its_endpoint_twice() {
        let mut waived = finding("GET /a", "p99", 842.0);
        waived.outcome = FindingOutcome::Waived;
        waived.reason = "GET /a p99: 842 ms is waived until 2026-12-31".into();
        assert_eq!(sentence(&waived).plain(), "GET /a p99 max: 842 ms is waived until 2026-12-31");
    }
}
