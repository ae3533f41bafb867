//! Limits proposed from stored runs: what each endpoint does, with room for what runs of one build differ by, and how
//! often such limits would be red for nothing. Their file form is in `suggest_text.rs`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use thiserror::Error;

use crate::run::{EndpointRole, PhaseSelection, Run, Summary};
use crate::stats::{Proportion, Spread, overdispersion, t_quantile, t_tail};
use crate::units::Percentile;

/// Fewer runs say nothing of their noise.
const RUNS_NEEDED: usize = 3;
/// The percentiles that get limits, with the usual standard deviation of the logarithm between runs.
const PERCENTILES: [(Percentile, f64); 2] = [(Percentile::P95, 0.05), (Percentile::P99, 0.075)];
/// An absolute limit is broken by noise so rarely, all endpoints together ..
const LIMIT_ERROR: f64 = 0.001;
/// .. and a rise called, as the gate's own family error has it.
const RISE_ERROR: f64 = 0.003;
/// What is proposed as `must_detect` is found in this part of the runs that have it.
const POWER: f64 = 0.99;
/// Allowed changes are whole steps of this, the smallest two of them, and beyond the largest a comparison says nothing.
const STEP: f64 = 0.05;
const LEAST_RISE: f64 = 0.1;
const MOST_RISE: f64 = 0.5;
/// What a gate detects at the best.
const LEAST_DETECTED: f64 = 0.2;
/// A rise of a smaller difference is none (ms).
const AT_LEAST_MS: f64 = 1.0;
/// Latencies from an hour on are not told apart (ms).
const LONGEST_MS: f64 = 3_599_000.0;
/// Failure limits that people write, and how rarely noise may break one.
const FAILURE_LIMITS: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const FAILURE_RISES: [f64; 4] = [0.005, 0.01, 0.02, 0.05];
const FAILURE_ERROR: f64 = 0.000_1;

/// Too few runs to propose anything.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("limits rest on at least {RUNS_NEEDED} comparable runs, there {}", if *found == 1 { "is 1".to_owned() } else { format!("are {found}") })]
pub struct TooFewRuns {
    pub found: usize,
}

/// Limits for one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    pub scenario: String,
    /// How many runs they rest on, those of one CI job counting as one.
    pub runs: usize,
    pub oldest: Timestamp,
    pub newest: Timestamp,
    /// A failure rate that no endpoint usually reaches, for endpoints that are new.
    pub failures_of_any: Option<f64>,
    pub endpoints: Vec<EndpointSuggestion>,
}

/// Limits for one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointSuggestion {
    pub name: String,
    pub latencies: Vec<(Percentile, LatencySuggestion)>,
    pub failures: FailureSuggestion,
}

/// Limits for one percentile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LatencySuggestion {
    Limits(LatencyLimits),
    /// Too few requests a run.
    TooFew {
        needed: u64,
        found: u64,
    },
}

/// Milliseconds, and changes as fractions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyLimits {
    /// Where it lies now.
    pub usual: f64,
    /// By how much runs differ (standard deviation, a fraction).
    pub noise: f64,
    pub max: f64,
    /// `None` where runs differ too much to be compared.
    pub change: Option<ChangeLimits>,
    /// How likely noise alone breaks one of these, in a run of an unchanged release.
    pub false_alarm: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeLimits {
    pub rise: f64,
    pub at_least: Option<f64>,
    pub must_detect: f64,
}

/// Shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureSuggestion {
    pub usual: f64,
    /// `None` where it fails so often that no limit makes sense.
    pub max: Option<f64>,
    pub rise: Option<f64>,
    pub false_alarm: f64,
}

impl Suggestion {
    /// How likely a run of an unchanged release is red, at most (the union of all limits).
    #[must_use]
    pub fn false_alarm(&self) -> f64 {
        let of_latency = |(_, suggestion): &(Percentile, LatencySuggestion)| match suggestion {
            LatencySuggestion::Limits(limits) => limits.false_alarm,
            LatencySuggestion::TooFew { .. } => 0.0,
        };
        let of_one = |endpoint: &EndpointSuggestion| endpoint.failures.false_alarm + endpoint.latencies.iter().map(of_latency).sum::<f64>();
        self.endpoints.iter().map(of_one).sum::<f64>().min(1.0)
    }
}

/// Proposes limits for every endpoint of the newest run. `runs` are comparable with it; which they are is not judged here.
///
/// # Errors
/// [`TooFewRuns`] with fewer than three, those of one CI job counting as one.
pub fn suggest(runs: &[&Run]) -> Result<Suggestion, TooFewRuns> {
    let jobs = by_job(runs);
    let Some(newest) = runs.iter().max_by_key(|run| run.started_at).filter(|_| jobs.len() >= RUNS_NEEDED) else {
        return Err(TooFewRuns { found: jobs.len() });
    };
    let tasks: Vec<&str> =
        newest.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).map(|endpoint| endpoint.name.as_str()).collect();
    let histories: Vec<EndpointHistory> = tasks.iter().map(|name| EndpointHistory::of(name, &jobs)).collect();
    let failures = failure_suggestions(&histories);
    let latencies = latency_suggestions(&histories);
    let endpoint = |((name, latencies), failures): ((&str, Vec<_>), FailureSuggestion)| EndpointSuggestion {
        name: name.to_owned(),
        latencies,
        failures,
    };
    Ok(Suggestion {
        scenario: newest.scenario.name.clone(),
        runs: jobs.len(),
        oldest: runs.iter().map(|run| run.started_at).min().unwrap_or(newest.started_at),
        newest: newest.started_at,
        failures_of_any: failures_of_any(newest, &jobs),
        endpoints: tasks.into_iter().zip(latencies).zip(failures).map(endpoint).collect(),
    })
}

/// Runs by their CI job; a run without one stands for itself.
fn by_job<'a>(runs: &[&'a Run]) -> Vec<Vec<&'a Run>> {
    let mut jobs: BTreeMap<(Option<&str>, usize), Vec<&Run>> = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        let job = run.environment.job.as_deref();
        jobs.entry((job, if job.is_some() { 0 } else { index })).or_default().push(run);
    }
    jobs.into_values().collect()
}

/// What one endpoint did in each job.
struct EndpointHistory {
    /// For each of [`PERCENTILES`] the logarithm of its milliseconds, where a run had enough requests.
    logs: Vec<Vec<f64>>,
    /// The fewest latencies of a run.
    fewest: u64,
    failures: Vec<Proportion>,
}

impl EndpointHistory {
    fn of(name: &str, jobs: &[Vec<&Run>]) -> Self {
        let summary = |run: &&Run| {
            let endpoint = run.endpoints.iter().find(|endpoint| endpoint.name == name)?;
            Some(run.summary(endpoint, PhaseSelection::Judged))
        };
        let jobs: Vec<Vec<Summary>> = jobs.iter().map(|job| job.iter().filter_map(summary).collect()).collect();
        let log = |percentile: Percentile| {
            let of_run = move |summary: &Summary| {
                let has_enough = summary.latency.count() >= percentile.requests_needed();
                summary.latency.percentile_ms(percentile).filter(|_| has_enough).map(f64::ln)
            };
            jobs.iter().filter_map(|job| median(job.iter().filter_map(of_run).collect())).collect()
        };
        let failures = |job: &Vec<Summary>| {
            let count = |part: fn(&Summary) -> u64| job.iter().map(part).sum();
            Proportion::new(count(|summary| summary.counts.failures.total()), count(|summary| summary.counts.requests))
        };
        Self {
            logs: PERCENTILES.iter().map(|&(percentile, _)| log(percentile)).collect(),
            fewest: jobs.iter().flatten().map(|summary| summary.latency.count()).min().unwrap_or(0),
            failures: jobs.iter().map(failures).collect(),
        }
    }

    fn has_enough(&self, index: usize) -> bool {
        self.logs[index].len() >= RUNS_NEEDED
    }
}

fn latency_suggestions(histories: &[EndpointHistory]) -> Vec<Vec<(Percentile, LatencySuggestion)>> {
    let spread = |history: &EndpointHistory, index: usize| Spread::within(&[&history.logs[index]]);
    let judged = |index: usize| histories.iter().filter(move |history| history.has_enough(index));
    let metrics: usize = (0..PERCENTILES.len()).map(|index| judged(index).count()).sum();
    let of_metric = |history: &EndpointHistory, index: usize| {
        let (percentile, usual) = PERCENTILES[index];
        if !history.has_enough(index) {
            return (percentile, LatencySuggestion::TooFew { needed: percentile.requests_needed(), found: history.fewest });
        }
        let noise = spread(history, index).moderated(judged(index).map(|other| spread(other, index)), usual);
        (percentile, LatencySuggestion::Limits(latency_limits(&history.logs[index], noise, number(metrics))))
    };
    histories.iter().map(|history| (0..PERCENTILES.len()).map(|index| of_metric(history, index)).collect()).collect()
}

/// Limits for a metric with these runs (logarithms), one of `metrics`.
fn latency_limits(logs: &[f64], noise: Spread, metrics: f64) -> LatencyLimits {
    let Spread { variance, freedom } = noise;
    let centre = median(logs.to_vec()).unwrap_or(f64::NAN);
    // A next run beside the median of these, whose variance is half as large again as that of a mean.
    let error = (variance * (1.0 + 1.5 / number(logs.len()))).sqrt();
    let rise = step_up((2.0 * error).exp_m1()).max(LEAST_RISE);
    let needed = t_quantile(1.0 - RISE_ERROR / metrics, freedom);
    let detected = ((needed + t_quantile(POWER, freedom)) * error).exp_m1();
    let must_detect = step_up(detected).max(LEAST_DETECTED).max(2.0 * rise);
    let room = (t_quantile(1.0 - LIMIT_ERROR / metrics, freedom) * error).max(must_detect.min(1.0).ln_1p());
    let max = two_digits_up((centre + room).exp()).min(LONGEST_MS);
    let usual = centre.exp();
    let change = (rise <= MOST_RISE).then(|| {
        let at_least = (usual * rise < AT_LEAST_MS).then_some(AT_LEAST_MS);
        ChangeLimits { rise, at_least, must_detect }
    });
    let of_max = t_tail((max.ln() - centre) / error, freedom);
    let of_rise = change.map_or(0.0, |change| t_tail((change.rise.ln_1p() / error).max(needed), freedom));
    LatencyLimits { usual, noise: variance.sqrt(), max, change, false_alarm: of_max + of_rise }
}

fn failure_suggestions(histories: &[EndpointHistory]) -> Vec<FailureSuggestion> {
    let runs: Vec<&[Proportion]> = histories.iter().map(|history| history.failures.as_slice()).collect();
    runs.iter().zip(overdispersion(&runs)).map(|(runs, bursts)| failure_suggestion(runs, bursts)).collect()
}

fn failure_suggestion(runs: &[Proportion], bursts: f64) -> FailureSuggestion {
    let (failed, requests) = runs.iter().fold((0, 0), |(failed, requests), run| (failed + run.failed, requests + run.requests));
    let usual = if requests > 0 { number_of(failed) / number_of(requests) } else { 0.0 };
    let size = number_of(requests) / number(runs.len().max(1));
    // Nothing that failed is no proof that nothing will.
    let expected = usual.max(0.5 / number_of(requests.max(1)));
    let by_noise = |limit: f64| poisson_tail((limit * size / bursts).floor() + 1.0, expected * size / bursts);
    let smallest = |limits: &[f64], above: f64| limits.iter().copied().find(|limit| by_noise(above + limit) < FAILURE_ERROR);
    let (max, rise) = (smallest(&FAILURE_LIMITS, 0.0), smallest(&FAILURE_RISES, usual));
    let false_alarm = max.map_or(0.0, by_noise) + rise.map_or(0.0, |rise| by_noise(usual + rise));
    FailureSuggestion { usual, max, rise, false_alarm }
}

/// The smallest limit that every endpoint of the newest run keeps, those of `start` and `stop` over the whole run.
fn failures_of_any(newest: &Run, jobs: &[Vec<&Run>]) -> Option<f64> {
    let rate = |run: &&Run, name: &str| {
        let endpoint = run.endpoints.iter().find(|endpoint| endpoint.name == name)?;
        run.summary(endpoint, PhaseSelection::Whole).counts.failure_rate()
    };
    let worst = |name: &str| jobs.iter().flatten().filter_map(|run| rate(run, name)).fold(0.0, f64::max);
    let worst = newest.endpoints.iter().map(|endpoint| worst(&endpoint.name)).fold(0.0, f64::max);
    FAILURE_LIMITS.into_iter().find(|&limit| limit > 2.0 * worst)
}

/// How likely a Poisson variable with this mean is `least` or more.
fn poisson_tail(least: f64, mean: f64) -> f64 {
    let (mut term, mut below, mut count) = ((-mean).exp(), 0.0, 0.0);
    while count < least && count < 1e6 {
        below += term;
        count += 1.0;
        term *= mean / count;
    }
    // With a mean so large that its exponential is nothing, half of it lies on either side.
    if mean > 700.0 { f64::from(u8::from(least <= mean)) } else { (1.0 - below).clamp(0.0, 1.0) }
}

/// The next whole step of five percent.
fn step_up(change: f64) -> f64 {
    ((change / STEP - 1e-9).ceil() * STEP * 100.0).round() / 100.0
}

/// The next number of two digits: 121 as 130, 1.23 as 1.3.
fn two_digits_up(value: f64) -> f64 {
    let unit = 10.0_f64.powf(value.log10().floor() - 1.0);
    // Whole microseconds are what files can say.
    ((value / unit - 1e-9).ceil() * unit * 1000.0 - 1e-6).ceil().max(1.0) / 1000.0
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    Some(f64::midpoint(upper, values[(values.len() - 1) / 2]))
}

#[expect(clippy::cast_precision_loss, reason = "numbers of runs and metrics")]
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number_of(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{RunSample, baseline};
    use super::super::{BaselineChoice, Outcome, Thresholds, judge};
    use super::*;
    use crate::document::Document;
    use crate::run::FailureClass;
    use crate::stats::chance::Chance;

    /// Latencies around `millis`, of which p95 is some 2.3 times and p99 some 3.2 times as much.
    fn latencies(chance: &mut Chance, count: usize, millis: f64) -> Vec<f64> {
        (0..count).map(|_| millis * (0.5 * chance.normal()).exp()).collect()
    }

    /// A night of `GET /a` (3,000 requests), `POST /b` (400) and a rare one, whose runs differ by `noise`.
    fn night(chance: &mut Chance, noise: f64, factor: f64) -> Run {
        let mut level = |millis: f64| millis * factor * (noise * chance.normal()).exp();
        let levels = [level(50.0), level(20.0), level(10.0)];
        let run = RunSample::new().ok_each("GET /a", "hold", &latencies(chance, 3000, levels[0]));
        let run = run.ok_each("POST /b", "hold", &latencies(chance, 400, levels[1])).failed("POST /b", "hold", 1, FailureClass::Status);
        run.ok_each("GET /rare", "hold", &latencies(chance, 20, levels[2])).done()
    }

    fn nights(noise: f64, count: usize) -> Vec<Run> {
        let mut chance = Chance::new(5);
        (0..count).map(|_| night(&mut chance, noise, 1.0)).collect()
    }

    fn suggested(runs: &[Run]) -> Suggestion {
        suggest(&runs.iter().collect::<Vec<_>>()).unwrap()
    }

    fn limits(suggestion: &Suggestion, name: &str, percentile: Percentile) -> LatencyLimits {
        let endpoint = suggestion.endpoints.iter().find(|endpoint| endpoint.name == name).unwrap();
        match endpoint.latencies.iter().find(|(known, _)| *known == percentile).unwrap().1 {
            LatencySuggestion::Limits(limits) => limits,
            LatencySuggestion::TooFew { .. } => panic!("too few"),
        }
    }

    #[test]
    fn limits_have_room_for_the_noise_that_the_runs_show() {
        let (calm, noisy) = (suggested(&nights(0.01, 10)), suggested(&nights(0.1, 10)));
        let (calm_limits, noisy_limits) = (limits(&calm, "GET /a", Percentile::P95), limits(&noisy, "GET /a", Percentile::P95));
        assert!((100.0..130.0).contains(&calm_limits.usual), "{calm_limits:?}");
        assert!(calm_limits.noise < 0.04 && noisy_limits.noise > 0.06, "{calm_limits:?} {noisy_limits:?}");
        assert!(calm_limits.max >= 1.2 * calm_limits.usual && noisy_limits.max > calm_limits.max);
        let (calm_change, noisy_change) = (calm_limits.change.unwrap(), noisy_limits.change.unwrap());
        assert!(calm_change.rise <= 0.15 && noisy_change.rise > calm_change.rise && noisy_change.must_detect > calm_change.must_detect);
        assert!(calm.false_alarm() < 0.01 && noisy.false_alarm() < 0.01, "{} {}", calm.false_alarm(), noisy.false_alarm());
    }

    #[test]
    fn what_has_too_few_requests_gets_no_limit_and_says_so() {
        let suggestion = suggested(&nights(0.02, 5));
        let few = |name: &str, index: usize| suggestion.endpoints.iter().find(|endpoint| endpoint.name == name).unwrap().latencies[index].1;
        assert_eq!(few("POST /b", 1), LatencySuggestion::TooFew { needed: 1000, found: 400 });
        assert_eq!(few("GET /rare", 0), LatencySuggestion::TooFew { needed: 200, found: 20 });
    }

    #[test]
    fn failures_get_a_limit_that_people_write() {
        let suggestion = suggested(&nights(0.02, 6));
        let of = |name: &str| suggestion.endpoints.iter().find(|endpoint| endpoint.name == name).unwrap().failures;
        assert_eq!((of("GET /a").max, of("GET /a").rise), (Some(0.01), Some(0.005)));
        assert!(of("POST /b").max > Some(0.01), "one of 401 failed each night: {:?}", of("POST /b"));
        let always = RunSample::new().failed("GET /a", "hold", 500, FailureClass::Status).done();
        let failing = suggested(&vec![always; 4]);
        assert_eq!((failing.endpoints[0].failures.max, failing.failures_of_any), (None, None));
    }

    #[test]
    fn fewer_than_three_runs_or_jobs_are_too_few() {
        let runs = nights(0.02, 3);
        assert_eq!(suggest(&runs[..2].iter().collect::<Vec<_>>()), Err(TooFewRuns { found: 2 }));
        assert_eq!(suggest(&[]).unwrap_err().to_string(), "limits rest on at least 3 comparable runs, there are 0");
        let mut of_one_job = runs;
        for run in &mut of_one_job {
            run.environment.job = Some("7".into());
        }
        assert_eq!(suggest(&of_one_job.iter().collect::<Vec<_>>()), Err(TooFewRuns { found: 1 }));
    }

    fn as_thresholds(suggestion: &Suggestion) -> Thresholds {
        let text = suggestion.to_yaml("store");
        Thresholds::from_document(&Document::from_text("t.yaml", text.clone())).unwrap_or_else(|mistake| panic!("{mistake}\n{text}"))
    }

    /// Fresh runs of the same build are red as rarely as promised, those that got half as slow again always are.
    #[test]
    fn what_is_suggested_passes_the_same_build_and_fails_a_slow_one() {
        for noise in [0.01, 0.04] {
            let nights = nights(noise, 10);
            let thresholds = as_thresholds(&suggested(&nights));
            let store = baseline(nights).digests(&thresholds.ask());
            let mut chance = Chance::new(6);
            let mut failed = |factor: f64| {
                let verdicts = (0..20).map(|_| judge(&night(&mut chance, noise, factor), &thresholds, BaselineChoice::Store(&store)));
                verdicts.filter(|verdict| verdict.outcome == Outcome::Fail).count()
            };
            assert!(failed(1.0) <= 1 && failed(2.0) == 20, "noise {noise}");
        }
    }

    #[test]
    fn the_text_says_what_it_rests_on() {
        let yaml = suggested(&nights(0.01, 10)).to_yaml("store");
        let head = "# Suggested from 10 runs of shop in store, 2026-11-20 to 2026-11-20.\n# At most ";
        assert!(yaml.starts_with(head), "{yaml}");
        for part in [
            "version: 1\nscenario: shop\n",
            "defaults: {failures: 1%}",
            "  GET /a:\n    p95: {max: ",
            "rise: 10%, must_detect: ",
            "    # p99 needs 1,000 requests a run, has 400\n",
        ] {
            assert!(yaml.contains(part), "no {part:?} in\n{yaml}");
        }
    }

    #[test]
    fn any_name_stands_in_the_file_as_it_is() {
        for name in [
            "GET /a: b",
            "GET /{id}",
            "GET /#x",
            "GET /\"q\"",
            "POST /ü\u{7}",
            "GET /a #b",
            "GET /:id",
            "GET /a:",
            "- x",
            "DELETE /'",
            "GET /\u{2028}",
        ] {
            let run = RunSample::new().ok(name, "hold", 300, 10.0).with(|run| run.scenario.name = name.to_owned()).done();
            let thresholds = as_thresholds(&suggested(&vec![run.clone(); 3]));
            thresholds.check_against_run(&run).unwrap();
            assert_eq!((thresholds.named_endpoints(), thresholds.scenario()), (vec![name], name));
        }
        for name in ["true", "null", "17", "1.5", "~", "0x1", "no", ".inf", "2026-01-01"] {
            let run = RunSample::new().ok("GET /", "hold", 300, 10.0).with(|run| run.scenario.name = name.to_owned()).done();
            assert_eq!(as_thresholds(&suggested(&vec![run; 3])).scenario(), name);
        }
    }

    #[test]
    fn numbers_are_those_that_people_write() {
        for (value, rounded) in
            [(121.0, 130.0), (120.0, 120.0), (1.23, 1.3), (0.004_2, 0.005), (0.99, 0.99), (1234.0, 1300.0), (99.5, 100.0)]
        {
            assert!((two_digits_up(value) - rounded).abs() < 1e-9, "{value}: {}", two_digits_up(value));
        }
        assert!((step_up(0.101) - 0.15).abs() < 1e-12 && (step_up(0.25) - 0.25).abs() < 1e-12);
        assert!((poisson_tail(2.0, 1.0) - (1.0 - 2.0 / std::f64::consts::E)).abs() < 1e-12);
        assert!(poisson_tail(0.0, 3.0) >= 1.0 && poisson_tail(5.0, 0.0) <= 0.0 && poisson_tail(900.0, 1000.0) >= 1.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_suggestion_is_a_valid_file_that_its_own_runs_keep(levels in prop::collection::vec(0.002..3_000_000.0_f64, 3..8), failed in 0_u64..300) {
            let run = |&level: &f64| RunSample::new().ok("GET /a", "hold", 1200, level).failed("GET /a", "hold", failed, FailureClass::Timeout).done();
            let runs: Vec<Run> = levels.iter().map(run).collect();
            let suggestion = suggested(&runs);
            as_thresholds(&suggestion).check_against_run(&runs[0]).unwrap();
            let limits = limits(&suggestion, "GET /a", Percentile::P95);
            prop_assert!(limits.max >= limits.usual.min(LONGEST_MS) && limits.false_alarm.is_finite());
        }
    }
}
