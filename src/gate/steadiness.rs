//! Whether the run was of one piece: as fast at its end as at its beginning, and not disturbed on the way. Looks at each
//! judged phase by itself, in stretches of five to ten seconds; a run too short for six of them is not examined.
//!
//! Only a target that got clearly slower speaks against the run: a pass would say nothing of what comes next, while a
//! breach is a breach all the more. What was slow at first, or was disturbed from outside, passed in spite of it.

use std::time::Duration;

use super::{SelfCheck, SelfCheckOutcome};
use crate::run::{EndpointRole, EndpointRun, Run};
use crate::stats::{HALVES_NEEDED, HalfDrift, Histogram, disturbed, half_drift, warm_up};
use crate::units::{Percentile, format_duration};

/// How long a stretch is: the sixth part of its phase within these.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(10);
/// An endpoint is busy with so many samples in each stretch: five beyond p95.
const BUSY: u64 = 100;
/// Differences below this are the machine's and not the target's (ms).
const LEAST_MS: f64 = 1.0;
/// As many requests more in one half than in the other, as a fraction, are another load.
const LOAD_CHANGED: f64 = 0.05;
/// A target that got slower by this, as a fraction, passes no more: its mean level hides half of it.
const DECIDES: f64 = 0.2;
/// A warm-up is worth a word where it was slower than the rest by this fraction.
const SLOW_START: f64 = 0.1;

/// A judged phase in stretches.
#[derive(Debug)]
struct Stretches<'a> {
    phase: &'a str,
    /// After more load the target may need a while: to see how long is what such a phase is for.
    is_recovery: bool,
    length: Duration,
    endpoints: Vec<BusyEndpoint<'a>>,
}

/// An endpoint with enough requests in every stretch.
#[derive(Debug)]
struct BusyEndpoint<'a> {
    name: &'a str,
    requests: Vec<u64>,
    /// Logarithms of milliseconds.
    p95: Vec<f64>,
    p50: Vec<f64>,
}

/// One endpoint's second half beside its first.
#[derive(Debug)]
struct Drift {
    change: f64,
    text: String,
}

/// The self-checks `steady` and `undisturbed`.
pub(super) fn steadiness(run: &Run) -> [SelfCheck; 2] {
    let phases: Vec<Stretches<'_>> = (0..run.phases.len()).filter_map(|index| Stretches::of(run, index)).collect();
    if phases.is_empty() {
        let needed = format_duration(SHORTEST * u32::try_from(HALVES_NEEDED).unwrap_or(u32::MAX));
        let why =
            format!("not examined: needs a judged phase of {needed} with {BUSY} requests of an endpoint every {} s", SHORTEST.as_secs());
        return ["steady", "undisturbed"].map(|name| check(name, SelfCheckOutcome::Skipped, why.clone()));
    }
    [steady(&phases), undisturbed(&phases)]
}

fn check(name: &str, outcome: SelfCheckOutcome, detail: impl Into<String>) -> SelfCheck {
    SelfCheck { name: name.to_owned(), outcome, detail: detail.into() }
}

fn steady(phases: &[Stretches<'_>]) -> SelfCheck {
    let constant = || phases.iter().filter(|phase| !phase.is_recovery);
    let tests = constant().map(|phase| phase.endpoints.len()).sum();
    let drifts = constant().flat_map(|phase| phase.endpoints.iter().filter_map(move |endpoint| endpoint.drift(phase.phase, tests)));
    // The largest of those that got slower; only without one the largest of the others.
    let rank = |drift: &Drift| if drift.change > 0.0 { 1.0 + drift.change } else { -drift.change };
    if let Some(Drift { change, text }) = drifts.max_by(|one, other| rank(one).total_cmp(&rank(other))) {
        let outcome = if change > DECIDES { SelfCheckOutcome::Fail } else { SelfCheckOutcome::Warn };
        let advice = if change > 0.0 { "a longer run shows whether it settles" } else { "a `warmup` would leave the slow start out" };
        return check("steady", outcome, format!("the target did not hold a level: {text}; {advice}"));
    }
    let detail = match constant().find_map(Stretches::slow_start) {
        Some(start) => format!("as fast at the end as at the beginning; {start}"),
        None => "as fast at the end as at the beginning".to_owned(),
    };
    check("steady", SelfCheckOutcome::Pass, detail)
}

fn undisturbed(phases: &[Stretches<'_>]) -> SelfCheck {
    let comparable: Vec<&Stretches<'_>> = phases.iter().filter(|phase| phase.endpoints.len() >= 2).collect();
    if comparable.is_empty() {
        return check(
            "undisturbed",
            SelfCheckOutcome::Skipped,
            "not examined: one busy endpoint alone can't tell a disturbance from its own doing",
        );
    }
    let all: usize = comparable.iter().map(|phase| phase.stretch_count()).sum();
    let jumps: usize = comparable.iter().map(|phase| phase.disturbed().len()).sum();
    if jumps == 0 {
        return check("undisturbed", SelfCheckOutcome::Pass, "at no time were most endpoints slower at once");
    }
    let detail =
        format!("in {jumps} of {all} stretches most endpoints were slower at once: something else was busy there, or the target paused");
    check("undisturbed", SelfCheckOutcome::Warn, detail)
}

impl<'a> Stretches<'a> {
    /// `None` where the phase is not judged, too short, or no endpoint was busy in all of it.
    fn of(run: &'a Run, index: usize) -> Option<Self> {
        let phase = run.phases.get(index).filter(|phase| phase.measured)?;
        let length = (phase.length / u32::try_from(HALVES_NEEDED).ok()?).clamp(SHORTEST, LONGEST);
        let number = usize::try_from(phase.length.as_micros() / length.as_micros()).ok().filter(|&number| number >= HALVES_NEEDED)?;
        let tasks = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
        let endpoints: Vec<_> = tasks.filter_map(|endpoint| BusyEndpoint::of(endpoint, index, phase.at, length, number)).collect();
        let is_recovery = index.checked_sub(1).and_then(|before| run.phases.get(before)).is_some_and(|before| before.peak > phase.peak);
        (!endpoints.is_empty()).then_some(Self { phase: &phase.name, is_recovery, length, endpoints })
    }

    fn stretch_count(&self) -> usize {
        self.endpoints.first().map_or(0, |endpoint| endpoint.p95.len())
    }

    fn disturbed(&self) -> Vec<usize> {
        let endpoints: Vec<Vec<f64>> = self.endpoints.iter().map(|endpoint| endpoint.p95.clone()).collect();
        let by_enough = |&index: &usize| self.endpoints.iter().any(|endpoint| endpoint.p95[index].exp() - endpoint.usual() >= LEAST_MS);
        disturbed(&endpoints).into_iter().filter(by_enough).collect()
    }

    /// The busiest endpoint's slow beginning, if it had one.
    fn slow_start(&self) -> Option<String> {
        let busiest = self.endpoints.iter().max_by_key(|endpoint| endpoint.requests.iter().sum::<u64>())?;
        let cut = warm_up(&busiest.p50);
        let (start, rest) = busiest.p50.split_at(cut);
        let slower = (mean(start)? - mean(rest)?).exp_m1();
        let by_enough = mean(start)?.exp() - mean(rest)?.exp() >= LEAST_MS;
        (slower > SLOW_START && by_enough).then(|| {
            let length = format_duration(self.length * u32::try_from(cut).unwrap_or(u32::MAX));
            format!("in its first {length} `{}` was {:.0} % slower than later: a `warmup` would leave that out", self.phase, slower * 100.0)
        })
    }
}

impl<'a> BusyEndpoint<'a> {
    fn of(endpoint: &'a EndpointRun, phase: usize, from: Duration, length: Duration, number: usize) -> Option<Self> {
        let mut latency = vec![Histogram::new(); number];
        let mut requests = vec![0; number];
        for slice in endpoint.slices.iter().filter(|slice| slice.phase == phase) {
            let middle = slice.at.saturating_sub(from) + slice.length / 2;
            // What does not fill a stretch of its own belongs to the last.
            let at = usize::try_from(middle.as_micros() / length.as_micros()).unwrap_or(usize::MAX).min(number - 1);
            latency[at].merge(&slice.latency);
            requests[at] += slice.requests;
        }
        if !latency.iter().all(|stretch| stretch.count() >= BUSY) {
            return None;
        }
        let logs = |percentile| latency.iter().map(|stretch| Some(stretch.percentile_ms(percentile)?.ln())).collect::<Option<Vec<f64>>>();
        Some(Self { name: &endpoint.name, requests, p95: logs(Percentile::P95)?, p50: logs(Percentile::P50)? })
    }

    /// The drift from half to half, unless another load explains it.
    fn drift(&self, phase: &str, tests: usize) -> Option<Drift> {
        let HalfDrift { shift, is_drift } = half_drift(&self.p95, tests)?;
        let moved = shift.to.exp() - shift.from.exp();
        if !is_drift || moved.abs() < LEAST_MS || self.follows_load(shift.change()) {
            return None;
        }
        let (pace, percent) = (if moved > 0.0 { "slower" } else { "faster" }, shift.change().abs() * 100.0);
        let text = format!("in the second half of `{phase}` p95 of {} was {percent:.0} % {pace}", self.name);
        Some(Drift { change: shift.change(), text })
    }

    /// Whether there was more load where it was slower, or less where it was faster. Less where it was slower is no
    /// explanation: users who wait longer ask less.
    fn follows_load(&self, change: f64) -> bool {
        let (first, last) = self.requests.split_at(self.requests.len() / 2);
        let per_stretch = |half: &[u64]| half.iter().map(|&requests| number(requests)).sum::<f64>() / number(half.len() as u64);
        let load = per_stretch(last) / per_stretch(first) - 1.0;
        load.abs() > LOAD_CHANGED && load.is_sign_positive() == change.is_sign_positive()
    }

    /// The median stretch (ms).
    fn usual(&self) -> f64 {
        let mut sorted = self.p95.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2].exp()
    }
}

/// `None` of nothing.
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / number(values.len() as u64))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use SelfCheckOutcome::{Fail, Pass, Skipped, Warn};

    use super::super::samples::{RunSample, judged};
    use super::super::{Outcome, Verdict};
    use super::*;
    use crate::run::{EndpointRole, Slice};

    type Course<'a> = (&'a str, &'a dyn Fn(u64) -> f64, &'a dyn Fn(u64) -> u64);

    /// A run with one judged phase of so many seconds in slices of a second; each endpoint has a latency (ms) and a number of
    /// requests for each second.
    fn sample(seconds: u64, endpoints: &[Course<'_>]) -> Run {
        let mut run = RunSample::new().with(|run| run.phases[1].length = Duration::from_secs(seconds));
        for (name, millis, requests) in endpoints {
            run = run.declare(name, EndpointRole::Task);
            for second in 0..seconds {
                run = run.ok(name, "hold", requests(second), millis(second)).with(|run| {
                    let slice: &mut Slice = run.endpoints.last_mut().unwrap().slices.last_mut().unwrap();
                    (slice.at, slice.length) = (Duration::from_secs(10 + second), Duration::from_secs(1));
                });
            }
        }
        run.done()
    }

    fn outcomes(run: &Run) -> [SelfCheckOutcome; 2] {
        steadiness(run).map(|check| check.outcome)
    }

    /// Somewhat uneven, without chance.
    fn around(millis: f64) -> impl Fn(u64) -> f64 {
        move |second| millis * [1.0, 1.04, 0.97, 1.02, 0.99, 1.05, 0.96][usize::try_from(second % 7).unwrap()]
    }

    const HUNDRED: fn(u64) -> u64 = |_| 100;

    /// 100 ms, and in the second half of a minute so many.
    fn then(millis: f64) -> impl Fn(u64) -> f64 {
        move |second| around(if second < 30 { 100.0 } else { millis })(second)
    }

    #[test]
    fn a_target_that_gets_slower_does_not_pass_and_may_still_fail() {
        let run = sample(60, &[("GET /a", &then(140.0), &HUNDRED), ("GET /b", &around(50.0), &HUNDRED)]);
        assert_eq!(outcomes(&run), [Fail, Pass]);
        let Verdict { outcome, exit_code, reasons, .. } = judged(&run, "defaults: {p95: 300ms}");
        assert_eq!((outcome, exit_code, reasons[0].code.as_str()), (Outcome::Inconclusive, 3, "steady"));
        let text = "the target did not hold a level: in the second half of `hold` p95 of GET /a was 40 % slower; a longer run shows whether it settles";
        assert_eq!(reasons[0].text, text);
        assert_eq!(judged(&run, "defaults: {p95: 90ms}").exit_code, 1);
    }

    #[test]
    fn a_small_drift_and_a_slow_beginning_are_shown_and_do_not_decide() {
        for (millis, outcome, word) in
            [(114.0, Warn, "14 % slower; a longer run"), (60.0, Warn, "40 % faster; a `warmup`"), (107.0, Pass, "as fast")]
        {
            let run = sample(60, &[("GET /a", &then(millis), &HUNDRED)]);
            let [steady, _] = steadiness(&run);
            assert!(steady.outcome == outcome && steady.detail.contains(word), "{steady:?}");
            assert_eq!(judged(&run, "defaults: {p95: 300ms}").outcome, Outcome::Pass);
        }
    }

    #[test]
    fn a_phase_after_more_load_may_take_its_time() {
        let run = sample(60, &[("GET /a", &then(140.0), &HUNDRED)]);
        assert_eq!(outcomes(&run)[0], Fail);
        let after_a_spike = Run {
            phases: run
                .phases
                .iter()
                .cloned()
                .enumerate()
                .map(|(index, mut phase)| {
                    phase.peak = [700.0, 200.0][index];
                    phase
                })
                .collect(),
            ..run
        };
        assert_eq!(outcomes(&after_a_spike)[0], Pass);
    }

    #[test]
    fn more_load_explains_a_slower_half_and_less_does_not() {
        let load = |factor: u64| move |second: u64| if second < 30 { 100 } else { factor };
        for (requests, outcome) in [(100, Fail), (150, Pass), (70, Fail)] {
            assert_eq!(outcomes(&sample(60, &[("GET /a", &then(140.0), &load(requests))]))[0], outcome, "{requests}");
        }
    }

    #[test]
    fn short_idle_and_sub_millisecond_runs_are_not_doubted() {
        let slower = |second: u64| if second < 10 { 100.0 } else { 200.0 };
        for seconds in [1, 2, 6, 12, 29] {
            assert_eq!(
                outcomes(&sample(seconds, &[("GET /a", &slower, &HUNDRED), ("GET /b", &slower, &HUNDRED)])),
                [Skipped; 2],
                "{seconds}"
            );
        }
        assert_eq!(outcomes(&sample(60, &[("GET /a", &slower, &|_| 5)])), [Skipped; 2]);
        assert_eq!(outcomes(&RunSample::new().done()), [Skipped; 2]);
        let tiny = |second: u64| if second < 30 { 0.3 } else { 0.6 };
        assert_eq!(outcomes(&sample(60, &[("GET /a", &tiny, &HUNDRED), ("GET /b", &tiny, &HUNDRED)])), [Pass; 2]);
    }

    #[test]
    fn what_slows_all_endpoints_for_a_while_is_shown_and_changes_no_outcome() {
        let hit = |millis: f64| move |second: u64| around(if (20..30).contains(&second) { 3.0 * millis } else { millis })(second);
        let run = sample(60, &[("GET /a", &hit(20.0), &HUNDRED), ("GET /b", &hit(50.0), &HUNDRED)]);
        assert_eq!(outcomes(&run), [Pass, Warn]);
        let verdict = judged(&run, "defaults: {p95: 300ms}");
        assert_eq!((verdict.outcome, verdict.reasons.len()), (Outcome::Pass, 0));
        let [_, undisturbed] = steadiness(&run);
        assert!(undisturbed.detail.starts_with("in 1 of 6 stretches most endpoints were slower at once"), "{}", undisturbed.detail);
        assert_eq!(outcomes(&sample(60, &[("GET /a", &hit(20.0), &HUNDRED)])), [Pass, Skipped]);
    }

    #[test]
    fn a_slow_start_is_told_and_does_not_decide() {
        let cold = |second: u64| around(if second < 10 { 160.0 } else { 100.0 })(second);
        let [steady, _] = steadiness(&sample(60, &[("GET /a", &cold, &HUNDRED)]));
        let text =
            "as fast at the end as at the beginning; in its first 10s `hold` was 60 % slower than later: a `warmup` would leave that out";
        assert_eq!((steady.outcome, steady.detail.as_str()), (Pass, text));
    }
}
