//! The hand-over from a load to whoever looks at it. The load's side never waits for a browser: it puts down how things
//! stand, and a browser that comes late finds the newest state and not those between.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use maud::Markup;
use tokio::sync::watch;

use super::live::{Figures, Heading, Live, Moment, Stage, Tally, parts};
use crate::exit::ExitCode;
use crate::run::Run;

/// So many may follow one run at a time: each costs the machine that loads.
const WATCHERS: usize = 8;
/// Who has asked for a page, or the API, so recently looks still: it asks again.
const STILL_LOOKS: Duration = Duration::from_secs(10);

/// One command that loads: put into by the command, looked at by pages. Clones are the same.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

/// How a run is ended from a page.
#[derive(Default)]
enum Stopping {
    /// It cannot, or not any more.
    #[default]
    Never,
    /// Not yet; it will be, for this reason, as soon as it is known how.
    Awaited(Option<String>),
    By(Box<dyn Fn(&str) + Send>),
}

struct Shared {
    live: Mutex<Live>,
    tally: Mutex<Tally>,
    changes: watch::Sender<u64>,
    /// Behind how many changes somebody looked last, and how it stood then.
    seen: Mutex<Option<(u64, Arc<Standing>)>>,
    watchers: AtomicUsize,
    /// When somebody looked last who does not follow it.
    looked: Mutex<Option<Instant>>,
    stop: Mutex<Stopping>,
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
            looked: Mutex::default(),
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
    /// What is going to be loaded, as soon as that is known.
    pub fn prepare(&self, scenario: &str, target: &str) {
        self.change(|live| live.prepare(scenario, target));
    }

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
        if self.is_watched() || self.was_looked_at(Instant::now()) {
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
            // The last tick was before the last answers.
            if let Some(latest) = &mut live.latest {
                (latest.requests, latest.failures) = (run.generator.sent, run.generator.failed);
            }
            live.stage = Stage::Judging;
        });
    }

    /// Something worth knowing, one line.
    pub fn say(&self, text: &str) {
        self.change(|live| live.say(text));
    }

    /// Why the command will end with this code; of several the worst is shown.
    pub fn because(&self, code: ExitCode, reason: &str) {
        self.change(|live| live.because(code, reason));
    }

    /// The file of the run that was kept of it.
    pub fn kept_as(&self, run: PathBuf) {
        self.change(|live| live.kept = Some(run));
    }

    /// The command has ended so.
    pub fn ended(&self, code: ExitCode) {
        // Before it is told: whoever has heard of the end cannot stop it any more.
        *self.stopping() = Stopping::Never;
        self.change(|live| (live.stage, live.outcome) = (Stage::Ended, Some(code)));
    }

    /// How a page may end it.
    pub fn on_stop(&self, stop: impl Fn(&str) + Send + 'static) {
        let mut stopping = self.stopping();
        if let Stopping::Awaited(Some(reason)) = &*stopping {
            stop(reason);
        }
        *stopping = Stopping::By(Box::new(stop));
    }

    /// It will be told soon how a page may end it.
    pub(super) fn will_be_stoppable(&self) {
        *self.stopping() = Stopping::Awaited(None);
    }

    /// Asks it to end; false where it cannot be asked.
    pub(super) fn stop(&self, reason: &str) -> bool {
        match &mut *self.stopping() {
            Stopping::Never => return false,
            Stopping::Awaited(asked) => *asked = Some(reason.to_owned()),
            Stopping::By(stop) => stop(reason),
        }
        true
    }

    /// Somebody looks; `None` where as many do already as may.
    pub(super) fn watch(&self) -> Option<Watched> {
        let one_more = |count| (count < WATCHERS).then_some(count + 1);
        self.0.watchers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok().map(|_| Watched(self.clone()))
    }

    pub(super) fn is_watched(&self) -> bool {
        self.0.watchers.load(Ordering::Relaxed) > 0
    }

    fn was_looked_at(&self, now: Instant) -> bool {
        let looked = *self.0.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.is_some_and(|at| now.saturating_duration_since(at) < STILL_LOOKS)
    }

    /// Tells of every change from now on; of several that were not waited for, once.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// How it stands, for somebody who looks now and will do so again.
    pub(super) fn looked_at(&self) -> Arc<Standing> {
        *self.0.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.now()
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

    fn stopping(&self) -> MutexGuard<'_, Stopping> {
        self.0.stop.lock().unwrap_or_else(PoisonError::into_inner)
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
        feed.say("spoken");
        let later = feed.now();
        assert!(!Arc::ptr_eq(&one, &later) && later.parts()[6].contains("spoken") && !one.parts()[6].contains("spoken"));
    }

    #[test]
    fn at_the_end_of_a_load_the_last_answers_count_too() {
        let (feed, run) = (Feed::default(), crate::run::samples::checkout_run());
        feed.tick(Moment { requests: 3, ..Moment::default() });
        feed.loaded(&run);
        assert_eq!(feed.now().latest.as_ref().map(|latest| latest.requests), Some(run.generator.sent));
    }

    #[test]
    fn whoever_looked_a_moment_ago_gets_figures_without_following() {
        let (feed, run) = (Feed::default(), crate::run::samples::checkout_run());
        feed.checkpoint(&run);
        assert!(feed.looked_at().all_tasks.is_none(), "nobody had looked");
        feed.checkpoint(&run);
        assert_eq!(feed.now().all_tasks.as_ref().map(|all| all.requests), Some(200));
        let later = |after| feed.was_looked_at(Instant::now() + Duration::from_secs(after));
        assert!(later(8) && !later(10) && !feed.is_watched());
    }

    #[test]
    fn a_run_that_is_stopped_before_it_is_known_how_is_stopped_then() {
        let (feed, asked) = (Feed::default(), Arc::new(Mutex::new(Vec::new())));
        assert!(!feed.stop("too early"));
        feed.will_be_stoppable();
        assert!(feed.stop("from the page"));
        let told = Arc::clone(&asked);
        feed.on_stop(move |reason| told.lock().unwrap().push(reason.to_owned()));
        assert!(feed.stop("again"));
        feed.ended(ExitCode::NoVerdict);
        assert!(!feed.stop("too late"));
        assert_eq!(*asked.lock().unwrap(), ["from the page", "again"]);
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
