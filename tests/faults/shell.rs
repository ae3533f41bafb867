//! The program behind a line of shell, with fewer rights or resources than it usually has.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Ended, Lacking, skip};
use crate::trial::Trial;

/// Rights that a container may not have: tests that need one are left out without it, and so marked on the page of faults.
pub const TO_MOUNT: &str = "to mount";
pub const TO_TRACE: &str = "to trace a program";
pub const TO_HAVE_A_NETWORK: &str = "to have a network of its own";

/// The command in the same process after a line of shell.
pub fn limited(command: &Command, line: &str) -> Command {
    through(command, &["sh", "-c", &format!("{line} && exec \"$0\" \"$@\"")])
}

/// The same with another program in front, whose arguments the line sets.
pub fn limited_by(command: &Command, line: &str, program: &str) -> Command {
    through(command, &["sh", "-c", &format!("{line} && exec {program} \"$@\"")])
}

/// Runs a command by a script (`"$0" "$@"`) that sees mounts of its own, where a line of shell that it `needs` works as well.
/// `None` where that is left out.
#[track_caller]
pub fn privately(trial: &Trial, needs: &str, script: &str, command: impl Fn() -> Command) -> Option<Ended> {
    if !["unshare", "mount"].into_iter().all(has_tool) {
        return None;
    }
    let probe = format!("mount -t tmpfs none /tmp && {needs}");
    let Some(flags) = ["-m", "-rm"].into_iter().find(|flags| succeeds("unshare", &[flags, "sh", "-c", &probe])) else {
        skip(Lacking::Right(TO_MOUNT));
        return None;
    };
    Some(trial.run(|| through(&command(), &["unshare", flags, "sh", "-c", script])))
}

/// What makes calls fail. `None` where a test without it is left out.
#[track_caller]
pub fn tracer() -> Option<()> {
    if !has_tool("strace") {
        return None;
    }
    let traced = |more: &[&str]| succeeds("strace", &[&["-D", "-f", "-o", "/dev/null"], more, &["true"]].concat());
    // Some sandboxes trace, and make nothing fail.
    let may_trace = traced(&[]) && !traced(&["-e", "inject=openat:error=EACCES"]);
    if !may_trace {
        skip(Lacking::Right(TO_TRACE));
    }
    may_trace.then_some(())
}

/// Whether a program can be run; where not, a test without it is left out.
#[track_caller]
pub fn has_tool(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        skip(Lacking::Tool(program));
    }
    found
}

/// Whether a command ends well; what it says is of no interest.
fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let silent = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    silent.is_ok_and(|status| status.success())
}

/// What the tracer wrote, once it has seen every thread end: it may be a moment later than the program.
pub fn traced(trial: &Trial) -> String {
    let patience = Instant::now() + Duration::from_secs(5);
    loop {
        let text = trial.read("trace");
        let ended = |thread: &str| text.lines().any(|line| line.starts_with(thread) && line.contains("+++ "));
        let is_whole = text.ends_with("+++\n") && text.lines().filter_map(|line| line.split(' ').next()).all(ended);
        if is_whole || Instant::now() > patience {
            return text;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn through(command: &Command, by: &[&str]) -> Command {
    let mut whole = Command::new(by[0]);
    whole.args(&by[1..]).arg(command.get_program()).args(command.get_args());
    whole.current_dir(command.get_current_dir().unwrap()).env_clear();
    whole.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    whole.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    whole
}
