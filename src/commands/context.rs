//! The outside world, handed to every command: streams, environment, clock, terminal and signals.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, mpsc};

use jiff::Timestamp;

use crate::dashboard::Feed;
use crate::exit::ExitCode;
use crate::load::Abort;
use crate::redact::{self, Redactor};
use crate::report::{ColorChoice, Look, harmless_lines};

/// Width of what is written for no terminal.
const PLAIN_WIDTH: u16 = 120;

/// What a command can see and touch besides files and sockets.
pub struct World {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    environment: fn(&str) -> Option<String>,
    pub now: fn() -> Timestamp,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    width: u16,
    secrets: Arc<RwLock<Redactor>>,
    /// The scenario's, which are told to GitHub once.
    masked: BTreeSet<String>,
    /// Set when standard output could not take what was written, other than by a reader who had seen enough.
    output_lost: bool,
    /// Set once all that a signal could cut short has been written.
    all_is_written: Arc<AtomicBool>,
    /// Where somebody at a browser follows what is loaded.
    pub live: Option<Feed>,
    /// Ends a load in place of signals, where somebody else begins and ends it.
    pub abort: Option<Abort>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    /// The real one.
    #[must_use]
    pub fn real() -> Self {
        let terminal_width = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|width| *width > 0);
        Self {
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            environment: |name| std::env::var(name).ok(),
            now: Timestamp::now,
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal(),
            width: terminal_width().unwrap_or(PLAIN_WIDTH),
            secrets: Arc::default(),
            masked: BTreeSet::new(),
            output_lost: false,
            all_is_written: Arc::default(),
            live: None,
            abort: None,
        }
        .hiding_tokens()
    }

    /// A core dump would hold every secret of the job: there is none.
    pub fn forbid_core_dumps() {
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        // Where the system does not let us, it was forbidden already.
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    }

    /// The keys that a pipeline gives to every step.
    fn hiding_tokens(self) -> Self {
        for name in ["GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN"]
        {
            if let Some(token) = self.variable(name) {
                self.blank(&token);
            }
        }
        self
    }

    /// Blanks these values in everything that is written from now on. GitHub is told to do so in its log, whoever writes there.
    pub fn hide(&mut self, secrets: &[String]) {
        let in_github = self.variable("GITHUB_ACTIONS").is_some();
        for secret in secrets {
            if self.masked.insert(secret.clone()) {
                self.blank(secret);
                for line in secret.lines().filter(|line| in_github && redact::objection(line).is_none()) {
                    let _ = writeln!(self.stderr, "{}", mask(line)).and_then(|()| self.stderr.flush());
                }
            }
        }
    }

    /// The lock is held for no longer than it takes to put the new values in place: a panic must be told from any line of ours.
    fn blank(&self, secret: &str) {
        let mut known = self.secrets.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.hide(secret);
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// The text without the values that are hidden.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        redacted(&self.secrets, text)
    }

    /// A variable of the environment; `None` where it is missing or empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name).filter(|value| !value.is_empty())
    }

    /// Writes data to standard output.
    pub fn print(&mut self, text: &str) {
        let text = self.redacted(text);
        self.print_bytes(text.as_bytes());
    }

    /// As [`Self::print`]. A reader who closes the pipe has seen enough: that is no error.
    pub fn print_bytes(&mut self, bytes: &[u8]) {
        let written = self.stdout.write_all(bytes).and_then(|()| self.stdout.flush());
        if written.is_err_and(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            self.output_lost = true;
        }
    }

    /// Writes a line for people to standard error. Nobody is left to tell where that fails. The text of others may be in it:
    /// what a CI would take for a command of ours is broken up, what a terminal would obey is left out.
    pub fn note(&mut self, line: &str) {
        let text = harmless_lines(&self.redacted(line));
        if let Some(feed) = &self.live {
            feed.say(&text);
        }
        let _ = writeln!(self.stderr, "{text}").and_then(|()| self.stderr.flush());
    }

    /// Writes a command for the CI, one line, whose texts are escaped already. Standard output may be data.
    pub fn command(&mut self, line: &str) {
        let line = self.redacted(line);
        let _ = writeln!(self.stderr, "{line}").and_then(|()| self.stderr.flush());
    }

    /// As [`Self::note`], for whoever has no world at hand: another thread, or a panic. What is hidden later is hidden there, too.
    pub fn noting(&self) -> impl Fn(&str) + Send + Sync + use<> {
        let secrets = Arc::clone(&self.secrets);
        move |line| {
            let (text, mut stderr) = (harmless_lines(&redacted(&secrets, line)), io::stderr());
            let _ = writeln!(stderr, "{text}").and_then(|()| stderr.flush());
        }
    }

    /// The exit code with what was lost on standard output counted in.
    #[must_use]
    pub fn account_for_output(&self, code: ExitCode) -> ExitCode {
        if self.output_lost { code.worse(ExitCode::NotDelivered) } else { code }
    }

    /// How wide and how colourful standard output may be.
    #[must_use]
    pub fn look(&self) -> Look {
        Look { width: self.width, color: if self.wants_color() { ColorChoice::Always } else { ColorChoice::Never } }
    }

    /// `NO_COLOR` wins over `CLICOLOR_FORCE`, and that over what standard output is.
    fn wants_color(&self) -> bool {
        if self.variable("NO_COLOR").is_some() {
            return false;
        }
        let forced = self.variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        forced || (self.stdout_is_terminal && self.variable("TERM").is_none_or(|term| term != "dumb"))
    }

    /// Whether a bar may be drawn on standard error: it is a terminal, and no log of a CI.
    #[must_use]
    pub fn draws_progress(&self) -> bool {
        self.stderr_is_terminal && self.variable("CI").is_none() && self.variable("TERM").is_none_or(|term| term != "dumb")
    }

    /// An abort that the first SIGINT, SIGTERM or SIGHUP from now on asks for; the second ends the program at once.
    #[must_use]
    pub fn abort_on_signals(&self) -> Abort {
        if let Some(abort) = &self.abort {
            return abort.clone();
        }
        let abort = Abort::default();
        let (asked, all_is_written) = (abort.clone(), Arc::clone(&self.all_is_written));
        let (not_yet_listening, listening) = mpsc::channel::<()>();
        // Without this thread signals have their usual effect, and the last checkpoint is what is left.
        let _ =
            std::thread::Builder::new().name("signals".into()).spawn(move || signals::listen(&asked, &all_is_written, not_yet_listening));
        // Nothing is ever sent: the wait ends when the sender is dropped.
        let _ = listening.recv();
        abort
    }

    /// From now on the first signal ends the program at once: what is still under way is for others, and may take long.
    pub fn end_at_the_first_signal(&self) {
        if self.abort.is_none() {
            self.all_is_written.store(true, Ordering::SeqCst);
        }
    }
}

fn redacted(secrets: &RwLock<Redactor>, text: &str) -> String {
    secrets.read().unwrap_or_else(PoisonError::into_inner).redacted(text).into_owned()
}

/// The command that tells GitHub's runner to blank a value in its log.
fn mask(secret: &str) -> String {
    format!("::add-mask::{}", secret.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A"))
}

/// The exit code of an abort's reason, `None` where it was no signal.
#[must_use]
pub fn exit_of_signal(reason: &str) -> Option<ExitCode> {
    match reason.split_whitespace().next()? {
        "SIGHUP" => Some(ExitCode::AbortedByHup),
        "SIGINT" => Some(ExitCode::AbortedByInt),
        "SIGTERM" => Some(ExitCode::AbortedByTerm),
        _ => None,
    }
}

#[cfg(unix)]
mod signals {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::Sender;

    use tokio::signal::unix::{SignalKind, signal};

    use super::{Abort, exit_of_signal};
    use crate::load::try_descriptors;

    /// Drops `not_yet_listening` once no signal can be missed.
    pub(super) fn listen(abort: &Abort, all_is_written: &AtomicBool, not_yet_listening: Sender<()>) {
        if try_descriptors().is_err() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut hup), Ok(mut int), Ok(mut term)) =
                (signal(SignalKind::hangup()), signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            drop(not_yet_listening);
            loop {
                let name = tokio::select! {
                    _ = hup.recv() => "SIGHUP",
                    _ = int.recv() => "SIGINT",
                    _ = term.recv() => "SIGTERM",
                };
                if let Some(first) = abort.reason() {
                    end_at_once(&first);
                }
                if all_is_written.load(Ordering::SeqCst) {
                    end_at_once(name);
                }
                abort.request(name);
            }
        });
    }

    #[expect(clippy::exit, reason = "the second signal means now")]
    fn end_at_once(reason: &str) -> ! {
        let code = exit_of_signal(reason).map_or(70, crate::exit::ExitCode::number);
        std::process::exit(i32::from(code))
    }
}

#[cfg(not(unix))]
mod signals {
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::Sender;

    use super::Abort;

    pub(super) fn listen(_: &Abort, _: &AtomicBool, _: Sender<()>) {}
}
