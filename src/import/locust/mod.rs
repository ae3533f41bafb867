//! Locust: its JSON, its set of CSV files, and its log of requests.

pub(super) mod csv;
pub(super) mod json;
pub(super) mod requests;

use crate::run::Resolution;

/// Locust counts times in buckets: 1 ms below 100 ms, then 10, 100 and 1000 ms.
fn buckets() -> Resolution {
    Resolution { relative: 0.0, steps: vec![(0.0, 1.0), (100.0, 10.0), (1000.0, 100.0), (10_000.0, 1000.0)] }
}
