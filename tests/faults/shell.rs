//! The program behind a line of shell, with fewer rights or resources than it usually has.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::Ended;
use crate::trial::Trial;

/// The command in the same process after a line of shell.
pub fn limited(command: &Command, line: &str) -> Command {
    through(command, &["sh", "-c", &format!("{line} && exec \"$0\" \"$@\"")])
}

/// The same with another program in front, whose arguments the line sets.
pub fn limited_by(command: &Command, line: &str, program: &str) -> Command {
    through(command, &["sh", "-c", &format!("{line} && exec {program} \"$@\"")])
}

/// Runs the program by a script (`"$0" "$@"`) that sees mounts of its own. `None` where that is not allowed here.
#[track_caller]
pub fn privately(trial: &Trial, script: &str, arguments: &str) -> Option<Ended> {
    let allowed = |flags: &&&str| {
        let tried = Command::new("unshare").args([flags, "sh", "-c", "mount -t tmpfs none /mnt"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    let Some(flags) = ["-m", "-rm"].iter().find(|flags| allowed(flags)) else {
        eprintln!("notice: left out: no mounts of its own are allowed here");
        return None;
    };
    Some(trial.run(|| through(&trial.command(arguments), &["unshare", flags, "sh", "-c", script])))
}

/// What makes calls fail; without it a test is left out.
pub fn tracer() -> Option<()> {
    let works = Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).status().is_ok_and(|status| status.success());
    if !works {
        eprintln!("notice: left out: there is no strace, or it may not trace here");
    }
    works.then_some(())
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
