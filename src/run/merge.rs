//! Shards of one load as one Run: counts and histograms are added, so that the merge equals the whole. What does not
//! belong together is refused with the reason.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use thiserror::Error;

use super::{EndpointRun, Generator, Imported, PerSecond, PhaseRun, Problem, Run, SecondCounts, Slice, incomparable};

/// Shards of one load start within this share of its length of each other, and within [`LEAST_APART`] in any case.
const APART_SHARE: f64 = 0.1;
const LEAST_APART: Duration = Duration::from_secs(1);

/// Why runs are not shards of one load. A name is what the user called a run.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MergeError {
    #[error("{name} is of scenario `{theirs}`, {first} of `{ours}`")]
    OtherName { name: String, first: String, ours: String, theirs: String },
    #[error("{name} does not fit {first}: {why}")]
    Incomparable { name: String, first: String, why: String },
    #[error("{name} was made with seed {theirs}, {first} with {ours}")]
    OtherSeed { name: String, first: String, ours: u64, theirs: u64 },
    #[error("{name} loaded {theirs}, {first} {ours}")]
    OtherTarget { name: String, first: String, ours: String, theirs: String },
    #[error("{name} has the phases {theirs}, {first} {ours}")]
    OtherPhases { name: String, first: String, ours: String, theirs: String },
    #[error("{name} has other endpoints than {first}: {difference}")]
    OtherEndpoints { name: String, first: String, difference: String },
    #[error("{name} and {first} started {seconds} s apart: they did not load the target together")]
    Apart { name: String, first: String, seconds: u64 },
    #[error("{name} and {first} are the same run")]
    Twice { name: String, first: String },
    #[error("{name} holds percentiles without the samples behind them: those of several runs can't be put together")]
    Stated { name: String },
    #[error("one run is no set of shards")]
    TooFew,
}

impl MergeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Stated { .. } => "import files that hold every request, such as k6's `--out json`, or a JTL",
            Self::Apart { .. } => "start the shards at the same time; runs one after another are baselines, not shards",
            Self::Twice { .. } | Self::TooFew => "name each shard once, and all of them",
            _ => "shards are runs of one scenario with one seed against one target",
        };
        Some(text.to_owned())
    }
}

/// One run of all shards, each with what the user calls it.
///
/// # Errors
/// [`MergeError`] where they are not shards of one load.
pub fn merge(shards: &[(String, Run)]) -> Result<Run, MergeError> {
    let [(first, base), rest @ ..] = shards else { return Err(MergeError::TooFew) };
    if rest.is_empty() {
        return Err(MergeError::TooFew);
    }
    for (index, (name, run)) in shards.iter().enumerate() {
        if run.imported.as_ref().is_some_and(|imported| !imported.stated.is_empty() || imported.total.is_some()) {
            return Err(MergeError::Stated { name: name.clone() });
        }
        if let Some((same, _)) = shards[..index].iter().find(|(_, earlier)| earlier == run) {
            return Err(MergeError::Twice { name: name.clone(), first: same.clone() });
        }
    }
    let started_at = shards.iter().map(|(_, run)| run.started_at).min().unwrap_or(base.started_at);
    for (name, run) in rest {
        belongs(first, base, name, run)?;
    }
    let mut whole = Whole::new(base);
    for (name, run) in shards {
        whole.add(name, run, offset(run, run.started_at.duration_since(started_at)));
    }
    Ok(Run { started_at, ..whole.run })
}

fn belongs(first: &str, base: &Run, name: &str, run: &Run) -> Result<(), MergeError> {
    let (first, name) = (first.to_owned(), name.to_owned());
    if base.scenario.name != run.scenario.name {
        return Err(MergeError::OtherName { name, first, ours: base.scenario.name.clone(), theirs: run.scenario.name.clone() });
    }
    if let Some(why) = incomparable(base, run) {
        return Err(MergeError::Incomparable { name, first, why: why.text() });
    }
    if base.scenario.seed != run.scenario.seed {
        return Err(MergeError::OtherSeed { name, first, ours: base.scenario.seed, theirs: run.scenario.seed });
    }
    if base.target != run.target {
        return Err(MergeError::OtherTarget { name, first, ours: base.target.clone(), theirs: run.target.clone() });
    }
    if phases_of(base) != phases_of(run) {
        return Err(MergeError::OtherPhases { name, first, ours: phases_of(base).join(", "), theirs: phases_of(run).join(", ") });
    }
    if base.imported.is_none()
        && let Some(difference) = difference(base, run)
    {
        return Err(MergeError::OtherEndpoints { name, first, difference });
    }
    let apart = run.started_at.duration_since(base.started_at).unsigned_abs();
    let length: Duration = base.phases.iter().map(|phase| phase.length).sum();
    if apart > length.mul_f64(APART_SHARE).max(LEAST_APART) {
        return Err(MergeError::Apart { name, first, seconds: apart.as_secs() });
    }
    Ok(())
}

/// What must be equal of the phases: of an imported run the length is only what was measured.
fn phases_of(run: &Run) -> Vec<String> {
    let words = |phase: &PhaseRun| match run.imported {
        Some(_) => phase.name.clone(),
        None => format!("{} {:?} at {:?}{}", phase.name, phase.length, phase.at, if phase.measured { " (judged)" } else { "" }),
    };
    run.phases.iter().map(words).collect()
}

fn difference(base: &Run, run: &Run) -> Option<String> {
    let named = |run: &Run| run.endpoints.iter().map(|endpoint| (endpoint.name.clone(), endpoint.role)).collect::<Vec<_>>();
    let (ours, theirs) = (named(base), named(run));
    let only = ours.iter().find(|pair| !theirs.contains(pair)).or_else(|| theirs.iter().find(|pair| !ours.contains(pair)))?;
    Some(format!("`{}`", only.0))
}

/// How much later than the first a shard's own clock begins. Phases of our own begin together by their plan; what is
/// left is how far the machines' clocks and starts differ.
fn offset(run: &Run, later: SignedDuration) -> Duration {
    if run.imported.is_some() { later.unsigned_abs() } else { Duration::ZERO }
}

/// All shards so far.
struct Whole {
    run: Run,
    slices: Vec<BTreeMap<(usize, Duration, Duration), Slice>>,
    is_first: bool,
}

impl Whole {
    fn new(base: &Run) -> Self {
        let empty = EndpointRun {
            name: String::new(),
            role: super::EndpointRole::Task,
            phases: Vec::new(),
            slices: Vec::new(),
            per_second: PerSecond::default(),
        };
        let endpoints: Vec<EndpointRun> = base
            .endpoints
            .iter()
            .map(|endpoint| EndpointRun {
                name: endpoint.name.clone(),
                role: endpoint.role,
                phases: endpoint.phases.iter().map(|_| super::PhaseSeries::default()).collect(),
                ..empty.clone()
            })
            .collect();
        let phases = base.phases.iter().map(|phase| PhaseRun { requests: 0, peak: 0.0, ..phase.clone() }).collect();
        let slices = endpoints.iter().map(|_| BTreeMap::new()).collect();
        let mut tasks = base.tasks.clone();
        tasks.iter_mut().flat_map(|task| &mut task.phases).for_each(|share| share.starts = 0);
        let (generator, at_once, answered) = (Generator::default(), SecondCounts::default(), SecondCounts::default());
        let run = Run { endpoints, phases, tasks, generator, at_once, answered, overrides: Vec::new(), ..base.clone() };
        Self { run, slices, is_first: true }
    }

    fn add(&mut self, name: &str, shard: &Run, offset: Duration) {
        let whole = &mut self.run;
        for (own, more) in whole.phases.iter_mut().zip(&shard.phases) {
            own.requests += more.requests;
            own.peak += more.peak;
            own.length = own.length.max(more.length + offset);
        }
        for (own, more) in whole.tasks.iter_mut().zip(&shard.tasks) {
            for (share, added) in own.phases.iter_mut().zip(&more.phases) {
                share.starts += added.starts;
            }
        }
        whole.measured = match (&whole.imported, self.is_first) {
            (Some(_), _) => whole.measured.max(shard.measured + offset),
            (None, true) => shard.measured,
            (None, false) => whole.measured.min(shard.measured),
        };
        whole.complete &= shard.complete;
        if let Some(why) = &shard.aborted_by
            && (self.is_first || whole.aborted_by.is_none())
        {
            whole.aborted_by = Some(format!("{name}: {why}"));
        }
        for flag in shard.overrides.iter().filter(|flag| !whole.overrides.contains(flag)).cloned().collect::<Vec<_>>() {
            whole.overrides.push(flag);
        }
        add_generator(&mut whole.generator, name, &shard.generator);
        if let (Some(own), Some(more)) = (&mut whole.imported, &shard.imported) {
            add_import(own, more);
        }
        add_counts(&mut whole.at_once, &shard.at_once, whole_seconds(offset));
        add_counts(&mut whole.answered, &shard.answered, whole_seconds(offset));
        for endpoint in &shard.endpoints {
            self.add_endpoint(endpoint, offset);
        }
        self.is_first = false;
    }

    fn add_endpoint(&mut self, shard: &EndpointRun, offset: Duration) {
        let at = self.run.endpoints.iter().position(|endpoint| endpoint.name == shard.name).unwrap_or_else(|| {
            let phases = shard.phases.iter().map(|_| super::PhaseSeries::default()).collect();
            self.run.endpoints.push(EndpointRun { phases, slices: Vec::new(), per_second: PerSecond::default(), ..shard.clone() });
            self.slices.push(BTreeMap::new());
            self.run.endpoints.len() - 1
        });
        let (own, slices) = (&mut self.run.endpoints[at], &mut self.slices[at]);
        for (series, more) in own.phases.iter_mut().zip(&shard.phases) {
            series.merge(more);
        }
        for slice in &shard.slices {
            let key = (slice.phase, slice.at + offset, slice.length);
            let empty = || Slice { at: key.1, requests: 0, failures: 0, latency: crate::stats::Histogram::new(), ..*slice };
            let merged = slices.entry(key).or_insert_with(empty);
            merged.requests += slice.requests;
            merged.failures += slice.failures;
            merged.latency.merge(&slice.latency);
        }
        own.slices = slices.values().cloned().collect();
        add_seconds(&mut own.per_second, &shard.per_second, whole_seconds(offset));
    }
}

fn whole_seconds(offset: Duration) -> usize {
    usize::try_from(offset.as_secs()).unwrap_or(0)
}

fn add_seconds(own: &mut PerSecond, more: &PerSecond, later: usize) {
    let PerSecond { requests, failures, classes } = more;
    add_counts(&mut own.requests, requests, later);
    add_counts(&mut own.failures, failures, later);
    let length = own.requests.len().max(own.failures.len());
    own.requests.resize(length);
    own.failures.resize(length);
    for (&(second, class), count) in classes {
        *own.classes.entry((second.saturating_add(u32::try_from(later).unwrap_or(u32::MAX)), class)).or_default() += count;
    }
}

fn add_counts(own: &mut SecondCounts, more: &SecondCounts, later: usize) {
    for (second, count) in more.values().enumerate() {
        own.add(second + later, count);
    }
}

/// Books are added; of what was watched the worst counts.
pub(super) fn add_generator(own: &mut Generator, name: &str, shard: &Generator) {
    let Generator {
        scheduled,
        sent,
        ok,
        failed,
        not_sent,
        unfinished,
        late_p99_ms,
        cpu_busy,
        steal,
        max_in_flight,
        threads,
        connections_opened,
        cycles,
        late_cycles,
        problems,
    } = shard;
    own.scheduled += scheduled;
    own.sent += sent;
    own.ok += ok;
    own.failed += failed;
    own.not_sent += not_sent;
    own.unfinished += unfinished;
    own.max_in_flight += max_in_flight;
    own.threads += threads;
    own.connections_opened += connections_opened;
    own.cycles += cycles;
    own.late_cycles += late_cycles;
    for (worst, value) in [(&mut own.late_p99_ms, late_p99_ms), (&mut own.cpu_busy, cpu_busy), (&mut own.steal, steal)] {
        *worst = match (*worst, *value) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
    }
    own.problems.extend(problems.iter().map(|Problem { code, text }| Problem { code: code.clone(), text: format!("{name}: {text}") }));
}

fn add_import(own: &mut Imported, more: &Imported) {
    for (texts, added) in [(&mut own.notes, &more.notes), (&mut own.warnings, &more.warnings)] {
        let new: Vec<String> = added.iter().filter(|text| !texts.contains(text)).cloned().collect();
        texts.extend(new);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::samples::checkout_run;
    use crate::run::{FailureClass, PhaseSelection};

    /// One request: endpoint, phase, tenths of a second within it, latency (ms), whether it failed.
    type Request = (usize, usize, u64, u64, bool);

    fn run_of(requests: &[Request]) -> Run {
        let mut run = checkout_run();
        run.generator = Generator { threads: 1, ..Generator::default() };
        (run.at_once, run.answered) = (SecondCounts::default(), SecondCounts::default());
        for endpoint in &mut run.endpoints {
            endpoint.phases.iter_mut().for_each(|series| *series = super::super::PhaseSeries::default());
            (endpoint.slices, endpoint.per_second) = (Vec::new(), PerSecond::default());
        }
        run.phases.iter_mut().for_each(|phase| (phase.requests, phase.peak) = (0, 1.0));
        for &request in requests {
            count(&mut run, request);
        }
        run
    }

    fn count(run: &mut Run, (endpoint, phase, tenths, millis, failed): Request) {
        let length = Duration::from_secs(2);
        let at = run.phases[phase].at + Duration::from_secs(tenths / 20 * 2);
        run.phases[phase].requests += 1;
        run.generator.scheduled += 1;
        run.generator.sent += 1;
        let second = usize::try_from(run.phases[phase].at.as_secs() + tenths / 10).unwrap();
        let endpoint = &mut run.endpoints[endpoint];
        let series = &mut endpoint.phases[phase];
        series.requests += 1;
        let mut histogram = crate::stats::Histogram::new();
        if failed {
            series.failures.add(FailureClass::Status, 1);
            series.add_cause("status 500", 1);
            *series.statuses.entry(500).or_default() += 1;
            run.generator.failed += 1;
        } else {
            series.ok += 1;
            *series.statuses.entry(200).or_default() += 1;
            run.generator.ok += 1;
            histogram.record(millis * 1000);
        }
        series.service.merge(&histogram);
        let seconds = &mut endpoint.per_second;
        seconds.requests.add(second, 1);
        seconds.failures.add(second, u64::from(failed));
        seconds.failures.resize(seconds.requests.len());
        if failed {
            *seconds.classes.entry((u32::try_from(second).unwrap(), FailureClass::Status)).or_default() += 1;
        }
        run.at_once.add(second, 1);
        run.answered.add(second + usize::try_from(millis / 1000).unwrap(), u64::from(!failed));
        let at_slice = endpoint.slices.iter().position(|slice| slice.at == at).unwrap_or_else(|| {
            let later = endpoint.slices.partition_point(|slice| slice.at < at);
            endpoint.slices.insert(later, Slice { phase, at, length, requests: 0, failures: 0, latency: crate::stats::Histogram::new() });
            later
        });
        let slice = &mut endpoint.slices[at_slice];
        slice.requests += 1;
        slice.failures += u64::from(failed);
        slice.latency.merge(&histogram);
    }

    fn named(runs: Vec<Run>) -> Vec<(String, Run)> {
        runs.into_iter().enumerate().map(|(index, run)| (format!("shard-{index}"), run)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_merge_of_shards_equals_the_whole(
            requests in prop::collection::vec((0_usize..3, 0_usize..2, 0_u64..100, 1_u64..3000, any::<bool>()), 1..200),
            shard_count in 2_usize..5,
        ) {
            let mut parts = vec![Vec::new(); shard_count];
            for (index, request) in requests.iter().enumerate() {
                parts[(index * 7) % shard_count].push(*request);
            }
            let mut shards: Vec<Run> = parts.iter().map(|part| run_of(part)).collect();
            // Shards of the same requests are told apart by their connections.
            for (index, shard) in shards.iter_mut().enumerate() {
                shard.generator.connections_opened = 1 + index as u64;
            }
            let merged = merge(&named(shards.clone())).unwrap();
            let whole = run_of(&requests);
            prop_assert_eq!(&merged.endpoints, &whole.endpoints);
            prop_assert_eq!(&merged.at_once, &whole.at_once);
            prop_assert_eq!(&merged.answered, &whole.answered);
            prop_assert_eq!(merged.phases.iter().map(|phase| phase.requests).sum::<u64>(), requests.len() as u64);
            prop_assert!(merged.generator.conserved());
            prop_assert_eq!(merged.total(PhaseSelection::Judged), whole.total(PhaseSelection::Judged));
            shards.reverse();
            let back = merge(&named(shards)).unwrap();
            prop_assert_eq!(back.endpoints, merged.endpoints);
        }
    }

    #[test]
    fn what_does_not_belong_together_is_refused_with_its_reason() {
        let other = |change: fn(&mut Run)| {
            let mut run = checkout_run();
            run.generator.connections_opened = 9;
            change(&mut run);
            merge(&[("a".into(), checkout_run()), ("b".into(), run)]).unwrap_err().to_string()
        };
        for (change, message) in [
            ((|run| run.scenario.hash = "sha256:bb".into()) as fn(&mut Run), "b does not fit a: made with another version of the scenario"),
            (|run| run.scenario.name = "shop".into(), "b is of scenario `shop`, a of `checkout`"),
            (|run| run.scenario.seed = 8, "b was made with seed 8, a with 7"),
            (|run| run.target = "https://b".into(), "b loaded https://b, a https://staging.shop.example"),
            (|run| run.started_at += SignedDuration::from_secs(30), "b and a started 30 s apart: they did not load the target together"),
            (|run| run.endpoints[1].name = "GET /b".into(), "b has other endpoints than a: `GET /api/products`"),
            (|run| run.generator.connections_opened = 0, "b and a are the same run"),
        ] {
            assert_eq!(other(change), message);
        }
        assert!(other(|run| run.phases[1].length *= 2).starts_with("b has the phases ramp-up 10s at 0ns, hold 120s"));
        assert!(other(|run| run.environment.cores = 64).contains("64 cores"));
        assert_eq!(merge(&[("a".into(), checkout_run())]), Err(MergeError::TooFew));
    }

    #[test]
    fn a_shard_that_is_not_whole_or_not_healthy_makes_the_whole_so() {
        let mut late = checkout_run();
        late.generator.problems.push(Problem { code: "late".into(), text: "timers were 50 ms late".into() });
        (late.complete, late.aborted_by) = (false, Some("SIGINT after 3 s".into()));
        let merged = merge(&[("a".into(), checkout_run()), ("b".into(), late)]).unwrap();
        assert_eq!((merged.complete, merged.aborted_by.as_deref()), (false, Some("b: SIGINT after 3 s")));
        assert_eq!(merged.generator.problems[0].text, "b: timers were 50 ms late");
    }
}
