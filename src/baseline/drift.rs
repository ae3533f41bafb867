//! Whether a store's runs drifted: against the pinned ones, and by a step among themselves. Read from the list alone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::index::{Entry, EntryId};
use crate::stats::{AnchoredSeries, Shift, anchor_shifts, change_point};
use crate::units::Percentile;

/// What is watched, each with the usual standard deviation of its logarithm between runs of one build.
const WATCHED: [(Percentile, f64); 2] = [(Percentile::P95, 0.05), (Percentile::P99, 0.075)];

/// One percentile of one endpoint that is no longer where it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    pub endpoint: String,
    pub percentile: Percentile,
    pub since: DriftSince,
    /// Milliseconds.
    pub from: f64,
    /// Milliseconds.
    pub to: f64,
}

/// What it drifted from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftSince {
    /// From the runs that are pinned; the newest of them.
    Pinned { runs: usize, newest: EntryId },
    /// From the runs before this one, with which a new level began.
    Run { id: EntryId, started_at: Timestamp },
}

/// An endpoint and a percentile of it.
type Metric<'a> = (&'a str, Percentile);

impl Drift {
    /// As a fraction of where it was: 0.12 for 12 % slower.
    #[must_use]
    pub fn change(&self) -> f64 {
        self.to / self.from - 1.0
    }

    fn new((endpoint, percentile): Metric<'_>, shift: Shift, since: DriftSince) -> Self {
        Self { endpoint: endpoint.to_owned(), percentile, since, from: shift.from.exp(), to: shift.to.exp() }
    }
}

/// What drifted among the admitted runs that are comparable with the newest, by endpoint; against the pinned runs first.
#[must_use]
pub fn drifts(entries: &[Entry]) -> Vec<Drift> {
    let nights = comparable_nights(entries);
    let Some(newest) = nights.last() else { return Vec::new() };
    let metrics: Vec<Metric<'_>> = newest.metrics().collect();
    let mut drifts = against_pinned(&nights, &metrics);
    for &metric in &metrics {
        let values: Vec<f64> = nights.iter().map(|night| night.value(metric)).collect();
        if let Some(point) = change_point(&values, metrics.len()) {
            let Night { first, .. } = &nights[point.at];
            let since = DriftSince::Run { id: first.id.clone(), started_at: first.started_at };
            drifts.push(Drift::new(metric, point.shift, since));
        }
    }
    drifts.sort_by(|one, other| (&one.endpoint, one.percentile).cmp(&(&other.endpoint, other.percentile)));
    drifts
}

fn against_pinned(nights: &[Night<'_>], metrics: &[Metric<'_>]) -> Vec<Drift> {
    let Some(last) = nights.iter().rposition(Night::is_pinned) else { return Vec::new() };
    let release = &nights[last].first.commit;
    let pinned: Vec<&Night<'_>> = nights[..=last].iter().filter(|night| night.is_pinned() && night.first.commit == *release).collect();
    let since = &nights[last + 1..];
    let before = |&metric: &Metric<'_>| pinned.iter().map(|night| night.value(metric)).collect();
    let after = |&metric: &Metric<'_>| since.iter().map(|night| night.value(metric)).collect();
    let before: Vec<Vec<f64>> = metrics.iter().map(before).collect();
    let after: Vec<Vec<f64>> = metrics.iter().map(after).collect();
    let series = |index: usize| {
        let kind = WATCHED.iter().position(|(watched, _)| *watched == metrics[index].1).unwrap_or_default();
        AnchoredSeries { pinned: &before[index], since: &after[index], kind, usual: WATCHED[kind].1 }
    };
    let shifts = anchor_shifts(&(0..metrics.len()).map(series).collect::<Vec<_>>());
    let since = DriftSince::Pinned { runs: pinned.len(), newest: nights[last].first.id.clone() };
    metrics.iter().zip(shifts).filter_map(|(&metric, shift)| Some(Drift::new(metric, shift?, since.clone()))).collect()
}

/// The runs of one CI job, or one run without a job: they count as one.
struct Night<'a> {
    first: &'a Entry,
    entries: Vec<&'a Entry>,
}

impl<'a> Night<'a> {
    fn is_pinned(&self) -> bool {
        self.entries.iter().any(|entry| entry.pinned)
    }

    fn metrics(&self) -> impl Iterator<Item = Metric<'a>> {
        let watched = |percentile| WATCHED.iter().any(|(watched, _)| *watched == percentile);
        self.first
            .figures
            .iter()
            .filter(move |figure| watched(figure.percentile))
            .map(|figure| (figure.endpoint.as_str(), figure.percentile))
    }

    /// The median of its runs; not a number where none has the metric.
    fn value(&self, (endpoint, percentile): Metric<'_>) -> f64 {
        let of_entry = |entry: &&Entry| {
            let is_it = |figure: &&super::Figure| figure.percentile == percentile && figure.endpoint == endpoint;
            entry.figures.iter().find(is_it).map(|figure| figure.log_quantile).filter(|value| value.is_finite())
        };
        let mut values: Vec<f64> = self.entries.iter().filter_map(of_entry).collect();
        values.sort_by(f64::total_cmp);
        let Some(&upper) = values.get(values.len() / 2) else { return f64::NAN };
        f64::midpoint(upper, values[(values.len() - 1) / 2])
    }
}

/// The admitted runs of the newest one's scenario and machine, oldest first, by job.
fn comparable_nights(entries: &[Entry]) -> Vec<Night<'_>> {
    let mut admitted: Vec<&Entry> = entries.iter().filter(|entry| entry.admitted).collect();
    admitted.sort_by(|one, other| (one.started_at, &one.id).cmp(&(other.started_at, &other.id)));
    let Some(newest) = admitted.last().copied() else { return Vec::new() };
    let mut nights: Vec<Night<'_>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in admitted.into_iter().filter(|entry| entry.hash == newest.hash && entry.fingerprint == newest.fingerprint) {
        if let Some(&at) = entry.job.as_deref().and_then(|job| known.get(job)) {
            nights[at].entries.push(entry);
            continue;
        }
        known.extend(entry.job.as_deref().map(|job| (job, nights.len())));
        nights.push(Night { first: entry, entries: vec![entry] });
    }
    nights
}
