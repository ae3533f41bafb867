//! A server that freezes for 1 s every 10 s: what users of an open load meet follows from arithmetic, and no generator
//! may report anything else, unless it says that its own numbers are unfit.

use std::time::Duration;

use crate::frozen_peers::{Attempt, attempts};
use crate::process::run_client;
use crate::program::Perfgate;
use crate::table::{Chapter, figure, order_statistic};
use crate::target::{FREEZES, Kind, Target};
use crate::{Failure, progress};

const ABOUT: &str = "The target answers in 5 ms and freezes twice for 1 s; 200 requests/s are due for 30 s. The truth is computed from \
these numbers. Goal: p95 and p99 within 2 % or 5 ms of it, or no verdict; never a wrong number.";

/// Starts a second, and for how many seconds.
pub const RATE: u32 = 200;
pub const SECONDS: u32 = 30;
const LIMITS: [Option<u32>; 5] = [Some(20), Some(50), Some(100), Some(300), None];

/// Two percentiles, in ms.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    pub p95: f64,
    pub p99: f64,
}

impl Pair {
    /// Within 2 % or 5 ms, whichever is more.
    fn is_near(self, truth: Self) -> bool {
        let near = |ours: f64, true_value: f64| (ours - true_value).abs() <= (true_value * 0.02).max(5.0);
        near(self.p95, truth.p95) && near(self.p99, truth.p99)
    }
}

pub fn measure() -> Result<Chapter, Failure> {
    let truth = truth().ok_or("no request is due")?;
    let mut chapter = Chapter::new("A freezing server", ABOUT, &["generator", "p95, ms", "p99, ms", "what happened"]);
    chapter.row(["truth".into(), figure(Some(truth.p95), 0), figure(Some(truth.p99), 0), String::new()]);
    // One after the other: what is due at the end of a freeze is answered at once, and clients beside it would be in the way.
    for limit in LIMITS {
        chapter.row(own_row(limit, truth)?);
    }
    for attempt in attempts() {
        chapter.row(peer_row(&attempt, truth)?);
    }
    Ok(chapter)
}

fn peer_row(attempt: &Attempt, truth: Pair) -> Result<[String; 4], Failure> {
    progress(&format!("frozen: {}", attempt.name));
    let target = Target::start(Kind::Frozen)?;
    let folder = tempfile::tempdir()?;
    let finished = run_client(&mut attempt.command(&target.url(), folder.path())?)?;
    let found = attempt.read(folder.path(), &String::from_utf8_lossy(&finished.output.stdout));
    let judgement = found.map_or("did not report", |found| judgement(found, truth));
    Ok([attempt.name.to_owned(), figure(found.map(|found| found.p95), 1), figure(found.map(|found| found.p99), 1), judgement.into()])
}

fn own_row(limit: Option<u32>, truth: Pair) -> Result<[String; 4], Failure> {
    let name = limit.map_or("perfgate".to_owned(), |limit| format!("perfgate, max_in_flight {limit}"));
    progress(&format!("frozen: {name}"));
    let target = Target::start(Kind::Frozen)?;
    let limit = limit.map_or(String::new(), |limit| format!(", max_in_flight: {limit}"));
    let run = Perfgate::new(&target.url(), &format!("{{rate: {RATE}/s, hold: {SECONDS}s{limit}}}"), "")?.run()?;
    let found = run.latency_ms("p95").zip(run.latency_ms("p99")).map(|(p95, p99)| Pair { p95, p99 });
    let problems = run.problems();
    let happened = match found {
        _ if !problems.is_empty() => format!("no verdict ({})", problems.join(", ")),
        Some(found) => judgement(found, truth).to_owned(),
        None => "did not report".to_owned(),
    };
    Ok([name, figure(found.map(|found| found.p95), 1), figure(found.map(|found| found.p99), 1), happened])
}

fn judgement(found: Pair, truth: Pair) -> &'static str {
    if found.is_near(truth) { "within 2 % or 5 ms" } else { "WRONG" }
}

/// What users meet: every request sent when it is due, and answered as soon as the server can.
fn truth() -> Option<Pair> {
    let due = (0..RATE * SECONDS).map(|index| Duration::from_secs(1) * index / RATE);
    let mut waited: Vec<Duration> = due.map(|due| FREEZES.answered(due).saturating_sub(due)).collect();
    waited.sort_unstable();
    let millis = |thousandths| order_statistic(&waited, thousandths).map(|waited| waited.as_secs_f64() * 1000.0);
    Some(Pair { p95: millis(950)?, p99: millis(990)? })
}
