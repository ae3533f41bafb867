//! What a tool's file holds, and the Run that becomes of it: one judged phase, `hold`, over all of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::error::ImportError;
use super::label::cleaned;
use super::{ImportOptions, Tool};
use crate::run::Generator;
use crate::run::{
    EndpointRole, EndpointRun, Exactness, FailureDetail, Imported, Measure, PerSecond, PhaseRun, PhaseSeries, Problem, Resolution, Run,
    ScenarioRef, SecondCounts, Slice, StatedLatency,
};
use crate::stats::Histogram;
use crate::units::format_duration;

/// The only phase of an imported run.
pub(super) const PHASE: &str = "hold";
/// As many endpoints as a run file holds.
pub(super) const MAX_NAMES: usize = 1000;
/// A load of no length has no throughput; tools that state none get the shortest there is.
const SHORTEST: Duration = Duration::from_millis(1);
/// 12 days: what lasted longer was no load, and no run file holds decades.
const LONGEST: Duration = Duration::from_secs(12 * 24 * 3600);

/// What a file holds.
pub(super) struct Reading {
    pub(super) target: String,
    /// `None` where the file has no time of day.
    pub(super) started_at: Option<Timestamp>,
    pub(super) length: Duration,
    pub(super) endpoints: Vec<EndpointRun>,
    pub(super) imported: Imported,
    /// What makes the tool's own numbers doubtful.
    pub(super) problems: Vec<Problem>,
}

/// One endpoint of a summary.
#[derive(Default)]
pub(super) struct Stated {
    pub(super) label: String,
    pub(super) counts: PhaseSeries,
    pub(super) latency: Latency,
}

/// What a summary says of an endpoint's latency.
#[derive(Default)]
pub(super) enum Latency {
    #[default]
    Unknown,
    Figures(StatedLatency),
    Bins(Histogram),
}

/// What is known of every file of a kind.
pub(super) fn imported(tool: &str, format: &str, measure: Measure, exactness: Exactness) -> Imported {
    Imported {
        tool: tool.to_owned(),
        format: format.to_owned(),
        measure,
        exactness,
        failures: FailureDetail::Classes,
        failures_in_latency: false,
        resolution: Resolution::default(),
        notes: Vec::new(),
        warnings: Vec::new(),
        stated: BTreeMap::new(),
        total: None,
    }
}

impl Reading {
    /// Of a summary: no times, so that all of it is one slice.
    pub(super) fn of_summary(mut imported: Imported, length: Duration, endpoints: Vec<Stated>) -> Self {
        let length = length.max(SHORTEST);
        let mut runs: Vec<EndpointRun> = Vec::new();
        for Stated { label, counts, latency } in endpoints {
            let mut name = cleaned(&label);
            while runs.iter().any(|known| known.name == name) {
                name.push('\'');
            }
            let mut slices = Vec::new();
            match latency {
                Latency::Figures(figures) if figures.samples > 0 => drop(imported.stated.insert(name.clone(), to_nanoseconds(figures))),
                Latency::Bins(latency) if counts.requests > 0 => slices.push(Slice {
                    phase: 0,
                    at: Duration::ZERO,
                    length,
                    requests: counts.requests,
                    failures: counts.failures.total(),
                    latency,
                }),
                Latency::Unknown | Latency::Figures(_) | Latency::Bins(_) => {}
            }
            runs.push(EndpointRun { name, role: EndpointRole::Task, phases: vec![counts], slices, per_second: PerSecond::default() });
        }
        if let Some(total) = &mut imported.total {
            total.latency = to_nanoseconds(std::mem::take(&mut total.latency));
        }
        Self { target: "unknown".into(), started_at: None, length, endpoints: runs, imported, problems: Vec::new() }
    }

    /// The run, under the names that the user gave.
    pub(super) fn into_run(mut self, path: &Path, tool: Tool, options: &ImportOptions) -> Result<Run, ImportError> {
        let requests: u64 = self.endpoints.iter().flat_map(|endpoint| &endpoint.phases).map(|series| series.requests).sum();
        if requests == 0 {
            return Err(ImportError::Empty { path: path.to_owned() });
        }
        if self.endpoints.len() > MAX_NAMES {
            let examples = self.endpoints.iter().take(3).map(|endpoint| format!("{:?}", endpoint.name)).collect();
            let hint = tool.naming_hint();
            return Err(ImportError::TooManyNames { path: path.to_owned(), line: 1, cap: MAX_NAMES, examples, hint });
        }
        if self.length > LONGEST {
            let problem = format!("its times lie {} apart, more than the 12 days that a load may last", format_duration(self.length));
            return Err(ImportError::document(path, problem).with_hint("are these the results of one load, as the tool wrote them?"));
        }
        self.refuse_falling_percentiles(path)?;
        self.refuse_more_latencies_than_requests(path)?;
        self.warn_of_mixed_latency();
        let started_at = self.started_at.unwrap_or_else(|| modified(path));
        if self.started_at.is_none() {
            self.imported.notes.push("the file does not say when the load was made: the time of the file is taken".to_owned());
        }
        Ok(Run {
            scenario: ScenarioRef {
                name: options.name.clone().unwrap_or_else(|| tool.name().to_owned()),
                hash: format!("import:{tool}"),
                seed: 0,
                each_alone: false,
            },
            target: self.target,
            started_at,
            measured: self.length,
            complete: true,
            aborted_by: None,
            environment: options.environment.clone(),
            endpoints: self.endpoints,
            phases: vec![PhaseRun { name: PHASE.into(), at: Duration::ZERO, length: self.length, measured: true, requests, peak: 0.0 }],
            generator: Generator { problems: self.problems, ..Generator::default() },
            overrides: Vec::new(),
            imported: Some(self.imported),
            tasks: Vec::new(),
            at_once: SecondCounts::default(),
            answered: SecondCounts::default(),
            round: None,
        })
    }

    /// What contradicts itself is no measurement.
    fn refuse_falling_percentiles(&self, path: &Path) -> Result<(), ImportError> {
        let total = self.imported.total.iter().map(|total| ("all requests", &total.latency));
        let stated = self.imported.stated.iter().map(|(name, latency)| (name.as_str(), latency)).chain(total);
        match stated.into_iter().find(|(_, latency)| latency.falls()) {
            Some((name, _)) => Err(ImportError::document(path, format!("of {name:?} a higher percentile is lower than a lower one"))),
            None => Ok(()),
        }
    }

    /// As above: nothing is measured of a request that was not made.
    fn refuse_more_latencies_than_requests(&self, path: &Path) -> Result<(), ImportError> {
        for endpoint in &self.endpoints {
            let of_slices = endpoint.slices.iter().map(|slice| (slice.latency.count(), slice.requests));
            let of_phases = endpoint
                .phases
                .iter()
                .flat_map(|series| [(series.service.count(), series.requests), (series.ttfb.count(), series.requests)]);
            if let Some((latencies, requests)) = of_slices.chain(of_phases).find(|(latencies, requests)| latencies > requests) {
                let problem = format!("of {:?} it has {latencies} latencies, more than its {requests} requests", endpoint.name);
                return Err(ImportError::document(path, problem));
            }
        }
        Ok(())
    }

    /// Where failures are fast and not told apart, they make the rest look better than it is. Of an endpoint that only
    /// failed no latency is kept.
    fn warn_of_mixed_latency(&mut self) {
        if !self.imported.failures_in_latency {
            return;
        }
        let mut mixed = Vec::new();
        for endpoint in &mut self.endpoints {
            let (requests, failed) = endpoint
                .phases
                .iter()
                .fold((0, 0), |(requests, failed), series| (requests + series.requests, failed + series.failures.total()));
            if requests > 0 && failed == requests {
                self.imported.stated.remove(&endpoint.name);
                endpoint.slices.iter_mut().for_each(|slice| slice.latency = Histogram::new());
                endpoint.phases.iter_mut().for_each(|series| (series.service, series.ttfb) = Default::default());
            } else if failed * 100 > requests {
                mixed.push(endpoint.name.clone());
            }
        }
        if !mixed.is_empty() {
            mixed.truncate(5);
            let text = format!("the latency of {} holds requests that failed, and they may be faster than the others", mixed.join(", "));
            self.imported.warnings.push(text);
        }
    }
}

/// What is finer is arithmetic, and would not survive being written down.
fn to_nanoseconds(latency: StatedLatency) -> StatedLatency {
    let rounded = |millis: f64| (millis * 1e6).round() / 1e6;
    let StatedLatency { samples, percentiles, max, mean } = latency;
    let percentiles = percentiles.into_iter().map(|(percentile, millis)| (percentile, rounded(millis))).collect();
    StatedLatency { samples, percentiles, max: max.map(rounded), mean: mean.map(rounded) }
}

fn modified(path: &Path) -> Timestamp {
    let time = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    time.ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}
