//! Which runs of a baseline a run is compared with, and whether they are enough; and the value that a metric had in
//! them: the median over runs of each run's own value, the runs of one CI job counting as one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::enough_data::shortage;
use super::{BaselinePolicy, BaselineRef, BaselineValue, Figures, GateSettings, Metric, Scope, Subject};
use crate::run::{Baseline, BaselineRun, Run, incomparable};
use crate::stats::{Estimate, Restarts};

/// Comparison starts with so many runs.
pub(super) const RUNS_NEEDED: usize = 3;

/// A run that is dated later than the judged one by more than this has a wrong date, or is no past to compare with.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(24);

/// What to compare with.
#[derive(Debug, Clone, Copy)]
pub enum BaselineChoice<'a> {
    /// Nothing, as the user said: `--baseline none`.
    None,
    /// What a store held; it may be empty.
    Store(&'a Baseline),
    /// Another deployment that was loaded at the same time.
    SideBySide(Beside<'a>),
}

/// The other deployment of a comparison side by side.
#[derive(Debug, Clone, Copy)]
pub struct Beside<'a> {
    /// Where it was, for readers.
    pub target: &'a str,
    /// Its loads, one beside each load of the release.
    pub loads: &'a [Run],
    pub restarts: Restarts,
}

/// The runs to compare with, by job, newest first.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    choice: BaselineChoice<'a>,
    jobs: Vec<Vec<&'a Run>>,
    left_out: Vec<String>,
    pub(super) standing: Standing,
}

/// Whether relative rules can be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    Ready,
    /// They can't; with what the user is told, and what the thresholds say follows from it.
    TooFew {
        code: &'static str,
        text: String,
        policy: BaselinePolicy,
    },
}

impl<'a> Comparison<'a> {
    /// Selects the runs that may be compared with `run`: of a store; or, side by side, those beside the `judged` loads.
    pub(super) fn select(run: &Run, judged: &[usize], settings: &GateSettings, choice: BaselineChoice<'a>) -> Self {
        if let BaselineChoice::SideBySide(beside) = choice {
            let jobs = judged.iter().filter_map(|&index| beside.loads.get(index)).map(|run| vec![run]).collect();
            return Self { choice, jobs, left_out: Vec::new(), standing: Standing::Ready };
        }
        let BaselineChoice::Store(baseline) = choice else {
            let standing = Standing::TooFew {
                code: "no_baseline",
                text: "nothing was compared: the baseline is switched off (`--baseline none`)".into(),
                policy: settings.missing,
            };
            return Self { choice, jobs: Vec::new(), left_out: Vec::new(), standing };
        };
        let mut candidates: Vec<&BaselineRun> = baseline.runs.iter().collect();
        candidates.sort_by(|one, other| other.run.started_at.cmp(&one.run.started_at).then_with(|| one.id.cmp(&other.id)));
        let (mut kept, mut left_out, mut incomparable_count) = (Vec::new(), Vec::new(), 0);
        for candidate in candidates {
            match why_left_out(run, settings, candidate) {
                None => kept.push(&candidate.run),
                Some(why) => left_out.push(format!("{}: {why}", candidate.id)),
            }
            incomparable_count += usize::from(incomparable(run, &candidate.run).is_some());
        }
        let mut jobs = by_job(kept);
        jobs.truncate(settings.runs);
        let standing = standing(jobs.len(), incomparable_count, settings);
        Self { choice, jobs, left_out, standing }
    }

    /// How many runs there are, those of one job counting as one.
    pub(super) fn run_count(&self) -> usize {
        self.jobs.len()
    }

    /// How many runs a value needs to be compared with.
    pub(super) fn runs_needed(&self) -> usize {
        if self.beside().is_some() { 1 } else { RUNS_NEEDED }
    }

    /// The other deployment, where two are compared side by side.
    pub(super) fn beside(&self) -> Option<Beside<'a>> {
        match self.choice {
            BaselineChoice::SideBySide(beside) => Some(beside),
            BaselineChoice::None | BaselineChoice::Store(_) => None,
        }
    }

    /// As the verdict tells it.
    pub(super) fn reference(&self) -> Option<BaselineRef> {
        let source = match self.choice {
            BaselineChoice::None => return None,
            BaselineChoice::Store(baseline) => baseline.source.clone(),
            BaselineChoice::SideBySide(beside) => format!("{}, loaded side by side", beside.target),
        };
        let times = || self.jobs.iter().flatten().map(|run| run.started_at);
        Some(BaselineRef {
            source,
            runs: self.jobs.len() as u64,
            left_out: self.left_out.clone(),
            newest: times().max(),
            oldest: times().min(),
        })
    }

    /// The runs themselves, by job, newest first.
    pub(super) fn jobs(&self) -> &[Vec<&'a Run>] {
        &self.jobs
    }

    /// The same subject's figures in every run, by job.
    pub(super) fn figures(&self, subject: Subject<'_>, scope: Scope<'_>) -> Vec<Vec<(Timestamp, Figures)>> {
        let of_run = |run: &&Run| Some((run.started_at, Figures::of(run, subject, scope)?));
        self.jobs.iter().map(|job| job.iter().filter_map(of_run).collect()).collect()
    }
}

/// One estimate for each job, newest first, where its runs have enough samples; several runs of one job count as their median.
pub(super) fn history_estimates(metric: Metric, jobs: &[Vec<(Timestamp, Figures)>]) -> Vec<Option<Estimate>> {
    let of_run = |(_, figures): &(Timestamp, Figures)| {
        shortage(metric, figures, metric.measure(figures)).is_none().then(|| metric.estimate(figures)).flatten()
    };
    let of_job = |job: &Vec<(Timestamp, Figures)>| {
        let runs: Vec<Estimate> = job.iter().filter_map(of_run).collect();
        let of = |side: fn(&Estimate) -> f64| median(runs.iter().map(side).collect());
        Some(Estimate { log: of(|run| run.log)?, low: of(|run| run.low)?, up: of(|run| run.up)? })
    };
    jobs.iter().map(of_job).collect()
}

/// The metric's value in the baseline; only runs with enough samples count. `None` where none has.
pub(super) fn baseline_value(metric: Metric, jobs: &[Vec<(Timestamp, Figures)>]) -> Option<BaselineValue> {
    let mut times: Vec<Timestamp> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    for job in jobs {
        let mut of_job = Vec::new();
        for (started_at, figures) in job {
            let measurement = metric.measure(figures);
            let Some(value) = measurement.value.filter(|_| shortage(metric, figures, measurement).is_none()) else { continue };
            of_job.push(value);
            times.push(*started_at);
        }
        values.extend(median(of_job));
    }
    let runs = values.len() as u64;
    let (newest, oldest) = (times.iter().max().copied()?, times.iter().min().copied()?);
    median(values).map(|value| BaselineValue { value, runs, newest, oldest })
}

fn why_left_out(run: &Run, settings: &GateSettings, candidate: &BaselineRun) -> Option<String> {
    let BaselineRun { id, pinned, run: theirs } = candidate;
    if let Some(why) = incomparable(run, theirs) {
        return Some(why.text());
    }
    if !theirs.complete {
        return Some("not complete".into());
    }
    if theirs.started_at == run.started_at && theirs.environment.job == run.environment.job {
        return Some("this run itself".into());
    }
    if theirs.started_at.duration_since(run.started_at) > CLOCKS_DIFFER {
        return Some("dated in the future".into());
    }
    if let Some(name) = settings.pinned.as_ref().filter(|&name| !(*pinned && name == id)) {
        return Some(format!("not the pinned run `{name}`"));
    }
    let too_old = |limit: &std::time::Duration| run.started_at.duration_since(theirs.started_at).unsigned_abs() > *limit;
    let is_older = theirs.started_at < run.started_at;
    settings.max_age.filter(|limit| !pinned && is_older && too_old(limit)).map(|_| "older than `max_age` allows".to_owned())
}

/// Groups runs by their CI job, in the order of each job's first; a run without a job stands for itself.
fn by_job(runs: Vec<&Run>) -> Vec<Vec<&Run>> {
    let mut jobs: Vec<Vec<&Run>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        let Some(job) = run.environment.job.as_deref() else {
            jobs.push(vec![run]);
            continue;
        };
        let at = *known.entry(job).or_insert(jobs.len());
        match jobs.get_mut(at) {
            Some(same) => same.push(run),
            None => jobs.push(vec![run]),
        }
    }
    jobs
}

fn standing(run_count: usize, incomparable_count: usize, settings: &GateSettings) -> Standing {
    if run_count >= RUNS_NEEDED {
        return Standing::Ready;
    }
    let progress = format!("comparison starts after {RUNS_NEEDED} baseline runs; {run_count} of {RUNS_NEEDED} so far");
    if incomparable_count > 0 {
        let runs = if incomparable_count == 1 { "1 run was".to_owned() } else { format!("{incomparable_count} runs were") };
        let text = format!("{progress}; {runs} made with another version of the scenario or elsewhere");
        return Standing::TooFew { code: "other_baseline", text, policy: settings.other };
    }
    Standing::TooFew { code: "no_baseline", text: progress, policy: settings.missing }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}
