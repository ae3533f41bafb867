//! What the users of one load thread share: plan, connections, buffers and the batch that they record into.
//! Nothing here is shared with another thread but what never changes.

mod departure;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use url::Url;

pub use self::departure::Departure;
use super::connection::{ConnectError, Connection, Endpoints};
use super::recorder::{Batch, micros};
use super::request::{Program, Scratch};
use crate::plan::Plan;
use crate::run::{FailureClass, Problem};
use crate::scenario::{Connections, Scenario};

/// How often recorded samples are handed to the collector.
const HAND_OVER_EVERY: Duration = Duration::from_secs(1);
/// How long requests under way are awaited after the last phase.
pub const DRAIN_AT_END: Duration = Duration::from_secs(10);
/// The same after an abort.
const DRAIN_AT_ABORT: Duration = Duration::from_secs(2);
/// One user in so many may fail to get through `start`.
const NEVER_BEGAN_LIMIT: u64 = 100;
/// Buffers that are kept for reuse.
const SPARE_BUFFERS: usize = 256;

/// What every worker of a load gets.
#[derive(Debug, Clone)]
pub struct Share {
    pub scenario: Arc<Scenario>,
    pub plan: Arc<Plan>,
    pub program: Arc<Program>,
    pub endpoints: Endpoints,
    pub start: Instant,
    /// Becomes true when the load is to be aborted.
    pub abort: watch::Receiver<bool>,
    /// This worker's number and how many there are.
    pub number: u64,
    pub workers: u64,
}

/// One thread's state.
#[derive(Debug)]
pub struct Worker {
    pub scenario: Arc<Scenario>,
    pub plan: Arc<Plan>,
    pub program: Arc<Program>,
    pub start: Instant,
    /// The planned end: no step starts after it.
    pub end: Instant,
    pub number: u64,
    pub workers: u64,
    pub authority: String,
    origin: String,
    endpoints: Endpoints,
    pool: Option<Pool>,
    stopping: Cell<bool>,
    /// Users that came, and those that got through `start`.
    came: Cell<u64>,
    began: Cell<u64>,
    in_flight: Cell<usize>,
    /// Due starts that wait for a user.
    queued: Cell<u64>,
    batch: RefCell<Batch>,
    spare: RefCell<Vec<Buffers>>,
}

/// Space for one request and its answer.
#[derive(Debug, Default)]
pub struct Buffers {
    pub scratch: Scratch,
    pub incoming: Vec<u8>,
    /// Whether the request had to be sent once more.
    pub retried: bool,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    Over,
    /// Cut short: the user's time is up.
    TimeIsUp,
}

/// Connections that all users of a worker share.
#[derive(Debug)]
struct Pool {
    size: usize,
    permits: Semaphore,
    idle: RefCell<Vec<Connection>>,
    /// Connections that carry many requests at once; each is taken in turn.
    multiplexed: RefCell<VecDeque<Connection>>,
}

impl Pool {
    fn new(size: usize) -> Self {
        Self { size, permits: Semaphore::new(size), idle: RefCell::default(), multiplexed: RefCell::default() }
    }

    /// The next of the connections that carry many requests, once as many are open as may be.
    fn next_multiplexed(&self) -> Option<Connection> {
        let mut open = self.multiplexed.borrow_mut();
        open.retain(|connection| !connection.is_stale());
        if open.len() < self.size {
            return None;
        }
        open.rotate_left(1);
        open.front().and_then(Connection::multiplexed)
    }
}

/// A connection to use, and the right to use one.
#[derive(Debug)]
pub struct Lease<'a> {
    pub connection: Option<Connection>,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Worker {
    #[must_use]
    pub fn new(share: Share) -> Self {
        let Share { scenario, plan, program, endpoints, start, abort: _, number, workers } = share;
        let pool = match scenario.connections {
            Connections::Shared(count) => {
                Some(Pool::new(usize::try_from(own_share(u64::from(count), number, workers)).unwrap_or(Semaphore::MAX_PERMITS)))
            }
            Connections::PerUser | Connections::PerRequest => None,
        };
        Self {
            end: start + plan.duration,
            authority: scenario.target.authority(),
            origin: scenario.target.origin(),
            scenario,
            plan,
            program,
            start,
            number,
            workers,
            endpoints,
            pool,
            stopping: Cell::new(false),
            came: Cell::new(0),
            began: Cell::new(0),
            in_flight: Cell::new(0),
            queued: Cell::new(0),
            batch: RefCell::default(),
            spare: RefCell::default(),
        }
    }

    /// Whether a step may still start.
    pub fn may_start(&self, now: Instant, until: Instant) -> bool {
        !self.stopping.get() && now < until
    }

    /// Whether user or start number `index` is this worker's.
    pub fn owns(&self, index: u64) -> bool {
        index % self.workers == self.number
    }

    /// Waits for `pause`, but not beyond `until`.
    pub async fn pause(&self, pause: Duration, until: Instant) -> Pause {
        if pause.is_zero() {
            return Pause::Over;
        }
        self.wait_until(Instant::now() + pause, until).await
    }

    /// Waits for `wake`, but not beyond `until`, and notes how late the timer fired.
    pub async fn wait_until(&self, wake: Instant, until: Instant) -> Pause {
        if wake > until {
            tokio::time::sleep_until(tokio::time::Instant::from_std(until)).await;
            return Pause::TimeIsUp;
        }
        tokio::time::sleep_until(tokio::time::Instant::from_std(wake)).await;
        self.note_lateness(wake);
        Pause::Over
    }

    /// Notes how late it is for what should have happened at `due`.
    pub fn note_lateness(&self, due: Instant) {
        self.batch.borrow_mut().lateness.push(micros(Instant::now().saturating_duration_since(due)));
    }

    /// Notes that a due request could not be sent, and why.
    pub fn note_not_sent(&self, count: u64) {
        let mut batch = self.batch.borrow_mut();
        batch.scheduled += count;
        batch.not_sent += count;
    }

    /// A due start waits for a user.
    pub fn note_queued(&self) {
        self.queued.set(self.queued.get() + 1);
    }

    /// A start is taken up by a user, after so long a wait where it had to.
    pub fn note_start(&self, waited: Option<Duration>) {
        let mut batch = self.batch.borrow_mut();
        batch.starts += 1;
        if let Some(waited) = waited {
            batch.waits.push(micros(waited));
            self.queued.set(self.queued.get().saturating_sub(1));
        }
    }

    /// At the end: what still waits was not sent.
    pub fn note_queue_not_sent(&self) {
        self.note_not_sent(self.queued.take());
    }

    /// A start sent nothing, because a value that its first request needs was never saved.
    pub fn note_missing_value(&self) {
        let text = "a task could not begin without a value that was never saved: save it in `start`, or earlier in the same task";
        self.note_not_sent(1);
        self.note_problem("missing_value", text.to_owned());
    }

    /// Notes what makes this load doubtful.
    pub fn note_problem(&self, code: &str, text: String) {
        let mut batch = self.batch.borrow_mut();
        if !batch.problems.iter().any(|known| known.code == code) {
            batch.problems.push(Problem { code: code.to_owned(), text });
        }
    }

    /// A user has come.
    pub fn note_came(&self) {
        self.came.set(self.came.get() + 1);
    }

    /// A user has got through `start`.
    pub fn note_began(&self) {
        self.began.set(self.began.get() + 1);
    }

    /// At the end: users who never got through `start` did not do what was asked for, whatever the others measured.
    pub fn note_never_began(&self) {
        let (came, began) = (self.came.get(), self.began.get());
        if (came - began) * NEVER_BEGAN_LIMIT > came {
            let text = format!("{} of {came} users never got through their `start` steps: look at these requests first", came - began);
            self.note_problem("not_started", text);
        }
    }

    /// A data set has no row left: the load is no longer what was asked for.
    pub fn note_exhausted(&self, data: usize) {
        let text = format!("data set `{}` was used up: give it more rows, or set `on_exhausted: recycle`", self.scenario.data[data].name);
        self.note_problem("data_exhausted", text);
    }

    /// The address of a path on the target.
    pub fn url(&self, path: &str) -> Option<Url> {
        Url::parse(&format!("{}{path}", self.origin)).ok()
    }

    pub fn take_buffers(&self) -> Buffers {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    pub fn give_back(&self, buffers: Buffers) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_BUFFERS {
            spare.push(buffers);
        }
    }

    /// A request sets out.
    pub fn depart(&self, endpoint: usize, due: Instant, sent: Instant) -> Departure<'_> {
        self.batch.borrow_mut().scheduled += 1;
        self.in_flight.set(self.in_flight.get() + 1);
        Departure::new(self, endpoint, due, sent)
    }

    /// The connection to use, as the scenario's strategy has it.
    pub async fn lease(&self, own: &mut Option<Connection>) -> Lease<'_> {
        match &self.pool {
            None => Lease { connection: own.take(), _permit: None },
            Some(pool) => {
                if let Some(connection) = pool.next_multiplexed() {
                    return Lease { connection: Some(connection), _permit: None };
                }
                let permit = pool.permits.acquire().await.ok();
                // While this one waited, the others may have opened all that may be open.
                let connection = pool.next_multiplexed().or_else(|| pool.idle.borrow_mut().pop());
                Lease { connection, _permit: permit }
            }
        }
    }

    /// Keeps a connection for the next request, as the scenario's strategy has it.
    pub fn keep(&self, connection: Connection, own: &mut Option<Connection>) {
        match (&self.pool, self.scenario.connections) {
            (Some(pool), _) if connection.multiplexed().is_none() => pool.idle.borrow_mut().push(connection),
            // A shared connection that carries many requests is in the pool already.
            (Some(_), _) | (None, Connections::PerRequest) => drop(connection),
            (None, _) => *own = Some(connection),
        }
    }

    /// A new connection, within the time that connecting may take.
    ///
    /// # Errors
    /// [`ConnectError`]; running out of time is the target's failure.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        self.batch.borrow_mut().connections_opened += 1;
        let opened = tokio::time::timeout(self.scenario.http.connect_timeout, Connection::open(&self.endpoints)).await;
        let opened = opened
            .unwrap_or_else(|_| Err(ConnectError::Target { class: FailureClass::Timeout, source: std::io::ErrorKind::TimedOut.into() }));
        if let (Some(pool), Ok(Some(shared))) = (&self.pool, opened.as_ref().map(Connection::multiplexed)) {
            pool.multiplexed.borrow_mut().push_back(shared);
        }
        opened
    }

    /// From now on nothing new starts.
    pub fn stop(&self) {
        self.stopping.set(true);
    }

    /// After an abort: nothing new starts, and what is under way gets a moment to end.
    pub async fn drain(&self) {
        self.stop();
        let patience = Instant::now() + DRAIN_AT_ABORT;
        while self.in_flight.get() > 0 && Instant::now() < patience {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Hands over for ever, once a second.
    pub async fn hand_over_regularly(&self, to: &Sender<(usize, Batch)>) {
        loop {
            tokio::time::sleep(HAND_OVER_EVERY).await;
            self.hand_over(to);
        }
    }

    /// Hands over what has been recorded.
    pub fn hand_over(&self, to: &Sender<(usize, Batch)>) {
        let mut batch = self.batch.take();
        batch.cpu = thread_cpu_time();
        // Without a collector the load is over, and nobody is left to tell.
        let _ = to.send((usize::try_from(self.number).unwrap_or_default(), batch));
    }
}

/// A worker's part of what all share out among them.
#[must_use]
pub fn own_share(count: u64, number: u64, workers: u64) -> u64 {
    count / workers + u64::from(number < count % workers)
}

/// CPU time of the calling thread.
#[cfg(unix)]
fn thread_cpu_time() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).ok()
}

#[cfg(not(unix))]
fn thread_cpu_time() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::recorder::{Fault, Outcome};
    use super::super::samples::scenario_of;
    use super::*;
    use crate::scenario::HttpVersion;

    fn worker() -> Worker {
        let scenario = Arc::new(scenario_of("{get: /}"));
        Worker::new(Share {
            plan: Arc::new(Plan::new(&scenario, 100)),
            program: Arc::new(Program::new(&scenario)),
            scenario,
            endpoints: Endpoints { addresses: Vec::new(), tls: None, version: HttpVersion::Auto },
            start: Instant::now(),
            abort: watch::channel(false).1,
            number: 0,
            workers: 1,
        })
    }

    #[test]
    fn shares_add_up_to_the_whole() {
        for (count, workers) in [(5, 2), (7, 3), (4, 4), (20, 1), (2, 3)] {
            let shares: Vec<u64> = (0..workers).map(|number| own_share(count, number, workers)).collect();
            assert_eq!(shares.iter().sum::<u64>(), count);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn a_request_is_counted_once_however_it_ends() {
        let worker = worker();
        let now = Instant::now();
        let depart = || worker.depart(0, now, now);
        depart().failed(Fault::new(FailureClass::Reset, "closed"), true);
        depart().not_sent("ports", "none left".into());
        drop(depart());
        let batch = worker.batch.take();
        assert_eq!((batch.scheduled, batch.not_sent, batch.samples.len(), batch.problems.len()), (3, 1, 2, 1));
        let outcomes: Vec<Outcome> = batch.samples.iter().map(|sample| sample.outcome).collect();
        assert_eq!(outcomes, [Outcome::Failed(FailureClass::Reset), Outcome::Unfinished]);
        assert!(batch.samples[0].retried);
        assert_eq!(worker.in_flight.get(), 0);
    }

    #[test]
    fn what_still_waits_at_the_end_was_not_sent() {
        let worker = worker();
        for _ in 0..3 {
            worker.note_queued();
        }
        worker.note_start(Some(Duration::from_millis(7)));
        worker.note_start(None);
        worker.note_queue_not_sent();
        worker.note_queue_not_sent();
        let batch = worker.batch.take();
        assert_eq!((batch.scheduled, batch.not_sent, batch.starts, batch.waits.as_slice()), (2, 2, 2, [7000].as_slice()));
    }

    #[test]
    fn nothing_starts_after_the_end_or_a_stop() {
        let worker = worker();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        assert!(worker.may_start(now, later) && !worker.may_start(later, later));
        worker.stop();
        assert!(!worker.may_start(now, later));
    }

    #[test]
    fn a_path_never_becomes_another_host() {
        let worker = worker();
        for path in ["/a?b=c", "//evil.example/a", "/http://evil.example"] {
            assert_eq!(worker.url(path).unwrap().origin().ascii_serialization(), "http://127.0.0.1:8080", "{path}");
        }
    }
}
