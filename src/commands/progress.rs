//! How a load goes, on standard error: a bar on a terminal, a line every ten seconds elsewhere. Drawn on a thread of its own:
//! a terminal that stands still loses progress, and holds up nothing that is measured.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::World;
use crate::load::Progress;
use crate::plan::Workload;
use crate::units::{format_count, format_duration, format_millis};

/// Without a terminal a line is written this often.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How long a bar may take to go.
const PATIENCE: Duration = Duration::from_millis(300);

/// Shows the progress of one load.
#[derive(Debug)]
pub struct ProgressView {
    updates: SyncSender<Update>,
    /// `None` where there is no thread for it: then nothing is drawn.
    drawing: Option<JoinHandle<()>>,
    /// Of an update after which the next is so much later.
    last: Duration,
    every: Duration,
}

#[derive(Debug)]
struct Update {
    seconds: u64,
    line: String,
}

impl ProgressView {
    #[must_use]
    pub fn begin(world: &World, duration: Duration) -> Self {
        if !world.draws_progress() {
            let note = world.noting();
            return Self::drawn_by(LINE_EVERY, move |update| note(&update.line), || ());
        }
        let bar = ProgressBar::with_draw_target(Some(duration.as_secs().max(1)), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/blue} {wide_msg}") {
            bar.set_style(style);
        }
        let drawn = bar.clone();
        let draw = move |update: Update| {
            drawn.set_position(update.seconds);
            drawn.set_message(update.line);
        };
        Self::drawn_by(Duration::ZERO, draw, move || bar.finish_and_clear())
    }

    fn drawn_by(every: Duration, mut draw: impl FnMut(Update) + Send + 'static, clear: impl FnOnce() + Send + 'static) -> Self {
        let (updates, received) = sync_channel(1);
        let drawing = std::thread::Builder::new().name("progress".into()).spawn(move || {
            received.into_iter().for_each(&mut draw);
            clear();
        });
        Self { updates, drawing: drawing.ok(), last: Duration::ZERO, every }
    }

    /// Shows how far it has come, unless what was shown before is not drawn yet.
    pub fn show(&mut self, progress: &Progress) {
        if progress.elapsed >= self.last + self.every {
            self.last = progress.elapsed;
            let _ = self.updates.try_send(Update { seconds: progress.elapsed.as_secs(), line: line(progress) });
        }
    }

    /// Clears the bar.
    pub fn end(self) {
        let Self { updates, drawing, .. } = self;
        drop(updates);
        let patience = Instant::now() + PATIENCE;
        while drawing.as_ref().is_some_and(|drawing| !drawing.is_finished()) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// `hold · 50 users · 412 requests/s · p95 21.3 ms · 0 failures · 25s left`
fn line(progress: &Progress) -> String {
    let load = match progress.workload {
        Workload::Closed { .. } => format!("{:.0} users", progress.load.floor()),
        Workload::Open { .. } => format!("{:.0}/s due", progress.load),
    };
    let left = Duration::from_secs(progress.duration.saturating_sub(progress.elapsed).as_secs());
    format!(
        "{} · {load} · {:.0} requests/s · p95 {} · {} failures · {} left",
        progress.phase,
        progress.requests_per_s,
        progress.p95_ms.map_or("-".to_owned(), format_millis),
        format_count(progress.failures),
        format_duration(left),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::load::Gauges;

    fn at(seconds: u64) -> Progress {
        Progress {
            elapsed: Duration::from_secs(seconds),
            duration: Duration::from_secs(100),
            phase: "hold".into(),
            measured: true,
            load: 5.0,
            workload: Workload::Closed { users: 5 },
            requests_per_s: 10.0,
            failures_per_s: 0.0,
            p50_ms: None,
            p95_ms: None,
            p99_ms: None,
            requests: 10,
            failures: 0,
            not_sent: 0,
            gauges: Gauges::default(),
        }
    }

    #[test]
    fn a_terminal_that_stands_still_holds_nothing_up() {
        let (goes_on, waits) = channel::<()>();
        let (sender, drawn) = channel();
        let draw = move |update: Update| {
            sender.send(update.seconds).unwrap();
            let _ = waits.recv();
        };
        let mut view = ProgressView::drawn_by(Duration::ZERO, draw, || ());
        view.show(&at(1));
        assert_eq!(drawn.recv(), Ok(1));
        (2..100).for_each(|second| view.show(&at(second)));
        drop(goes_on);
        view.end();
        assert_eq!(drawn.try_iter().collect::<Vec<_>>(), [2], "what came while it stood still is lost, but for the first");
    }

    #[test]
    fn a_log_gets_a_line_every_ten_seconds() {
        let (sender, drawn) = channel();
        let mut view = ProgressView::drawn_by(LINE_EVERY, move |update: Update| sender.send(update.line).unwrap(), || ());
        for second in [5, 10, 15, 19, 20] {
            view.show(&at(second));
            if second % 10 == 0 {
                assert!(drawn.recv().unwrap().starts_with("hold · 5 users · 10 requests/s · p95 - · 0 failures · "));
            }
        }
        view.end();
        assert!(drawn.try_recv().is_err());
    }
}
