//! A check in a browser while it runs: opens the dashboard, says how the load stands, and closes it. A dashboard that
//! cannot be had is a warning: the verdict does not depend on who watches.

use std::net::SocketAddr;

use jiff::Timestamp;

use super::context::World;
use super::error::CommandError;
use crate::cli::{CheckArgs, ExposureArgs};
use crate::dashboard::{Content, Dashboard, DashboardError, Feed, Heading, Moment, Phase, Reach, Runs};
use crate::exit::ExitCode;
use crate::load::Progress;
use crate::plan::{Plan, Workload};
use crate::scenario::Scenario;

/// Does what `act` does, and serves its live view meanwhile where that was asked for.
pub fn watched(world: &mut World, args: &CheckArgs, act: impl FnOnce(&mut World) -> ExitCode) -> ExitCode {
    let Some(address) = args.live else { return act(world) };
    let feed = Feed::default();
    let content = Content { runs: Runs::watching(feed.clone()), ..Content::default() };
    match Dashboard::open(address, reach(args.exposure), content) {
        Ok(dashboard) => {
            warn_of_others(world, address);
            world.note(&format!("live view: {}", dashboard.url()));
            world.live = Some(feed.clone());
            let code = act(world);
            world.live = None;
            feed.ended(code);
            dashboard.close();
            code
        }
        Err(error @ DashboardError::Exposed { .. }) => CommandError::from(error).tell(world),
        Err(error) => {
            world.note(&format!("warning[dashboard]: {error}: this check goes on without a live view"));
            act(world)
        }
    }
}

/// Who may reach a dashboard, as the command line says it.
#[must_use]
pub const fn reach(args: ExposureArgs) -> Reach {
    if args.i_know_this_exposes_results { Reach::OtherMachines } else { Reach::ThisMachine }
}

/// Says so where other machines can reach what is served at this address.
pub fn warn_of_others(world: &mut World, address: SocketAddr) {
    if !address.ip().is_loopback() {
        world.note("warning: other machines can reach this, and what they are sent is not encrypted");
    }
}

/// What is known of a load before its first request.
#[must_use]
pub fn heading(scenario: &Scenario, plan: &Plan, started_at: Timestamp) -> Heading {
    let phase = |phase: &crate::plan::PhasePlan| Phase {
        name: phase.name.clone(),
        from: phase.at.as_secs_f64(),
        to: (phase.at + phase.length).as_secs_f64(),
        judged: phase.measured,
    };
    Heading {
        scenario: scenario.name.clone(),
        target: scenario.target.origin(),
        load_unit: match plan.workload {
            Workload::Closed { .. } => "users",
            Workload::Open { .. } => "starts/s",
        },
        phases: plan.phases.iter().map(phase).collect(),
        started_at: Some(started_at),
    }
}

/// A tick of the load as a browser is told.
#[must_use]
pub fn moment(progress: &Progress) -> Moment {
    let Progress {
        elapsed,
        duration,
        phase,
        measured,
        load,
        workload: _,
        requests_per_s,
        failures_per_s,
        p50_ms,
        p95_ms,
        p99_ms,
        requests,
        failures,
        not_sent,
        gauges,
    } = progress.clone();
    Moment {
        elapsed_s: elapsed.as_secs_f64(),
        duration_s: duration.as_secs_f64(),
        phase,
        judged: measured,
        load,
        requests_per_s,
        failures_per_s,
        p50_ms,
        p95_ms,
        p99_ms,
        requests,
        failures,
        not_sent,
        cpu_busy: gauges.cpu_busy,
        steal: gauges.steal,
        late_p99_ms: gauges.late_p99_ms,
    }
}
