//! Which runs of a baseline a run is compared with, and whether they are enough; and the value that a metric had in
//! them: the median over runs of each run's own value, the runs of one CI job counting as one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::enough_data::shortage;
use super::metric::share;
use super::scope::{change_of, gist_of};
use super::suspicion::Habit;
use super::{BaselinePolicy, BaselineRef, BaselineValue, Figures, GateSettings, Measurement, Metric, Scope, Subject};
use crate::run::{Digest, DigestedRun, Digests, Gist, Likeness, PhaseSeries, Quantity, Round, Run, StoredRound};
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
    Store(&'a Digests),
    /// The same, for one load before rounds side by side: it may only pass, or leave it to them.
    Screen(&'a Digests),
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
    /// Rounds of one build against itself, kept from before.
    pub against_itself: &'a [StoredRound],
    /// Runs that a store held, which tell how fast it usually is.
    pub history: Option<&'a Digests>,
}

/// The runs to compare with, by job, newest first.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    choice: BaselineChoice<'a>,
    jobs: Vec<Vec<&'a Digest>>,
    /// The loads of the other deployment, which are not kept anywhere.
    beside: Vec<&'a Run>,
    /// Rounds of one build against itself, newest first.
    against_itself: Vec<&'a Round>,
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
        let none = Self {
            choice,
            jobs: Vec::new(),
            beside: Vec::new(),
            against_itself: Vec::new(),
            left_out: Vec::new(),
            standing: Standing::Ready,
        };
        let own = Own { started_at: run.started_at, job: run.environment.job.as_deref(), likeness: &Likeness::of(run) };
        let digests = match choice {
            BaselineChoice::SideBySide(beside) => {
                let (against_itself, left_out) = own.rounds(settings, beside);
                let loads = judged.iter().filter_map(|&index| beside.loads.get(index)).collect();
                return Self { beside: loads, against_itself, left_out, ..none };
            }
            BaselineChoice::None => {
                let text = "nothing was compared: the baseline is switched off (`--baseline none`)".into();
                return Self { standing: Standing::TooFew { code: "no_baseline", text, policy: settings.missing }, ..none };
            }
            BaselineChoice::Store(digests) | BaselineChoice::Screen(digests) => digests,
        };
        let Chosen { jobs, left_out, incomparable_count } = own.choose(settings, digests);
        let standing = standing(jobs.len(), incomparable_count, settings);
        Self { jobs, left_out, standing, ..none }
    }

    /// How many runs there are, those of one job counting as one.
    pub(super) fn run_count(&self) -> usize {
        self.jobs.len() + self.beside.len()
    }

    /// How many runs a value needs to be compared with.
    pub(super) fn runs_needed(&self) -> usize {
        if self.beside().is_some() { 1 } else { RUNS_NEEDED }
    }

    /// The other deployment, where two are compared side by side.
    pub(super) fn beside(&self) -> Option<Beside<'a>> {
        match self.choice {
            BaselineChoice::SideBySide(beside) => Some(beside),
            BaselineChoice::None | BaselineChoice::Store(_) | BaselineChoice::Screen(_) => None,
        }
    }

    /// The loads of the other deployment, and what a store knows of such runs, by job, newest first.
    pub(super) fn other_side(&self, settings: &GateSettings) -> Option<(&[&'a Run], Vec<Vec<&'a Digest>>)> {
        let (history, first) = (self.beside()?.history?, self.beside.first()?);
        let own = Own { started_at: first.started_at, job: first.environment.job.as_deref(), likeness: &Likeness::of(first) };
        Some((&self.beside, own.choose(settings, history).jobs))
    }

    /// Whether rounds side by side will decide what this load does not.
    pub(super) fn is_screen(&self) -> bool {
        matches!(self.choice, BaselineChoice::Screen(_))
    }

    /// What a quantity came to in rounds of one build against itself.
    pub(super) fn against_itself(&self, subject: Subject<'_>, scope: Scope<'_>, quantity: Quantity) -> Vec<Estimate> {
        self.against_itself.iter().filter_map(|round| change_of(round, subject, scope, quantity)).collect()
    }

    /// As the verdict tells it.
    pub(super) fn reference(&self) -> Option<BaselineRef> {
        let source = match self.choice {
            BaselineChoice::None => return None,
            BaselineChoice::Store(baseline) | BaselineChoice::Screen(baseline) => baseline.source.clone(),
            BaselineChoice::SideBySide(beside) => {
                let known = match self.against_itself.len() {
                    0 => String::new(),
                    1 => ", as noisy as 1 round of a build against itself".to_owned(),
                    count => format!(", as noisy as {count} rounds of a build against itself"),
                };
                format!("{}, loaded side by side{known}", beside.target)
            }
        };
        let of_jobs = self.jobs.iter().flatten().map(|digest| digest.started_at);
        let times: Vec<Timestamp> = of_jobs.chain(self.beside.iter().map(|run| run.started_at)).collect();
        Some(BaselineRef {
            source,
            runs: self.run_count() as u64,
            left_out: self.left_out.clone(),
            newest: times.iter().max().copied(),
            oldest: times.iter().min().copied(),
        })
    }

    /// What a subject did over all judged phases, once for each job, newest first.
    pub(super) fn habits(&self, subject: Subject<'_>) -> Vec<Habit> {
        let of_digest = |digest: &&Digest| gist_of(digest, subject, Scope::Pooled { named: &[] }).map(Habit::of_gist);
        let of_jobs = self.jobs.iter().filter_map(|job| job.iter().find_map(of_digest));
        of_jobs.chain(self.beside.iter().filter_map(|run| Habit::of(run, subject))).collect()
    }

    /// What the same subject did in every run, by job.
    pub(super) fn before(&self, subject: Subject<'_>, scope: Scope<'_>) -> Jobs<'a> {
        let kept = |digest: &&'a Digest| Some((digest.started_at, Before::Kept(gist_of(digest, subject, scope)?)));
        let beside = |run: &&Run| Some((run.started_at, Before::Beside(Box::new(Figures::of(run, subject, scope)?))));
        let of_jobs = self.jobs.iter().map(|job| job.iter().filter_map(kept).collect());
        of_jobs.chain(self.beside.iter().map(|run| beside(run).into_iter().collect())).collect()
    }
}

/// What a subject did in each run before, by job, newest first.
pub(super) type Jobs<'a> = Vec<Vec<(Timestamp, Before<'a>)>>;

/// What a subject did in one run before.
#[derive(Debug)]
pub(super) enum Before<'a> {
    /// As its digest tells.
    Kept(&'a Gist),
    /// In a load at the same time.
    Beside(Box<Figures>),
}

impl Before<'_> {
    pub(super) fn counts(&self) -> &PhaseSeries {
        match self {
            Self::Kept(gist) => &gist.counts,
            Self::Beside(figures) => &figures.summary.counts,
        }
    }

    /// A value, and its logarithm where it has one. What a digest does not hold has no value.
    fn measured(&self, metric: Metric) -> (Measurement, Option<Estimate>) {
        match (metric, metric.quantity(), self) {
            (Metric::Failures(kind), ..) => (share(kind.count(self.counts()), self.counts()), None),
            (_, Some(quantity), Self::Kept(gist)) => match gist.gauges.get(&quantity) {
                Some(gauge) => (gauge.measurement, gauge.estimate),
                None => (Measurement { value: None, samples: 0 }, None),
            },
            (.., Self::Beside(figures)) => (metric.measure(figures), metric.estimate(figures)),
            (_, None, Self::Kept(_)) => (Measurement { value: None, samples: 0 }, None),
        }
    }

    /// As above, where it rests on enough samples.
    fn sound(&self, metric: Metric) -> Option<(f64, Option<Estimate>)> {
        let (measurement, estimate) = self.measured(metric);
        let value = measurement.value.filter(|_| shortage(metric, self.counts(), measurement).is_none())?;
        Some((value, estimate))
    }
}

/// One estimate for each job, newest first, where its runs have enough samples; several runs of one job count as their median.
pub(super) fn history_estimates(metric: Metric, jobs: &Jobs<'_>) -> Vec<Option<Estimate>> {
    let of_job = |job: &Vec<(Timestamp, Before<'_>)>| {
        let runs: Vec<Estimate> = job.iter().filter_map(|(_, before)| before.sound(metric)?.1).collect();
        let of = |side: fn(&Estimate) -> f64| median(runs.iter().map(side).collect());
        Some(Estimate { log: of(|run| run.log)?, low: of(|run| run.low)?, up: of(|run| run.up)? })
    };
    jobs.iter().map(of_job).collect()
}

/// The metric's value in the baseline; only runs with enough samples count. `None` where none has.
pub(super) fn baseline_value(metric: Metric, jobs: &[Vec<(Timestamp, Before<'_>)>]) -> Option<BaselineValue> {
    let mut times: Vec<Timestamp> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    for job in jobs {
        let of_run = |(started_at, before): &(Timestamp, Before<'_>)| Some((*started_at, before.sound(metric)?.0));
        let (of_job, at): (Vec<f64>, Vec<Timestamp>) = job.iter().filter_map(of_run).map(|(at, value)| (value, at)).unzip();
        times.extend(at);
        values.extend(median(of_job));
    }
    let runs = values.len() as u64;
    let (newest, oldest) = (times.iter().max().copied()?, times.iter().min().copied()?);
    median(values).map(|value| BaselineValue { value, runs, newest, oldest })
}

/// Of the run that is judged, what decides which runs it may be compared with.
#[derive(Debug, Clone, Copy)]
struct Own<'a> {
    started_at: Timestamp,
    job: Option<&'a str>,
    likeness: &'a Likeness,
}

/// What was chosen of a store.
struct Chosen<'a> {
    jobs: Vec<Vec<&'a Digest>>,
    left_out: Vec<String>,
    incomparable_count: usize,
}

impl Own<'_> {
    fn choose<'d>(&self, settings: &GateSettings, digests: &'d Digests) -> Chosen<'d> {
        let mut candidates: Vec<&DigestedRun> = digests.runs.iter().collect();
        candidates.sort_by(|one, other| other.digest.started_at.cmp(&one.digest.started_at).then_with(|| one.id.cmp(&other.id)));
        let (mut kept, mut left_out, mut incomparable_count) = (Vec::new(), Vec::new(), 0);
        for candidate in candidates {
            match self.why_left_out(settings, candidate) {
                None => kept.push(&candidate.digest),
                Some(why) => left_out.push(format!("{}: {why}", candidate.id)),
            }
            incomparable_count += usize::from(self.likeness.difference(&candidate.digest.likeness).is_some());
        }
        let mut jobs = by_job(kept);
        jobs.truncate(settings.runs);
        Chosen { jobs, left_out, incomparable_count }
    }

    /// The newest rounds of one build against itself that tell of rounds like these, and why others do not.
    fn rounds<'d>(&self, settings: &GateSettings, beside: Beside<'d>) -> (Vec<&'d Round>, Vec<String>) {
        let mut candidates: Vec<&StoredRound> = beside.against_itself.iter().collect();
        candidates.sort_by(|one, other| (other.round.started_at, &one.id).cmp(&(one.round.started_at, &other.id)));
        let (mut kept, mut left_out) = (Vec::new(), Vec::new());
        for StoredRound { id, round } in candidates {
            match self.why_not_of_a_kind(settings, beside.restarts, round) {
                None => kept.push(round),
                Some(why) => left_out.push(format!("{id}: {why}")),
            }
        }
        kept.truncate(settings.runs);
        (kept, left_out)
    }

    fn why_not_of_a_kind(&self, settings: &GateSettings, restarts: Restarts, round: &Round) -> Option<String> {
        if let Some(why) = self.likeness.difference(&round.likeness) {
            return Some(why.text());
        }
        // What one instance has by chance is in rounds that start both sides anew, and would be missing from their noise.
        if restarts == Restarts::BeforeEachRound && round.restarts == Restarts::None {
            return Some("both sides were not started anew for it".into());
        }
        self.why_not_of_this_time(settings, round.started_at)
    }

    fn why_not_of_this_time(&self, settings: &GateSettings, started_at: Timestamp) -> Option<String> {
        if started_at.duration_since(self.started_at) > CLOCKS_DIFFER {
            return Some("dated in the future".into());
        }
        let too_old = |limit: &std::time::Duration| self.started_at.duration_since(started_at).unsigned_abs() > *limit;
        let is_older = started_at < self.started_at;
        settings.max_age.filter(|limit| is_older && too_old(limit)).map(|_| "older than `max_age` allows".to_owned())
    }

    fn why_left_out(&self, settings: &GateSettings, candidate: &DigestedRun) -> Option<String> {
        let DigestedRun { id, pinned, digest: theirs } = candidate;
        if let Some(why) = self.likeness.difference(&theirs.likeness) {
            return Some(why.text());
        }
        if !theirs.complete {
            return Some("not complete".into());
        }
        if theirs.started_at == self.started_at && theirs.job.as_deref() == self.job {
            return Some("this run itself".into());
        }
        if theirs.started_at.duration_since(self.started_at) > CLOCKS_DIFFER {
            return Some("dated in the future".into());
        }
        if let Some(name) = settings.pinned.as_ref().filter(|&name| !(*pinned && name == id)) {
            return Some(format!("not the pinned run `{name}`"));
        }
        let too_old = |limit: &std::time::Duration| self.started_at.duration_since(theirs.started_at).unsigned_abs() > *limit;
        let is_older = theirs.started_at < self.started_at;
        settings.max_age.filter(|limit| !pinned && is_older && too_old(limit)).map(|_| "older than `max_age` allows".to_owned())
    }
}

/// Whether a load of this likeness, begun at `at`, would find enough runs to be compared with.
#[must_use]
pub fn has_history(settings: &GateSettings, digests: &Digests, likeness: &Likeness, at: Timestamp) -> bool {
    Own { started_at: at, job: None, likeness }.choose(settings, digests).jobs.len() >= RUNS_NEEDED
}

/// Groups runs by their CI job, in the order of each job's first; a run without a job stands for itself.
fn by_job(runs: Vec<&Digest>) -> Vec<Vec<&Digest>> {
    let mut jobs: Vec<Vec<&Digest>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for run in runs {
        let Some(job) = run.job.as_deref() else {
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
