//! A run file's keys as a Run, where they make one. The parts (slices, phases) are the truth; the figures derived
//! from them are not read, but counts must agree with their parts. Limits keep later sums and allocations small.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::checks::{at_most, count, invalid, label, not_negative, seconds, shortened, up_to};
use super::format::{EnvironmentFile, GeneratorFile, PhaseFile, ProblemFile, RunFile, ScenarioFile, TaskFile, TaskShareFile};
use super::imported::imported_of;
use super::read_endpoints::{endpoints_of, seconds_of};
use super::{MAX_BINS, RunFileError};
use crate::run::{Environment, Generator, PhaseRun, Problem, Run, ScenarioRef, TaskRun, TaskShare};

const MAX_PHASES: usize = 200;
const MAX_TASKS: usize = 10_000;
/// Of each of the generator's books: three of them add up within 64 bits.
const MAX_BOOKED: u64 = u64::MAX / 4;

/// The run of a file, or what is wrong with it.
pub(super) fn run_of(file: RunFile) -> Result<Run, RunFileError> {
    let RunFile {
        format: _,
        version: _,
        scenario: ScenarioFile { name, hash, seed, each_alone },
        target,
        started_at,
        measured_s,
        complete,
        aborted_by,
        environment,
        endpoints,
        total: _,
        phases,
        generator,
        overrides,
        imported,
        tasks,
        at_once,
    } = file;
    if started_at < Timestamp::UNIX_EPOCH {
        return Err(invalid("run", "started_at", format!("is {started_at}, before 1970")));
    }
    let phases = phases_of(phases)?;
    let endpoints = endpoints_of(endpoints, &phases, MAX_BINS)?;
    Ok(Run {
        scenario: ScenarioRef { name, hash, seed, each_alone },
        target,
        started_at,
        measured: seconds("run", "measured_s", measured_s)?,
        complete,
        aborted_by,
        environment: environment_of(environment),
        imported: imported.map(|imported| imported_of(imported, &endpoints)).transpose()?,
        endpoints,
        tasks: tasks_of(tasks, phases.len())?,
        at_once: seconds_of("run", "at_once", at_once)?,
        phases,
        generator: generator_of(generator)?,
        overrides,
    })
}

fn tasks_of(files: Vec<TaskFile>, phase_count: usize) -> Result<Vec<TaskRun>, RunFileError> {
    at_most("run", "tasks", files.len(), MAX_TASKS)?;
    let mut tasks = Vec::with_capacity(files.len());
    for TaskFile { users, name, phases } in files {
        let place = format!("task `{}`", shortened(&name));
        if phases.len() != phase_count {
            return Err(invalid(&place, "phases", format!("has {} entries, the run {phase_count} phases", phases.len())));
        }
        let share = |TaskShareFile { asked, starts }| {
            Ok(TaskShare { asked: not_negative(&place, "asked", asked)?, starts: count(&place, "starts", starts)? })
        };
        let phases = phases.into_iter().map(share).collect::<Result<_, RunFileError>>()?;
        tasks.push(TaskRun { users, name, phases });
    }
    Ok(tasks)
}

fn environment_of(file: EnvironmentFile) -> Environment {
    let EnvironmentFile { name, os, arch, cores, cpu, perfgate, ci, job, commit, branch } = file;
    Environment { name, os, arch, cores, cpu, perfgate, ci, job, commit, branch }
}

fn phases_of(files: Vec<PhaseFile>) -> Result<Vec<PhaseRun>, RunFileError> {
    at_most("run", "phases", files.len(), MAX_PHASES)?;
    let mut names = BTreeSet::new();
    let mut phases = Vec::with_capacity(files.len());
    for (index, file) in files.into_iter().enumerate() {
        let PhaseFile { name, at_s, for_s, measured, requests, peak } = file;
        label(&format!("phase {index}"), &name)?;
        let place = format!("phase `{name}`");
        if !names.insert(name.clone()) {
            return Err(invalid(&place, "name", "is given twice"));
        }
        phases.push(PhaseRun {
            name,
            at: seconds(&place, "at_s", at_s)?,
            length: seconds(&place, "for_s", for_s)?,
            measured,
            requests: count(&place, "requests", requests)?,
            peak: not_negative(&place, "peak", peak)?,
        });
    }
    Ok(phases)
}

fn generator_of(file: GeneratorFile) -> Result<Generator, RunFileError> {
    let GeneratorFile {
        scheduled,
        sent,
        ok,
        failed,
        not_sent,
        unfinished,
        late_p99_ms,
        cpu_busy,
        steal,
        max_in_flight,
        threads,
        connections_opened,
        cycles,
        late_cycles,
        healthy,
        problems,
    } = file;
    let place = "generator";
    let measured = |field, value: Option<f64>| value.map(|value| not_negative(place, field, value)).transpose();
    let generator = Generator {
        scheduled: up_to(place, "scheduled", scheduled, MAX_BOOKED)?,
        sent: up_to(place, "sent", sent, MAX_BOOKED)?,
        ok: up_to(place, "ok", ok, MAX_BOOKED)?,
        failed: up_to(place, "failed", failed, MAX_BOOKED)?,
        not_sent: up_to(place, "not_sent", not_sent, MAX_BOOKED)?,
        unfinished: up_to(place, "unfinished", unfinished, MAX_BOOKED)?,
        late_p99_ms: measured("late_p99_ms", late_p99_ms)?,
        cpu_busy: measured("cpu_busy", cpu_busy)?,
        steal: measured("steal", steal)?,
        max_in_flight,
        threads,
        connections_opened,
        cycles,
        late_cycles,
        problems: problems.into_iter().map(|ProblemFile { code, text }| Problem { code, text }).collect(),
    };
    if scheduled != generator.sent + generator.not_sent {
        return Err(invalid(place, "scheduled", format!("is {scheduled}, but sent and not_sent add up to {}", sent + not_sent)));
    }
    if !generator.conserved() {
        return Err(invalid(place, "sent", format!("is {sent}, but ok, failed and unfinished add up to {}", ok + failed + unfinished)));
    }
    if healthy != generator.healthy() {
        return Err(invalid(place, "healthy", format!("is {healthy}, but it names {} problems", generator.problems.len())));
    }
    Ok(generator)
}
