//! Loads of one endpoint each, made one after the other, as one Run: every endpoint as it was in its own load, counted
//! from that load's start. So it is judged, compared and shown as any other Run is.

use std::time::Duration;

use super::merge::add_generator;
use super::{EndpointRole, Generator, PhaseRun, PhaseSeries, Run};

/// The phase in which requests are counted that another endpoint builds on. Nobody judges it.
const BEFORE: &str = "steps before another endpoint";

/// The Run of all loads that were made so far, in order. `whole` is the Run of the whole scenario without any request; a
/// load's own endpoint is the one that has the role of a task's in it.
#[must_use]
pub fn one_at_a_time(whole: Run, loads: &[&Run]) -> Run {
    let mut run = Run { tasks: Vec::new(), generator: Generator::default(), ..whole };
    let wanted = run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).count();
    run.complete = loads.len() == wanted && loads.iter().all(|load| load.complete);
    run.aborted_by = loads.iter().find_map(|load| load.aborted_by.clone());
    run.measured = loads.iter().map(|load| load.measured).min().filter(|_| loads.len() == wanted).unwrap_or_default();
    add_phase_before(&mut run);
    for load in loads {
        add(&mut run, load);
    }
    for (index, phase) in run.phases.iter_mut().enumerate() {
        phase.requests = run.endpoints.iter().map(|endpoint| endpoint.phases[index].requests).sum();
        phase.peak = loads.iter().filter_map(|load| load.phases.get(index)).map(|phase| phase.peak).fold(0.0, f64::max);
    }
    run
}

fn add_phase_before(run: &mut Run) {
    let mut name = BEFORE.to_owned();
    while run.phases.iter().any(|phase| phase.name == name) {
        name.push('\'');
    }
    let at = run.phases.last().map(|phase| phase.at + phase.length).unwrap_or_default();
    run.phases.push(PhaseRun { name, at, length: Duration::ZERO, measured: false, requests: 0, peak: 0.0 });
    for endpoint in &mut run.endpoints {
        endpoint.phases.push(PhaseSeries::default());
    }
}

fn add(run: &mut Run, load: &Run) {
    let own = load.endpoints.iter().find(|endpoint| endpoint.role == EndpointRole::Task);
    let (threads, at_once) = (run.generator.threads, run.generator.max_in_flight);
    add_generator(&mut run.generator, own.map_or("?", |own| &own.name), &load.generator);
    run.generator.threads = threads.max(load.generator.threads);
    run.generator.max_in_flight = at_once.max(load.generator.max_in_flight);
    for (endpoint, theirs) in run.endpoints.iter_mut().zip(&load.endpoints) {
        let before = endpoint.phases.len() - 1;
        for (index, series) in theirs.phases.iter().enumerate() {
            let is_before = theirs.role == EndpointRole::Excluded;
            endpoint.phases[if is_before { before } else { index }].merge(series);
        }
        if theirs.role == EndpointRole::Task {
            endpoint.slices.clone_from(&theirs.slices);
            endpoint.per_second.clone_from(&theirs.per_second);
        }
    }
}
