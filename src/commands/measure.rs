//! From a scenario file to a Run: shared by every verb that loads a target.

use std::path::Path;
use std::sync::Arc;

use super::context::{World, exit_of_signal};
use super::error::CommandError;
use super::live;
use super::progress::ProgressView;
use super::results::Results;
use super::surroundings::{cores, environment};
use crate::cli::LoadArgs;
use crate::document::Document;
use crate::exit::ExitCode;
use crate::load::{
    Abort, CertificateCheck, Endpoints, Event, Heading, LoadError, Order, PreflightError, descriptor_limit, drive, not_started, preflight,
};
use crate::plan::{Plan, Workload};
use crate::run::Run;
use crate::scenario::{Overrides, Permissions, Scenario, check_scenario};
use crate::units::{Rate, format_count, format_duration};

/// Reads a scenario as the command line changes it, and holds it against the rules for what may be loaded.
pub fn open_scenario(world: &mut World, path: &Path, args: &LoadArgs) -> Result<Arc<Scenario>, CommandError> {
    let overrides = Overrides {
        target: args.target.clone().or_else(|| world.variable("PERFGATE_TARGET")),
        users: args.users,
        rate: args.rate,
        duration: args.duration,
        tags: args.tags.clone(),
        exclude_tags: args.exclude_tags.clone(),
        seed: args.seed,
    };
    let file_target = Scenario::target_of_file(&Document::open(path)?)?;
    let scenario = Scenario::open(path, &overrides, &|name| world.variable(name))?;
    for warning in &scenario.warnings {
        world.note(&format!("warning: {}: {warning}", path.display()));
    }
    let permissions = Permissions { hosts: args.allow_host.clone(), production: args.allow_production, load: args.allow_load };
    check_scenario(&scenario, file_target.as_deref(), &permissions)?;
    Ok(Arc::new(scenario))
}

/// Whether the target is there and ready; the addresses that the load will use.
pub fn find_target(scenario: &Scenario, args: &LoadArgs, abort: &Abort) -> Result<Endpoints, CommandError> {
    let check = if args.insecure { CertificateCheck::Skipped } else { CertificateCheck::Required };
    preflight(scenario, check, abort).map_err(|error| match error {
        PreflightError::Aborted { reason } => {
            CommandError::Aborted { code: exit_of_signal(&reason).unwrap_or(ExitCode::NoVerdict), reason }
        }
        other => other.into(),
    })
}

/// Runs the load, with progress and checkpoints. Writing the whole Run is the caller's: a full disk must not lose the verdict.
pub fn load(
    world: &mut World,
    scenario: &Arc<Scenario>,
    endpoints: Endpoints,
    args: &LoadArgs,
    results: &Results,
    abort: &Abort,
) -> Result<Run, CommandError> {
    let plan = Arc::new(Plan::new(scenario, descriptor_limit()));
    world.note(&announcement(scenario, &plan));
    let heading = heading(world, args);
    let feed = world.live.clone();
    if let Some(feed) = &feed {
        feed.begin(live::heading(scenario, &plan));
    }
    let mut view = ProgressView::begin(world, plan.duration);
    let mut lost_checkpoint = false;
    let order = Order { scenario: Arc::clone(scenario), plan, endpoints, heading };
    let driven = drive(order, abort, &mut |event| match event {
        Event::Tick(progress) => {
            view.show(world, progress);
            if let Some(feed) = &feed {
                feed.tick(live::moment(progress));
            }
        }
        Event::Checkpoint(run) => {
            lost_checkpoint |= results.write_run(run).is_err();
            if let Some(feed) = &feed {
                feed.checkpoint(run);
            }
        }
    });
    view.end();
    let run = driven?;
    if let Some(feed) = &feed {
        feed.loaded(&run);
    }
    if lost_checkpoint {
        world.note("warning: a checkpoint could not be written");
    }
    Ok(run)
}

/// Loads two deployments at the same time by the same plan: the release, with progress and checkpoints as [`load`], and the
/// one beside it.
pub fn load_beside(
    world: &mut World,
    release: (&Arc<Scenario>, Endpoints),
    beside: (&Arc<Scenario>, Endpoints),
    args: &LoadArgs,
    results: &Results,
    abort: &Abort,
) -> Result<(Run, Run), CommandError> {
    let (other, other_endpoints) = beside;
    let plan = Arc::new(Plan::new(other, descriptor_limit()));
    let order = Order { scenario: Arc::clone(other), plan, endpoints: other_endpoints, heading: heading(world, args) };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| drive(order, abort, &mut |_| {}));
        let run = load(world, release.0, release.1, args, results, abort);
        let other = other.join().map_err(|_| LoadError::Panicked)??;
        Ok((run?, other))
    })
}

/// The Run of a load that could not begin: nothing was sent, and it says why.
pub fn unstarted(world: &World, scenario: &Arc<Scenario>, args: &LoadArgs, why: &CommandError) -> Run {
    let plan = Arc::new(Plan::new(scenario, descriptor_limit()));
    not_started(Arc::clone(scenario), plan, heading(world, args), &why.to_string())
}

fn heading(world: &World, args: &LoadArgs) -> Heading {
    Heading {
        started_at: (world.now)(),
        environment: environment(world, args),
        overrides: overrides(args),
        threads: cores().saturating_sub(1).max(1),
    }
}

/// `checkout: 200 users on https://staging.shop.example, ramp-up 20s, hold 2m (judged)`
fn announcement(scenario: &Scenario, plan: &Plan) -> String {
    let load = match plan.workload {
        Workload::Closed { users } => format!("{} users", format_count(users)),
        Workload::Open { max_in_flight, .. } => {
            let peak = Rate::per_second(scenario.load.peak()).map(|rate| rate.to_string()).unwrap_or_default();
            format!("{peak}, at most {} under way", format_count(max_in_flight))
        }
    };
    let phases = plan.phases.iter().map(|phase| {
        let judged = if phase.measured { " (judged)" } else { "" };
        format!("{} {}{judged}", phase.name, format_duration(phase.length))
    });
    format!("{}: {load} on {}, {}", scenario.name, scenario.target.origin(), phases.collect::<Vec<_>>().join(", "))
}

/// The rules that the command line lifts, as every report shows them.
fn overrides(args: &LoadArgs) -> Vec<String> {
    let flags = [(args.insecure, "--insecure"), (args.allow_production, "--allow-production"), (args.allow_load, "--allow-load")];
    let lifted = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    lifted.chain(args.allow_host.iter().map(|host| format!("--allow-host {host}"))).collect()
}
