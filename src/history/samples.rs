//! A history to test with: any number of runs of five scenarios and a hundred branches, each of 20 endpoints, put into the
//! index as files would be.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};

use super::entry::{EndpointFigures, KeptRun};
use super::files::RunFile;
use super::index::Index;
use super::{History, TrendRun};

const ENDPOINTS: u32 = 20;
/// So many runs are put down at once.
const AT_ONCE: usize = 1000;

/// The scenarios are `shop 0` to `shop 4`.
pub(crate) fn history(runs: u32) -> History {
    let mut index = Index::in_memory().unwrap();
    let all: Vec<(RunFile, TrendRun)> = (0..runs).map(|number| (file(number), (kept(number), figures(number)))).collect();
    for some in all.chunks(AT_ONCE) {
        index.put(some.iter().map(|(file, run)| (file, Ok(run.clone()))).collect()).unwrap();
    }
    let history = History::of(index, Vec::new());
    history.is_read.store(true, Ordering::Relaxed);
    history
}

fn file(number: u32) -> RunFile {
    RunFile { path: path(number), verdict: None, stamp: "1@1".into(), pinned: false }
}

fn path(number: u32) -> PathBuf {
    PathBuf::from(format!("/kept/{number}/run.json"))
}

fn kept(number: u32) -> KeptRun {
    let begin: Timestamp = "2020-01-01T12:00:00Z".parse().unwrap();
    KeptRun {
        id: u64::from(number) + 1,
        path: path(number),
        verdict: None,
        outcome: ["pass", "fail", "warn"][number as usize % 3].into(),
        scenario: format!("shop {}", number % 5),
        hash: "sha256:1".into(),
        fingerprint: "linux".into(),
        target: "http://shop".into(),
        branch: Some(format!("branch {}", number % 100)),
        commit: None,
        started_at: begin + SignedDuration::from_mins(i64::from(number)),
        complete: true,
        pinned: false,
        requests: 2000,
        failures: 20,
        p95_ms: Some(9.0),
        p99_ms: Some(20.0),
    }
}

fn figures(number: u32) -> Vec<EndpointFigures> {
    let figures = |place: u32| EndpointFigures {
        endpoint: format!("GET /{place}"),
        requests: 100,
        failures: 1,
        p95_ms: Some(9.0 + f64::from((number + place) % 7) / 10.0),
        p99_ms: Some(20.0 + f64::from((number + place) % 5) / 5.0),
    };
    (0..ENDPOINTS).map(figures).collect()
}
