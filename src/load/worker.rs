//! What the users of one load thread share: plan, connections, buffers and the batch that they record into.
//! Nothing here is shared with another thread but what never changes.

mod departure;
mod notes;
mod pool;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use url::Url;

pub use self::departure::Departure;
pub use self::pool::Lease;
use self::pool::Pool;
use super::connection::{ConnectError, Connection, Endpoints};
use super::recorder::Batch;
use super::request::{Program, Scratch};
use crate::plan::Plan;
use crate::run::FailureClass;
use crate::scenario::{Connections, Scenario};

/// How often recorded samples are handed to the collector, where there are enough: what it takes in at once holds up, on a
/// machine that is short of cores, the requests that are due in the meantime.
const HAND_OVER_EVERY: Duration = Duration::from_millis(20);
const ENOUGH: usize = 64;
/// And this often, however few they are.
const HAND_OVER_AT_LEAST: Duration = Duration::from_millis(250);
/// How long requests under way are awaited after the last phase.
pub const DRAIN_AT_END: Duration = Duration::from_secs(10);
/// The same after an abort: whoever asked for it wants everything written two seconds later.
pub const DRAIN_AT_ABORT: Duration = Duration::from_secs(1);
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
    /// The same for all workers of this load, by one of them or by who collects what they record.
    pub stop: watch::Sender<bool>,
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
    origin: String,
    endpoints: Endpoints,
    pool: Option<Pool>,
    stopping: Cell<bool>,
    /// Users that came, and those that got through `start`.
    came: Cell<u64>,
    began: Cell<u64>,
    /// Users of a closed load who have come and not gone.
    here: Cell<u64>,
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

impl Worker {
    #[must_use]
    pub fn new(share: Share) -> Self {
        let Share { scenario, plan, program, endpoints, start, abort: _, stop: _, number, workers } = share;
        let pool = match scenario.connections {
            Connections::Shared(count) => {
                Some(Pool::new(usize::try_from(own_share(u64::from(count), number, workers)).unwrap_or(Semaphore::MAX_PERMITS)))
            }
            Connections::PerUser | Connections::PerRequest => None,
        };
        Self {
            end: start + plan.duration,
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
            here: Cell::new(0),
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

    /// Whether all users use the same connections.
    pub const fn shares_connections(&self) -> bool {
        self.pool.is_some()
    }

    /// The connection to use, as the scenario's strategy has it, or the right to open one. `None` where none was free by `until`.
    ///
    /// Where the request was `due`, the wait is noted, and what still waits at the end was not sent.
    pub async fn lease(&self, own: &mut Option<Connection>, due: Option<Instant>, until: Instant) -> Option<Lease<'_>> {
        let Some(pool) = &self.pool else { return Some(Lease::own(own.take())) };
        if let Some(lease) = pool.try_lease() {
            return Some(lease);
        }
        let asked = Instant::now();
        self.queued.set(self.queued.get() + u64::from(due.is_some()));
        let lease = tokio::time::timeout_at(until.into(), pool.lease()).await.ok();
        self.queued.set(self.queued.get() - u64::from(due.is_some()));
        if let Some(due) = due.filter(|_| lease.is_some()) {
            self.note_wait(due, asked.elapsed());
        }
        lease
    }

    /// What is left to be used once the connection that a request had a part in has gone.
    pub async fn lease_again(&self) -> Lease<'_> {
        let Some(pool) = &self.pool else { return Lease::own(None) };
        match pool.try_lease() {
            Some(lease) => lease,
            None => pool.lease().await,
        }
    }

    /// The same once more for a request that the first one has led to.
    pub fn renew(&self, lease: &mut Lease<'_>, own: &mut Option<Connection>) {
        match &self.pool {
            None => lease.connection = own.take(),
            Some(pool) => pool.renew(lease),
        }
    }

    /// Keeps a connection for the next request, as the scenario's strategy has it.
    pub fn keep(&self, connection: Connection, own: &mut Option<Connection>) {
        match &self.pool {
            Some(pool) => pool.keep(connection),
            None if self.scenario.connections == Connections::PerRequest => {}
            None => *own = Some(connection),
        }
    }

    /// A new connection, within the time that connecting may take.
    ///
    /// # Errors
    /// [`ConnectError`]; running out of time is the target's failure.
    pub async fn connect(&self) -> Result<Connection, ConnectError> {
        self.batch.borrow_mut().connections_opened += 1;
        let opened = tokio::time::timeout(self.scenario.http.connect_timeout, Box::pin(Connection::open(&self.endpoints))).await;
        let opened = opened
            .unwrap_or_else(|_| Err(ConnectError::Target { class: FailureClass::Timeout, source: std::io::ErrorKind::TimedOut.into() }));
        if let (Some(pool), Ok(connection)) = (&self.pool, &opened) {
            pool.share(connection);
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

    /// Hands over for ever, and notices where this thread stood still.
    pub async fn hand_over_regularly(&self, to: &Sender<(usize, Batch)>) {
        let mut last = Instant::now();
        loop {
            let wake = Instant::now() + HAND_OVER_EVERY;
            tokio::time::sleep_until(wake.into()).await;
            let now = Instant::now();
            self.note_standstill(now, now.saturating_duration_since(wake));
            if self.batch.borrow().samples.len() >= ENOUGH || now - last >= HAND_OVER_AT_LEAST {
                self.hand_over(to);
                last = now;
            }
        }
    }

    /// Hands over what has been recorded.
    pub fn hand_over(&self, to: &Sender<(usize, Batch)>) {
        let next = Batch::like(&self.batch.borrow());
        let mut batch = self.batch.replace(next);
        batch.at = self.start.elapsed();
        batch.at_once = self.at_once();
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
            stop: watch::Sender::default(),
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
        worker.note_start(worker.start, Duration::from_millis(7));
        worker.note_start(worker.start, Duration::ZERO);
        worker.note_queue_not_sent();
        worker.note_queue_not_sent();
        let batch = worker.batch.take();
        let waits: Vec<u32> = batch.waits.iter().map(|wait| wait.by).collect();
        assert_eq!((batch.scheduled, batch.not_sent, waits.as_slice()), (2, 2, [7000, 0].as_slice()));
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
