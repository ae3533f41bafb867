//! What is too good to be true: answers much faster or smaller than the baseline's, or requests that are no longer made.
//! Errors answered fast and empty pages look like a fast release. A suspicion is told; it decides nothing.

use super::Subject;
use crate::run::{EndpointRole, Gist, PhaseSelection, PhaseSeries, Quantity, Run};
use crate::units::{Percentile, format_count, format_millis};

/// Fewer baseline runs are no habit.
const RUNS_NEEDED: usize = 3;
/// What is below this part of what was usual is suspicious.
const HALF: f64 = 0.5;
/// Faster by less than this is the machine's doing (ms).
const LEAST_MS: f64 = 1.0;
/// Bodies that shrank by less are none of it (bytes).
const LEAST_BYTES: f64 = 64.0;
/// So few answers say nothing of a body's usual size.
const LEAST_ANSWERS: u64 = 20;
/// Half of fewer requests may be chance.
const LEAST_REQUESTS: f64 = 100.0;
/// With more failures than this, those are what is told.
const MOST_FAILURES: f64 = 0.1;
/// Users who wait so much longer explain that they ask less.
const SLOWER: f64 = 1.2;
/// How many endpoints a sentence names.
const NAMED: usize = 2;

/// What an endpoint usually does, or did now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Habit {
    /// Where there are enough requests for one.
    p95_ms: Option<f64>,
    mean_ms: Option<f64>,
    requests_per_second: Option<f64>,
    bytes_per_answer: Option<f64>,
}

impl Habit {
    /// What a subject did in the judged phases of a run; `None` where it is not in it.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn of(run: &Run, subject: Subject<'_>) -> Option<Self> {
        if !run.phases.iter().any(|phase| phase.measured) {
            return None;
        }
        let summary = match subject {
            Subject::Endpoint(name) => run.summary(run.endpoints.iter().find(|endpoint| endpoint.name == name)?, PhaseSelection::Judged),
            Subject::Total => run.total(PhaseSelection::Judged),
        };
        let (latency, counts) = (&summary.latency, &summary.counts);
        let seconds = run.duration_of(PhaseSelection::Judged).as_secs_f64();
        let has_p95 = latency.count() >= Percentile::P95.requests_needed();
        Some(Self {
            p95_ms: latency.percentile_ms(Percentile::P95).filter(|_| has_p95),
            mean_ms: latency.mean_ms(),
            requests_per_second: (seconds > 0.0).then(|| counts.requests as f64 / seconds),
            bytes_per_answer: bytes_per_answer(counts),
        })
    }

    /// As the digest of a run tells it.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn of_gist(gist: &Gist) -> Self {
        let measured = |quantity| gist.gauges.get(&quantity).map(|gauge| gauge.measurement);
        let p95 = measured(Quantity::Percentile(Percentile::P95));
        let seconds = gist.length.as_secs_f64();
        Self {
            p95_ms: p95.filter(|p95| p95.samples >= Percentile::P95.requests_needed()).and_then(|p95| p95.value),
            mean_ms: measured(Quantity::Mean).and_then(|mean| mean.value),
            requests_per_second: (seconds > 0.0).then(|| gist.counts.requests as f64 / seconds),
            bytes_per_answer: bytes_per_answer(&gist.counts),
        }
    }

    /// The median of each part; `None` with too few runs.
    fn usual(runs: &[Self]) -> Option<Self> {
        let median = |part: fn(&Self) -> Option<f64>| {
            let mut values: Vec<f64> = runs.iter().filter_map(part).filter(|value| value.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            (values.len() >= RUNS_NEEDED).then(|| f64::midpoint(values[values.len() / 2], values[(values.len() - 1) / 2]))
        };
        (runs.len() >= RUNS_NEEDED).then(|| Self {
            p95_ms: median(|run| run.p95_ms),
            mean_ms: median(|run| run.mean_ms),
            requests_per_second: median(|run| run.requests_per_second),
            bytes_per_answer: median(|run| run.bytes_per_answer),
        })
    }
}

/// `None` with too few answers, or where failures would be what it tells of.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn bytes_per_answer(counts: &PhaseSeries) -> Option<f64> {
    let answers: u64 = counts.statuses.values().sum();
    let tells = answers >= LEAST_ANSWERS && counts.failure_rate().is_some_and(|rate| rate <= MOST_FAILURES);
    tells.then(|| counts.bytes as f64 / answers as f64)
}

/// What is suspicious of a run, one sentence for each kind. `before` gives what a subject did in each baseline run, those of
/// one job as one. A run that is doubted anyway raises no suspicion.
pub(super) fn suspicions(run: &Run, before: impl Fn(Subject<'_>) -> Vec<Habit>) -> Vec<String> {
    if !run.complete || !run.generator.healthy() {
        return Vec::new();
    }
    let habits = |subject| Some((Habit::of(run, subject)?, Habit::usual(&before(subject))?));
    let Some(total) = habits(Subject::Total) else { return Vec::new() };
    let seconds = run.duration_of(PhaseSelection::Judged).as_secs_f64();
    let (mut faster, mut smaller, mut rarer) = (Vec::new(), Vec::new(), Vec::new());
    for endpoint in run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task) {
        let Some((now, usual)) = habits(Subject::Endpoint(&endpoint.name)) else { continue };
        faster.extend(much_faster(&endpoint.name, &now, &usual));
        smaller.extend(much_smaller(&endpoint.name, &now, &usual));
        rarer.extend(much_rarer(&endpoint.name, (now, usual), total, seconds));
    }
    let sentence = |found: Vec<String>, question: &str| listed(&found).map(|found| format!("{found}: {question}"));
    [
        sentence(faster, "is that an error or an empty page, answered fast? `expect` says what an answer must be"),
        sentence(smaller, "is that an empty page, or is it compressed now?"),
        sentence(rarer, "do the steps before still lead there?"),
        fewer_in_all(total, seconds),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn much_faster(name: &str, now: &Habit, usual: &Habit) -> Option<String> {
    let (now, usual) = (now.p95_ms?, usual.p95_ms?);
    let is_suspicious = now < usual * HALF && usual - now >= LEAST_MS;
    is_suspicious.then(|| format!("p95 of {name} is {}, was {}", format_millis(now), format_millis(usual)))
}

fn much_smaller(name: &str, now: &Habit, usual: &Habit) -> Option<String> {
    let (now, usual) = (now.bytes_per_answer?, usual.bytes_per_answer?);
    let is_suspicious = now < usual * HALF && usual - now >= LEAST_BYTES;
    is_suspicious.then(|| format!("an answer of {name} has {} bytes, had {}", format_count(whole(now)), format_count(whole(usual))))
}

/// An endpoint whose share of all requests collapsed. (Of a closed load that got slower all endpoints have fewer.)
fn much_rarer(name: &str, endpoint: (Habit, Habit), total: (Habit, Habit), seconds: f64) -> Option<String> {
    let share = |of: Habit, all: Habit| Some(of.requests_per_second? / all.requests_per_second.filter(|&rate| rate > 0.0)?);
    let (now, usual) = (share(endpoint.0, total.0)?, share(endpoint.1, total.1)?);
    let expected = endpoint.1.requests_per_second? * seconds;
    let is_suspicious = now < usual * HALF && expected >= LEAST_REQUESTS;
    is_suspicious.then(|| format!("{name} made {:.1} % of the requests, was {:.1} %", now * 100.0, usual * 100.0))
}

/// Fewer requests altogether, though nobody had to wait longer for an answer.
fn fewer_in_all((now, usual): (Habit, Habit), seconds: f64) -> Option<String> {
    let (rate, usual_rate) = (now.requests_per_second?, usual.requests_per_second?);
    let waited_longer = now.mean_ms.zip(usual.mean_ms).is_some_and(|(now, usual)| now > usual * SLOWER);
    let is_suspicious = rate < usual_rate * HALF && usual_rate * seconds >= LEAST_REQUESTS && !waited_longer;
    is_suspicious.then(|| {
        format!("{rate:.1} requests a second were made, {usual_rate:.1} were usual, and answers were no slower: did users stop early?")
    })
}

/// `one; another and 3 more`
fn listed(found: &[String]) -> Option<String> {
    let more = found.len().saturating_sub(NAMED);
    let named = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    (!found.is_empty()).then(|| if more > 0 { format!("{named} and {more} more") } else { named })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of an answer")]
fn whole(bytes: f64) -> u64 {
    bytes.round() as u64
}

#[cfg(test)]
mod tests {
    use super::super::samples::{RunSample, baseline, codes, compared};
    use super::super::{Outcome, Verdict};
    use super::*;
    use crate::run::FailureClass;

    const RULES: &str = "defaults: {p95: 300ms}";

    /// So many requests of each endpoint with a latency (ms) and a body (bytes), in 10 s.
    fn shop(endpoints: &[(&str, u64, f64, u64)]) -> RunSample {
        endpoints.iter().fold(RunSample::new(), |run, &(name, count, millis, bytes)| {
            run.ok(name, "hold", count, millis).with(|run| run.endpoints.last_mut().unwrap().phases[1].bytes = count * bytes)
        })
    }

    fn usual() -> RunSample {
        shop(&[("GET /a", 1000, 120.0, 12_000), ("GET /b", 1000, 60.0, 300)])
    }

    fn of(run: RunSample) -> Vec<String> {
        let Verdict { outcome, exit_code, reasons, .. } = compared(&run.done(), RULES, &baseline(vec![usual().done(); 3]));
        let suspicious: Vec<String> = reasons.into_iter().filter(|reason| reason.code == "suspicious").map(|reason| reason.text).collect();
        assert_eq!((outcome, exit_code), (if suspicious.is_empty() { Outcome::Pass } else { Outcome::Warn }, 0));
        suspicious
    }

    #[test]
    fn what_is_too_good_is_told_and_still_passes() {
        for (run, text) in [
            (
                shop(&[("GET /a", 1000, 20.0, 12_000), ("GET /b", 1000, 60.0, 300)]),
                "p95 of GET /a is 20.0 ms, was 120 ms: is that an error or an empty page, answered fast? `expect` says what an answer must be",
            ),
            (
                shop(&[("GET /a", 1000, 110.0, 80), ("GET /b", 1000, 60.0, 300)]),
                "an answer of GET /a has 80 bytes, had 12,000: is that an empty page, or is it compressed now?",
            ),
            (
                shop(&[("GET /a", 1000, 120.0, 12_000), ("GET /b", 300, 60.0, 300)]),
                "GET /b made 23.1 % of the requests, was 50.0 %: do the steps before still lead there?",
            ),
            (
                shop(&[("GET /a", 300, 120.0, 12_000), ("GET /b", 300, 60.0, 300)]),
                "60.0 requests a second were made, 200.0 were usual, and answers were no slower: did users stop early?",
            ),
        ] {
            assert_eq!(of(run), [text]);
        }
    }

    #[test]
    fn what_is_usual_or_has_an_explanation_is_not_suspicious() {
        for run in [
            usual(),
            shop(&[("GET /a", 1000, 70.0, 7000), ("GET /b", 1000, 40.0, 250)]),
            // Slower answers lower a closed load; that is no riddle.
            shop(&[("GET /a", 400, 280.0, 12_000), ("GET /b", 400, 200.0, 300)]),
            // A new endpoint has no habit.
            shop(&[("GET /a", 1000, 120.0, 12_000), ("GET /b", 1000, 60.0, 300), ("GET /c", 200, 1.0, 5)]),
            shop(&[("GET /a", 1000, 120.0, 12_000), ("GET /b", 900, 60.0, 300)]).failed("GET /b", "hold", 200, FailureClass::Status),
        ] {
            assert_eq!(of(run), [""; 0]);
        }
    }

    #[test]
    fn a_young_baseline_and_a_doubtful_run_raise_no_suspicion() {
        let fast = || shop(&[("GET /a", 1000, 2.0, 5), ("GET /b", 1000, 1.0, 5)]);
        assert_eq!(of(fast()).len(), 2);
        let young = compared(&fast().done(), RULES, &baseline(vec![usual().done(); 2]));
        assert!(!codes(&young).contains(&"suspicious"), "{young:?}");
        for doubtful in [fast().sick(), fast().with(|run| run.complete = false)] {
            let verdict = compared(&doubtful.done(), RULES, &baseline(vec![usual().done(); 3]));
            assert!(!codes(&verdict).contains(&"suspicious"), "{verdict:?}");
        }
    }

    #[test]
    fn empty_and_all_failed_baselines_and_odd_numbers_are_no_habit() {
        let failed =
            RunSample::new().failed("GET /a", "hold", 1000, FailureClass::Status).failed("GET /b", "hold", 1000, FailureClass::Connect);
        let one_sample = shop(&[("GET /a", 1, 900.0, 90_000)]);
        for before in [RunSample::new(), failed, one_sample] {
            let verdict = compared(&usual().done(), RULES, &baseline(vec![before.done(); 4]));
            assert!(!codes(&verdict).contains(&"suspicious"), "{verdict:?}");
        }
        let odd =
            Habit { p95_ms: Some(f64::NAN), mean_ms: None, requests_per_second: Some(f64::INFINITY), bytes_per_answer: Some(f64::NAN) };
        assert_eq!(suspicions(&usual().done(), |_| vec![odd; 5]), [""; 0]);
    }

    #[test]
    fn many_endpoints_are_counted() {
        let shop_of = |millis: f64| {
            ["GET /a", "GET /b", "GET /c", "GET /d"].iter().fold(RunSample::new(), |run, name| run.ok(name, "hold", 300, millis)).done()
        };
        let verdict = compared(&shop_of(10.0), RULES, &baseline(vec![shop_of(110.0); 3]));
        let text = "p95 of GET /a is 10.0 ms, was 110 ms; p95 of GET /b is 10.0 ms, was 110 ms and 2 more: ";
        assert!(verdict.reasons[0].text.starts_with(text), "{:?}", verdict.reasons);
    }
}
