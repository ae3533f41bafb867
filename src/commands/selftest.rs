//! `perfgate selftest`: the same target against itself, to learn what this staging's noise is and how often the gate would
//! be wrong; then the target made worse by a proxy, to see the gate go red.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::context::{World, exit_of_signal};
use super::error::CommandError;
use super::judging::Judging;
use super::measure::{find_target, load, open_scenario};
use super::results::Results;
use super::surroundings::Surroundings;
use crate::cli::SelftestArgs;
use crate::exit::ExitCode;
use crate::gate::{FindingOutcome, Outcome, Rule, Verdict};
use crate::load::{Abort, Endpoints};
use crate::report::{finding_sentence, listing};
use crate::run::{Baseline, BaselineRun, Run};
use crate::scenario::Scenario;
use crate::selftest::{Disturbance, Proxy};
use crate::stats::wilson;
use crate::units::{format_duration, format_share};

/// As in a check, a second load confirms the first.
const MOST_LOADS: usize = 2;

/// Of each load that is judged: itself, and the one that confirms it.
const NOT_COMPARED: usize = 2;
/// One-sided, 95 %.
const SURE: f64 = 1.645;

/// What every load of the test needs.
struct Bench<'a> {
    args: &'a SelftestArgs,
    scenario: Arc<Scenario>,
    endpoints: Endpoints,
    judging: Judging,
    abort: Abort,
}

pub fn selftest(world: &mut World, args: &SelftestArgs) -> Result<ExitCode, CommandError> {
    Surroundings::look(world)?.refuse_foreign_code(world)?;
    let scenario = open_scenario(world, &args.scenario, &args.load)?;
    let judging = Judging::without_baseline(args.thresholds.as_deref(), &scenario)?;
    let abort = world.abort_on_signals();
    let endpoints = find_target(&scenario, &args.load, &abort)?;
    let bench = Bench { args, scenario, endpoints, judging, abort };
    world.note(&how_long(&bench));
    let mut same = Vec::new();
    for number in 1..=args.aa {
        world.note(&format!("the target as it is, {number} of {}", args.aa));
        same.push(bench.load(world, &format!("same-{number}"), bench.endpoints.clone())?);
    }
    let alike = same_against_itself(&bench, &same);
    let mut disturbed = Vec::new();
    for disturbance in Disturbance::ALL {
        world.note(&format!("the target made worse: {}", disturbance.text()));
        disturbed.push((disturbance, bench.disturbed(world, disturbance, &same)?));
    }
    world.print(&told(&alike, &disturbed));
    let is_right = alike.iter().all(|verdict| verdict.outcome != Outcome::Fail)
        && disturbed.iter().all(|(_, verdict)| verdict.outcome == Outcome::Fail);
    Ok(if is_right { ExitCode::Pass } else { ExitCode::NoVerdict })
}

/// `9 to 12 loads of 1m10s: 10m30s to 14m in all`
fn how_long(bench: &Bench<'_>) -> String {
    let each = bench.scenario.load.duration();
    let worse = u32::try_from(Disturbance::ALL.len()).unwrap_or(u32::MAX);
    let (fewest, most) = (bench.args.aa + worse, bench.args.aa + worse * u32::try_from(MOST_LOADS).unwrap_or(u32::MAX));
    let in_all = |loads: u32| format_duration(Duration::saturating_mul(each, loads));
    format!("{fewest} to {most} loads of {}: {} to {} in all", format_duration(each), in_all(fewest), in_all(most))
}

impl Bench<'_> {
    fn load(&self, world: &mut World, name: &str, endpoints: Endpoints) -> Result<Run, CommandError> {
        let results = Results::prepare(&self.args.out.join(name))?;
        results.clear()?;
        let run = load(world, &self.scenario, endpoints, &self.args.load, &results, &self.abort)?;
        results.write_run(&run)?;
        match &run.aborted_by {
            Some(reason) => {
                Err(CommandError::Aborted { reason: reason.clone(), code: exit_of_signal(reason).unwrap_or(ExitCode::NoVerdict) })
            }
            None => Ok(run),
        }
    }

    /// The verdict on the target made worse, against the target as it is.
    fn disturbed(&self, world: &mut World, disturbance: Disturbance, same: &[Run]) -> Result<Verdict, CommandError> {
        let proxy = Proxy::start(self.endpoints.addresses.clone(), disturbance).map_err(|source| CommandError::Demo { port: 0, source })?;
        let baseline = baseline_of(same.iter().collect());
        let mut loads = Vec::new();
        loop {
            let name = format!("{}-{}", format!("{disturbance:?}").to_lowercase(), loads.len() + 1);
            let endpoints = Endpoints { addresses: vec![proxy.address], ..self.endpoints.clone() };
            loads.push(self.load(world, &name, endpoints)?);
            let judgement = self.judging.judge_against(&loads, MOST_LOADS, &baseline);
            if judgement.again.is_none() {
                return Ok(judgement.verdict);
            }
        }
    }
}

/// Each load judged against all others but the next, which confirms it where it must be confirmed.
fn same_against_itself(bench: &Bench<'_>, same: &[Run]) -> Vec<Verdict> {
    let judged = |index: usize| {
        let next = (index + 1) % same.len();
        let others = same.iter().enumerate().filter(|&(other, _)| other != index && other != next).map(|(_, run)| run);
        let baseline = baseline_of(others.collect());
        let first = bench.judging.judge_against(&same[index..=index], MOST_LOADS, &baseline);
        if first.again.is_none() {
            return first.verdict;
        }
        bench.judging.judge_against(&[same[index].clone(), same[next].clone()], MOST_LOADS, &baseline).verdict
    };
    (0..same.len()).map(judged).collect()
}

fn baseline_of(runs: Vec<&Run>) -> Baseline {
    let named = |(number, run): (usize, &Run)| {
        let mut run = run.clone();
        // The runs of one job would count as one.
        run.environment.job = None;
        BaselineRun { id: format!("same-{}", number + 1), pinned: false, run }
    };
    Baseline { source: "the target as it is".into(), runs: runs.into_iter().enumerate().map(named).collect(), rounds: Vec::new() }
}

fn told(alike: &[Verdict], disturbed: &[(Disturbance, Verdict)]) -> String {
    let count = |outcome: Outcome| alike.iter().filter(|verdict| verdict.outcome == outcome).count();
    let mut text = format!(
        "the target against itself, {} times: {} failed, {} without verdict\n{}\n",
        alike.len(),
        count(Outcome::Fail),
        count(Outcome::Inconclusive),
        false_alarms(count(Outcome::Fail), alike.len())
    );
    let wrong = alike.iter().enumerate().filter_map(|(index, verdict)| Some((index, decisive(verdict)?)));
    for (index, sentence) in wrong {
        let _ = writeln!(text, "  load {}: {sentence}", index + 1);
    }
    text.push('\n');
    let rows = noise_rows(alike);
    if rows.is_empty() {
        text.push_str("no `rise` or `fall` rule was judged: add one, or more loads with --aa\n");
    } else {
        text.push_str(&listing(&["endpoint", "metric", "noise between runs", "smallest change that is found"], &rows));
        let _ = writeln!(
            text,
            "\nfound with 99 % probability, by up to {MOST_LOADS} loads against {} runs; more runs, a longer `hold` and --against find smaller ones",
            alike.len().saturating_sub(NOT_COMPARED)
        );
    }
    let rows: Vec<Vec<String>> = disturbed
        .iter()
        .map(|(disturbance, verdict)| {
            let failed = verdict.findings.iter().filter(|finding| finding.outcome == FindingOutcome::Fail).count();
            let gate = if verdict.outcome == Outcome::Fail { "red, as it must be" } else { "NOT red" };
            vec![disturbance.text().to_owned(), gate.to_owned(), failed.to_string(), decisive(verdict).unwrap_or_default()]
        })
        .collect();
    text.push('\n');
    text.push_str(&listing(&["the target made worse", "the gate is", "failed checks", "the worst of them, or what is not sure"], &rows));
    if disturbed.iter().any(|(_, verdict)| verdict.outcome != Outcome::Fail) {
        text.push_str(
            "\nwhat is not red would be missed: tighten its limits, add a `rise`, load longer, or compare side by side with --against\n",
        );
    }
    text
}

/// What so few loads prove of the gate's false alarms.
#[expect(clippy::cast_precision_loss, reason = "loads are few")]
fn false_alarms(failed: usize, of: usize) -> String {
    let most = wilson(failed as f64, of as f64, SURE).high;
    format!("so few prove little: a gate that fails {} of the unchanged releases could still look like this", format_share(most))
}

/// The finding that made a verdict what it is, where it is no pass.
fn decisive(verdict: &Verdict) -> Option<String> {
    let of = |outcome| verdict.findings.iter().find(|finding| finding.outcome == outcome);
    of(FindingOutcome::Fail).or_else(|| of(FindingOutcome::Inconclusive)).map(finding_sentence)
}

/// For each relative check the largest noise and the largest change that could have hidden, over all loads.
fn noise_rows(alike: &[Verdict]) -> Vec<Vec<String>> {
    let mut worst: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    let relative = alike.iter().flat_map(|verdict| &verdict.findings).filter(|finding| matches!(finding.rule, Rule::Rise | Rule::Fall));
    for finding in relative {
        let Some(change) = finding.change else { continue };
        let known = worst.entry((finding.endpoint.clone(), finding.metric.clone())).or_default();
        *known = (known.0.max(change.noise.unwrap_or_default()), known.1.max(change.visible.unwrap_or_default()));
    }
    let row = |((endpoint, metric), (noise, visible)): ((String, String), (f64, f64))| {
        let unit = if metric.starts_with("failures") { "points" } else { "%" };
        let shown = |value: f64| if value > 0.0 { format!("{value:.1} {unit}") } else { "-".to_owned() };
        vec![endpoint, metric, shown(noise), shown(visible)]
    };
    worst.into_iter().map(row).collect()
}
