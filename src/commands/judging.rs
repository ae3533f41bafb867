//! Thresholds and baseline of one judgement, opened before anything is measured; and how a verdict is shown.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::context::World;
use super::error::CommandError;
use super::review;
use super::surroundings::{Surroundings, path_in_repository};
use crate::baseline::{self, BaselineError, Reach, Source};
use crate::ci::System;
use crate::cli::{JudgingArgs, StdoutFormat};
use crate::document::Place;
use crate::exit::ExitCode;
use crate::files::may_exist;
use crate::gate::{
    Alteration, BaselineChoice, Beside, Direction, Finding, Judgement, Reason, Release, Subject as Whose, ThresholdChange, Thresholds,
    Verdict, compare, has_history, judge_release,
};
use crate::report::{Format, Subject, headline, render};
use crate::run::{Ask, Baseline, Digests, EndpointRole, Likeness, Run, StoredRound};
use crate::scenario::Scenario;

/// How many loosened limits are told one by one.
const TOLD: usize = 20;
/// How many changes of limits a verdict lists.
const MOST_CHANGES: usize = 500;

/// What a run is judged by and compared with.
pub struct Judging {
    thresholds: Thresholds,
    /// Below the repository's root, for remarks.
    file: String,
    /// What is compared with; `None` for `--baseline none`.
    digests: Option<Digests>,
    /// The runs themselves, where reports will show them.
    baseline: Option<Baseline>,
    /// What the pull request changes in the thresholds.
    alterations: Vec<Alteration>,
}

/// Whose thresholds count in a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdsFrom {
    Here,
    /// `--thresholds-from-base`
    Base,
}

/// What is read of a baseline's runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All of them, for reports.
    Whole,
    /// What a judgement needs.
    Digests,
}

impl Judging {
    /// For a scenario that is going to be run: the thresholds must fit it.
    pub fn for_scenario(
        world: &mut World,
        args: &JudgingArgs,
        scenario: &Scenario,
        around: &Surroundings,
        from: ThresholdsFrom,
    ) -> Result<Self, CommandError> {
        let endpoints: Vec<(&str, EndpointRole)> =
            scenario.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = scenario.load.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        let (thresholds, path) = open_thresholds(args.thresholds.as_deref(), &scenario.name)?;
        let base = review::of_base(world, around, &path);
        let (thresholds, alterations) = match (from, base) {
            (ThresholdsFrom::Here, Some(base)) => (thresholds.clone(), compare(&base, &thresholds)),
            (ThresholdsFrom::Here, None) => (thresholds, Vec::new()),
            (ThresholdsFrom::Base, Some(base)) => (base, Vec::new()),
            (ThresholdsFrom::Base, None) => return Err(CommandError::NoBaseThresholds { path }),
        };
        thresholds.check_against(&scenario.name, &endpoints, &phases)?;
        let file = path_in_repository(world, &path).unwrap_or_else(|| path.display().to_string());
        let baseline = open_baseline(world, &args.baseline, &scenario.store_name(), around)?;
        let digests = baseline.as_ref().map(|baseline| baseline.digests(&thresholds.ask()));
        Ok(Self { thresholds, file, digests, baseline, alterations })
    }

    /// For loads that are compared with each other.
    pub fn without_baseline(thresholds: Option<&Path>, scenario: &Scenario) -> Result<Self, CommandError> {
        let endpoints: Vec<(&str, EndpointRole)> =
            scenario.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = scenario.load.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        let (thresholds, path) = open_thresholds(thresholds, &scenario.name)?;
        thresholds.check_against(&scenario.name, &endpoints, &phases)?;
        Ok(Self { thresholds, file: path.display().to_string(), digests: None, baseline: None, alterations: Vec::new() })
    }

    /// For a run that was made before.
    pub fn for_run(
        world: &mut World,
        args: &JudgingArgs,
        run: &Run,
        around: &Surroundings,
        reading: Reading,
    ) -> Result<Self, CommandError> {
        let endpoints: Vec<(&str, EndpointRole)> = run.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = run.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        let (thresholds, path) = open_thresholds(args.thresholds.as_deref(), &run.scenario.name)?;
        thresholds.check_against(&run.scenario.name, &endpoints, &phases)?;
        let ask = thresholds.ask();
        let (digests, baseline) = match reading {
            Reading::Whole => {
                let baseline = open_baseline(world, &args.baseline, &run.scenario.store_name(), around)?;
                (baseline.as_ref().map(|baseline| baseline.digests(&ask)), baseline)
            }
            Reading::Digests => (open_digests(world, &args.baseline, run, &ask, around)?, None),
        };
        Ok(Self { thresholds, file: path.display().to_string(), digests, baseline, alterations: Vec::new() })
    }

    /// The runs to compare with, if anything is compared.
    #[must_use]
    pub fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// The verdict on a run alone.
    #[must_use]
    pub fn judge(&self, run: &Run) -> Verdict {
        self.judge_loads(std::slice::from_ref(run), 1).verdict
    }

    /// The verdict on loads against these runs.
    #[must_use]
    pub fn judge_against(&self, loads: &[Run], most_loads: usize, baseline: &Baseline) -> Judgement {
        let digests = baseline.digests(&self.thresholds.ask());
        judge_release(Release { loads, most_loads }, &self.thresholds, BaselineChoice::Store(&digests))
    }

    /// Whether a load of this likeness would find enough stored runs to be compared with.
    #[must_use]
    pub fn has_history(&self, likeness: &Likeness, at: Timestamp) -> bool {
        self.digests.as_ref().is_some_and(|digests| has_history(self.thresholds.gate(), digests, likeness, at))
    }

    /// Rounds of one build against itself that were kept.
    #[must_use]
    pub fn rounds(&self) -> &[StoredRound] {
        self.digests.as_ref().map_or(&[], |digests| &digests.rounds)
    }

    /// What stored runs came to.
    #[must_use]
    pub fn history(&self) -> Option<&Digests> {
        self.digests.as_ref()
    }

    /// The verdict on one load before rounds side by side, which may only pass, or leave it to them.
    #[must_use]
    pub fn screen(&self, run: &Run, most_loads: usize) -> Judgement {
        let baseline = self.digests.as_ref().map_or(BaselineChoice::None, BaselineChoice::Screen);
        self.with_review(judge_release(Release { loads: std::slice::from_ref(run), most_loads }, &self.thresholds, baseline))
    }

    /// The verdict on a release that was loaded beside another deployment.
    #[must_use]
    pub fn judge_beside(&self, loads: &[Run], beside: Beside<'_>, most_loads: usize) -> Judgement {
        let judgement = judge_release(Release { loads, most_loads }, &self.thresholds, BaselineChoice::SideBySide(beside));
        self.with_review(judgement)
    }

    /// The verdict on a release by its loads so far, of which there may be `most_loads`.
    #[must_use]
    pub fn judge_loads(&self, loads: &[Run], most_loads: usize) -> Judgement {
        let baseline = self.digests.as_ref().map_or(BaselineChoice::None, BaselineChoice::Store);
        self.with_review(judge_release(Release { loads, most_loads }, &self.thresholds, baseline))
    }

    /// With what the pull request changes in the thresholds; what it loosened is a reason.
    fn with_review(&self, mut judgement: Judgement) -> Judgement {
        let looser: Vec<&Alteration> = self.loosened().collect();
        let reason = |text: String| Reason { code: "thresholds_loosened".to_owned(), text };
        let reasons = &mut judgement.verdict.reasons;
        reasons.extend(looser.iter().take(TOLD).map(|one| reason(format!("the thresholds got looser: {}", one.text))));
        if looser.len() > TOLD {
            reasons.push(reason(format!("the thresholds got looser in {} more places", looser.len() - TOLD)));
        }
        let changes = self.alterations.iter().take(MOST_CHANGES);
        let change = |one: &Alteration| ThresholdChange { direction: one.direction, text: one.text.clone() };
        judgement.verdict.thresholds.changes = changes.map(change).collect();
        judgement
    }

    /// What got looser, or vanished.
    pub fn loosened(&self) -> impl Iterator<Item = &Alteration> {
        self.alterations.iter().filter(|alteration| alteration.direction == Direction::Looser)
    }

    /// Where the limit of a finding stands.
    pub fn place_of(&self, finding: &Finding) -> Place {
        let metric = finding.metric.parse();
        metric.map_or_else(
            |_| Place::default(),
            |metric| self.thresholds.place_of(Whose::named(&finding.endpoint), finding.phase.as_deref(), metric),
        )
    }

    /// The threshold file, below the repository's root.
    pub fn file(&self) -> &str {
        &self.file
    }
}

/// `thresholds/<scenario name>.yaml`
#[must_use]
pub fn default_thresholds(name: &str) -> PathBuf {
    Path::new("thresholds").join(format!("{name}.yaml"))
}

/// `.perfgate/baselines/<scenario name>`
#[must_use]
pub fn default_store(name: &str) -> PathBuf {
    Path::new(".perfgate/baselines").join(name)
}

fn open_thresholds(named: Option<&Path>, name: &str) -> Result<(Thresholds, PathBuf), CommandError> {
    let path = named.map_or_else(|| default_thresholds(name), Path::to_owned);
    if named.is_none() && !may_exist(&path) {
        return Err(CommandError::NoThresholds { path });
    }
    Ok((Thresholds::open(&path)?, path))
}

/// The runs of the first source that has any; the scenario's own store without one. `None` for `none`.
pub fn open_baseline(world: &mut World, sources: &[String], name: &str, around: &Surroundings) -> Result<Option<Baseline>, CommandError> {
    let Some(asked) = Asked::of(sources, name, around)? else { return Ok(None) };
    let loaded = asked.load(world, |sources| baseline::load(sources, reach(name, around)))?;
    Ok(Some(loaded.unwrap_or_else(|| Baseline { source: asked.name(), ..Baseline::default() })))
}

/// Of the same runs what a judgement of `run` needs.
fn open_digests(
    world: &mut World,
    sources: &[String],
    run: &Run,
    ask: &Ask,
    around: &Surroundings,
) -> Result<Option<Digests>, CommandError> {
    let name = &run.scenario.store_name();
    let Some(asked) = Asked::of(sources, name, around)? else { return Ok(None) };
    let loaded = asked.load(world, |sources| baseline::load_digests(sources, reach(name, around), ask, turn(run)))?;
    Ok(Some(loaded.unwrap_or_else(|| Digests { source: asked.name(), ..Digests::default() })))
}

/// Which of a store's runs is read with this one: another with each, also where all begin at whole seconds.
fn turn(run: &Run) -> u64 {
    const SCATTERED: u64 = 0x9e37_79b9_7f4a_7c15;
    run.started_at.as_millisecond().unsigned_abs().wrapping_mul(SCATTERED) >> 32
}

/// Where runs are asked for.
struct Asked {
    sources: Vec<Source>,
    /// Whether it is no error that there is none yet, since nobody named one.
    may_be_missing: bool,
}

impl Asked {
    /// What was named; else the folder, and in GitHub Actions the artifact before it: a folder may come with the change that is
    /// judged. `None` for `none`.
    fn of(named: &[String], name: &str, around: &Surroundings) -> Result<Option<Self>, CommandError> {
        let sources: Vec<Source> = named.iter().map(|text| Source::parse(text)).collect::<Result<_, _>>()?;
        if sources.contains(&Source::None) {
            return Ok(None);
        }
        if sources.is_empty() {
            let folder = Source::Directory(default_store(name));
            let is_elsewhere = around.is_in(System::Github);
            let elsewhere = is_elsewhere.then_some(Source::Github { workflow: None });
            let here = Some(folder).filter(|folder| !is_elsewhere || folder.exists());
            return Ok(Some(Self { sources: elsewhere.into_iter().chain(here).collect(), may_be_missing: is_elsewhere }));
        }
        if !sources.iter().any(Source::exists) {
            return Err(BaselineError::NotFound { path: PathBuf::from(named.join(", ")) }.into());
        }
        Ok(Some(Self { sources, may_be_missing: false }))
    }

    fn name(&self) -> String {
        self.sources.iter().map(Source::to_string).collect::<Vec<_>>().join(", ")
    }

    /// `None` where there is none yet, and need not be.
    fn load<T>(&self, world: &mut World, load: impl FnOnce(&[Source]) -> Result<T, BaselineError>) -> Result<Option<T>, CommandError> {
        match load(&self.sources) {
            Err(error) if self.may_be_missing && error.is_missing() => {
                world.note(&format!("notice: {error}"));
                Ok(None)
            }
            loaded => Ok(Some(loaded?)),
        }
    }
}

/// What it takes to reach the stores of a scenario that are elsewhere.
#[must_use]
pub fn reach<'a>(scenario: &'a str, around: &'a Surroundings) -> Reach<'a> {
    Reach { scenario, github: around.github.as_ref(), default_branch: around.default_branch() }
}

/// `--soft`: the outcome stays and is shown, only the exit code is lifted, and only those of the measurement.
pub fn soften(verdict: &mut Verdict) {
    if matches!(verdict.exit(), ExitCode::GateFailed | ExitCode::NoVerdict) {
        verdict.exit_code = ExitCode::Pass.number();
    }
}

/// Shows a verdict on standard output.
pub fn print_verdict(world: &mut World, format: StdoutFormat, subject: &Subject<'_>) -> Result<(), CommandError> {
    let format = match format {
        StdoutFormat::Terminal => Format::Terminal,
        StdoutFormat::Json => Format::Json,
        StdoutFormat::Auto if world.stdout_is_terminal => Format::Terminal,
        StdoutFormat::Auto | StdoutFormat::Plain => Format::Plain,
    };
    if let Some(feed) = &world.live {
        feed.because(subject.verdict.exit(), &world.redacted(&why(subject.verdict)));
    }
    let text = render(format, subject, world.look())?;
    world.print(&text);
    Ok(())
}

/// The headline, and the first reason where one was given.
fn why(verdict: &Verdict) -> String {
    let headline = headline(verdict);
    let headline = headline.trim_start_matches("perfgate: ");
    verdict.reasons.first().map_or_else(|| headline.to_owned(), |reason| format!("{headline}: {}", reason.text))
}
