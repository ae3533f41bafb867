//! The load: sends what the plan says and makes a Run of it. Holds the only sockets to the target. When a request is due
//! (`plan`), what it holds (`request`, `values`) and what is kept of it (`recorder`) are composed by one loop per workload.

mod alarm;
mod breaker;
mod closed;
mod collector;
mod connection;
mod examine;
mod exchange;
mod health;
mod http1;
mod http2;
mod idle;
mod open;
mod preflight;
mod reading;
mod recorder;
mod rehearsal;
mod request;
#[cfg(test)]
mod samples;
mod system;
mod tasks;
mod thread;
mod timer;
mod tls;
mod user;
mod values;
mod vitals;
mod worker;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use thiserror::Error;
use tokio::sync::watch;

use self::breaker::Breaker;
use self::collector::{Collector, Ending};
pub use self::collector::{Gauges, Heading, Progress};
pub use self::connection::Endpoints;
pub use self::preflight::{PreflightError, preflight};
pub use self::reading::{Reading, StreamEnd, read_answer};
use self::recorder::Batch;
pub use self::rehearsal::{Composer, Rehearsal};
use self::request::Program;
use self::system::OWN_DESCRIPTORS;
pub use self::system::{descriptor_limit, try_descriptors};
pub use self::tls::{CertificateCheck, TlsError};
pub use self::worker::DRAIN_AT_ABORT;
use self::worker::Share;
use crate::plan::{Plan, Workload};
use crate::run::{Run, TARGET_FAILING};
use crate::scenario::{Connections, Scenario};

/// Time between two progress events.
const TICK: Duration = Duration::from_secs(1);
/// A checkpoint is made every so many ticks.
const TICKS_PER_CHECKPOINT: u32 = 4;
/// Before the first request is due, so that every thread is ready.
const LEAD: Duration = Duration::from_millis(5);

/// Everything that a load needs.
#[derive(Debug)]
pub struct Order {
    pub scenario: Arc<Scenario>,
    pub plan: Arc<Plan>,
    pub endpoints: Endpoints,
    pub heading: Heading,
}

/// What happens while a load runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// About once a second.
    Tick(&'a Progress),
    /// The Run as it stands, every four seconds.
    Checkpoint(&'a Run),
}

/// Why there is no Run.
#[derive(Debug, Error)]
pub enum LoadError {
    #[error("{users} users need {needed} open files, the limit is {limit}", needed = users + OWN_DESCRIPTORS, limit = allowed + OWN_DESCRIPTORS)]
    Descriptors { users: u64, allowed: u64 },
    #[error("cannot start a load thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("a load thread panicked")]
    Panicked,
}

impl LoadError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Descriptors { users, .. } => Some(format!("`ulimit -n {}`, or fewer users", users + OWN_DESCRIPTORS)),
            Self::Panicked => Some("this is a bug: please report it with the lines above; the last checkpoint was kept".to_owned()),
            Self::Thread(_) => None,
        }
    }
}

/// Lets a running load be ended from outside.
#[derive(Debug, Clone)]
pub struct Abort {
    sender: Arc<watch::Sender<bool>>,
    /// Why it was asked for first, and when.
    asked: Arc<Mutex<Option<(String, Instant)>>>,
}

impl Default for Abort {
    fn default() -> Self {
        Self { sender: Arc::new(watch::Sender::new(false)), asked: Arc::default() }
    }
}

impl Abort {
    /// Asks the load to end now: nothing new is sent, what is under way gets [`DRAIN_AT_ABORT`].
    pub fn request(&self, reason: &str) {
        if let Ok(mut first) = self.asked.lock() {
            first.get_or_insert_with(|| (reason.to_owned(), Instant::now()));
        }
        self.sender.send_replace(true);
    }

    /// Waits until it is asked for; returns why.
    pub async fn requested(&self) -> String {
        // This abort holds the sender itself: the wait ends only when it was asked for.
        let _ = self.sender.subscribe().wait_for(|asked| *asked).await;
        self.reason().unwrap_or_default()
    }

    /// Why it was asked for, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.asked().map(|(reason, _)| reason)
    }

    fn asked(&self) -> Option<(String, Instant)> {
        self.asked.lock().ok().and_then(|asked| asked.clone())
    }
}

/// Runs the load to its end and returns what was measured. Ends at most ten seconds after the plan, whatever the target does.
///
/// # Errors
/// [`LoadError`] where the load could not be run; a target that fails is part of the Run.
pub fn drive(order: Order, abort: &Abort, watch: &mut dyn FnMut(Event<'_>)) -> Result<Run, LoadError> {
    let Order { scenario, plan, endpoints, heading } = order;
    if let (Workload::Closed { users }, allowed) = (plan.workload, descriptor_limit())
        && users > allowed
    {
        return Err(LoadError::Descriptors { users, allowed });
    }
    let workers = worker_count(&scenario, &plan, heading.threads);
    let mut collector = Collector::new(Arc::clone(&scenario), Arc::clone(&plan), Heading { threads: workers, ..heading });
    let start = Instant::now() + LEAD;
    let program = Arc::new(Program::new(&scenario));
    let stop = watch::Sender::new(false);
    let (sender, batches) = channel();
    let share = |number| Share {
        scenario: Arc::clone(&scenario),
        plan: Arc::clone(&plan),
        program: Arc::clone(&program),
        endpoints: endpoints.clone(),
        start,
        abort: abort.sender.subscribe(),
        stop: stop.clone(),
        number,
        workers,
    };
    let threads: Vec<_> = (0..workers).map(|number| spawn(share(number), sender.clone())).collect::<Result<_, _>>()?;
    drop(sender);
    let stopped = collect(&mut collector, &batches, start, watch, &stop);
    for thread in threads {
        thread.join().map_err(|_| LoadError::Panicked)??;
    }
    note_machine(&mut collector, start);
    let (elapsed, ending) = ending(&plan, start, abort.asked().or(stopped));
    Ok(collector.run(elapsed, Some(&ending)))
}

/// How far the load came, and how it ended. What was awaited after an abort is no part of the load.
fn ending(plan: &Plan, start: Instant, cut_short: Option<(String, Instant)>) -> (Duration, Ending) {
    let Some((reason, at)) = cut_short else { return (start.elapsed().min(plan.duration), Ending::Planned) };
    let elapsed = at.saturating_duration_since(start).min(plan.duration);
    (elapsed, Ending::Aborted(format!("{reason} after {:.1} s", elapsed.as_secs_f64())))
}

/// As many threads as asked for, but none that would be left without a user or a connection of its own.
fn worker_count(scenario: &Scenario, plan: &Plan, threads: u64) -> u64 {
    let users = match plan.workload {
        Workload::Closed { users } => users,
        Workload::Open { max_in_flight, .. } => max_in_flight,
    };
    let connections = match scenario.connections {
        Connections::Shared(count) => u64::from(count),
        Connections::PerUser | Connections::PerRequest => u64::MAX,
    };
    threads.min(users).min(connections).max(1)
}

/// The Run of a load that could not begin: every endpoint without a request, and why.
#[must_use]
pub fn not_started(scenario: Arc<Scenario>, plan: Arc<Plan>, heading: Heading, why: &str) -> Run {
    Collector::new(scenario, plan, heading).run(Duration::ZERO, Some(&Ending::Aborted(format!("not started: {why}"))))
}

type Thread = JoinHandle<std::io::Result<()>>;

fn spawn(share: Share, sender: std::sync::mpsc::Sender<(usize, Batch)>) -> std::io::Result<Thread> {
    std::thread::Builder::new().name(format!("load-{}", share.number)).spawn(move || thread::run(share, &sender))
}

fn note_machine(collector: &mut Collector, start: Instant) {
    collector.note_machine(start.elapsed(), system::CpuTimes::now(), SystemTime::now());
}

/// Takes in batches until every worker has ended, telling how it goes. Stops a load whose target fails; returns why and when.
fn collect(
    collector: &mut Collector,
    batches: &std::sync::mpsc::Receiver<(usize, Batch)>,
    start: Instant,
    watch: &mut dyn FnMut(Event<'_>),
    stop: &watch::Sender<bool>,
) -> Option<(String, Instant)> {
    let mut breaker = Breaker::default();
    let mut stopped = None;
    let mut last_tick = start;
    let mut ticks = 0;
    note_machine(collector, start);
    loop {
        let now = Instant::now();
        if now >= last_tick + TICK {
            note_machine(collector, start);
            watch(Event::Tick(&collector.progress(now.saturating_duration_since(start), now - last_tick)));
            if let Some(why) = breaker.note(collector.count(now.saturating_duration_since(start))).filter(|_| stopped.is_none()) {
                stopped = Some((format!("{TARGET_FAILING}: {why}; stopped"), now));
                stop.send_replace(true);
            }
            last_tick = now;
            ticks += 1;
            if ticks % TICKS_PER_CHECKPOINT == 0 {
                watch(Event::Checkpoint(&collector.run(now.saturating_duration_since(start), None)));
            }
        }
        match batches.recv_timeout((last_tick + TICK).saturating_duration_since(now)) {
            Ok((worker, batch)) => collector.absorb(worker, batch),
            Err(RecvTimeoutError::Disconnected) => return stopped,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
