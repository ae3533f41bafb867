//! From a scenario file to a Run: shared by every verb that loads a target.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use super::context::{World, exit_of_signal};
use super::error::CommandError;
use super::live;
use super::plan_words::{counted, never_pausing};
use super::progress::ProgressView;
use super::results::Results;
use super::surroundings::{cores, environment};
use crate::cli::LoadArgs;
use crate::document::Document;
use crate::exit::ExitCode;
use crate::load::{
    Abort, CertificateCheck, Endpoints, Event, Heading, LoadError, Order, PreflightError, descriptor_limit, drive, not_started, preflight,
};
use crate::plan::{Plan, Workload, each_alone, steps_before};
use crate::run::{EndpointRole, Run, one_at_a_time};
use crate::scenario::{Isolation, Overrides, Permissions, Scenario, check_scenario};
use crate::stats::Restarts;
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
        isolation: if args.each { Isolation::EachAlone } else { Isolation::Together },
    };
    let file_target = Scenario::target_of_file(&Document::open(path)?)?;
    let read = RefCell::new(Vec::new());
    let opened = Scenario::open(path, &overrides, &|name| world.variable(name).inspect(|value| read.borrow_mut().push(value.clone())));
    // Before anything is told of it, an error included.
    world.hide(&read.into_inner());
    let scenario = opened?;
    world.hide(&scenario.secrets);
    if let Some(feed) = &world.live {
        feed.prepare(&scenario.name, &scenario.target.origin());
    }
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
    if let Some(text) = never_pausing(scenario) {
        world.note(&format!("notice: {text}"));
    }
    match scenario.isolation {
        Isolation::Together => load_together(world, scenario, endpoints, args, &|run| results.write_run(run).is_ok(), abort),
        Isolation::EachAlone => load_each(world, scenario, &endpoints, args, results, abort),
    }
}

/// One endpoint after the other; what comes of it is one Run all the same.
fn load_each(
    world: &mut World,
    scenario: &Arc<Scenario>,
    endpoints: &Endpoints,
    args: &LoadArgs,
    results: &Results,
    abort: &Abort,
) -> Result<Run, CommandError> {
    let parts: Vec<Arc<Scenario>> = each_alone(scenario).into_iter().map(Arc::new).collect();
    let plan = Arc::new(Plan::new(scenario, descriptor_limit()));
    let whole = not_started(Arc::clone(scenario), plan, heading(world, args), "no load");
    world.note(&in_turn(scenario));
    let mut loads: Vec<Run> = Vec::new();
    for part in &parts {
        if abort.reason().is_some() {
            break;
        }
        world.note(&turn(part, loads.len() + 1, parts.len()));
        let write = |checkpoint: &Run| {
            let so_far: Vec<&Run> = loads.iter().chain([checkpoint]).collect();
            results.write_run(&one_at_a_time(whole.clone(), &so_far)).is_ok()
        };
        loads.push(load_together(world, part, endpoints.clone(), args, &write, abort)?);
    }
    let mut run = one_at_a_time(whole, &loads.iter().collect::<Vec<_>>());
    if !run.complete && run.aborted_by.is_none() {
        run.aborted_by = abort.reason().map(|reason| format!("{reason} after {} of {} endpoints", loads.len(), parts.len()));
    }
    if let Some(feed) = &world.live {
        feed.loaded(&run);
    }
    Ok(run)
}

/// `shop: 5 endpoints, one at a time, 1m10s each, 5m50s in all`
fn in_turn(scenario: &Scenario) -> String {
    let each = scenario.load.duration();
    let all = each.saturating_mul(scenario.load_count());
    let endpoints = counted(scenario.load_count().into(), "endpoint");
    format!("{}: {endpoints}, one at a time, {} each, {} in all", scenario.name, format_duration(each), format_duration(all))
}

/// `GET /api/products/:id, 2 of 5, after GET /api/products`
fn turn(part: &Scenario, number: usize, count: usize) -> String {
    let own = part.endpoints.iter().find(|endpoint| endpoint.role == EndpointRole::Task).map_or("", |endpoint| &endpoint.name);
    let before = steps_before(part);
    let after = if before.is_empty() { String::new() } else { format!(", after {}", before.join(", ")) };
    format!("{own}, {number} of {count}{after}")
}

/// What the scenario asks, all of it at the same time. `write` keeps a checkpoint and says whether it could.
fn load_together(
    world: &mut World,
    scenario: &Arc<Scenario>,
    endpoints: Endpoints,
    args: &LoadArgs,
    write: &dyn Fn(&Run) -> bool,
    abort: &Abort,
) -> Result<Run, CommandError> {
    let plan = Arc::new(Plan::new(scenario, descriptor_limit()));
    world.note(&announcement(scenario, &plan));
    let heading = heading(world, args);
    let feed = world.live.clone();
    if let Some(feed) = &feed {
        feed.begin(live::heading(scenario, &plan, heading.started_at));
    }
    let mut view = ProgressView::begin(world, plan.duration);
    let mut lost_checkpoint = false;
    let order = Order { scenario: Arc::clone(scenario), plan, endpoints, heading };
    let driven = drive(order, abort, &mut |event| match event {
        Event::Tick(progress) => {
            view.show(progress);
            if let Some(feed) = &feed {
                feed.tick(live::moment(progress));
            }
        }
        Event::Checkpoint(run) => {
            lost_checkpoint |= !write(run);
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
    restarts: Restarts,
) -> Result<(Run, Run), CommandError> {
    let (other, other_endpoints) = beside;
    let plan = Arc::new(Plan::new(other, descriptor_limit()));
    let order = Order { scenario: Arc::clone(other), plan, endpoints: other_endpoints, heading: heading(world, args) };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| drive(order, abort, &mut |_| {}));
        let run = load(world, release.0, release.1, args, results, abort);
        let (mut other, mut run) = (other.join().map_err(|_| LoadError::Panicked)??, run?);
        for side in [&mut run, &mut other] {
            side.round = Some(restarts);
        }
        Ok((run, other))
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
    let flags = [
        (args.each, "--each"),
        (args.insecure, "--insecure"),
        (args.allow_production, "--allow-production"),
        (args.allow_load, "--allow-load"),
    ];
    let lifted = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    lifted.chain(args.allow_host.iter().map(|host| format!("--allow-host {host}"))).collect()
}
