//! How long one waits: from starting the program to its first request, and for a report of a long run.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use perfgate::plan::{Dice, Stream};
use perfgate::run::{
    EndpointRole, EndpointRun, Environment, Generator, PerSecond, PhaseRun, PhaseSeries, RUN_FILE_NAME, Run, ScenarioRef, SecondCounts,
    Slice, write_run,
};
use perfgate::stats::Histogram;

use crate::process::run_client;
use crate::program::Perfgate;
use crate::table::{Chapter, Spread, number, spread};
use crate::target::{Kind, Target};
use crate::{Failure, Options, progress};

const ABOUT: &str = "From starting the program until the target has the first request, and `perfgate report` on the run file of ten \
million requests in 60 slices of 30 s. Medians with the lowest and the highest. Goals: 50 ms; 1 s.";

const ENDPOINT_COUNTS: [u64; 3] = [20, 100, 200];
const SLICES: u64 = 60;
const SLICE_SECONDS: u64 = 30;
const REQUESTS: u64 = 10_000_000;
const FORMATS: [&str; 4] = ["plain", "markdown", "csv", "json"];

pub fn measure(options: &Options) -> Result<Chapter, Failure> {
    let mut chapter = Chapter::new("Start and report", ABOUT, &["what", "ms"]);
    let first: Vec<f64> = (0..options.rounds).map(|_| first_request()).collect::<Result<_, _>>()?;
    progress(&format!("start: first request after {first:.1?} ms"));
    chapter.row(["start to first request".to_owned(), spread(Spread::of(&first), 1)]);
    for endpoints in ENDPOINT_COUNTS {
        let folder = tempfile::tempdir()?;
        let bytes = write_run(&long_run(endpoints));
        std::fs::write(folder.path().join(RUN_FILE_NAME), &bytes)?;
        let about = format!("{endpoints} endpoints, file of {:.1} MB", number(bytes.len() as u64) / 1e6);
        for format in FORMATS {
            let taken: Result<Vec<f64>, Failure> = (0..options.rounds).map(|_| report(folder.path(), format)).collect();
            progress(&format!("start: {format} report, {about}: {taken:.0?} ms"));
            let taken = taken.map_or_else(|failure| failure.to_string(), |taken| spread(Spread::of(&taken), 0));
            chapter.row([format!("report --format {format}, {about}"), taken]);
        }
    }
    Ok(chapter)
}

/// From starting the program to its first request, in ms.
fn first_request() -> Result<f64, Failure> {
    let target = Target::start(Kind::Plain)?;
    let perfgate = Perfgate::new(&target.url(), "{users: 1, hold: 1s}", "think: 1s\n")?;
    let started = SystemTime::now();
    run_client(&mut perfgate.command())?;
    let first = SystemTime::UNIX_EPOCH + Duration::from_nanos(target.ask("first")?.parse()?);
    Ok(first.duration_since(started)?.as_secs_f64() * 1000.0)
}

/// How long a report takes, in ms.
fn report(folder: &Path, format: &str) -> Result<f64, Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfgate"));
    command.arg("report").arg(folder).args(["--format", format]);
    let begun = Instant::now();
    let output = run_client(&mut command)?.output;
    let taken = begun.elapsed();
    if output.status.success() {
        Ok(taken.as_secs_f64() * 1000.0)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().rsplit("run.json: ").next().unwrap_or_default().into())
    }
}

/// Of runs that are made up.
pub fn environment() -> Environment {
    Environment {
        name: None,
        os: "linux".into(),
        arch: "x86_64".into(),
        cores: 2,
        cpu: None,
        perfgate: env!("CARGO_PKG_VERSION").into(),
        ci: None,
        job: None,
        commit: None,
        branch: None,
    }
}

/// A run of half an hour and ten million requests.
fn long_run(endpoints: u64) -> Run {
    let mut dice = Dice::new(1, Stream::Arrivals);
    Run {
        scenario: ScenarioRef { name: "engine".into(), hash: "sha256:00".into(), seed: 1, each_alone: false },
        target: "http://127.0.0.1".into(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
        measured: Duration::from_secs(SLICES * SLICE_SECONDS),
        complete: true,
        aborted_by: None,
        environment: environment(),
        endpoints: (0..endpoints).map(|index| endpoint(index, REQUESTS / endpoints, &mut dice)).collect(),
        phases: vec![PhaseRun {
            name: "hold".into(),
            at: Duration::ZERO,
            length: Duration::from_secs(SLICES * SLICE_SECONDS),
            measured: true,
            requests: REQUESTS,
            peak: number(REQUESTS / (SLICES * SLICE_SECONDS)),
        }],
        generator: Generator { scheduled: REQUESTS, sent: REQUESTS, ok: REQUESTS, max_in_flight: 1000, threads: 1, ..Generator::default() },
        overrides: Vec::new(),
        imported: None,
        tasks: Vec::new(),
        at_once: SecondCounts::default(),
        answered: SecondCounts::default(),
        round: None,
    }
}

fn endpoint(index: u64, requests: u64, dice: &mut Dice) -> EndpointRun {
    // The first slice takes what division leaves over.
    let share = |slice: u64| requests / SLICES + if slice == 0 { requests % SLICES } else { 0 };
    let slices: Vec<Slice> = (0..SLICES).map(|slice| self::slice(slice, share(slice), dice)).collect();
    let mut whole = Histogram::new();
    for slice in &slices {
        whole.merge(&slice.latency);
    }
    let seconds = usize::try_from(SLICES * SLICE_SECONDS).unwrap_or_default();
    EndpointRun {
        name: format!("GET /api/products/{index}"),
        role: EndpointRole::Task,
        phases: vec![PhaseSeries {
            requests,
            ok: requests,
            statuses: BTreeMap::from([(200, requests)]),
            bytes: requests * 73,
            service: whole.clone(),
            ttfb: whole,
            ..PhaseSeries::default()
        }],
        slices,
        per_second: PerSecond {
            requests: std::iter::repeat_n(requests / (SLICES * SLICE_SECONDS), seconds).collect(),
            failures: std::iter::repeat_n(0, seconds).collect(),
            ..PerSecond::default()
        },
    }
}

/// Latencies around 8 ms with a long tail.
fn slice(index: u64, requests: u64, dice: &mut Dice) -> Slice {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below 2^32")]
    let mut latencies: Vec<u32> = (0..requests).map(|_| (8000.0 * (0.5 * dice.normal()).exp()) as u32).collect();
    let mut latency = Histogram::new();
    latency.record_many(&mut latencies);
    let length = Duration::from_secs(SLICE_SECONDS);
    Slice { phase: 0, at: Duration::from_secs(index * SLICE_SECONDS), length, requests, failures: 0, latency }
}
