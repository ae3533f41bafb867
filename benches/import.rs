//! What importing a large result takes: `perfgate import` of 1 GB of k6 points and of a JTL, each made here from the
//! lines that such a tool writes. `cargo bench --bench import -- [--megabytes N]` writes Markdown to standard output. Linux.

use std::fs::{File, remove_file};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Why something could not be measured.
type Failure = Box<dyn std::error::Error>;

/// What `/proc` counts CPU time in, for every program on Linux.
const TICKS_PER_SECOND: f64 = 100.0;
const MEGABYTES: u64 = 1000;
const JTL_HEAD: &str = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,\
grpThreads,allThreads,URL,Latency,IdleTime,Connect";
/// The points that k6 writes for one request.
const K6_METRICS: [&str; 9] = [
    "http_reqs",
    "http_req_duration",
    "http_req_blocked",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "http_req_failed",
];

/// What an import took.
struct Cost {
    requests: u64,
    bytes: u64,
    cpu: f64,
    peak_kilobytes: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut errors = std::io::stderr();
    if !arguments.iter().any(|argument| argument == "--bench") {
        let _ = writeln!(errors, "nothing measured: this is for `cargo bench --bench import`");
        return ExitCode::SUCCESS;
    }
    match measure(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(errors, "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<(), Failure> {
    let asked = arguments.iter().position(|argument| argument == "--megabytes").and_then(|at| arguments.get(at + 1));
    let megabytes = asked.map_or(Ok(MEGABYTES), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("perfgate-bench-import-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure_in(&folder, megabytes);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure_in(folder: &Path, megabytes: u64) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "Goals: at most 256 MB of memory, at least 100 MB/s of one core.\n")?;
    writeln!(out, "| file | MB | requests | CPU, s | MB/s | memory at its peak, MB |\n|---|---|---|---|---|---|")?;
    for (name, write) in [("k6 points", write_k6 as fn(&mut BufWriter<File>, u64) -> Result<u64, Failure>), ("JTL", write_jtl)] {
        let path = folder.join("result");
        let mut file = BufWriter::new(File::create(&path)?);
        let written = write(&mut file, megabytes * 1_000_000)?;
        file.flush()?;
        let cost = import(&path, folder)?;
        remove_file(&path)?;
        if cost.requests != written {
            return Err(format!("{name}: {written} requests were written, {} imported", cost.requests).into());
        }
        let size = megabytes_of(cost.bytes);
        let peak = megabytes_of(cost.peak_kilobytes * 1024);
        writeln!(out, "| {name} | {size:.0} | {written} | {:.2} | {:.0} | {peak:.1} |", cost.cpu, size / cost.cpu.max(0.01))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files")]
fn megabytes_of(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Numbers without a pattern, the same each time (`SplitMix64`).
fn scattered(number: u64) -> u64 {
    let value = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value ^ (value >> 31)
}

fn write_k6(file: &mut BufWriter<File>, size: u64) -> Result<u64, Failure> {
    let (mut written, mut requests) = (0, 0);
    while written < size {
        let (minute, second, micros) = (requests / 60_000 % 60, requests / 1000 % 60, requests % 1000 * 1000);
        let failed = u64::from(requests % 40 == 7);
        let status = if failed == 1 { 500 } else { 200 };
        for metric in K6_METRICS {
            let value = match metric {
                "http_reqs" => "1".to_owned(),
                "http_req_failed" => failed.to_string(),
                _ => format!("{}.{:06}", scattered(requests) % 60, scattered(requests) % 1_000_000),
            };
            let line = format!(
                "{{\"metric\":\"{metric}\",\"type\":\"Point\",\"data\":{{\"time\":\"2026-11-20T14:{minute:02}:{second:02}.{micros:06}Z\",\"value\":{value},\"tags\":{{\"expected_response\":\"{}\",\"group\":\"\",\"method\":\"GET\",\"name\":\"/things/{}\",\"proto\":\"HTTP/1.1\",\"scenario\":\"default\",\"status\":\"{status}\",\"url\":\"/things/:id\"}}}}}}\n",
                failed == 0,
                requests % 20,
            );
            file.write_all(line.as_bytes())?;
            written += line.len() as u64;
        }
        requests += 1;
    }
    Ok(requests)
}

fn write_jtl(file: &mut BufWriter<File>, size: u64) -> Result<u64, Failure> {
    writeln!(file, "{JTL_HEAD}")?;
    let (mut written, mut requests) = (0, 0);
    while written < size {
        let (elapsed, kind) = (1 + scattered(requests) % 60, requests % 20);
        let (status, message, success) = if requests % 100 == 7 { (503, "Service Unavailable", false) } else { (200, "OK", true) };
        let line = format!(
            "{},{elapsed},GET /things/{kind},{status},{message},Users 1-{},text,{success},,{},130,80,80,http://staging.shop.example/things/{kind},{},0,0\n",
            1_795_183_756_000 + requests / 5,
            requests % 80,
            512 + kind,
            elapsed - 1,
        );
        file.write_all(line.as_bytes())?;
        written += line.len() as u64;
        requests += 1;
    }
    Ok(requests)
}

/// Imports a file with the program under test.
fn import(path: &Path, folder: &Path) -> Result<Cost, Failure> {
    let out: PathBuf = folder.join("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfgate"));
    command.arg("import").arg(path).args(["--name", "large", "--out"]).arg(&out);
    let before = cpu_of_children()?;
    let begun = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut peak_kilobytes = 0;
    let status = loop {
        peak_kilobytes = peak_memory(child.id()).unwrap_or(0).max(peak_kilobytes);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if !status.success() {
        return Err(format!("the import ended with {status} after {:?}", begun.elapsed()).into());
    }
    let run = std::fs::read_to_string(out.join("run.json"))?;
    let requests = number_of_requests(&run).ok_or("run.json names no total")?;
    Ok(Cost { requests, bytes: std::fs::metadata(path)?.len(), cpu: cpu_of_children()? - before, peak_kilobytes })
}

/// `requests` of the run's total.
fn number_of_requests(run: &str) -> Option<u64> {
    let (_, rest) = run.split_once("\"total\":{\"requests\":")?;
    rest.split(|other: char| !other.is_ascii_digit()).next()?.parse().ok()
}

/// The highest resident memory of a process until now, in KB.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// CPU time of all children that have ended, in seconds.
fn cpu_of_children() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may hold anything; the state behind it is field 3, see proc(5).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<f64>().ok()).ok_or("unknown /proc/self/stat");
    Ok((ticks(16)? + ticks(17)?) / TICKS_PER_SECOND)
}
