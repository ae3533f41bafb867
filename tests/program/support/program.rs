//! The program as a process of its own: started, watched, signalled, and what was left when it ended.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A program that runs longer than this hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// The program with these arguments, in this folder, with nothing of the environment but what it is given.
pub fn command(folder: &Path, arguments: &str, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perfgate"));
    command.args(arguments.split_whitespace()).current_dir(folder).env_clear();
    // Where a program that was built with coverage leaves what it ran.
    for name in ["PATH", "LLVM_PROFILE_FILE"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that was started.
pub struct Running {
    what: String,
    child: Child,
    started: Instant,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// What a program left when it ended.
#[derive(Debug)]
pub struct Ended {
    what: String,
    /// Below zero where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    /// The most memory that it held, in bytes, where the system tells.
    pub peak_rss: Option<u64>,
    /// CPU time of all its threads, where the system tells.
    pub cpu: Option<Duration>,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let what: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take().map(reading), child.stderr.take().map(reading));
        Self { what: what.join(" "), child, started, stdout, stderr }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something is so while the program runs.
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) {
        while !is_so() {
            assert!(self.child.try_wait().unwrap().is_none(), "`{}` ended before {what}", self.what);
            assert!(self.started.elapsed() < DEADLINE, "`{}` waits for ever until {what}", self.what);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn end(mut self) -> Ended {
        let text = |reader: Option<JoinHandle<String>>| reader.map(|reader| reader.join().unwrap()).unwrap_or_default();
        let (mut peak_rss, mut cpu) = (None, None);
        let status = loop {
            peak_rss = peak_rss_of(self.child.id()).or(peak_rss);
            cpu = cpu_of(self.child.id()).or(cpu);
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.started.elapsed() > DEADLINE {
                self.child.kill().unwrap();
                let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
                panic!("`{}` hangs\n--- standard output\n{stdout}--- standard error\n{stderr}", self.what);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.started.elapsed();
        let (stdout, stderr) = (text(self.stdout.take()), text(self.stderr.take()));
        Ended { what: self.what.clone(), code: code_of(status), stdout, stderr, took, peak_rss, cpu }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Where a test failed before the end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// That it ended with this code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        let Self { what, code: found, stdout, stderr, took, peak_rss, cpu } = &self;
        assert_eq!(
            *found, code,
            "perfgate {what}, {took:?}, {cpu:?} of CPU, {peak_rss:?} bytes\n--- standard output\n{stdout}--- standard error\n{stderr}"
        );
        self
    }

    /// That this stands on standard output.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        let Self { what, stdout, stderr, .. } = &self;
        assert!(stdout.contains(text), "perfgate {what}\n--- no `{text}` on standard output\n{stdout}--- standard error\n{stderr}");
        self
    }

    /// That this stands on standard error.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let Self { what, stderr, .. } = &self;
        assert!(stderr.contains(text), "perfgate {what}\n--- no `{text}` on standard error\n{stderr}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("perfgate {}: {error}\n{}", self.what, self.stdout))
    }
}

fn reading(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    })
}

/// The high-water mark of a process that runs still.
fn peak_rss_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim();
    Some(kibibytes.parse::<u64>().ok()? * 1024)
}

/// User and system time so far, in ticks of a hundredth of a second (proc(5)).
fn cpu_of(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let ticks: Vec<u64> = stat.rsplit(')').next()?.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Some(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
}

#[cfg(unix)]
fn code_of(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap()
}

#[cfg(not(unix))]
fn code_of(status: std::process::ExitStatus) -> i32 {
    status.code().unwrap()
}
