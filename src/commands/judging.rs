//! Thresholds and baseline of one judgement, opened before anything is measured; and how a verdict is shown.

use std::path::{Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use crate::baseline::{self, BaselineError, Source};
use crate::cli::{JudgingArgs, StdoutFormat};
use crate::exit::ExitCode;
use crate::gate::{BaselineChoice, Beside, Judgement, Release, Thresholds, Verdict, judge_release};
use crate::report::{Format, Subject, render};
use crate::run::{Baseline, EndpointRole, Run};
use crate::scenario::Scenario;

/// What a run is judged by and compared with.
pub struct Judging {
    thresholds: Thresholds,
    /// `None` for `--baseline none`.
    baseline: Option<Baseline>,
}

impl Judging {
    /// For a scenario that is going to be run: the thresholds must fit it.
    pub fn for_scenario(args: &JudgingArgs, scenario: &Scenario) -> Result<Self, CommandError> {
        let endpoints: Vec<(&str, EndpointRole)> =
            scenario.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = scenario.load.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        Self::open(args, &scenario.name, &endpoints, &phases)
    }

    /// For loads that are compared with each other.
    pub fn without_baseline(thresholds: Option<&Path>, scenario: &Scenario) -> Result<Self, CommandError> {
        let (thresholds, baseline) = (thresholds.map(Path::to_owned), vec!["none".to_owned()]);
        Self::for_scenario(&JudgingArgs { thresholds, baseline, soft: false, format: StdoutFormat::Auto }, scenario)
    }

    /// For a run that was made before.
    pub fn for_run(args: &JudgingArgs, run: &Run) -> Result<Self, CommandError> {
        let endpoints: Vec<(&str, EndpointRole)> = run.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<(&str, bool)> = run.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        Self::open(args, &run.scenario.name, &endpoints, &phases)
    }

    fn open(args: &JudgingArgs, name: &str, endpoints: &[(&str, EndpointRole)], phases: &[(&str, bool)]) -> Result<Self, CommandError> {
        let path = args.thresholds.clone().unwrap_or_else(|| default_thresholds(name));
        if args.thresholds.is_none() && !path.exists() {
            return Err(CommandError::NoThresholds { path });
        }
        let thresholds = Thresholds::open(&path)?;
        thresholds.check_against(name, endpoints, phases)?;
        Ok(Self { thresholds, baseline: open_baseline(&args.baseline, name)? })
    }

    /// The verdict on a run alone.
    #[must_use]
    pub fn judge(&self, run: &Run) -> Verdict {
        self.judge_loads(std::slice::from_ref(run), 1).verdict
    }

    /// The verdict on loads against these runs.
    #[must_use]
    pub fn judge_against(&self, loads: &[Run], most_loads: usize, baseline: &Baseline) -> Judgement {
        judge_release(Release { loads, most_loads }, &self.thresholds, BaselineChoice::Store(baseline))
    }

    /// The verdict on a release that was loaded beside another deployment.
    #[must_use]
    pub fn judge_beside(&self, loads: &[Run], beside: Beside<'_>, most_loads: usize) -> Judgement {
        judge_release(Release { loads, most_loads }, &self.thresholds, BaselineChoice::SideBySide(beside))
    }

    /// The verdict on a release by its loads so far, of which there may be `most_loads`.
    #[must_use]
    pub fn judge_loads(&self, loads: &[Run], most_loads: usize) -> Judgement {
        let baseline = self.baseline.as_ref().map_or(BaselineChoice::None, BaselineChoice::Store);
        judge_release(Release { loads, most_loads }, &self.thresholds, baseline)
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

/// The runs of the first source that has any; the scenario's own store without one. `None` for `none`.
pub fn open_baseline(sources: &[String], name: &str) -> Result<Option<Baseline>, CommandError> {
    let mut parsed: Vec<Source> = sources.iter().map(|text| Source::parse(text)).collect::<Result<_, _>>()?;
    if parsed.contains(&Source::None) {
        return Ok(None);
    }
    if !parsed.is_empty() && !parsed.iter().any(Source::exists) {
        return Err(BaselineError::NotFound { path: PathBuf::from(sources.join(", ")) }.into());
    }
    if parsed.is_empty() {
        parsed.push(Source::Directory(default_store(name)));
    }
    Ok(Some(baseline::load(&parsed)?))
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
    let text = render(format, subject, world.look())?;
    world.print(&text);
    Ok(())
}
