//! How long it takes to judge a stored run against a store of thirty: `cargo bench --bench deciding`. Runs of 300 s with
//! twenty endpoints are made, kept, and judged by the program as a process of its own, with what the store keeps of its
//! runs and without; medians of five to standard output. Also says whether both came to the same verdict, byte by byte.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use perfgate::baseline::Store;
use perfgate::plan::{Dice, Stream};
use perfgate::run::{
    EndpointRole, EndpointRun, Environment, Generator, PerSecond, PhaseRun, PhaseSeries, Run, ScenarioRef, SecondCounts, Slice, save_run,
};
use perfgate::stats::Histogram;

const RUNS: u64 = 30;
const ENDPOINTS: usize = 20;
const SECONDS: u64 = 300;
const SLICE_SECONDS: u64 = 5;
const REQUESTS_OF_A_SLICE: u64 = 250;
const TIMES: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test` builds and starts it too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = std::env::temp_dir().join(format!("perfgate-deciding-{}", std::process::id()));
    let measured = measure(&folder);
    fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path) -> Result<(), Box<dyn Error>> {
    let kept = folder.join("kept");
    let mut store = Store::open(&kept)?;
    for night in 1..=RUNS {
        let run = run(night);
        store.admit(&run, store.admission(&run))?;
    }
    let judged = folder.join("run.json");
    save_run(&judged, &run(0))?;
    let rules = "defaults: {p95: {max: 1s, rise: 10%}, p99: {max: 2s, rise: 15%}, failures: {max: 1%, rise: 1%}}";
    fs::write(folder.join("thresholds.yaml"), format!("version: 1\nscenario: shop\n{rules}\ngate: {{baseline: {{runs: {RUNS}}}}}\n"))?;
    let (with, verdict) = median(folder)?;
    let list = kept.join("baseline.json");
    let listed = fs::metadata(&list)?.len();
    forget_digests(&list)?;
    let (without, same) = median(folder)?;
    let bytes: u64 = store.entries().iter().map(|entry| fs::metadata(store.run_path(&entry.id)).map_or(0, |file| file.len())).sum();
    let mut out = io::stdout();
    writeln!(out, "| {RUNS} runs of {SECONDS} s, {ENDPOINTS} endpoints, {:.0} MB | ms |\n|---|---|", number(bytes) / 1e6)?;
    writeln!(out, "| with what the store keeps of its runs ({:.1} MB) | {:.0} |", number(listed) / 1e6, with.as_secs_f64() * 1e3)?;
    writeln!(out, "| every run read | {:.0} |", without.as_secs_f64() * 1e3)?;
    writeln!(out, "\nthe same verdict: {}", if verdict == same { "yes" } else { "NO" })?;
    if verdict == same { Ok(()) } else { Err("the verdicts differ".into()) }
}

/// The median time of the program, and its verdict.
fn median(folder: &Path) -> Result<(Duration, Vec<u8>), Box<dyn Error>> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_perfgate"));
    let arguments = ["judge", "run.json", "--thresholds", "thresholds.yaml", "--baseline", "kept", "--format", "json"];
    let mut times = Vec::new();
    let mut verdict = Vec::new();
    // The first one fetches the files from the disk.
    for _ in 0..=TIMES {
        let begin = Instant::now();
        let output = Command::new(&program).args(arguments).current_dir(folder).output()?;
        times.push(begin.elapsed());
        if output.stdout.is_empty() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        verdict = output.stdout;
    }
    let mut times = times.split_off(1);
    times.sort();
    Ok((times[TIMES / 2], verdict))
}

fn forget_digests(list: &Path) -> Result<(), Box<dyn Error>> {
    let mut content: serde_json::Value = serde_json::from_slice(&fs::read(list)?)?;
    for entry in content["entries"].as_array_mut().into_iter().flatten() {
        entry.as_object_mut().and_then(|entry| entry.remove("digest"));
    }
    Ok(fs::write(list, serde_json::to_vec(&content)?)?)
}

#[expect(clippy::cast_precision_loss, reason = "a size")]
fn number(bytes: u64) -> f64 {
    bytes as f64
}

/// The run of so many nights ago.
fn run(night: u64) -> Run {
    let mut dice = Dice::new(night, Stream::Start { index: 0 });
    let endpoints: Vec<EndpointRun> = (0..ENDPOINTS).map(|index| endpoint(index, &mut dice)).collect();
    let requests = endpoints.iter().map(|endpoint| endpoint.phases[0].requests).sum();
    let began: jiff::Timestamp = "2026-11-20T12:00:00Z".parse().unwrap_or_default();
    Run {
        scenario: ScenarioRef { name: "shop".into(), hash: "sha256:1".into(), seed: 1, each_alone: false },
        target: "http://localhost".into(),
        started_at: began - SignedDuration::from_hours(24 * i64::try_from(night).unwrap_or_default()),
        measured: Duration::from_secs(SECONDS),
        complete: true,
        aborted_by: None,
        environment: Environment {
            name: None,
            os: "linux".into(),
            arch: "x86_64".into(),
            cores: 2,
            cpu: None,
            perfgate: "0.1.0".into(),
            ci: None,
            job: None,
            commit: None,
            branch: None,
        },
        endpoints,
        at_once: SecondCounts::default(),
        answered: SecondCounts::default(),
        round: None,
        phases: vec![PhaseRun {
            name: "hold".into(),
            at: Duration::ZERO,
            length: Duration::from_secs(SECONDS),
            measured: true,
            requests,
            peak: 1.0,
        }],
        generator: Generator { scheduled: requests, sent: requests, ok: requests, ..Generator::default() },
        overrides: Vec::new(),
        imported: None,
        tasks: Vec::new(),
    }
}

fn endpoint(index: usize, dice: &mut Dice) -> EndpointRun {
    let night = 1.0 + 0.02 * dice.normal();
    let median_micros = 20_000.0 * (1.0 + 0.2 * f64::from(u32::try_from(index).unwrap_or_default())) * night;
    let mut slices = Vec::new();
    let mut series = PhaseSeries::default();
    for number in 0..SECONDS / SLICE_SECONDS {
        let mut latency = Histogram::new();
        for _ in 0..REQUESTS_OF_A_SLICE {
            latency.record(micros(median_micros * (0.5 * dice.normal()).exp()));
        }
        series.service.merge(&latency);
        series.ttfb.merge(&latency);
        slices.push(Slice {
            phase: 0,
            at: Duration::from_secs(number * SLICE_SECONDS),
            length: Duration::from_secs(SLICE_SECONDS),
            requests: REQUESTS_OF_A_SLICE,
            failures: 0,
            latency,
        });
    }
    let requests = REQUESTS_OF_A_SLICE * (SECONDS / SLICE_SECONDS);
    (series.requests, series.ok, series.bytes) = (requests, requests, requests * 2000);
    series.statuses.insert(200, requests);
    let seconds = usize::try_from(SECONDS).unwrap_or_default();
    let each_second = |count: u64| std::iter::repeat_n(count, seconds).collect();
    let per_second =
        PerSecond { requests: each_second(REQUESTS_OF_A_SLICE / SLICE_SECONDS), failures: each_second(0), ..PerSecond::default() };
    EndpointRun { name: format!("GET /api/{index}"), role: EndpointRole::Task, phases: vec![series], slices, per_second }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a latency")]
fn micros(value: f64) -> u64 {
    value as u64
}
