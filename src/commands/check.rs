//! `perfgate check`: run, judge, report, publish. Everything that can be found wrong without traffic is found before the first load.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::archive::archive;
use super::context::{World, exit_of_signal};
use super::error::CommandError;
use super::judging::{Judging, ThresholdsFrom, print_verdict, soften};
use super::live;
use super::measure::{self, find_target, open_scenario};
use super::publishing::{Finished, Published, Publishing, write_outputs};
use super::reproduce::check_command;
use super::results::Results;
use super::side_by_side;
use super::surroundings::Surroundings;
use crate::cli::CheckArgs;
use crate::exit::ExitCode;
use crate::files::write_atomically;
use crate::gate::{FindingOutcome, Judgement, Outcome, Reason, Verdict};
use crate::load::{Abort, Endpoints};
use crate::publish::{Level, Remark};
use crate::report::{Context, Subject, finding_sentence, headline, summary_of_all};
use crate::run::Run;
use crate::scenario::Scenario;

/// Without another word a release is loaded at most so often.
const USUAL_LOADS: usize = 3;

/// One scenario with all that its check needs.
struct Prepared {
    scenario: Arc<Scenario>,
    /// The same on the deployment of `--against`.
    beside: Option<Arc<Scenario>>,
    judging: Judging,
    results: Results,
    reproduce: String,
}

/// What came of one scenario.
struct Concluded {
    run: Run,
    verdict: Verdict,
    reproduce: String,
    /// What is said at lines of the threshold file.
    remarks: Vec<Remark>,
    /// Whether every file of it was written.
    delivered: ExitCode,
}

pub fn check(world: &mut World, args: &CheckArgs) -> ExitCode {
    let mut told = Told { outcome: Outcome::Error, address: None };
    let code = live::watched(world, args, |world| check_and_publish(world, args, &mut told).unwrap_or_else(|error| error.tell(world)));
    let report = args.out.join("report.html");
    let outputs = [
        ("outcome", outcome_word(told.outcome).to_owned()),
        ("exit-code", code.number().to_string()),
        ("report-path", if report.exists() { report } else { args.out.clone() }.display().to_string()),
        ("summary-path", args.out.join("summary.md").display().to_string()),
        ("comment-url", told.address.unwrap_or_default()),
    ];
    write_outputs(world, &outputs);
    code
}

/// What a step that calls this learns of it.
struct Told {
    outcome: Outcome,
    /// Of the comment.
    address: Option<String>,
}

const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Warn => "warn",
        Outcome::Fail => "fail",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Error => "error",
    }
}

fn check_and_publish(world: &mut World, args: &CheckArgs, told: &mut Told) -> Result<ExitCode, CommandError> {
    let around = Surroundings::look(world)?;
    around.refuse_foreign_code(world)?;
    let publishing = Publishing::plan(world, &args.publishing, &around, args.load.commit.as_deref())?;
    let prepared = prepare_all(world, args, &around)?;
    let abort = world.abort_on_signals();
    let (concluded, code) = check_all(world, args, prepared, &abort)?;
    if let Some(worst) = worst(&concluded) {
        told.outcome = if code.worse(worst.exit()) == worst.exit() { worst.outcome } else { Outcome::Error };
    }
    world.end_at_the_first_signal();
    if let Some(reason) = abort.reason() {
        world.note(&format!("results in {}; nothing is published after {reason}", args.out.display()));
        return Ok(code.worse(exit_of_signal(&reason).unwrap_or(ExitCode::NoVerdict)));
    }
    let published = publish(world, args, &around, &publishing, &concluded, code);
    told.address = published.address;
    world.note(&format!("results in {}", args.out.display()));
    Ok(published.code.map_or(code, |lost| code.worse(lost)))
}

fn publish(
    world: &mut World,
    args: &CheckArgs,
    around: &Surroundings,
    publishing: &Publishing,
    concluded: &[Concluded],
    code: ExitCode,
) -> Published {
    let Some(worst) = worst(concluded) else { return Published::default() };
    let remarks: Vec<Remark> = concluded.iter().flat_map(|one| one.remarks.iter().cloned()).collect();
    let summary = summary_of_all(&subjects(concluded));
    let headline = headline(worst);
    let finished =
        Finished { summary: &summary, headline: &headline, outcome: worst.outcome, exit: code, remarks: &remarks, folder: &args.out };
    publishing.publish(world, around, &finished)
}

fn worst(concluded: &[Concluded]) -> Option<&Verdict> {
    let worse = |one: &&Verdict, other: &&Verdict| one.exit().worse(other.exit()) == one.exit();
    concluded.iter().map(|one| &one.verdict).reduce(|one, other| if worse(&one, &other) { one } else { other })
}

fn check_all(
    world: &mut World,
    args: &CheckArgs,
    prepared: Vec<Prepared>,
    abort: &Abort,
) -> Result<(Vec<Concluded>, ExitCode), CommandError> {
    let several = prepared.len() > 1;
    let _around = clear_all(&prepared, &args.out)?;
    let mut code = ExitCode::Pass;
    let mut concluded = Vec::new();
    for one in prepared {
        if let Some(reason) = abort.reason() {
            world.note(&format!("{} was not reached: {reason}", one.scenario.name));
            code = code.worse(exit_of_signal(&reason).unwrap_or(ExitCode::NoVerdict));
            continue;
        }
        match conclude(world, one, args, abort) {
            Ok(one) => {
                code = code.worse(one.verdict.exit()).worse(one.delivered);
                concluded.push(one);
            }
            // The others are still judged: what they find must not be hidden by this one.
            Err(error) => code = code.worse(error.tell(world)),
        }
    }
    if several {
        code = code.worse(told(world, write_summary_of_all(&concluded, &args.out)));
    }
    Ok((concluded, code))
}

/// What a delivery came to: a failed one is told, and never hides what was measured.
fn told(world: &mut World, delivery: Result<(), CommandError>) -> ExitCode {
    delivery.map_or_else(|error| error.tell(world), |()| ExitCode::Pass)
}

/// Reads and checks every file of every scenario, so that a typo in the last one costs no load of the first.
fn prepare_all(world: &mut World, args: &CheckArgs, around: &Surroundings) -> Result<Vec<Prepared>, CommandError> {
    let mut prepared: Vec<Prepared> = Vec::new();
    for path in &args.scenarios {
        let scenario = open_scenario(world, path, &args.load)?;
        let beside = args.against.as_ref().map(|other| side_by_side::open(world, path, other, &args.load)).transpose()?;
        if prepared.iter().any(|other| other.scenario.name == scenario.name) {
            return Err(CommandError::SameName { name: scenario.name.clone() });
        }
        let from = if args.thresholds_from_base { ThresholdsFrom::Base } else { ThresholdsFrom::Here };
        let judging = Judging::for_scenario(world, &args.judging, &scenario, around, from)?;
        let results = Results::prepare(&folder_of(args, &scenario.name))?;
        let reproduce = world.redacted(&check_command(path, args));
        prepared.push(Prepared { scenario, beside, judging, results, reproduce });
    }
    Ok(prepared)
}

/// Clears the results of every scenario, those that may not be reached too, and what an earlier check of one scenario
/// or of all left in the folder around them, which is then held for as long as the check takes.
fn clear_all(prepared: &[Prepared], folder: &Path) -> Result<Option<Results>, CommandError> {
    let around = if prepared.len() > 1 { Some(Results::prepare(folder)?) } else { None };
    for results in prepared.iter().map(|one| &one.results).chain(&around) {
        results.clear()?;
    }
    Ok(around)
}

/// With one scenario the folder itself, with several one below it for each.
fn folder_of(args: &CheckArgs, name: &str) -> PathBuf {
    if args.scenarios.len() == 1 { args.out.clone() } else { args.out.join(name) }
}

fn conclude(world: &mut World, prepared: Prepared, args: &CheckArgs, abort: &Abort) -> Result<Concluded, CommandError> {
    let Prepared { scenario, beside, judging, results, reproduce } = prepared;
    let (run, (earlier, other), mut verdict, written) = match find_target(&scenario, &args.load, abort) {
        Ok(endpoints) => {
            let release = Order { scenario: &scenario, endpoints, judging: &judging, results: &results };
            let Loaded { run, earlier, beside, mut verdict, written } = match &beside {
                Some(other) => side_by_side::load_until_sure(world, &release, other, args, abort)?,
                None => load_until_sure(world, &release, args, abort)?,
            };
            if let Some(code) = run.aborted_by.as_deref().and_then(exit_of_signal) {
                verdict.exit_code = code.worse(verdict.exit()).number();
            }
            (run, (earlier, beside), verdict, written)
        }
        Err(error) => {
            let code = error.tell(world);
            let run = measure::unstarted(world, &scenario, &args.load, &error);
            let verdict = stopped(judging.judge(&run), code, &error);
            let written = results.write_run(&run);
            (run, Default::default(), verdict, written)
        }
    };
    if args.judging.soft {
        soften(&mut verdict);
    }
    let subject = Subject { verdict: &verdict, run: &run, reproduce: &reproduce };
    print_verdict(world, args.judging.format, &subject)?;
    let context = Context { baseline: judging.baseline(), earlier: earlier.iter().collect(), beside: &other };
    let mut delivered = told(world, written.and_then(|()| results.write_reports(&subject, &context, world.look())));
    if let Some(folder) = &args.archive {
        delivered = delivered.worse(told(world, archive(folder, &subject, &context)));
    }
    let remarks = remarks(&judging, &verdict);
    Ok(Concluded { run, verdict, reproduce, remarks, delivered })
}

/// What is said at lines of the threshold file: breaches and warnings, and what got looser.
fn remarks(judging: &Judging, verdict: &Verdict) -> Vec<Remark> {
    let of_findings = verdict.findings.iter().filter_map(|finding| {
        let level = match finding.outcome {
            FindingOutcome::Fail => Level::Error,
            FindingOutcome::Warn => Level::Warning,
            _ => return None,
        };
        Some((level, judging.place_of(finding).line, finding_sentence(finding)))
    });
    let loosened = judging.loosened().map(|one| (Level::Warning, one.place.line, format!("the thresholds got looser: {}", one.text)));
    let remark = |(level, line, message)| Remark {
        level,
        file: judging.file().to_owned(),
        line,
        title: format!("perfgate: {}", verdict.run.scenario),
        message,
    };
    of_findings.chain(loosened).map(remark).collect()
}

fn subjects(concluded: &[Concluded]) -> Vec<Subject<'_>> {
    concluded.iter().map(|one| Subject { verdict: &one.verdict, run: &one.run, reproduce: &one.reproduce }).collect()
}

/// What is loaded, and by what it is judged.
pub(super) struct Order<'a> {
    pub(super) scenario: &'a Arc<Scenario>,
    pub(super) endpoints: Endpoints,
    pub(super) judging: &'a Judging,
    pub(super) results: &'a Results,
}

/// The last load of a release, and the verdict on all of them.
pub(super) struct Loaded {
    pub(super) run: Run,
    /// The loads before it, and those of the deployment beside the release.
    pub(super) earlier: Vec<Run>,
    pub(super) beside: Vec<Run>,
    pub(super) verdict: Verdict,
    pub(super) written: Result<(), CommandError>,
}

/// Loads the release, and again as long as that may tell more and `--max-duration` allows.
fn load_until_sure(world: &mut World, order: &Order<'_>, args: &CheckArgs, abort: &Abort) -> Result<Loaded, CommandError> {
    let Order { scenario, endpoints, judging, results } = order;
    let most = most_loads(scenario, args.max_duration);
    let mut loads: Vec<Run> = Vec::new();
    let mut written = Ok(());
    loop {
        let run = measure::load(world, scenario, endpoints.clone(), &args.load, results, abort)?;
        written = written.and_then(|()| results.write_run(&run));
        loads.push(run);
        let Judgement { verdict, again } = judging.judge_loads(&loads, most);
        let Some(why) = again.filter(|_| abort.reason().is_none()) else {
            let run = loads.swap_remove(loads.len() - 1);
            return Ok(Loaded { run, earlier: loads, beside: Vec::new(), verdict, written });
        };
        world.note(&format!("loading {} again, {} of at most {most}: {why}", scenario.name, loads.len() + 1));
        written = written.and_then(|()| results.set_aside(loads.len()));
    }
}

/// How many loads fit into the judged time that one check may take; at least one.
pub(super) fn most_loads(scenario: &Scenario, max_duration: Option<Duration>) -> usize {
    let of_one: Duration = scenario.load.phases.iter().filter(|phase| phase.measured).map(|phase| phase.length).sum();
    let judged = of_one.saturating_mul(scenario.load_count());
    let Some(max_duration) = max_duration else { return USUAL_LOADS };
    let loads = max_duration.as_millis() / judged.as_millis().max(1);
    usize::try_from(loads).unwrap_or(usize::MAX).max(1)
}

/// The verdict of a load that never began: an error, and why.
fn stopped(mut verdict: Verdict, code: ExitCode, error: &CommandError) -> Verdict {
    verdict.outcome = Outcome::Error;
    verdict.exit_code = code.number();
    verdict.reasons.insert(0, Reason { code: code.name().replace(' ', "_"), text: error.to_string() });
    verdict
}

fn write_summary_of_all(concluded: &[Concluded], folder: &Path) -> Result<(), CommandError> {
    write_atomically(&folder.join("summary.md"), summary_of_all(&subjects(concluded)).as_bytes()).map_err(CommandError::NotWritten)
}
