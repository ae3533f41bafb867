//! The hand-over from a load to whoever looks at it. The load's side never waits for a browser: it puts down how things
//! stand, and a browser that comes late finds the newest state and not those between.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::live::{Figures, Heading, Live, Moment, Stage};
use crate::run::Run;

/// One command that loads: put into by the command, looked at by pages. Clones are the same.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

/// How a run is ended from a page.
type Stop = Box<dyn Fn(&str) + Send>;

struct Shared {
    live: Mutex<Live>,
    changes: watch::Sender<u64>,
    watchers: AtomicUsize,
    stop: Mutex<Option<Stop>>,
}

impl Default for Feed {
    fn default() -> Self {
        let changes = watch::Sender::new(0);
        Self(Arc::new(Shared { live: Mutex::default(), changes, watchers: AtomicUsize::new(0), stop: Mutex::default() }))
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

/// As long as it lives somebody looks.
#[derive(Debug)]
pub(super) struct Watched(Feed);

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed {
    /// A load begins.
    pub fn begin(&self, heading: Heading) {
        self.change(|live| live.begin(heading));
    }

    /// How it stands, once a second.
    pub fn tick(&self, moment: Moment) {
        self.change(|live| live.tick(moment));
    }

    /// The run so far. Its figures are worked out only where somebody looks.
    pub fn checkpoint(&self, run: &Run) {
        if self.0.watchers.load(Ordering::Relaxed) > 0 {
            self.figures(run);
        }
    }

    /// The load is over; this is its run.
    pub fn loaded(&self, run: &Run) {
        self.figures(run);
        self.change(|live| live.stage = Stage::Judging);
    }

    /// Something worth knowing, one line.
    pub fn say(&self, text: &str) {
        self.change(|live| live.say(text));
    }

    /// The command has ended so.
    pub fn ended(&self, outcome: &str) {
        self.change(|live| (live.stage, live.outcome) = (Stage::Ended, Some(outcome.to_owned())));
        *self.0.stop.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How a page may end it.
    pub fn on_stop(&self, stop: impl Fn(&str) + Send + 'static) {
        *self.0.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(stop));
    }

    /// Asks it to end; false where it cannot be asked.
    pub(super) fn stop(&self, reason: &str) -> bool {
        let stop = self.0.stop.lock().unwrap_or_else(PoisonError::into_inner);
        stop.as_ref().inspect(|stop| stop(reason)).is_some()
    }

    pub(super) fn watch(&self) -> Watched {
        self.0.watchers.fetch_add(1, Ordering::Relaxed);
        Watched(self.clone())
    }

    /// Tells of every change from now on; of several that were not waited for, once.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// How it stands.
    pub(super) fn now(&self) -> Live {
        self.live().clone()
    }

    fn figures(&self, run: &Run) {
        let (all, endpoints) = (Figures::of_all(run), Figures::of_endpoints(run));
        self.change(|live| live.figures(all, endpoints));
    }

    fn change(&self, change: impl FnOnce(&mut Live)) {
        change(&mut self.live());
        self.0.changes.send_modify(|count| *count += 1);
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
