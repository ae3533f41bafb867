//! The endpoints of a run file: every count is held against the others, every histogram against its count.

use std::collections::{BTreeMap, BTreeSet};

use super::RunFileError;
use super::checks::{at_most, count, invalid, label, seconds, shortened, up_to};
use super::format::{EndpointFile, EndpointPhaseFile, FailuresFile, PerSecondFile, RoleFile, SliceFile};
use crate::run::MAX_CAUSES;
use crate::run::{EndpointRole, EndpointRun, FailureClass, Failures, PerSecond, PhaseRun, PhaseSeries, SecondCounts, Slice};
use crate::stats::{Decoder, Histogram};

const MAX_ENDPOINTS: usize = 1000;
const MAX_SLICES: usize = 2000;
/// 11 days; with [`MAX_PER_SECOND`] the sum over all endpoints stays within 64 bits.
const MAX_SECONDS: usize = 1_000_000;
const MAX_PER_SECOND: u64 = 1_000_000_000;
/// 50 TB of one endpoint in one phase: the sum over all endpoints and phases stays within 64 bits.
const MAX_BYTES: u64 = 50_000_000_000_000;

/// The endpoints of a run with these phases, whose histograms may have `bins_allowed` bins together.
pub(super) fn endpoints_of(files: Vec<EndpointFile>, phases: &[PhaseRun], bins_allowed: usize) -> Result<Vec<EndpointRun>, RunFileError> {
    at_most("run", "endpoints", files.len(), MAX_ENDPOINTS)?;
    let mut reader = EndpointReader {
        phases,
        index_of: phases.iter().map(|p| p.name.as_str()).zip(0..).collect(),
        bins_left: bins_allowed,
        decoder: Decoder::default(),
    };
    let mut names = BTreeSet::new();
    let mut endpoints = Vec::with_capacity(files.len());
    for (index, file) in files.into_iter().enumerate() {
        label(&format!("endpoint {index}"), &file.name)?;
        if !names.insert(file.name.clone()) {
            return Err(invalid(&format!("endpoint `{}`", file.name), "name", "is given twice"));
        }
        endpoints.push(reader.endpoint_of(file)?);
    }
    Ok(endpoints)
}

/// What reading one endpoint needs to know of the others: the phases' names, and how much memory is left.
struct EndpointReader<'a> {
    phases: &'a [PhaseRun],
    index_of: BTreeMap<&'a str, usize>,
    bins_left: usize,
    decoder: Decoder,
}

impl EndpointReader<'_> {
    fn endpoint_of(&mut self, file: EndpointFile) -> Result<EndpointRun, RunFileError> {
        let EndpointFile {
            name,
            role,
            requests,
            ok,
            failures,
            unfinished: _,
            statuses: _,
            retried: _,
            latency_ms: _,
            service_ms: _,
            ttfb_ms: _,
            slices,
            phases,
            per_second,
        } = file;
        let place = format!("endpoint `{name}`");
        let phases = self.series_of(&place, phases)?;
        let slices = self.slices_of(&place, slices, &phases)?;
        let judged = self.judged_counts(&phases);
        for (field, stated, counted) in
            [("requests", requests, judged.requests), ("ok", ok, judged.ok), ("failures.total", failures.total, judged.failures)]
        {
            if stated != counted {
                return Err(invalid(&place, field, format!("is {stated}, but its judged phases have {counted}")));
            }
        }
        let per_second = per_second_of(&place, per_second)?;
        Ok(EndpointRun { name, role: role_of(role), phases, slices, per_second })
    }

    /// The series in the order of the run's phases: exactly one for each.
    fn series_of(&mut self, endpoint: &str, files: Vec<EndpointPhaseFile>) -> Result<Vec<PhaseSeries>, RunFileError> {
        let mut by_phase: Vec<Option<PhaseSeries>> = self.phases.iter().map(|_| None).collect();
        for file in files {
            let index = self.phase_index(endpoint, "phases", &file.phase)?;
            let place = format!("{endpoint}, phase `{}`", self.phases[index].name);
            if by_phase[index].is_some() {
                return Err(invalid(&place, "phases", "has it twice"));
            }
            by_phase[index] = Some(self.phase_series_of(&place, file)?);
        }
        let named = by_phase.into_iter().zip(self.phases);
        named.map(|(series, phase)| series.ok_or_else(|| invalid(endpoint, "phases", format!("lacks `{}`", phase.name)))).collect()
    }

    fn phase_series_of(&mut self, place: &str, file: EndpointPhaseFile) -> Result<PhaseSeries, RunFileError> {
        let EndpointPhaseFile { phase: _, requests, ok, failures, unfinished, retried, causes, statuses, bytes, service, ttfb } = file;
        let series = PhaseSeries {
            requests: count(place, "requests", requests)?,
            ok: count(place, "ok", ok)?,
            unfinished: count(place, "unfinished", unfinished)?,
            retried: count(place, "retried", retried)?,
            failures: failures_of(place, failures)?,
            bytes: up_to(place, "bytes", bytes, MAX_BYTES)?,
            service: self.histogram(place, "service", &service, requests)?,
            ttfb: self.histogram(place, "ttfb", &ttfb, requests)?,
            causes,
            statuses,
        };
        let parts = series.ok + series.failures.total() + series.unfinished;
        if requests != parts {
            return Err(invalid(place, "requests", format!("is {requests}, but ok, failures and unfinished add up to {parts}")));
        }
        let mut answers = 0;
        for &number in series.statuses.values() {
            answers += count(place, "statuses", number)?;
        }
        if answers > requests {
            return Err(invalid(place, "statuses", format!("add up to {answers}, more than its {requests} requests")));
        }
        let explained =
            series.causes.values().try_fold(0_u64, |sum, number| Ok::<_, RunFileError>(sum + count(place, "causes", *number)?))?;
        if explained > series.failures.total() || series.causes.len() > MAX_CAUSES + 1 {
            return Err(invalid(place, "causes", format!("explain {explained} failures, more than there were, or in too many kinds")));
        }
        Ok(series)
    }

    fn slices_of(&mut self, endpoint: &str, files: Vec<SliceFile>, series: &[PhaseSeries]) -> Result<Vec<Slice>, RunFileError> {
        at_most(endpoint, "slices", files.len(), MAX_SLICES)?;
        let mut left: Vec<u64> = series.iter().map(|series| series.requests).collect();
        let mut slices = Vec::with_capacity(files.len());
        for file in files {
            let phase = self.phase_index(endpoint, "slices", &file.phase)?;
            let slice = self.slice_of(&format!("{endpoint}, slice at {} s", file.at_s), phase, file)?;
            left[phase] = left[phase].checked_sub(slice.requests).ok_or_else(|| {
                let (name, requests) = (&self.phases[phase].name, series[phase].requests);
                invalid(endpoint, "slices", format!("of `{name}` hold more than its {requests} requests"))
            })?;
            slices.push(slice);
        }
        Ok(slices)
    }

    fn slice_of(&mut self, place: &str, phase: usize, file: SliceFile) -> Result<Slice, RunFileError> {
        let SliceFile { phase: _, at_s, for_s, requests, failures, latency } = file;
        Ok(Slice {
            phase,
            at: seconds(place, "at_s", at_s)?,
            length: seconds(place, "for_s", for_s)?,
            requests: count(place, "requests", requests)?,
            failures: up_to(place, "failures", failures, requests)?,
            latency: self.histogram(place, "latency", &latency, requests)?,
        })
    }

    fn phase_index(&self, endpoint: &str, field: &'static str, name: &str) -> Result<usize, RunFileError> {
        let unknown = || invalid(endpoint, field, format!("names the phase {:?}, which the run has not", shortened(name)));
        self.index_of.get(name).copied().ok_or_else(unknown)
    }

    fn histogram(&mut self, place: &str, field: &'static str, text: &str, requests: u64) -> Result<Histogram, RunFileError> {
        let decoded = self.decoder.decode(text);
        let histogram = decoded.map_err(|source| RunFileError::Histogram { place: place.to_owned(), field, source })?;
        if histogram.count() > requests {
            let problem = format!("holds {} samples, more than its {requests} requests", histogram.count());
            return Err(invalid(place, field, problem));
        }
        let left = self.bins_left.checked_sub(histogram.bin_count());
        self.bins_left = left.ok_or_else(|| invalid(place, field, "exceeds the histogram bins allowed in a file"))?;
        Ok(histogram)
    }

    fn judged_counts(&self, series: &[PhaseSeries]) -> JudgedCounts {
        let mut counts = JudgedCounts::default();
        for (_, series) in self.phases.iter().zip(series).filter(|(phase, _)| phase.measured) {
            counts.requests += series.requests;
            counts.ok += series.ok;
            counts.failures += series.failures.total();
        }
        counts
    }
}

#[derive(Default)]
struct JudgedCounts {
    requests: u64,
    ok: u64,
    failures: u64,
}

fn role_of(role: RoleFile) -> EndpointRole {
    match role {
        RoleFile::Task => EndpointRole::Task,
        RoleFile::Lifecycle => EndpointRole::Lifecycle,
        RoleFile::Excluded => EndpointRole::Excluded,
    }
}

pub(super) fn failures_of(place: &str, file: FailuresFile) -> Result<Failures, RunFileError> {
    let FailuresFile { total, dns, connect, tls, timeout, reset, protocol, too_large, status, check } = file;
    let mut failures = Failures::default();
    for (class, number) in [
        (FailureClass::Dns, dns),
        (FailureClass::Connect, connect),
        (FailureClass::Tls, tls),
        (FailureClass::Timeout, timeout),
        (FailureClass::Reset, reset),
        (FailureClass::Protocol, protocol),
        (FailureClass::TooLarge, too_large),
        (FailureClass::Status, status),
        (FailureClass::Check, check),
    ] {
        failures.add(class, count(place, class.name(), number)?);
    }
    if failures.total() != total {
        return Err(invalid(place, "failures.total", format!("is {total}, but its classes add up to {}", failures.total())));
    }
    Ok(failures)
}

fn per_second_of(place: &str, file: PerSecondFile) -> Result<PerSecond, RunFileError> {
    let PerSecondFile { requests, failures, classes } = file;
    if requests.len() != failures.len() {
        let problem = format!("has {} seconds of requests and {} of failures", requests.len(), failures.len());
        return Err(invalid(place, "per_second", problem));
    }
    for (&requests, &failures) in requests.iter().zip(&failures) {
        up_to(place, "per_second.failures", failures, requests)?;
    }
    let requests = seconds_of(place, "per_second.requests", requests)?;
    let classes = classes_of(place, classes, &failures)?;
    Ok(PerSecond { requests, failures: failures.into_iter().collect(), classes })
}

/// Counts by second that stay within their limits.
pub(super) fn seconds_of(place: &str, field: &'static str, counts: Vec<u64>) -> Result<SecondCounts, RunFileError> {
    at_most(place, field, counts.len(), MAX_SECONDS)?;
    counts.into_iter().map(|count| up_to(place, field, count, MAX_PER_SECOND)).collect()
}

/// The failures by second and class, which together are no more than those of their second.
fn classes_of(
    place: &str,
    file: BTreeMap<String, Vec<(u32, u64)>>,
    failures: &[u64],
) -> Result<BTreeMap<(u32, FailureClass), u64>, RunFileError> {
    let field = "per_second.classes";
    let mut left = failures.to_vec();
    let mut classes = BTreeMap::new();
    for (name, counts) in file {
        let class = FailureClass::ALL.into_iter().find(|class| class.name() == name);
        let class = class.ok_or_else(|| invalid(place, field, format!("names {:?}, which is no class of failures", shortened(&name))))?;
        for (second, count) in counts {
            let left = usize::try_from(second).ok().and_then(|at| left.get_mut(at));
            let rest = left.as_ref().and_then(|left| left.checked_sub(count));
            let (Some(left), Some(rest)) = (left, rest) else {
                return Err(invalid(place, field, format!("hold more failures in second {second} than there were")));
            };
            *left = rest;
            *classes.entry((second, class)).or_default() += count;
        }
    }
    Ok(classes)
}
