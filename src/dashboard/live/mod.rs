//! A load while it runs, as a browser sees it: what came in put together, without a clock, a socket or a load of its own.
//! What it looks like is in `view.rs`.

mod series;
mod tally;
mod view;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use self::series::{Point, Series};
pub(in crate::dashboard) use self::tally::Tally;
pub(in crate::dashboard) use self::view::{PARTS, parts, stage};
use crate::exit::ExitCode;
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run};
use crate::stats::Histogram;
use crate::units::Percentile;

/// So many lines of what was said are kept.
const LINES: usize = 50;

/// What is known of a load before its first request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heading {
    pub scenario: String,
    pub target: String,
    /// `users`, or `starts/s`: what [`Moment::load`] counts.
    pub load_unit: &'static str,
    pub phases: Vec<Phase>,
    pub started_at: Option<Timestamp>,
}

/// A phase of the load that is to come (s).
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    pub name: String,
    pub from: f64,
    pub to: f64,
    pub judged: bool,
}

/// How a load stands, about once a second.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Moment {
    /// Since the start, and of the whole plan (s).
    pub elapsed_s: f64,
    pub duration_s: f64,
    pub phase: String,
    pub judged: bool,
    /// Users, or starts a second, that are asked for now.
    pub load: f64,
    /// Of the last second.
    pub requests_per_s: f64,
    pub failures_per_s: f64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Since the start, phases that are not judged included.
    pub requests: u64,
    pub failures: u64,
    pub not_sent: u64,
    /// The generator: 0 to 1, 0 to 1, ms. `None` where this system does not tell.
    pub cpu_busy: Option<f64>,
    pub steal: Option<f64>,
    pub late_p99_ms: Option<f64>,
}

/// Figures of the judged phases: of all tasks, or of one endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    pub name: String,
    pub requests: u64,
    pub failures: u64,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

impl Figures {
    /// Of all tasks, and of each task endpoint in the scenario's order.
    pub(in crate::dashboard) fn of(run: &Run) -> (Self, Vec<Self>) {
        let judged = |endpoint: &EndpointRun| {
            let slices = endpoint.slices.iter().filter(|slice| run.selects(PhaseSelection::Judged, slice.phase));
            Histogram::sum(slices.map(|slice| &slice.latency))
        };
        Self::put_together(run, &Self::tasks(run).map(|endpoint| (endpoint, judged(endpoint))).collect::<Vec<_>>())
    }

    fn tasks(run: &Run) -> impl Iterator<Item = &EndpointRun> {
        run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task)
    }

    /// From the judged latencies of each task endpoint: a long load has thousands of slices, and waits for this.
    fn put_together(run: &Run, tasks: &[(&EndpointRun, Histogram)]) -> (Self, Vec<Self>) {
        let endpoint = |(endpoint, latency): &(&EndpointRun, Histogram)| {
            let phases = endpoint.phases.iter().enumerate().filter(|(index, _)| run.selects(PhaseSelection::Judged, *index));
            let counts = phases.map(|(_, counts)| (counts.requests, counts.failures.total()));
            Self::named(&endpoint.name, counts, latency)
        };
        let endpoints: Vec<Self> = tasks.iter().map(endpoint).collect();
        let counts = endpoints.iter().map(|endpoint| (endpoint.requests, endpoint.failures));
        (Self::named("all tasks", counts, &Histogram::sum(tasks.iter().map(|(_, latency)| latency))), endpoints)
    }

    fn named(name: &str, counts: impl Iterator<Item = (u64, u64)>, latency: &Histogram) -> Self {
        let (requests, failures) = counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        let percentile = |percentile| latency.percentile_ms(percentile);
        Self { name: name.to_owned(), requests, failures, p95_ms: percentile(Percentile::P95), p99_ms: percentile(Percentile::P99) }
    }
}

/// Where a watched command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::dashboard) enum Stage {
    /// Nothing is sent yet, or between two loads.
    #[default]
    Preparing,
    Loading,
    /// A load is over and is judged, or loaded again.
    Judging,
    Ended,
}

/// One command that loads, as far as it has come.
#[derive(Debug, Clone, Default)]
pub(in crate::dashboard) struct Live {
    pub heading: Heading,
    pub stage: Stage,
    pub latest: Option<Moment>,
    pub series: Series,
    /// Of the judged phases so far, at the last checkpoint; at the end of the load its own.
    pub all_tasks: Option<Figures>,
    pub endpoints: Vec<Figures>,
    /// What was said, in order.
    pub said: Vec<String>,
    /// What it ended with, and the worst reason that was given for its end.
    pub outcome: Option<ExitCode>,
    pub reason: Option<(ExitCode, String)>,
    /// The file of the run that was kept of it.
    pub kept: Option<PathBuf>,
}

/// `gate failed (exit 1)`
pub(in crate::dashboard) fn words(code: ExitCode) -> String {
    format!("{} (exit {})", code.name(), code.number())
}

impl Live {
    /// A load begins; an earlier one of the same command is over.
    pub fn begin(&mut self, heading: Heading) {
        let (said, reason) = (std::mem::take(&mut self.said), self.reason.take());
        *self = Self { heading, said, reason, stage: Stage::Loading, ..Self::default() };
    }

    /// What is known before a load begins; of several scenarios the first.
    pub fn prepare(&mut self, scenario: &str, target: &str) {
        if self.heading.scenario.is_empty() {
            self.heading = Heading { scenario: scenario.to_owned(), target: target.to_owned(), ..Heading::default() };
        }
    }

    pub fn because(&mut self, code: ExitCode, reason: &str) {
        let is_worse = |(known, _): &(ExitCode, String)| *known != code && known.worse(code) == code;
        if self.reason.as_ref().is_none_or(is_worse) {
            self.reason = Some((code, reason.to_owned()));
        }
    }

    pub fn tick(&mut self, moment: Moment) {
        let before = self.latest.as_ref().map_or(0.0, |latest| latest.elapsed_s);
        let length = moment.elapsed_s - before;
        // The answers that are awaited after the plan's end have no time of their own in it.
        if length > 0.0 {
            self.series.push(Point {
                at: moment.elapsed_s,
                length,
                requests: moment.requests_per_s * length,
                failures: moment.failures_per_s * length,
                load: moment.load,
                latency: [moment.p50_ms, moment.p95_ms, moment.p99_ms],
            });
        }
        self.latest = Some(moment);
    }

    /// Of all tasks, and of each endpoint.
    pub fn figures(&mut self, (all_tasks, endpoints): (Figures, Vec<Figures>)) {
        (self.all_tasks, self.endpoints) = (Some(all_tasks), endpoints);
    }

    pub fn say(&mut self, line: &str) {
        self.said.push(line.to_owned());
        let over = self.said.len().saturating_sub(LINES);
        self.said.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(elapsed_s: f64) -> Moment {
        Moment { elapsed_s, duration_s: 60.0, requests_per_s: 20.0, failures_per_s: 2.0, p95_ms: Some(5.0), ..Moment::default() }
    }

    #[test]
    fn a_second_load_begins_anew_and_keeps_what_was_said() {
        let mut live = Live::default();
        live.say("first");
        live.begin(Heading { scenario: "shop".into(), ..Heading::default() });
        live.tick(moment(1.0));
        live.figures((Figures { name: "all".into(), requests: 3, failures: 0, p95_ms: None, p99_ms: None }, Vec::new()));
        live.stage = Stage::Judging;
        live.begin(Heading::default());
        assert_eq!(
            (live.stage, live.latest.is_none(), live.all_tasks.is_none(), live.series.points().count()),
            (Stage::Loading, true, true, 0)
        );
        assert_eq!(live.said, ["first"]);
    }

    #[test]
    fn the_worst_of_several_reasons_is_shown() {
        let mut live = Live::default();
        for (code, reason) in
            [(ExitCode::Pass, "passed"), (ExitCode::GateFailed, "failed"), (ExitCode::GateFailed, "later"), (ExitCode::Pass, "")]
        {
            live.because(code, reason);
        }
        live.begin(Heading::default());
        assert_eq!(live.reason, Some((ExitCode::GateFailed, "failed".to_owned())));
    }

    #[test]
    fn what_is_awaited_after_the_end_adds_no_time() {
        let mut live = Live::default();
        for elapsed in [1.0, 2.5, 60.0, 60.0] {
            live.tick(moment(elapsed));
        }
        let points: Vec<(f64, f64, f64)> = live.series.points().map(|point| (point.at, point.length, point.requests)).collect();
        assert_eq!(points, [(1.0, 1.0, 20.0), (2.5, 1.5, 30.0), (60.0, 57.5, 1150.0)]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut live = Live::default();
        (0..120).for_each(|line| live.say(&line.to_string()));
        assert_eq!((live.said.len(), live.said[0].as_str()), (50, "70"));
    }
}
