//! A run file's keys as a Run, where they make one. The parts (slices, phases) are the truth; the figures derived
//! from them are not read, but counts must agree with their parts. Limits keep later sums and allocations small.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::checks::{at_most, count, invalid, label, name, not_negative, seconds, shortened, shown, up_to};
use super::format::{EnvironmentFile, GeneratorFile, PhaseFile, ProblemFile, RunFile, ScenarioFile, TaskFile, TaskShareFile};
use super::imported::imported_of;
use super::read_endpoints::{endpoints_of, seconds_of};
use super::{MAX_BINS, RunFileError};
use crate::run::{Environment, Generator, PhaseRun, Problem, Run, ScenarioRef, TaskRun, TaskShare};
use crate::stats::Restarts;

const MAX_PHASES: usize = 200;
const MAX_TASKS: usize = 10_000;
/// Of problems, and of rules that were lifted.
const MAX_TEXTS: usize = 1000;
/// Of each of the generator's books: three of them add up within 64 bits.
const MAX_BOOKED: u64 = u64::MAX / 4;

/// The run of a file, or what is wrong with it.
pub(super) fn run_of(file: RunFile) -> Result<Run, RunFileError> {
    let RunFile {
        format: _,
        version: _,
        scenario,
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
        answered,
        round,
    } = file;
    if started_at < Timestamp::UNIX_EPOCH {
        return Err(invalid("run", "started_at", format!("is {started_at}, before 1970")));
    }
    let phases = phases_of(phases)?;
    let endpoints = endpoints_of(endpoints, &phases, MAX_BINS)?;
    Ok(Run {
        scenario: scenario_of(scenario)?,
        target: name("run", "target", target)?,
        started_at,
        measured: seconds("run", "measured_s", measured_s)?,
        complete,
        aborted_by: aborted_by.map(shown),
        environment: environment_of(environment)?,
        imported: imported.map(|imported| imported_of(imported, &endpoints)).transpose()?,
        endpoints,
        tasks: tasks_of(tasks, phases.len())?,
        at_once: seconds_of("run", "at_once", at_once)?,
        answered: seconds_of("run", "answered", answered)?,
        round: round.map(|round| if round.started_anew { Restarts::BeforeEachRound } else { Restarts::None }),
        phases,
        generator: generator_of(generator)?,
        overrides: texts_of("run", "overrides", overrides)?,
    })
}

fn scenario_of(file: ScenarioFile) -> Result<ScenarioRef, RunFileError> {
    let ScenarioFile { name: own, hash, seed, each_alone } = file;
    Ok(ScenarioRef { name: name("scenario", "name", own)?, hash: name("scenario", "hash", hash)?, seed, each_alone })
}

fn texts_of(place: &str, field: &'static str, texts: Vec<String>) -> Result<Vec<String>, RunFileError> {
    at_most(place, field, texts.len(), MAX_TEXTS)?;
    Ok(texts.into_iter().map(shown).collect())
}

fn tasks_of(files: Vec<TaskFile>, phase_count: usize) -> Result<Vec<TaskRun>, RunFileError> {
    at_most("run", "tasks", files.len(), MAX_TASKS)?;
    let mut tasks = Vec::with_capacity(files.len());
    for TaskFile { users, name: own, phases } in files {
        let place = format!("task `{}`", shortened(&own));
        if phases.len() != phase_count {
            return Err(invalid(&place, "phases", format!("has {} entries, the run {phase_count} phases", phases.len())));
        }
        let share = |TaskShareFile { asked, starts }| {
            Ok(TaskShare { asked: not_negative(&place, "asked", asked)?, starts: count(&place, "starts", starts)? })
        };
        let phases = phases.into_iter().map(share).collect::<Result<_, RunFileError>>()?;
        let users = users.map(|users| name(&place, "users", users)).transpose()?;
        tasks.push(TaskRun { users, name: name(&place, "name", own)?, phases });
    }
    Ok(tasks)
}

fn environment_of(file: EnvironmentFile) -> Result<Environment, RunFileError> {
    let EnvironmentFile { name: own, os, arch, cores, cpu, perfgate, ci, job, commit, branch } = file;
    let place = "environment";
    let maybe = |field, text: Option<String>| text.map(|text| name(place, field, text)).transpose();
    Ok(Environment {
        name: maybe("name", own)?,
        os: name(place, "os", os)?,
        arch: name(place, "arch", arch)?,
        cores,
        cpu: cpu.map(shown),
        perfgate: shown(perfgate),
        ci: ci.map(shown),
        job: maybe("job", job)?,
        commit: maybe("commit", commit)?,
        branch: maybe("branch", branch)?,
    })
}

fn phases_of(files: Vec<PhaseFile>) -> Result<Vec<PhaseRun>, RunFileError> {
    at_most("run", "phases", files.len(), MAX_PHASES)?;
    let mut names = BTreeSet::new();
    let mut phases = Vec::with_capacity(files.len());
    for (index, file) in files.into_iter().enumerate() {
        let PhaseFile { name: own, at_s, for_s, measured, requests, peak } = file;
        label(&format!("phase {index}"), &own)?;
        let place = format!("phase `{own}`");
        if !names.insert(own.clone()) {
            return Err(invalid(&place, "name", "is given twice"));
        }
        phases.push(PhaseRun {
            name: own,
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
        problems: problems_of(problems)?,
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

fn problems_of(files: Vec<ProblemFile>) -> Result<Vec<Problem>, RunFileError> {
    at_most("generator", "problems", files.len(), MAX_TEXTS)?;
    let problem = |ProblemFile { code, text }| Ok(Problem { code: name("generator", "problems", code)?, text: shown(text) });
    files.into_iter().map(problem).collect()
}
