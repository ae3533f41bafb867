//! A Run as the keys of its file. The figures for readers are derived from the parts here, once.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::format::{
    EndpointFile, EndpointPhaseFile, EnvironmentFile, FailuresFile, FiguresFile, GeneratorFile, PerSecondFile, PhaseFile, ProblemFile,
    RoleFile, RoundFile, RunFile, ScenarioFile, SliceFile, TaskFile, TaskShareFile, TotalFile,
};
use super::imported::imported_file;
use super::{FORMAT, FORMAT_VERSION};
use crate::run::{
    EndpointRole, EndpointRun, Environment, FailureClass, Failures, Generator, PerSecond, PhaseRun, PhaseSelection, PhaseSeries, Problem,
    Run, ScenarioRef, Slice, Summary, TaskRun, TaskShare,
};
use crate::stats::{Encoder, Histogram, Restarts};
use crate::units::Percentile;

/// The file form of `run`.
pub(super) fn file_of(run: &Run) -> RunFile<EndpointFiles<'_>> {
    let Run {
        scenario,
        target,
        started_at,
        measured,
        complete,
        aborted_by,
        environment,
        endpoints,
        phases,
        generator,
        overrides,
        imported,
        tasks,
        at_once,
        answered,
        round,
    } = run;
    RunFile {
        format: FORMAT.into(),
        version: FORMAT_VERSION,
        scenario: scenario_file(scenario),
        target: target.clone(),
        started_at: *started_at,
        measured_s: measured.as_secs_f64(),
        complete: *complete,
        aborted_by: aborted_by.clone(),
        environment: environment_file(environment),
        endpoints: EndpointFiles { run, endpoints },
        total: total_file(run),
        phases: phases.iter().map(phase_file).collect(),
        generator: generator_file(generator),
        overrides: overrides.clone(),
        imported: imported.as_ref().map(imported_file),
        tasks: tasks.iter().map(task_file).collect(),
        at_once: at_once.values().collect(),
        answered: answered.values().collect(),
        round: round.map(|restarts| RoundFile { started_anew: restarts == Restarts::BeforeEachRound }),
    }
}

fn task_file(task: &TaskRun) -> TaskFile {
    let TaskRun { users, name, phases } = task;
    let phases = phases.iter().map(|&TaskShare { asked, starts }| TaskShareFile { asked, starts }).collect();
    TaskFile { users: users.clone(), name: name.clone(), phases }
}

/// Endpoints that become files one by one as they are written, because their histograms as text are most of the file.
#[derive(Debug)]
pub(super) struct EndpointFiles<'a> {
    run: &'a Run,
    endpoints: &'a [EndpointRun],
}

impl Serialize for EndpointFiles<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut encoder = Encoder::default();
        serializer.collect_seq(self.endpoints.iter().map(|endpoint| endpoint_file(self.run, endpoint, &mut encoder)))
    }
}

fn scenario_file(scenario: &ScenarioRef) -> ScenarioFile {
    let ScenarioRef { name, hash, seed, each_alone } = scenario.clone();
    ScenarioFile { name, hash, seed, each_alone }
}

fn environment_file(environment: &Environment) -> EnvironmentFile {
    let Environment { name, os, arch, cores, cpu, perfgate, ci, job, commit, branch } = environment.clone();
    EnvironmentFile { name, os, arch, cores, cpu, perfgate, ci, job, commit, branch }
}

fn endpoint_file(run: &Run, endpoint: &EndpointRun, encoder: &mut Encoder) -> EndpointFile {
    let EndpointRun { name, role, phases, slices, per_second } = endpoint;
    let judged = run.summary(endpoint, PhaseSelection::Judged);
    let PhaseSeries { requests, ok, unfinished, retried, failures, causes: _, statuses, bytes: _, service, ttfb } = judged.counts.clone();
    EndpointFile {
        name: name.clone(),
        role: role_file(*role),
        requests,
        ok,
        failures: failures_file(&failures),
        unfinished,
        statuses,
        retried,
        latency_ms: latency_file(&judged),
        service_ms: figures_file(&service),
        ttfb_ms: figures_file(&ttfb),
        slices: slices.iter().map(|slice| slice_file(run, slice, encoder)).collect(),
        phases: run.phases.iter().zip(phases).map(|(phase, series)| endpoint_phase_file(phase, series, encoder)).collect(),
        per_second: per_second_file(per_second),
    }
}

fn role_file(role: EndpointRole) -> RoleFile {
    match role {
        EndpointRole::Task => RoleFile::Task,
        EndpointRole::Lifecycle => RoleFile::Lifecycle,
        EndpointRole::Excluded => RoleFile::Excluded,
    }
}

pub(super) fn failures_file(failures: &Failures) -> FailuresFile {
    FailuresFile {
        total: failures.total(),
        dns: failures.of(FailureClass::Dns),
        connect: failures.of(FailureClass::Connect),
        tls: failures.of(FailureClass::Tls),
        timeout: failures.of(FailureClass::Timeout),
        reset: failures.of(FailureClass::Reset),
        protocol: failures.of(FailureClass::Protocol),
        too_large: failures.of(FailureClass::TooLarge),
        status: failures.of(FailureClass::Status),
        check: failures.of(FailureClass::Check),
    }
}

fn latency_file(summary: &Summary) -> FiguresFile {
    FiguresFile {
        p50: summary.percentile_ms(Percentile::P50),
        p75: summary.percentile_ms(Percentile::P75),
        p90: summary.percentile_ms(Percentile::P90),
        p95: summary.percentile_ms(Percentile::P95),
        p99: summary.percentile_ms(Percentile::P99),
        p99_9: summary.percentile_ms(Percentile::P99_9),
        max: summary.max_ms(),
        mean: summary.mean_ms(),
    }
}

fn figures_file(histogram: &Histogram) -> FiguresFile {
    FiguresFile {
        p50: histogram.percentile_ms(Percentile::P50),
        p75: histogram.percentile_ms(Percentile::P75),
        p90: histogram.percentile_ms(Percentile::P90),
        p95: histogram.percentile_ms(Percentile::P95),
        p99: histogram.percentile_ms(Percentile::P99),
        p99_9: histogram.percentile_ms(Percentile::P99_9),
        max: histogram.max_ms(),
        mean: histogram.mean_ms(),
    }
}

fn slice_file(run: &Run, slice: &Slice, encoder: &mut Encoder) -> SliceFile {
    let Slice { phase, at, length, requests, failures, latency } = slice;
    SliceFile {
        phase: run.phases.get(*phase).map_or_else(String::new, |phase| phase.name.clone()),
        at_s: at.as_secs_f64(),
        for_s: length.as_secs_f64(),
        requests: *requests,
        failures: *failures,
        latency: encoder.encode(latency),
    }
}

fn endpoint_phase_file(phase: &PhaseRun, series: &PhaseSeries, encoder: &mut Encoder) -> EndpointPhaseFile {
    let PhaseSeries { requests, ok, unfinished, retried, failures, causes, statuses, bytes, service, ttfb } = series;
    EndpointPhaseFile {
        phase: phase.name.clone(),
        requests: *requests,
        ok: *ok,
        failures: failures_file(failures),
        unfinished: *unfinished,
        retried: *retried,
        causes: causes.clone(),
        statuses: statuses.clone(),
        bytes: *bytes,
        service: encoder.encode(service),
        ttfb: encoder.encode(ttfb),
    }
}

fn per_second_file(per_second: &PerSecond) -> PerSecondFile {
    let PerSecond { requests, failures, classes } = per_second;
    let mut by_class = BTreeMap::<String, Vec<(u32, u64)>>::new();
    for (&(second, class), &count) in classes {
        by_class.entry(class.name().to_owned()).or_default().push((second, count));
    }
    PerSecondFile { requests: requests.values().collect(), failures: failures.values().collect(), classes: by_class }
}

fn total_file(run: &Run) -> TotalFile {
    let counts = run.total(PhaseSelection::Judged).counts;
    TotalFile {
        requests: counts.requests,
        failures: counts.failures.total(),
        failure_rate: counts.failure_rate(),
        throughput_per_s: run.throughput(PhaseSelection::Judged).filter(|rate| rate.is_finite()),
    }
}

fn phase_file(phase: &PhaseRun) -> PhaseFile {
    let PhaseRun { name, at, length, measured, requests, peak } = phase;
    PhaseFile {
        name: name.clone(),
        at_s: at.as_secs_f64(),
        for_s: length.as_secs_f64(),
        measured: *measured,
        requests: *requests,
        peak: if peak.is_finite() { *peak } else { 0.0 },
    }
}

fn generator_file(generator: &Generator) -> GeneratorFile {
    let healthy = generator.healthy();
    let Generator {
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
        problems,
    } = generator.clone();
    GeneratorFile {
        scheduled,
        sent,
        ok,
        failed,
        not_sent,
        unfinished,
        late_p99_ms: late_p99_ms.filter(|ms| ms.is_finite()),
        cpu_busy: cpu_busy.filter(|share| share.is_finite()),
        steal: steal.filter(|share| share.is_finite()),
        max_in_flight,
        threads,
        connections_opened,
        cycles,
        late_cycles,
        healthy,
        problems: problems.into_iter().map(|Problem { code, text }| ProblemFile { code, text }).collect(),
    }
}
