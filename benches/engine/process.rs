//! Child processes on a core of their own, and what the system tells of them: CPU time and resident memory.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::Failure;

/// What `/proc` counts CPU time in, for every program on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Who runs where, so that client and target do not share a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Client,
    Target,
}

/// How a child ended, and the CPU time that it and its own children took.
#[derive(Debug)]
pub struct Finished {
    pub output: Output,
    pub cpu: Duration,
}

/// Starts a child on the core of its place.
pub fn spawn(command: &mut Command, place: Place) -> Result<Child, Failure> {
    let name = command.get_program().to_owned();
    affinity::on_core_of(place, || command.spawn()).map_err(|error| format!("cannot start {}: {error}", name.display()).into())
}

/// Runs a client to its end on its core.
pub fn run_client(command: &mut Command) -> Result<Finished, Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let before = cpu_of_children()?;
    let output = spawn(command, Place::Client)?.wait_with_output()?;
    Ok(Finished { output, cpu: cpu_of_children()?.saturating_sub(before) })
}

/// CPU time of all children that have ended.
fn cpu_of_children() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may hold anything; the state behind it is field 3, see proc(5).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok()).ok_or("unknown /proc/self/stat");
    Ok(Duration::from_millis((ticks(16)? + ticks(17)?) * 1000 / TICKS_PER_SECOND))
}

/// Resident memory of a process, in bytes.
pub fn resident_memory(process: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("a process without VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// Where a program is that can be called by its name.
pub fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Day and machine in a line, with what else the machine is doing.
pub fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':')).map_or("", |(_, model)| model.trim());
    let busy = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let day = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    format!("{day}: perfgate {version} on {cores} cores, {model}, Linux {kernel}, load average {busy} before the start")
}

#[cfg(target_os = "linux")]
mod affinity {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    use super::Place;

    /// A child inherits the cores of the thread that starts it.
    pub fn on_core_of<T>(place: Place, start: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
        let all = sched_getaffinity(None)?;
        let mut one = CpuSet::new();
        one.set(core_of(place, &all));
        sched_setaffinity(None, &one)?;
        let started = start();
        sched_setaffinity(None, &all)?;
        started
    }

    /// The client has the first core that we may use, the target the next one; with one core they share it.
    fn core_of(place: Place, all: &CpuSet) -> usize {
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
        let first = cores.next().unwrap_or(0);
        match place {
            Place::Client => first,
            Place::Target => cores.next().unwrap_or(first),
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    use super::Place;

    pub fn on_core_of<T>(_place: Place, start: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
        start()
    }
}
