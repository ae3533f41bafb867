//! The judgement: every rule of the thresholds against one run, row by row.

use super::absolute::judge_absolute;
use super::check::{Cause, Check, Evidence, Row};
use super::comparison::{BaselineChoice, Comparison};
use super::imported::{lower_bound_only, not_stated, unjudged};
use super::outcome::{Judged, conclude};
use super::relative::{History, Sittings, Slot, compare, decide, replay};
use super::self_checks::{Examination, Trust, examine};
use super::side_by_side::{balanced, calibrated};
use super::sittings::Measured;
use super::waive::waive;
use super::{Figures, FindingOutcome, Metric, Rules, Scope, Subject, Thresholds, Unit, Verdict};
use crate::run::{EndpointRole, Run};

/// What is judged: the loads of one release, in order, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// At least one; what verdicts tell of a run, they tell of the last.
    pub loads: &'a [Run],
    pub most_loads: usize,
}

/// A verdict, and whether one more load might make it another.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Why the release should be loaded once more; `None` where it is decided, or was loaded as often as it may be.
    pub again: Option<String>,
}

/// Judges a run alone. The same arguments always give the same verdict.
#[must_use]
pub fn judge(run: &Run, thresholds: &Thresholds, baseline: BaselineChoice<'_>) -> Verdict {
    judge_release(Release { loads: std::slice::from_ref(run), most_loads: 1 }, thresholds, baseline).verdict
}

/// Judges a release by its loads so far. One that can't be trusted is left out where another can.
///
/// # Panics
/// Where there is no load.
#[must_use]
pub fn judge_release(release: Release<'_>, thresholds: &Thresholds, baseline: BaselineChoice<'_>) -> Judgement {
    let Release { loads, most_loads } = release;
    let beside = match baseline {
        BaselineChoice::SideBySide(beside) => beside.loads,
        BaselineChoice::None | BaselineChoice::Store(_) | BaselineChoice::Screen(_) => &[],
    };
    let examined = Examined::of(loads, beside);
    let run = examined.last();
    let comparison = Comparison::select(run, &examined.judged, thresholds.gate(), baseline);
    let named = thresholds.named_phases();
    let sittings = Sittings { done: loads.len(), most: most_loads };
    let judged: Vec<&Run> = examined.judged.iter().map(|&index| &loads[index]).collect();
    let judge = Judge { loads: &judged, comparison: &comparison, trust: &examined.examination.trust, sittings };
    let slots: Vec<Slot<'_>> = groups(run, thresholds, &named).iter().flat_map(|group| judge.group(group)).collect();
    let replay = replay(&slots);
    let mut rows = decide(slots, &comparison, sittings, replay);
    let unused = waive(&mut rows, thresholds.waivers(), run.started_at);
    let again = again(&rows, &examined, sittings);
    if again.is_none() && sittings.may_go_on() {
        note_no_other_load(&mut rows);
    }
    let mut checks = examined.examination.checks;
    checks.extend(replay.map(calibrated));
    checks.extend(balanced(&comparison, thresholds.gate()));
    let verdict = conclude(rows, &Judged { run, loads: release.loads.len(), thresholds, comparison: &comparison }, checks, &unused);
    Judgement { verdict, again }
}

/// Why one more load may tell more.
fn again(rows: &[Row], examined: &Examined<'_>, sittings: Sittings) -> Option<String> {
    if !sittings.may_go_on() || rows.iter().any(is_proven) || matches!(examined.examination.trust, Trust::Failures(_)) {
        return None;
    }
    if let Trust::AnsweredFailures(why) = &examined.examination.trust {
        return (examined.distrusted == 1).then(|| why.clone());
    }
    let open = rows.iter().filter(|row| row.is_open).max_by(|one, other| one.excess.total_cmp(&other.excess))?;
    Some(format!("{}: {}", open.finding.endpoint, open.finding.reason))
}

/// A gate that is red by its limits stays red: another load would cost its time and change no exit code. What it would have
/// decided says so.
fn note_no_other_load(rows: &mut [Row]) {
    if rows.iter().any(is_proven) {
        for row in rows.iter_mut().filter(|row| row.is_open && row.finding.outcome == FindingOutcome::Inconclusive) {
            row.finding.reason.push_str("; it was not loaded again, because the gate is red already");
        }
    }
}

/// Whether it failed, and no other load could change that.
fn is_proven(row: &Row) -> bool {
    row.finding.outcome == FindingOutcome::Fail && !row.is_open
}

/// The loads of a release, examined.
struct Examined<'a> {
    loads: &'a [Run],
    /// Which of them are judged: all that can be trusted, else the last.
    judged: Vec<usize>,
    /// Of the last of those.
    examination: Examination,
    /// How many can't be trusted.
    distrusted: usize,
}

impl<'a> Examined<'a> {
    /// Where another deployment was loaded `beside` it, both loads must be fit.
    fn of(loads: &'a [Run], beside: &[Run]) -> Self {
        let both = |(index, run): (usize, &Run)| {
            let examination = examine(run);
            match beside.get(index).map(examine) {
                Some(other) if examination.trust == Trust::Whole && other.trust != Trust::Whole => other.of_the_other_side(),
                _ => examination,
            }
        };
        let mut each: Vec<Examination> = loads.iter().enumerate().map(both).collect();
        let is_trusted = |&index: &usize| each[index].trust == Trust::Whole;
        let trusted: Vec<usize> = (0..each.len()).filter(is_trusted).collect();
        let distrusted = each.len() - trusted.len();
        // What was cut short was cut short for a reason that the verdict must tell.
        let is_cut_short = each.last().is_some_and(|last| matches!(last.trust, Trust::Nothing(_) | Trust::Failures(_)));
        let judged = if trusted.is_empty() || is_cut_short { vec![each.len() - 1] } else { trusted };
        let mut examination = each.swap_remove(judged[judged.len() - 1]);
        if examination.trust == Trust::Whole && distrusted > 0 {
            examination.note_left_out(distrusted, loads.len());
        }
        Self { loads, judged, examination, distrusted }
    }

    fn last(&self) -> &'a Run {
        &self.loads[self.judged[self.judged.len() - 1]]
    }
}

/// The rules that are judged on the same figures.
struct Group<'a> {
    subject: Subject<'a>,
    scope: Scope<'a>,
    role: EndpointRole,
    rules: Vec<(Metric, Rules)>,
}

/// Everything that has rules: the run's endpoints in their order, endpoints that only the thresholds name, the total.
fn groups<'a>(run: &'a Run, thresholds: &'a Thresholds, named: &'a [&'a str]) -> Vec<Group<'a>> {
    let scopes = || {
        let is_pooled = run.phases.iter().any(|phase| phase.measured && !named.contains(&phase.name.as_str()));
        let own = named.iter().map(|name| Scope::Phase(name));
        is_pooled.then_some(Scope::Pooled { named }).into_iter().chain(own)
    };
    let of_scopes = |subject: Subject<'a>, role| {
        scopes().map(move |scope| Group { subject, scope, role, rules: thresholds.rules(subject, scope.phase()) })
    };
    let mut groups = Vec::new();
    for endpoint in &run.endpoints {
        let subject = Subject::Endpoint(&endpoint.name);
        match endpoint.role {
            EndpointRole::Lifecycle => groups.push(lifecycle_group(subject, thresholds)),
            role @ (EndpointRole::Task | EndpointRole::Excluded) => groups.extend(of_scopes(subject, role)),
        }
    }
    let is_known = |name: &str| run.endpoints.iter().any(|endpoint| endpoint.name == name);
    for name in thresholds.named_endpoints().into_iter().filter(|name| !is_known(name)) {
        groups.extend(of_scopes(Subject::Endpoint(name), EndpointRole::Task));
    }
    groups.extend(of_scopes(Subject::Total, EndpointRole::Task));
    groups
}

/// `start` and `stop`: their failures over the whole run, by `max` alone.
fn lifecycle_group<'a>(subject: Subject<'a>, thresholds: &Thresholds) -> Group<'a> {
    let only_max = |rules: Rules| Rules { max: rules.max, warn: rules.warn, ..Rules::default() };
    let rules = thresholds.rules(subject, None).into_iter().filter(|(metric, _)| matches!(metric, Metric::Failures(_)));
    let rules = rules.map(|(metric, rules)| (metric, only_max(rules))).collect();
    Group { subject, scope: Scope::WholeRun, role: EndpointRole::Lifecycle, rules }
}

/// What every group is judged with.
struct Judge<'a> {
    loads: &'a [&'a Run],
    comparison: &'a Comparison<'a>,
    trust: &'a Trust,
    sittings: Sittings,
}

impl Judge<'_> {
    fn group<'g>(&self, group: &Group<'g>) -> Vec<Slot<'g>> {
        let &Group { subject, scope, role, ref rules } = group;
        let checks: Vec<Check<'g>> = rules.iter().flat_map(|&(metric, rules)| Check::all(subject, scope, metric, rules)).collect();
        if checks.is_empty() {
            return Vec::new();
        }
        let figures: Vec<Figures> = self.loads.iter().filter_map(|run| Figures::of(run, subject, scope)).collect();
        let history = History::of(self.comparison, subject, scope);
        let slot = |check: &Check<'g>| match figures.last() {
            _ if role == EndpointRole::Excluded => {
                Slot::Row(check.row(FindingOutcome::Skipped, Cause::LeftOut, Evidence::NONE, "left out by tags".into()))
            }
            None => Slot::Row(check.row(FindingOutcome::Inconclusive, Cause::NoSamples, Evidence::NONE, absent(check))),
            Some(last) => match (not_stated(self.last(), check, last), self.trust) {
                (Some(why), _) => Slot::Row(unjudged(check, last, why)),
                (None, Trust::Whole) => self.trusted(check, &figures, &history),
                (None, Trust::AnsweredFailures(why)) => Slot::Row(self.answered_failures(check, last, why)),
                (None, Trust::Failures(_)) if check.metric.unit() == Unit::Share && !check.is_relative() => {
                    self.trusted(check, &figures, &history)
                }
                (None, Trust::Failures(why) | Trust::Nothing(why)) => Slot::Row(distrusted(check, last, why)),
            },
        };
        checks.iter().map(slot).collect()
    }

    fn last(&self) -> &Run {
        self.loads[self.loads.len() - 1]
    }

    fn trusted<'g>(&self, check: &Check<'g>, figures: &[Figures], history: &History<'_>) -> Slot<'g> {
        match Measured::of(check.metric, figures) {
            Some(measured) if check.is_relative() => compare(check, &measured, figures, history),
            Some(measured) => {
                let row = judge_absolute(check, &measured, history.variance_between(check.metric), self.sittings);
                Slot::Row(lower_bound_only(self.last(), row))
            }
            None => Slot::Row(check.row(FindingOutcome::Inconclusive, Cause::NoSamples, Evidence::NONE, absent(check))),
        }
    }

    /// What a run that can't be trusted may still prove: failures that the server itself answered.
    fn answered_failures(&self, check: &Check<'_>, figures: &Figures, why: &str) -> Row {
        if check.metric.unit() == Unit::Share && !check.is_relative() {
            let measured = Measured::answered(check.metric, figures);
            let none_follows = Sittings { most: self.sittings.done, ..self.sittings };
            let mut row = judge_absolute(check, &measured, 0.0, none_follows);
            if row.finding.outcome == FindingOutcome::Fail {
                row.finding.reason.push_str("; counted are only failures that the server itself answered");
                return row;
            }
        }
        distrusted(check, figures, why)
    }
}

fn distrusted(check: &Check<'_>, figures: &Figures, why: &str) -> Row {
    check.row(FindingOutcome::Inconclusive, Cause::Distrusted, Evidence::measured(check, figures), why.to_owned())
}

/// Why there are no figures at all.
fn absent(check: &Check<'_>) -> String {
    match check.scope.phase() {
        Some(phase) => format!("the run has no `{}` in a judged phase `{phase}`", check.subject.name()),
        None => format!("the run has no endpoint `{}`", check.subject.name()),
    }
}

#[cfg(test)]
mod tests {
    use FindingOutcome::{Fail, Inconclusive, Pass, Skipped, Waived, Warn};
    use proptest::prelude::*;

    use super::super::samples::{RunSample, at, baseline, by_name, codes, compared, first_reason, judged, outcomes, steady, thresholds};
    use super::super::{Outcome, Rule};
    use super::*;
    use crate::run::{Digests, Exactness, FailureClass, FailureDetail, Imported, Measure, Resolution, StatedLatency};
    use crate::units::Percentile;

    /// Each line: latency of every request, rules for `GET /a`, outcome, exit code, reason.
    #[test]
    fn absolute_limits_are_bright_lines() {
        for (millis, rules, outcome, exit, reason) in [
            (142.0, "p95: 120ms", Fail, 1, "p95 142 ms is above the limit of 120 ms"),
            (110.0, "p95: 120ms", Pass, 0, "p95 110 ms is within the limit of 120 ms"),
            (1.0, "p95: 1ms", Pass, 0, "p95 1.00 ms is within the limit of 1.00 ms"),
            (110.0, "p95: {max: 120ms, warn: 105ms}", Warn, 0, "p95 110 ms is above the warning line of 105 ms"),
            (142.0, "mean: 120ms", Fail, 1, "mean 142 ms is above the limit of 120 ms"),
            (142.0, "max: 120ms", Fail, 1, "max 142 ms is above the limit of 120 ms"),
            (142.0, "ttfb.p95: 120ms", Fail, 1, "ttfb.p95 142 ms is above the limit of 120 ms"),
            (142.0, "failures: 1%", Pass, 0, "failure rate 0 % is within the limit of 1 % (0 of 2,000 requests)"),
            (142.0, "throughput: 150/s", Pass, 0, "throughput 200/s is within the limit of 150/s"),
            (142.0, "throughput: 250/s", Fail, 1, "throughput 200/s is below the limit of 250/s"),
            (142.0, "throughput: {min: 150/s, warn: 210/s}", Warn, 0, "throughput 200/s is below the warning line of 210/s"),
        ] {
            let verdict = judged(&steady(millis), &format!("endpoints: {{GET /a: {{{rules}}}}}"));
            assert_eq!(verdict.findings[0].outcome, outcome, "{rules}");
            assert_eq!((verdict.exit_code, first_reason(&verdict)), (exit, reason), "{rules}");
        }
    }

    #[test]
    fn a_plain_pass_has_no_reasons() {
        let verdict = judged(&steady(10.0), "defaults: {p95: 300ms, p99: 800ms, failures: 1%}\ntotal: {throughput: 150/s}");
        assert_eq!(outcomes(&verdict), (Outcome::Pass, 0, vec![Pass; 4]));
        assert_eq!((verdict.reasons.len(), verdict.thresholds.checks), (0, 4));
    }

    #[test]
    fn a_value_that_rests_on_too_few_requests_decides_nothing() {
        for (count, rules, code, reason) in [
            (310, "p99: 800ms", "too_few_samples", "needs 1,000 requests for p99, has 310"),
            (199, "p95: 1ms", "too_few_samples", "needs 200 requests for p95, has 199"),
            (29, "mean: 800ms", "too_few_samples", "needs 30 requests for mean, has 29"),
            (19, "failures: 1%", "too_few_samples", "needs 20 requests for failure rate, has 19"),
            (0, "max: 1s", "endpoint_without_requests", "max has no samples: no request was made"),
            (0, "failures: 1%", "endpoint_without_requests", "failure rate has no samples: no request was made"),
        ] {
            let run = RunSample::new().declare("GET /a", EndpointRole::Task).ok("GET /a", "hold", count, 10.0).done();
            let verdict = judged(&run, &format!("defaults: {{{rules}}}"));
            assert_eq!(outcomes(&verdict), (Outcome::Inconclusive, 3, vec![Inconclusive]), "{rules}");
            assert_eq!((codes(&verdict)[0], first_reason(&verdict)), (code, reason));
        }
    }

    #[test]
    fn requests_that_all_failed_are_no_samples_of_latency() {
        let run = RunSample::new().failed("GET /a", "hold", 50, FailureClass::Connect).done();
        let verdict = judged(&run, "defaults: {p95: 300ms, failures: 1%}");
        assert_eq!(outcomes(&verdict), (Outcome::Fail, 1, vec![Fail, Inconclusive]));
        assert_eq!(verdict.findings[1].reason, "p95 has no samples: of 50 requests all failed");
        assert_eq!(verdict.reasons[0].text, "1 of 2 checks failed: GET /a failures");
    }

    #[test]
    fn an_endpoint_without_requests_and_rules_still_makes_no_pass() {
        let run = RunSample::new().ok("GET /a", "hold", 2000, 10.0).declare("GET /b", EndpointRole::Task).done();
        let verdict = judged(&run, "endpoints: {GET /a: {p95: 300ms}}");
        assert_eq!(outcomes(&verdict), (Outcome::Inconclusive, 3, vec![Pass]));
        assert_eq!(verdict.reasons[0].text, "no request in a judged phase: GET /b");
    }

    #[test]
    fn failure_rates_count_classes_and_statuses() {
        let run = RunSample::new()
            .ok("GET /a", "hold", 970, 10.0)
            .failed("GET /a", "hold", 20, FailureClass::Status)
            .failed("GET /a", "hold", 10, FailureClass::Timeout)
            .done();
        for (rules, outcome, measured) in [
            ("failures: 2%", Fail, 0.03),
            ("failures: 3%", Pass, 0.03),
            ("failures.timeout: 0.5%", Fail, 0.01),
            ("failures.timeout: 1%", Pass, 0.01),
            ("failures.5xx: 1%", Fail, 0.02),
            ("failures.503: 2%", Pass, 0.02),
            ("failures.429: 0%", Pass, 0.0),
            ("failures.4xx: 0%", Pass, 0.0),
        ] {
            let verdict = judged(&run, &format!("defaults: {{{rules}}}"));
            assert_eq!((verdict.findings[0].outcome, verdict.findings[0].measured), (outcome, Some(measured)), "{rules}");
        }
    }

    #[test]
    fn few_requests_fail_only_what_chance_cannot_explain() {
        for (ok, failed, rules, outcome) in [
            (9, 1, "failures: 1%", Inconclusive),
            (0, 10, "failures: 1%", Fail),
            (9, 1, "failures: 0%", Fail),
            (9, 0, "failures: 0%", Pass),
            (9, 0, "failures: 1%", Inconclusive),
        ] {
            let run = RunSample::new().ok("GET /a", "hold", ok, 10.0).failed("GET /a", "hold", failed, FailureClass::Status).done();
            assert_eq!(judged(&run, &format!("defaults: {{{rules}}}")).findings[0].outcome, outcome, "{ok} {failed} {rules}");
        }
    }

    #[test]
    fn start_and_stop_are_judged_by_their_failures_over_the_whole_run() {
        let login = |ok, failed| {
            let run = RunSample::new().ok("GET /a", "hold", 2000, 10.0).declare("POST /login", EndpointRole::Lifecycle);
            run.ok("POST /login", "warm-up", ok, 10.0).failed("POST /login", "warm-up", failed, FailureClass::Status).done()
        };
        for (ok, failed, outcome) in [(4, 1, Fail), (5, 0, Pass), (0, 0, Skipped)] {
            let verdict = judged(&login(ok, failed), "defaults: {p95: 300ms, failures: {max: 1%, rise: 1%}}");
            let rows = by_name(&verdict);
            assert_eq!(rows["POST /login failures"].outcome, outcome, "{ok} {failed}");
            assert_eq!(verdict.findings.iter().filter(|finding| finding.endpoint == "POST /login").count(), 1);
        }
    }

    #[test]
    fn endpoints_left_out_by_tags_are_skipped() {
        let run = RunSample::new().ok("GET /a", "hold", 2000, 10.0).declare("POST /b", EndpointRole::Excluded).done();
        let verdict = judged(&run, "defaults: {p95: 300ms}");
        assert_eq!(outcomes(&verdict), (Outcome::Pass, 0, vec![Skipped, Pass]));
        assert_eq!(first_reason(&verdict), "left out by tags");
    }

    #[test]
    fn a_gate_that_evaluated_nothing_does_not_pass() {
        let all_out = RunSample::new().declare("POST /b", EndpointRole::Excluded).done();
        let verdict = judged(&all_out, "defaults: {p95: 300ms}");
        assert_eq!((verdict.outcome, codes(&verdict)), (Outcome::Inconclusive, vec!["nothing_checked"]));
        let verdict = judged(&RunSample::new().done(), "defaults: {p95: 300ms}");
        assert_eq!((verdict.outcome, codes(&verdict)), (Outcome::Inconclusive, vec!["nothing_checked"]));
        let verdict = judged(&steady(10.0), "endpoints: {GET /gone: {p95: 300ms}}");
        assert_eq!((verdict.outcome, first_reason(&verdict)), (Outcome::Inconclusive, "the run has no endpoint `GET /gone`"));
    }

    #[test]
    fn a_named_phase_is_judged_by_its_own_rules_and_left_out_of_the_pool() {
        let run = RunSample::new().phase("spike", true).ok("GET /a", "hold", 2000, 10.0).ok("GET /a", "spike", 2000, 500.0).done();
        let verdict = judged(&run, "defaults: {p95: 100ms, failures: 1%}\nphases: {spike: {defaults: {p95: 600ms}}}");
        assert_eq!(outcomes(&verdict), (Outcome::Pass, 0, vec![Pass; 4]));
        assert_eq!(by_name(&verdict)["GET /a p95 spike"].limit.to_bits(), 600.0_f64.to_bits());
        let verdict = judged(&run, "defaults: {p95: 100ms}");
        assert_eq!(outcomes(&verdict), (Outcome::Fail, 1, vec![Fail]));
        let verdict = judged(&run, "defaults: {p95: 100ms}\nphases: {recovery: {defaults: {p95: 1s}}, spike: {defaults: {p95: 1s}}}");
        assert_eq!(outcomes(&verdict), (Outcome::Inconclusive, 3, vec![Inconclusive, Pass, Pass]));
    }

    #[test]
    fn a_rise_is_a_breach_beyond_what_is_allowed_and_beyond_noise() {
        for (was, now, rules, outcome, reason) in [
            (121.0, 142.0, "p95: {rise: 10%}", Fail, "p95 rose from 121 ms to 142 ms (+17 %, between +13 % and +22 %), allowed +10 %"),
            (121.0, 125.0, "p95: {rise: 10%}", Pass, "p95 rose from 121 ms to 125 ms (+3.3 %, between -0.7 % and +7.6 %), allowed +10 %"),
            (
                121.0,
                130.0,
                "p95: {rise: 10%, must_detect: 11%}",
                Inconclusive,
                "p95 rose from 121 ms to 130 ms (+7.5 %, between +3.2 % and +12 %), allowed +10 %; a rise of 11 % can't be excluded: runs of one build differ by 1.81 % here",
            ),
            (
                1.0,
                1.5,
                "p95: {rise: 10%, at_least: 5ms}",
                Pass,
                "p95 rose from 1.00 ms to 1.50 ms (+50 %, between +44 % and +56 %), allowed +10 %, but by less than 5.00 ms",
            ),
            (
                1.0,
                1.5,
                "p95: {rise: 10%, at_least: 0.3ms}",
                Fail,
                "p95 rose from 1.00 ms to 1.50 ms (+50 %, between +44 % and +56 %), allowed +10 %",
            ),
            (142.0, 121.0, "p95: {rise: 10%}", Pass, "p95 fell from 142 ms to 121 ms (-15 %, between -18 % and -11 %), allowed +10 %"),
            (142.0, 142.0, "p95: {rise: 10%}", Pass, "p95 stayed at 142 ms (+0 %, between -3.9 % and +4.1 %), allowed +10 %"),
        ] {
            let verdict = compared(&steady(now), &format!("defaults: {{{rules}}}"), &baseline(vec![steady(was); 10]));
            assert_eq!((verdict.findings[0].outcome, first_reason(&verdict)), (outcome, reason));
            assert_eq!(verdict.findings[0].rule, Rule::Rise);
        }
    }

    /// What the loads of a release come to, and whether another one follows.
    fn released(latencies: &[f64], most_loads: usize, rules: &str) -> (FindingOutcome, bool) {
        let loads: Vec<Run> = latencies.iter().map(|&millis| steady(millis)).collect();
        let store = baseline(vec![steady(100.0); 10]);
        let release = Release { loads: &loads, most_loads };
        let thresholds = thresholds(&format!("defaults: {{{rules}}}"));
        let digests = store.digests(&thresholds.ask());
        let Judgement { verdict, again } = judge_release(release, &thresholds, BaselineChoice::Store(&digests));
        (verdict.findings[0].outcome, again.is_some())
    }

    #[test]
    fn a_regression_is_confirmed_by_a_second_load() {
        for (latencies, most, outcome, again) in [
            (&[100.0][..], 3, Pass, false),
            (&[130.0], 3, Inconclusive, true),
            (&[130.0], 1, Fail, false),
            (&[130.0, 130.0], 3, Fail, false),
            (&[130.0, 101.0], 3, Inconclusive, true),
            (&[130.0, 101.0, 99.0], 3, Pass, false),
            (&[112.0, 112.0, 112.0], 3, Fail, false),
        ] {
            assert_eq!(released(latencies, most, "p95: {rise: 10%}"), (outcome, again), "{latencies:?}");
        }
    }

    #[test]
    fn what_the_target_does_by_itself_can_hide_a_change_and_is_not_waited_for() {
        // One slice of twenty is slow: p95 is on either side of the step by chance.
        let now_and_then = |millis: f64| {
            let of_slice = |run: RunSample, slice| run.ok_each("GET /a", "hold", &[if slice == 0 { 3.0 * millis } else { millis }; 200]);
            (0..20).fold(RunSample::new(), of_slice).done()
        };
        let verdict = compared(&now_and_then(105.0), "defaults: {p95: {rise: 10%}}", &baseline(vec![now_and_then(100.0); 10]));
        assert_eq!((verdict.exit_code, codes(&verdict)), (3, vec!["hidden"]), "{verdict:#?}");
        assert!(first_reason(&verdict).ends_with("; more loads like this would not tell"), "{}", first_reason(&verdict));
    }

    #[test]
    fn a_value_near_its_limit_is_loaded_again_and_decided_in_the_end() {
        for (latencies, outcome, again) in [
            (&[80.0][..], Pass, false),
            (&[120.0], Fail, false),
            (&[101.0], Fail, true),
            (&[99.0], Pass, true),
            (&[101.0, 101.0, 101.0], Fail, false),
            (&[101.0, 99.0, 97.0], Pass, false),
        ] {
            assert_eq!(released(latencies, 3, "p95: {max: 100ms}"), (outcome, again), "{latencies:?}");
        }
        let near = judged(&steady(101.0), "defaults: {failures: 1%, p95: 100ms}");
        assert!(near.findings.iter().all(|finding| !finding.reason.contains("noise")), "one bin has no noise without a history");
    }

    #[test]
    fn a_load_that_cannot_be_trusted_is_repeated_and_left_out() {
        let sick = RunSample::new().ok("GET /a", "hold", 2000, 900.0).sick().done();
        let rules = thresholds("defaults: {p95: 300ms}");
        let judged = |loads: &[Run]| judge_release(Release { loads, most_loads: 3 }, &rules, BaselineChoice::None);
        let first = judged(std::slice::from_ref(&sick));
        assert_eq!((first.verdict.outcome, first.again.as_deref()), (Outcome::Inconclusive, Some("the generator was busy: 99 %")));
        let second = judged(&[sick.clone(), steady(10.0)]);
        assert_eq!((second.verdict.outcome, second.again), (Outcome::Pass, None));
        let detail = &second.verdict.self_checks.iter().find(|check| check.name == "generator").unwrap().detail;
        assert_eq!(detail, "the generator kept up; 1 of 2 loads was left out, because its generator did not");
        let twice = judged(&[sick.clone(), sick.clone()]);
        assert_eq!((twice.verdict.outcome, twice.again), (Outcome::Inconclusive, None));
        let cut = RunSample::new().ok("GET /a", "hold", 2000, 10.0).with(|run| run.complete = false).done();
        let cut = judged(&[steady(10.0), cut]);
        assert_eq!((cut.verdict.outcome, cut.again), (Outcome::Inconclusive, None));
    }

    #[test]
    fn failure_rates_rise_in_points_and_throughput_falls() {
        let run = |count, failed| {
            RunSample::new().ok("GET /a", "hold", count, 10.0).failed("GET /a", "hold", failed, FailureClass::Status).done()
        };
        let store = baseline(vec![run(999, 1); 3]);
        let verdict = compared(&run(970, 30), "defaults: {failures: {rise: 0.5%}}", &store);
        assert!(first_reason(&verdict).starts_with("failure rate rose from 0.1 % to 3 % (+2.9 points, between "), "{verdict:?}");
        assert_eq!(verdict.exit_code, 1);
        let verdict = compared(&run(990, 10), "defaults: {failures: {rise: 0.5%}}", &store);
        assert!(first_reason(&verdict).ends_with("allowed +0.5 points; so few failures may be chance"), "{verdict:?}");
        assert_eq!(outcomes(&verdict), (Outcome::Warn, 0, vec![Warn]));
        let rules = thresholds("defaults: {failures: {rise: 0.5%}}");
        for (loads, outcome, again) in [
            (vec![run(970, 30)], Inconclusive, true),
            (vec![run(970, 30), run(970, 30)], Fail, false),
            (vec![run(970, 30), run(1000, 0), run(1000, 0)], Warn, false),
        ] {
            let judgement =
                judge_release(Release { loads: &loads, most_loads: 3 }, &rules, BaselineChoice::Store(&store.digests(&rules.ask())));
            assert_eq!((judgement.verdict.findings[0].outcome, judgement.again.is_some()), (outcome, again), "{:?}", judgement.verdict);
        }
        let verdict = compared(&run(1500, 0), "total: {throughput: {fall: 10%}}", &baseline(vec![run(2000, 0); 3]));
        assert_eq!(first_reason(&verdict), "throughput fell from 200/s to 150/s (-25 %, between -31 % and -19 %), allowed -10 %");
        assert_eq!(verdict.exit_code, 1);
    }

    #[test]
    fn a_gate_that_is_red_by_its_limit_is_not_loaded_again_and_says_so() {
        let (store, rules) = (baseline(vec![steady(100.0); 10]), thresholds("defaults: {p95: {max: 120ms, rise: 10%}}"));
        let digests = store.digests(&rules.ask());
        let judged = |most_loads| {
            let release = Release { loads: &[steady(200.0)], most_loads };
            judge_release(release, &rules, BaselineChoice::Store(&digests))
        };
        let Judgement { verdict, again } = judged(3);
        assert_eq!((outcomes(&verdict), again), ((Outcome::Fail, 1, vec![Fail, Inconclusive]), None));
        let why = "it looks like a regression, which a second load would prove; it was not loaded again, because the gate is red already";
        assert!(verdict.findings[1].reason.ends_with(why), "{verdict:?}");
        assert_eq!(outcomes(&judged(1).verdict), (Outcome::Fail, 1, vec![Fail, Fail]));
    }

    #[test]
    fn a_screen_leaves_what_is_not_sure_to_the_rounds() {
        let (store, rules) = (baseline(vec![steady(100.0); 10]), thresholds("defaults: {p95: {rise: 10%}}"));
        let digests = store.digests(&rules.ask());
        let screened = |millis| {
            let release = Release { loads: &[steady(millis)], most_loads: 3 };
            judge_release(release, &rules, BaselineChoice::Screen(&digests))
        };
        let (same, slower) = (screened(100.0), screened(300.0));
        assert_eq!((outcomes(&same.verdict), same.again), ((Outcome::Pass, 0, vec![Pass]), None));
        assert_eq!((slower.verdict.exit_code, slower.again.is_some()), (3, true));
    }

    #[test]
    fn the_runs_of_one_job_count_as_one() {
        let of_job = |job: &str, millis| {
            let mut run = steady(millis);
            run.environment.job = Some(job.into());
            run
        };
        let nights = [of_job("1", 100.0), of_job("1", 100.0), of_job("1", 100.0), of_job("2", 200.0), of_job("3", 200.0)];
        let verdict = compared(&steady(190.0), "defaults: {p95: {rise: 10%}}", &baseline(nights));
        let value = verdict.findings[0].baseline.as_ref().unwrap();
        assert_eq!((value.runs, value.value.round()), (3, 159.0));
        assert_eq!(verdict.baseline.map(|baseline| baseline.runs), Some(3));
    }

    #[test]
    fn without_a_baseline_relative_rules_are_skipped_with_a_banner() {
        let both = "defaults: {p95: {max: 300ms, rise: 10%}}";
        let verdict = judged(&steady(10.0), both);
        assert_eq!(outcomes(&verdict), (Outcome::Warn, 0, vec![Skipped, Pass]));
        assert_eq!(verdict.reasons[0].text, "comparison starts after 3 baseline runs; 0 of 3 so far");
        let verdict = judged(&steady(10.0), "defaults: {p95: {rise: 10%}}");
        assert_eq!(
            (verdict.outcome, verdict.exit_code, codes(&verdict)),
            (Outcome::Inconclusive, 3, vec!["nothing_checked", "no_baseline"])
        );
        let verdict = judged(&steady(10.0), &format!("{both}\ngate: {{baseline: {{missing: fail}}}}"));
        assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Error, 5));
        let verdict = judged(&steady(400.0), &format!("{both}\ngate: {{baseline: {{missing: fail}}}}"));
        assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Fail, 1));
        let verdict = judge(&steady(10.0), &thresholds(both), BaselineChoice::None);
        assert_eq!((verdict.outcome, verdict.exit_code, verdict.baseline), (Outcome::Warn, 0, None));
    }

    #[test]
    fn with_a_young_baseline_a_breach_is_a_warning() {
        let rules = "defaults: {p95: {max: 300ms, rise: 10%}}";
        let verdict = compared(&steady(142.0), rules, &baseline(vec![steady(121.0); 2]));
        assert_eq!(outcomes(&verdict), (Outcome::Warn, 0, vec![Warn, Pass]));
        assert_eq!(first_reason(&verdict), "p95 rose from 121 ms to 142 ms (+17 %), allowed +10 %; baseline too young: 2 of 3 runs");
        let verdict = compared(&steady(121.0), rules, &baseline(vec![steady(121.0); 2]));
        assert_eq!(outcomes(&verdict), (Outcome::Warn, 0, vec![Skipped, Pass]));
    }

    #[test]
    fn runs_of_another_scenario_are_left_out_and_said_so() {
        let mut other = steady(121.0);
        other.scenario.hash = "sha256:2".into();
        let rules = "defaults: {p95: {max: 300ms, rise: 10%}}";
        let verdict = compared(&steady(142.0), rules, &baseline(vec![other.clone(); 4]));
        assert_eq!((verdict.outcome, codes(&verdict)), (Outcome::Warn, vec!["other_baseline"]));
        assert_eq!(verdict.baseline.unwrap().left_out[0], "run-0: made with another version of the scenario");
        let strict = format!("{rules}\ngate: {{baseline: {{other: fail}}}}");
        assert_eq!(compared(&steady(142.0), &strict, &baseline(vec![other; 4])).exit_code, 5);
    }

    #[test]
    fn old_incomplete_and_surplus_runs_are_left_out() {
        let mut broken = steady(1.0);
        broken.complete = false;
        let runs = [vec![broken], vec![steady(100.0); 6]].concat();
        let rules = "defaults: {p95: {rise: 10%}}\ngate: {baseline: {max_age: 5d, runs: 3}}";
        let reference = compared(&steady(100.0), rules, &baseline(runs)).baseline.unwrap();
        assert_eq!((reference.runs, reference.oldest), (3, Some(at("2026-11-16T12:00:00Z"))));
        assert_eq!(reference.left_out, ["run-0: not complete", "run-5: older than `max_age` allows", "run-6: older than `max_age` allows"]);
    }

    #[test]
    fn runs_dated_in_the_future_are_left_out_and_clocks_may_differ() {
        let mut baseline = baseline(vec![steady(100.0); 5]);
        baseline.runs[0].run.started_at = at("2026-11-22T12:00:00Z");
        baseline.runs[1].run.started_at = at("2026-11-20T13:00:00Z");
        let reference = compared(&steady(100.0), "defaults: {p95: {rise: 10%}}", &baseline).baseline.unwrap();
        assert_eq!((reference.runs, reference.left_out), (4, vec!["run-0: dated in the future".to_owned()]));
    }

    #[test]
    fn a_percentile_that_a_tool_rounds_to_zero_says_nothing_and_spoils_no_other() {
        let imported = |millis: f64| {
            let zero = StatedLatency { samples: 2000, percentiles: [(Percentile::P95, 0.0)].into(), max: None, mean: None };
            let run = RunSample::new().ok("GET /a", "hold", 2000, 1.0).ok("GET /b", "hold", 2000, millis).done();
            let imported = Imported {
                tool: "k6".into(),
                format: "summary".into(),
                measure: Measure::Service,
                exactness: Exactness::Summary,
                failures: FailureDetail::Classes,
                failures_in_latency: false,
                resolution: Resolution::default(),
                notes: Vec::new(),
                warnings: Vec::new(),
                stated: [("GET /a".to_owned(), zero)].into(),
                total: None,
            };
            Run { imported: Some(imported), ..run }
        };
        let verdict = compared(&imported(150.0), "defaults: {p95: {rise: 10%}}", &baseline(vec![imported(100.0); 5]));
        let of_endpoint = |name: &str| by_name(&verdict)[name].outcome;
        assert_eq!((of_endpoint("GET /a p95"), of_endpoint("GET /b p95"), verdict.exit_code), (Inconclusive, Fail, 1), "{verdict:#?}");
    }

    #[test]
    fn a_history_begins_at_its_last_step() {
        let nights = [129.0, 130.0, 131.0, 130.0, 130.5, 100.0, 101.0, 99.0, 100.0, 100.5];
        let verdict = compared(&steady(131.0), "defaults: {p95: {rise: 10%}}", &baseline(nights.map(steady)));
        let value = verdict.findings[0].baseline.as_ref().unwrap();
        assert_eq!((verdict.outcome, value.runs, value.value.round()), (Outcome::Pass, 5, 130.0), "{verdict:?}");
        let without_a_step = [129.0, 100.0, 131.0, 99.0, 130.5, 100.0, 101.0, 130.0, 100.0, 130.0];
        let verdict = compared(&steady(131.0), "defaults: {p95: {rise: 10%}}", &baseline(without_a_step.map(steady)));
        assert_eq!(verdict.findings[0].baseline.as_ref().unwrap().runs, 10);
    }

    #[test]
    fn only_the_run_that_is_pinned_under_the_given_name_is_compared_with() {
        let mut baseline = baseline(vec![steady(100.0); 4]);
        baseline.runs[2].pinned = true;
        let rules = "defaults: {p95: {max: 300ms, rise: 10%}}\ngate: {baseline: {pinned: run-2}}";
        let verdict = compared(&steady(142.0), rules, &baseline);
        assert_eq!((verdict.outcome, verdict.baseline.unwrap().runs), (Outcome::Warn, 1));
    }

    #[test]
    fn baseline_runs_with_too_few_samples_decide_nothing() {
        let small = RunSample::new().ok("GET /a", "hold", 20, 100.0).done();
        let verdict = compared(&steady(100.0), "defaults: {p95: {rise: 10%}}", &baseline(vec![small; 4]));
        assert_eq!((verdict.outcome, verdict.exit_code), (Outcome::Inconclusive, 3));
        assert_eq!(first_reason(&verdict), "only 0 of 4 baseline runs had the 200 requests that p95 needs");
    }

    #[test]
    fn a_run_that_is_not_complete_claims_nothing() {
        let run = RunSample::new().ok("GET /a", "hold", 2000, 900.0).with(|run| {
            run.complete = false;
            run.aborted_by = Some("SIGINT after 12.3 s".into());
        });
        let verdict = judged(&run.done(), "defaults: {p95: 300ms, failures: 1%}");
        assert_eq!(outcomes(&verdict), (Outcome::Inconclusive, 3, vec![Inconclusive; 2]));
        assert_eq!(verdict.reasons[0].text, "the run is not complete: SIGINT after 12.3 s");
        assert!(verdict.findings[0].measured.is_some());
    }

    #[test]
    fn a_run_that_was_stopped_because_the_target_failed_is_a_breach_of_its_own() {
        let why = "target failing: 97 % of 900 requests failed in the last 10 s; stopped after 60.0 s";
        let stopped = |run: &mut Run| (run.complete, run.aborted_by) = (false, Some(why.into()));
        let run = |class| RunSample::new().ok("GET /a", "hold", 2000, 10.0).failed("GET /a", "hold", 900, class).with(stopped);
        for class in [FailureClass::Connect, FailureClass::Status] {
            let verdict = judged(&run(class).done(), "defaults: {p95: 300ms, failures: 1%}");
            assert_eq!(outcomes(&verdict), (Outcome::Fail, 1, vec![Fail, Inconclusive]), "{class:?}");
        }
        let verdict = judged(&run(FailureClass::Connect).done(), "defaults: {p95: 300ms, failures: 50%}");
        assert_eq!((verdict.outcome, verdict.exit_code, codes(&verdict)[0]), (Outcome::Fail, 1, "target_failing"));
        assert_eq!(verdict.reasons[0].text, why);
        let sick = judged(&run(FailureClass::Connect).sick().done(), "defaults: {p95: 300ms, failures: 1%}");
        assert_eq!((sick.outcome, sick.exit_code), (Outcome::Inconclusive, 3));
    }

    #[test]
    fn with_a_sick_generator_only_answered_failures_fail() {
        let run = |class| RunSample::new().ok("GET /a", "hold", 1000, 900.0).failed("GET /a", "hold", 100, class).sick().done();
        let rules = "defaults: {p95: 300ms, failures: 5%, failures.timeout: 1%}";
        let verdict = judged(&run(FailureClass::Timeout), rules);
        assert_eq!(outcomes(&verdict), (Outcome::Inconclusive, 3, vec![Inconclusive; 3]));
        assert_eq!(codes(&verdict), ["generator", "distrusted"]);
        let verdict = judged(&run(FailureClass::Status), rules);
        assert_eq!(outcomes(&verdict), (Outcome::Fail, 1, vec![Fail, Inconclusive, Inconclusive]));
        let healthy = RunSample::new().ok("GET /a", "hold", 1000, 1.0).sick().done();
        assert_eq!(judged(&healthy, rules).outcome, Outcome::Inconclusive);
    }

    #[test]
    fn books_that_do_not_add_up_make_no_pass() {
        let lost = RunSample::new().ok("GET /a", "hold", 2000, 10.0).with(|run| run.generator.ok -= 1).done();
        let uncounted = RunSample::new().ok("GET /a", "hold", 2000, 10.0).with(|run| {
            run.generator.scheduled += 1;
            run.generator.sent += 1;
            run.generator.ok += 1;
        });
        let series = RunSample::new().ok("GET /a", "hold", 2000, 10.0).with(|run| run.endpoints[0].phases[1].ok -= 1).done();
        for run in [lost, uncounted.done(), series] {
            let verdict = judged(&run, "defaults: {p95: 300ms}");
            assert_eq!((verdict.exit_code, codes(&verdict)), (3, vec!["conserved", "distrusted"]));
        }
        let imported =
            RunSample::new().ok("GET /a", "hold", 2000, 10.0).with(|run| run.generator = crate::run::Generator::default()).done();
        assert_eq!(judged(&imported, "defaults: {p95: 300ms}").outcome, Outcome::Pass);
    }

    #[test]
    fn a_waiver_holds_through_its_day_and_up_to_what_it_accepts() {
        let rules = |rest: &str| {
            format!("defaults: {{p95: 100ms}}\nwaivers: [{{endpoint: GET /a, metric: p95, until: 2026-11-20, reason: moves async{rest}}}]")
        };
        let on = |millis, day: &str| RunSample::new().ok("GET /a", "hold", 2000, millis).with(|run| run.started_at = at(day)).done();
        let (last, after) = ("2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z");
        for (millis, day, rest, outcome, exit, reason) in [
            (142.0, last, "", Waived, 0, "p95 142 ms is above the limit of 100 ms; waived until 2026-11-20: moves async"),
            (
                142.0,
                last,
                ", max: 150ms, issue: X-1",
                Waived,
                0,
                "p95 142 ms is above the limit of 100 ms; waived until 2026-11-20: moves async (X-1)",
            ),
            (160.0, last, ", max: 150ms", Fail, 1, "p95 160 ms is above the limit of 100 ms; beyond the 150 ms that its waiver accepts"),
            (142.0, after, "", Fail, 1, "p95 142 ms is above the limit of 100 ms; its waiver expired on 2026-11-20"),
            (90.0, last, "", Pass, 0, "p95 90.0 ms is within the limit of 100 ms"),
        ] {
            let verdict = judged(&on(millis, day), &rules(rest));
            assert_eq!((verdict.findings[0].outcome, verdict.exit_code, first_reason(&verdict)), (outcome, exit, reason));
            assert_eq!(codes(&verdict).contains(&"unused_waiver"), outcome == Pass);
        }
    }

    #[test]
    fn findings_and_reasons_come_worst_first() {
        let mut run = RunSample::new();
        for (name, millis) in [("GET /ok", 10.0), ("GET /bad", 200.0), ("GET /worse", 900.0), ("GET /bad2", 150.0), ("GET /bad3", 140.0)] {
            run = run.ok(name, "hold", 500, millis);
        }
        let verdict = judged(&run.done(), "defaults: {p95: 100ms, p99: {rise: 10%}}");
        let order: Vec<&str> = verdict.findings.iter().take(4).map(|finding| finding.endpoint.as_str()).collect();
        assert_eq!(order, ["GET /worse", "GET /bad", "GET /bad2", "GET /bad3"]);
        assert_eq!(codes(&verdict), ["gate_failed", "no_baseline"]);
        assert_eq!(verdict.reasons[0].text, "4 of 10 checks failed: GET /worse p95, GET /bad p95, GET /bad2 p95 and 1 more");
    }

    const ALL_RULES: &str =
        "defaults: {p95: {max: 300ms, rise: 20%}, p50: 250ms, mean: 280ms, failures: {max: 5%, rise: 2%}}\ntotal: {throughput: 10/s}";

    fn is_fail(verdict: &Verdict) -> bool {
        verdict.outcome == Outcome::Fail
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_worse_latency_never_turns_fail_into_pass(millis in prop::collection::vec(1.0..600.0_f64, 1..400), factor in 1.0..3.0_f64, runs in 0_usize..5) {
            let baseline = baseline(vec![steady(200.0); runs]);
            let run = |scale: f64| {
                let scaled: Vec<f64> = millis.iter().map(|value| value * scale).collect();
                RunSample::new().ok_each("GET /a", "hold", &scaled).done()
            };
            let before = compared(&run(1.0), ALL_RULES, &baseline);
            let after = compared(&run(factor), ALL_RULES, &baseline);
            prop_assert!(!is_fail(&before) || is_fail(&after));
        }

        #[test]
        fn more_failures_never_turn_fail_into_pass(ok in 0_u64..300, failed in 0_u64..40, more in 1_u64..40, sick in any::<bool>(), runs in 0_usize..5) {
            let baseline = baseline(vec![steady(200.0); runs]);
            let run = |failed| {
                let run = RunSample::new().ok("GET /a", "hold", ok, 10.0).failed("GET /a", "hold", failed, FailureClass::Status);
                if sick { run.sick() } else { run }.done()
            };
            let rules = "defaults: {p95: 300ms, failures: {max: 5%, rise: 2%}, failures.5xx: 3%}";
            let before = compared(&run(failed), rules, &baseline);
            let after = compared(&run(failed + more), rules, &baseline);
            prop_assert!(!is_fail(&before) || is_fail(&after));
        }

        #[test]
        fn no_run_passes_with_an_open_row(ok in 0_u64..1200, failed in 0_u64..30, other in 0_u64..300, complete in any::<bool>(), sick in any::<bool>(), runs in 0_usize..5) {
            let run = RunSample::new()
                .ok("GET /a", "hold", ok, 150.0)
                .failed("GET /a", "hold", failed, FailureClass::Reset)
                .ok("GET /b", "hold", other, 150.0)
                .with(|run| run.complete = complete);
            let run = if sick { run.sick() } else { run }.done();
            let verdict = compared(&run, ALL_RULES, &baseline(vec![steady(150.0); runs]));
            let is_open = verdict.findings.iter().any(|finding| finding.outcome == Inconclusive);
            prop_assert!(!(is_open && matches!(verdict.outcome, Outcome::Pass | Outcome::Warn)));
            prop_assert!(verdict.outcome != Outcome::Pass || verdict.findings.iter().any(|finding| finding.outcome == Pass));
            prop_assert_eq!(verdict.exit_code == 0, matches!(verdict.outcome, Outcome::Pass | Outcome::Warn));
            prop_assert_eq!(&verdict, &compared(&run, ALL_RULES, &baseline(vec![steady(150.0); runs])));
        }
    }

    #[test]
    fn an_empty_store_and_an_empty_run_do_not_panic() {
        let run = RunSample::new().with(|run| run.phases.clear()).done();
        assert_eq!(judge(&run, &thresholds(ALL_RULES), BaselineChoice::Store(&Digests::default())).exit_code, 3);
    }
}
