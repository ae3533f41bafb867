//! Targets that take their time: a thread for each connection, whose sleeps are finer than a runtime's millisecond.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use perfgate::plan::{Dice, Stream};

use super::{BODY, QUESTION, answer};
use crate::table::order_statistic;

/// When the freezing target freezes: twice within half a minute, and never just when one of 200 requests/s is due.
pub const FREEZES: Freezes = Freezes {
    first: Duration::from_micros(10_497_500),
    every: Duration::from_secs(10),
    length: Duration::from_secs(1),
    service: Duration::from_millis(5),
};

/// The median of drawn service times, and the standard deviation of their logarithm: p99 is 3.2 times the median.
const DRAWN_MEDIAN_MS: f64 = 8.0;
const DRAWN_SIGMA: f64 = 0.5;

/// A server that stands still now and then.
#[derive(Debug, Clone, Copy)]
pub struct Freezes {
    first: Duration,
    every: Duration,
    length: Duration,
    service: Duration,
}

impl Freezes {
    /// The moment at which what is wanted at `moment` can happen; both from the first request.
    fn thawed(&self, moment: Duration) -> Duration {
        let Some(since_first) = moment.checked_sub(self.first) else { return moment };
        let cycles_before = u32::try_from(since_first.as_nanos() / self.every.as_nanos()).unwrap_or(u32::MAX);
        moment.max(self.first + self.every * cycles_before + self.length)
    }

    /// When a request that comes at `moment` is answered: read, worked at and written while nothing is frozen.
    pub fn answered(&self, moment: Duration) -> Duration {
        self.thawed(self.thawed(moment) + self.service)
    }
}

/// How long a target takes.
#[derive(Debug)]
pub enum Behaviour {
    Frozen { begun: OnceLock<Instant> },
    Drawn { dice: Mutex<Dice>, log: Mutex<Vec<u64>> },
}

impl Behaviour {
    pub fn frozen() -> Self {
        Self::Frozen { begun: OnceLock::new() }
    }

    pub fn drawn() -> Self {
        Self::Drawn { dice: Mutex::new(Dice::new(1, Stream::Arrivals)), log: Mutex::default() }
    }

    /// Takes its time over a request that was read at `read`.
    fn take_time(&self, read: Instant) {
        let until = match self {
            Self::Frozen { begun } => {
                let begun = *begun.get_or_init(|| read);
                begun + FREEZES.answered(read - begun)
            }
            Self::Drawn { dice, .. } => {
                let normal = dice.lock().unwrap_or_else(PoisonError::into_inner).normal();
                read + Duration::from_secs_f64(DRAWN_MEDIAN_MS / 1000.0 * (DRAWN_SIGMA * normal).exp())
            }
        };
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }

    fn note(&self, taken: Duration) {
        if let Self::Drawn { log, .. } = self {
            let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
            log.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
        }
    }

    /// What was logged since the last question: p50, p95 and p99 in us, and how many.
    fn tell(&self) -> String {
        let Self::Drawn { log, .. } = self else { return String::new() };
        let mut taken = std::mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
        taken.sort_unstable();
        let at = |thousandths| order_statistic(&taken, thousandths).unwrap_or_default();
        format!("{} {} {} {}", at(500), at(950), at(990), taken.len())
    }
}

pub fn serve(listener: &TcpListener, behaviour: Behaviour) -> io::Result<()> {
    let behaviour = Arc::new(behaviour);
    loop {
        let (stream, _) = listener.accept()?;
        let behaviour = Arc::clone(&behaviour);
        std::thread::spawn(move || converse(stream, &behaviour));
    }
}

/// Answers one connection's requests until it ends.
fn converse(mut stream: TcpStream, behaviour: &Behaviour) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let usual = answer(BODY);
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let read = Instant::now();
        head.extend_from_slice(&buffer[..count]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        if head.starts_with(QUESTION) {
            return stream.write_all(&answer(&behaviour.tell()));
        }
        head.clear();
        behaviour.take_time(read);
        stream.write_all(&usual)?;
        behaviour.note(read.elapsed());
    }
}
