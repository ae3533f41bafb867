//! The shape of a run in a few lines: its phases, and latency and load over time as rows of marks.

use std::time::Duration;

use super::table::{Cell, Column, Table};
use crate::run::{EndpointRole, Run};
use crate::stats::Histogram;
use crate::units::{Percentile, format_count, format_duration, format_millis};

/// Marks in a row.
const MARKS: usize = 60;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What all task endpoints did in one stretch of time.
#[derive(Debug, Clone, Default)]
struct Moment {
    phase: usize,
    requests: u64,
    latency: Histogram,
}

/// The phases in order.
pub(super) fn phases(run: &Run) -> Table {
    let columns = vec![
        Column::number("", 0),
        Column::label("phase"),
        Column::number("from", 0),
        Column::number("for", 0),
        Column::number("peak", 0),
        Column::number("requests", 0),
        Column::text("judged", 0),
    ];
    let row = |(index, phase): (usize, &crate::run::PhaseRun)| {
        let texts = [format_duration(phase.at), format_duration(phase.length), format!("{:.0}", phase.peak), format_count(phase.requests)];
        let mut row = vec![Cell::Text((index + 1).to_string()), Cell::Label(phase.name.clone())];
        row.extend(texts.map(Cell::Text));
        row.push(Cell::Text(if phase.measured { "yes" } else { "no" }.into()));
        row
    };
    Table { columns, rows: run.phases.iter().enumerate().map(row).collect() }
}

/// Latency, requests and phase over time, one line each; empty for a run without requests.
pub(super) fn over_time(run: &Run) -> Vec<String> {
    let (moments, length) = moments(run);
    if moments.iter().all(|moment| moment.requests == 0) {
        return Vec::new();
    }
    let p95: Vec<Option<f64>> = moments.iter().map(|moment| moment.latency.percentile_ms(Percentile::P95)).collect();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let requests: Vec<Option<f64>> = moments.iter().map(|moment| Some(moment.requests as f64 / length.as_secs_f64())).collect();
    let phase: String =
        moments.iter().map(|moment| char::from_digit(u32::try_from((moment.phase + 1) % 10).unwrap_or(0), 10).unwrap_or('?')).collect();
    vec![
        format!("p95         {}  {}", marks(&p95), range(&p95, format_millis)),
        format!("requests/s  {}  {}", marks(&requests), range(&requests, |value| format!("{value:.0}"))),
        format!("phase       {phase}  a mark is {}", format_duration(length)),
    ]
}

/// At most [`MARKS`] stretches of equal length, and that length.
fn moments(run: &Run) -> (Vec<Moment>, Duration) {
    let slices = || run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).flat_map(|endpoint| &endpoint.slices);
    let length = slices().map(|slice| slice.length).min().unwrap_or_default();
    let end = slices().map(|slice| slice.at + slice.length).max().unwrap_or_default();
    if length.is_zero() {
        return (Vec::new(), length);
    }
    let slices_a_mark = end.as_millis().div_ceil(length.as_millis().max(1)).div_ceil(MARKS as u128).max(1);
    let length = length * u32::try_from(slices_a_mark).unwrap_or(u32::MAX);
    let mut moments = vec![Moment::default(); MARKS];
    let mut last = 0;
    for slice in slices() {
        let at = usize::try_from(slice.at.as_nanos() / length.as_nanos()).unwrap_or(MARKS).min(MARKS - 1);
        last = last.max(at);
        moments[at].phase = moments[at].phase.max(slice.phase);
        moments[at].requests += slice.requests;
        moments[at].latency.merge(&slice.latency);
    }
    moments.truncate(last + 1);
    (moments, length)
}

/// One mark for each value, the highest for the largest; a space where there is none.
fn marks(values: &[Option<f64>]) -> String {
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let mark = |value: f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let level = (value / largest * 7.0).round().clamp(0.0, 7.0) as usize;
        LEVELS[level]
    };
    values.iter().map(|value| value.map_or(' ', mark)).collect()
}

fn range(values: &[Option<f64>], print: impl Fn(f64) -> String) -> String {
    let lowest = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let (lowest, highest) = (print(lowest), print(highest));
    if lowest == highest { highest } else { format!("{lowest} to {highest}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_largest_value_has_the_highest_mark() {
        assert_eq!(marks(&[Some(0.0), None, Some(50.0), Some(100.0)]), "▁ ▅█");
        assert_eq!(marks(&[Some(0.0), Some(0.0)]), "▁▁");
    }

    #[test]
    fn a_long_run_still_fits_a_line() {
        let mut run = samples::run();
        let slices = run.endpoints[0].slices.clone();
        run.endpoints[0].slices = (0..4_u32)
            .flat_map(|round| {
                slices.iter().cloned().map(move |mut slice| {
                    slice.at += Duration::from_mins(1) * round;
                    slice
                })
            })
            .collect();
        let (moments, length) = moments(&run);
        assert_eq!((moments.len(), length), (60, Duration::from_secs(4)));
        assert_eq!(moments.iter().map(|moment| moment.requests).sum::<u64>(), 4 * 3000 + 3000);
    }

    #[test]
    fn a_run_without_requests_has_no_lines() {
        let mut run = samples::run();
        run.endpoints.clear();
        assert!(over_time(&run).is_empty());
    }
}
