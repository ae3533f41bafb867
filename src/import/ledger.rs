//! Every request of a file that holds them one by one, counted as it is read: memory grows with the number of endpoints
//! and with the length of the load, not with the number of requests.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::Tool;
use super::error::ImportError;
use super::failure::Failure;
use super::reading::{MAX_NAMES, Reading};
use crate::run::{EndpointRole, EndpointRun, FailureClass, Imported, Measure, PerSecond, PhaseSeries, Slice};
use crate::stats::Histogram;

/// As many slices as a run has for one endpoint.
const MAX_SLICES: i64 = 60;
/// Latencies that wait to be counted together.
const WAITING: usize = 256;
const SECOND: i64 = 1_000_000;
/// 11 days, as a run file allows.
const MAX_SECONDS: i64 = 1_000_000;
/// Seconds of all endpoints together: 8 bytes each.
const MAX_COUNTED_SECONDS: usize = 10_000_000;
/// 2001 to 2100: a time outside of it is in another unit.
const TIMES: std::ops::Range<i64> = 978_307_200 * SECOND..4_102_444_800 * SECOND;
/// A latency above it is in another unit.
const LONGEST_MICROS: f64 = 3.6e9;

/// One request that a file tells of.
pub(super) struct Observation {
    /// Start, in microseconds since 1970.
    pub(super) started: i64,
    /// In microseconds; `None` where the tool gives a failed request no time.
    pub(super) latency: Option<u64>,
    pub(super) ttfb: Option<u64>,
    pub(super) status: Option<u16>,
    pub(super) bytes: u64,
    pub(super) failure: Option<Failure>,
}

/// All requests of a file so far.
pub(super) struct Ledger {
    path: PathBuf,
    tool: Tool,
    index: HashMap<String, usize>,
    accounts: Vec<Account>,
    last: usize,
    /// Length of a slice in seconds.
    slice: i64,
    /// First and last slice.
    span: Option<(i64, i64)>,
    first: i64,
    end: i64,
}

struct Account {
    label: String,
    series: PhaseSeries,
    ttfb: Counting,
    slices: BTreeMap<i64, SliceCounts>,
    first_second: i64,
    seconds: Vec<(u32, u32)>,
}

#[derive(Default)]
struct SliceCounts {
    requests: u64,
    failures: u64,
    latency: Counting,
}

/// A histogram with what is not yet counted.
#[derive(Default)]
struct Counting {
    histogram: Histogram,
    waiting: Vec<u32>,
}

impl Counting {
    fn record(&mut self, micros: u64) {
        self.waiting.push(u32::try_from(micros).unwrap_or(u32::MAX));
        if self.waiting.len() >= WAITING {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.histogram.record_many(&mut self.waiting);
        self.waiting.clear();
    }

    fn into_histogram(mut self) -> Histogram {
        self.flush();
        self.histogram
    }
}

impl Ledger {
    pub(super) fn new(path: &Path, tool: Tool) -> Self {
        Self {
            path: path.to_owned(),
            tool,
            index: HashMap::new(),
            accounts: Vec::new(),
            last: 0,
            slice: 1,
            span: None,
            first: i64::MAX,
            end: i64::MIN,
        }
    }

    /// Counts a request of the endpoint `label`, read in `line`.
    pub(super) fn record(&mut self, label: &str, line: u64, observation: Observation) -> Result<(), ImportError> {
        let Observation { started, latency, ttfb, status, bytes, failure } = observation;
        self.stretch(started, latency.unwrap_or(0), line)?;
        let at = self.account(label, line)?;
        let slice = started.div_euclid(self.slice * SECOND);
        let account = &mut self.accounts[at];
        account.count_second(started.div_euclid(SECOND), failure.is_some());
        let series = &mut account.series;
        series.requests += 1;
        series.bytes = series.bytes.saturating_add(bytes);
        if let Some(status) = status {
            *series.statuses.entry(status).or_default() += 1;
        }
        let counts = account.slices.entry(slice).or_default();
        counts.requests += 1;
        counts.failures += u64::from(failure.is_some());
        // As in a load of our own: a failure is no latency, but a time-out was waited for.
        let waited = failure.as_ref().is_none_or(|failure| failure.class == FailureClass::Timeout);
        if let Some(latency) = latency.filter(|_| waited) {
            counts.latency.record(latency);
            if let Some(ttfb) = ttfb {
                account.ttfb.record(ttfb);
            }
        }
        match failure {
            None => series.ok += 1,
            Some(Failure { class, cause }) => {
                series.failures.add(class, 1);
                series.add_cause(&cause, 1);
            }
        }
        Ok(())
    }

    /// The load lasted until then at least: for times that are no finer than seconds.
    pub(super) fn lasts_until(&mut self, micros: i64) {
        self.end = self.end.max(micros);
    }

    /// Counts a time to the first byte (us) that the file tells apart from its request.
    pub(super) fn record_ttfb(&mut self, label: &str, line: u64, micros: u64) -> Result<(), ImportError> {
        let at = self.account(label, line)?;
        self.accounts[at].ttfb.record(micros);
        Ok(())
    }

    fn wrong(&self, line: u64, problem: String, hint: &str) -> ImportError {
        ImportError::Line { path: self.path.clone(), line, problem, hint: Some(hint.to_owned()) }
    }

    /// Takes a request's time into the span of the load.
    fn stretch(&mut self, started: i64, latency: u64, line: u64) -> Result<(), ImportError> {
        if !TIMES.contains(&started) {
            let seconds = started.div_euclid(SECOND);
            let problem = format!("the time {seconds} s since 1970 is not of this century");
            return Err(self.wrong(line, problem, "is the time in the unit that the tool writes by default?"));
        }
        self.first = self.first.min(started);
        self.end = self.end.max(started.saturating_add(i64::try_from(latency).unwrap_or(i64::MAX)));
        if (self.end - self.first).div_euclid(SECOND) > MAX_SECONDS {
            let problem = "the times lie more than 11 days apart".to_owned();
            return Err(self.wrong(line, problem, "are these the results of one load? import each on its own"));
        }
        loop {
            let slice = started.div_euclid(self.slice * SECOND);
            let (low, high) = self.span.map_or((slice, slice), |(low, high)| (low.min(slice), high.max(slice)));
            self.span = Some((low, high));
            if high - low < MAX_SLICES {
                return Ok(());
            }
            self.widen();
        }
    }

    /// Makes slices longer: 1, 2, 10, 30, 60 s, then twice as long each time.
    fn widen(&mut self) {
        let wider = match self.slice {
            1 => 2,
            2 => 10,
            10 => 30,
            longer => longer * 2,
        };
        let factor = wider / self.slice;
        for account in &mut self.accounts {
            for (slice, counts) in std::mem::take(&mut account.slices) {
                let merged = account.slices.entry(slice.div_euclid(factor)).or_default();
                merged.requests += counts.requests;
                merged.failures += counts.failures;
                merged.latency.histogram.merge(&counts.latency.into_histogram());
            }
        }
        self.span = self.span.map(|(low, high)| (low.div_euclid(factor), high.div_euclid(factor)));
        self.slice = wider;
    }

    fn account(&mut self, label: &str, line: u64) -> Result<usize, ImportError> {
        if self.accounts.get(self.last).is_some_and(|account| account.label == label) {
            return Ok(self.last);
        }
        if let Some(&at) = self.index.get(label) {
            self.last = at;
            return Ok(at);
        }
        if self.accounts.len() == MAX_NAMES {
            let examples = self.accounts.iter().rev().take(3).map(|account| format!("{:?}", account.label)).collect();
            let hint = self.tool.naming_hint();
            return Err(ImportError::TooManyNames { path: self.path.clone(), line, cap: MAX_NAMES, examples, hint });
        }
        if self.accounts.iter().map(|account| account.seconds.len()).sum::<usize>() > MAX_COUNTED_SECONDS {
            let problem = "too many endpoints over too long a time".to_owned();
            return Err(self.wrong(line, problem, self.tool.naming_hint()));
        }
        self.last = self.accounts.len();
        self.index.insert(label.to_owned(), self.last);
        self.accounts.push(Account {
            label: label.to_owned(),
            series: PhaseSeries::default(),
            ttfb: Counting::default(),
            slices: BTreeMap::new(),
            first_second: i64::MAX,
            seconds: Vec::new(),
        });
        Ok(self.last)
    }

    /// The labels so far.
    pub(super) fn labels(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().map(|account| account.label.as_str())
    }

    /// What was read, with what is known of the file.
    pub(super) fn into_reading(self, target: String, imported: Imported) -> Reading {
        let (first, slice) = (self.first, self.slice);
        let length = Duration::from_micros(u64::try_from(self.end.saturating_sub(first)).unwrap_or(0)).max(Duration::from_millis(1));
        let whole_second = first.div_euclid(SECOND);
        let is_service = matches!(imported.measure, Measure::Service | Measure::ServiceWithoutConnect);
        let endpoints = self.accounts.into_iter().map(|account| account.into_endpoint(first, whole_second, slice, is_service)).collect();
        let started_at = Timestamp::from_microsecond(first).ok();
        Reading { target, started_at, length, endpoints, imported, problems: Vec::new() }
    }
}

impl Account {
    fn count_second(&mut self, second: i64, failed: bool) {
        if self.seconds.is_empty() {
            self.first_second = second;
        }
        if second < self.first_second {
            let earlier = usize::try_from(self.first_second - second).unwrap_or(0);
            self.seconds.splice(0..0, std::iter::repeat_n((0, 0), earlier));
            self.first_second = second;
        }
        let at = usize::try_from(second - self.first_second).unwrap_or(0);
        if at >= self.seconds.len() {
            self.seconds.resize(at + 1, (0, 0));
        }
        let (requests, failures) = &mut self.seconds[at];
        *requests = requests.saturating_add(1);
        *failures = failures.saturating_add(u32::from(failed));
    }

    fn into_endpoint(self, first: i64, whole_second: i64, slice: i64, is_service: bool) -> EndpointRun {
        let Self { label, mut series, ttfb, slices, first_second, seconds } = self;
        series.ttfb = ttfb.into_histogram();
        if series.ttfb.count() > series.requests {
            series.ttfb = Histogram::new();
        }
        let mut kept = Vec::with_capacity(slices.len());
        for (at, SliceCounts { requests, failures, latency }) in slices {
            let latency = latency.into_histogram();
            if is_service {
                series.service.merge(&latency);
            }
            let at = u64::try_from((at * slice * SECOND - first).max(0)).unwrap_or(0);
            let length = Duration::from_secs(u64::try_from(slice).unwrap_or(1));
            kept.push(Slice { phase: 0, at: Duration::from_micros(at), length, requests, failures, latency });
        }
        // One that is known by its times to the first byte alone has no second at all.
        let earlier = if seconds.is_empty() { 0 } else { usize::try_from(first_second - whole_second).unwrap_or(0) };
        let counted = |pick: fn(&(u32, u32)) -> u32| {
            std::iter::repeat_n(0, earlier).chain(seconds.iter().map(|second| u64::from(pick(second)))).collect()
        };
        let per_second = PerSecond { requests: counted(|second| second.0), failures: counted(|second| second.1), ..PerSecond::default() };
        EndpointRun { name: label, role: EndpointRole::Task, phases: vec![series], slices: kept, per_second }
    }
}

/// A number of microseconds that a latency can be; the problem where it can't.
pub(super) fn micros(value: f64) -> Result<u64, String> {
    if !value.is_finite() || value < 0.0 {
        return Err(format!("the latency is {} ms", value / 1000.0));
    }
    if value > LONGEST_MICROS {
        return Err(format!("the latency is {:.0} s, more than an hour: is it in the unit that the tool writes?", value / 1e6));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to an hour by the checks above")]
    Ok(value.round() as u64)
}
