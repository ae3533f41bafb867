//! The hand-over from a load to whoever looks at it. The load's side never waits for a browser: it puts down how things
//! stand, and a browser that comes late finds the newest state and not those between.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use maud::Markup;
use tokio::sync::watch;

use super::live::{Figures, Heading, Live, Moment, Stage, Tally, parts};
use crate::run::Run;

/// So many may follow one run at a time: each costs the machine that loads.
const WATCHERS: usize = 8;

/// One command that loads: put into by the command, looked at by pages. Clones are the same.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

/// How a run is ended from a page.
type Stop = Box<dyn Fn(&str) + Send>;

struct Shared {
    live: Mutex<Live>,
    tally: Mutex<Tally>,
    changes: watch::Sender<u64>,
    /// Behind how many changes somebody looked last, and how it stood then.
    seen: Mutex<Option<(u64, Arc<Standing>)>>,
    watchers: AtomicUsize,
    stop: Mutex<Option<Stop>>,
}

impl Default for Feed {
    fn default() -> Self {
        let changes = watch::Sender::new(0);
        Self(Arc::new(Shared {
            live: Mutex::default(),
            tally: Mutex::default(),
            changes,
            seen: Mutex::default(),
            watchers: AtomicUsize::new(0),
            stop: Mutex::default(),
        }))
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed").finish_non_exhaustive()
    }
}

/// How it stands, and what a page shows of it: worked out once, however many look.
#[derive(Debug)]
pub(super) struct Standing {
    live: Live,
    parts: OnceLock<[String; 7]>,
}

impl Standing {
    /// The parts of the page, in their order.
    pub fn parts(&self) -> &[String; 7] {
        self.parts.get_or_init(|| parts(&self.live).map(Markup::into_string))
    }
}

impl Deref for Standing {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.live
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
        if self.is_watched() {
            let figures = self.0.tally.lock().unwrap_or_else(PoisonError::into_inner).figures(run);
            self.change(|live| live.figures(figures));
        }
    }

    /// The load is over; this is its run.
    pub fn loaded(&self, run: &Run) {
        // Once, and as the run's file will have it.
        let figures = Figures::of(run);
        self.change(|live| {
            live.figures(figures);
            live.stage = Stage::Judging;
        });
    }

    /// Something worth knowing, one line.
    pub fn say(&self, text: &str) {
        self.change(|live| live.say(text));
    }

    /// The command has ended so.
    pub fn ended(&self, outcome: &str) {
        // Before it is told: whoever has heard of the end cannot stop it any more.
        *self.0.stop.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.change(|live| (live.stage, live.outcome) = (Stage::Ended, Some(outcome.to_owned())));
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

    /// Somebody looks; `None` where as many do already as may.
    pub(super) fn watch(&self) -> Option<Watched> {
        let one_more = |count| (count < WATCHERS).then_some(count + 1);
        self.0.watchers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Watched(self.clone()))
    }

    pub(super) fn is_watched(&self) -> bool {
        self.0.watchers.load(Ordering::Relaxed) > 0
    }

    /// Tells of every change from now on; of several that were not waited for, once.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// How it stands.
    pub(super) fn now(&self) -> Arc<Standing> {
        // Before the state: it may be newer than this count, never older.
        let change = *self.0.changes.borrow();
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, standing)) = seen.as_ref().filter(|(of, _)| *of == change) {
            return Arc::clone(standing);
        }
        let standing = Arc::new(Standing { live: self.live().clone(), parts: OnceLock::new() });
        *seen = Some((change, Arc::clone(&standing)));
        standing
    }

    fn change(&self, change: impl FnOnce(&mut Live)) {
        change(&mut self.live());
        self.0.changes.send_modify(|count| *count += 1);
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_look_at_is_made_once_for_each_change() {
        let feed = Feed::default();
        let (one, other) = (feed.now(), feed.now());
        assert!(Arc::ptr_eq(&one, &other) && std::ptr::eq(one.parts(), other.parts()));
        feed.say("said");
        let later = feed.now();
        assert!(!Arc::ptr_eq(&one, &later) && later.parts()[6].contains("said") && !one.parts()[6].contains("said"));
    }

    #[test]
    fn so_many_watch_and_no_more_until_one_leaves() {
        let feed = Feed::default();
        let mut watching: Vec<_> = (0..WATCHERS).map(|_| feed.watch().unwrap()).collect();
        assert!(feed.watch().is_none() && feed.is_watched());
        watching.pop();
        assert!(feed.watch().is_some());
        watching.clear();
        assert!(!feed.is_watched());
    }
}
