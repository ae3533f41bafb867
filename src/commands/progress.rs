//! How a load goes, on standard error: a bar on a terminal, a line every ten seconds elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::context::World;
use crate::load::Progress;
use crate::plan::Workload;
use crate::units::{format_count, format_duration, format_millis};

/// Without a terminal a line is written this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows the progress of one load.
#[derive(Debug)]
pub enum ProgressView {
    Bar(ProgressBar),
    Lines { last: Duration },
}

impl ProgressView {
    #[must_use]
    pub fn begin(world: &World, duration: Duration) -> Self {
        if !world.draws_progress() {
            return Self::Lines { last: Duration::ZERO };
        }
        let bar = ProgressBar::with_draw_target(Some(duration.as_secs().max(1)), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:24.cyan/blue} {wide_msg}") {
            bar.set_style(style);
        }
        Self::Bar(bar)
    }

    /// Shows how far it has come.
    pub fn show(&mut self, world: &mut World, progress: &Progress) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(progress.elapsed.as_secs());
                bar.set_message(line(progress));
            }
            Self::Lines { last } if progress.elapsed >= *last + LINE_EVERY => {
                *last = progress.elapsed;
                world.note_progress(&line(progress));
            }
            Self::Lines { .. } => {}
        }
    }

    /// Clears the bar.
    pub fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
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
