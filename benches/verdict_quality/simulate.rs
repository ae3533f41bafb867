//! One sitting, request by request: Poisson arrivals or users who wait for their answers, one queue before forty
//! servers, lognormal service with a slow path, an environment that drifts, pauses, a noisy neighbour, a warm-up.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use perfgate::plan::Dice;
use perfgate::stats::Histogram;

use super::model::{BLOCK_SECONDS, ENDPOINTS, LONGEST, MEDIANS_MS, RATES, SPREADS, WARM_UP};

/// How much of the environment of one second stays in the next, and its standard deviation.
const DRIFT_KEPT: f64 = 0.9;
const DRIFT_SD: f64 = 0.04;
/// How often a neighbour takes a part of the machine for [`NEIGHBOUR_SECONDS`] of the longest sitting.
const NEIGHBOUR_SHARE: f64 = 0.1;
const NEIGHBOUR_SECONDS: u32 = 10;
/// How many requests take the slow path, and the shape of its tail (Pareto).
const SLOW_SHARE: f64 = 0.01;
const SLOW_SHAPE: f64 = 2.5;
/// A request ends here at the latest (ms).
const TIMEOUT_MS: f64 = 10_000.0;

/// Where the requests come from.
#[derive(Debug, Clone, Copy)]
pub enum Arrivals {
    /// At their rate, whatever the answers take.
    Open,
    /// From users who send, wait for the answer and think (mean, in seconds).
    Closed { users: u32, think: f64 },
}

/// What is loaded, and how.
#[derive(Debug, Clone, Copy)]
pub struct System {
    pub arrivals: Arrivals,
    pub servers: usize,
    /// The service time of each endpoint, times this.
    pub slower: [f64; ENDPOINTS],
    /// Seconds between two pauses, on average.
    pub pause_every: f64,
}

impl Default for System {
    fn default() -> Self {
        Self { arrivals: Arrivals::Open, servers: 40, slower: [1.0; ENDPOINTS], pause_every: 20.0 }
    }
}

/// How slow the machine is, second by second. Both sides of a pair share it.
#[derive(Debug)]
pub struct Weather(Vec<f64>);

impl Weather {
    pub fn draw(dice: &mut Dice) -> Self {
        let seconds = LONGEST + 11;
        let mut drift = dice.normal() * DRIFT_SD;
        let fresh = (1.0 - DRIFT_KEPT * DRIFT_KEPT).sqrt() * DRIFT_SD;
        let mut logs: Vec<f64> = (0..seconds)
            .map(|_| {
                drift = DRIFT_KEPT * drift + fresh * dice.normal();
                drift
            })
            .collect();
        if dice.unit() < NEIGHBOUR_SHARE {
            let begins = usize::try_from(dice.below(u64::from(seconds - NEIGHBOUR_SECONDS))).unwrap_or(0);
            let factor = (1.3 + 0.7 * dice.unit()).ln();
            logs[begins..].iter_mut().take(NEIGHBOUR_SECONDS as usize).for_each(|log| *log += factor);
        }
        Self(logs.into_iter().map(f64::exp).collect())
    }
}

/// The latencies of one sitting after its warm-up: for each endpoint one histogram for each block of time.
pub type Blocks = [Vec<Histogram>; ENDPOINTS];

/// Loads `system` for so many measured seconds.
pub fn sit(system: &System, weather: &Weather, seconds: u32, dice: &mut Dice) -> Blocks {
    let end = WARM_UP + f64::from(seconds);
    let mut source = Source::new(system.arrivals, dice);
    let mut queue = Queue::new(system.servers, pauses(system.pause_every, end, dice));
    let mut recorder = Recorder::new(seconds / BLOCK_SECONDS);
    let total: f64 = RATES.iter().sum();
    while let Some(at) = source.next(total, dice).filter(|at| *at < end) {
        let endpoint = pick(dice.unit() * total);
        let service = service_ms(system, weather, endpoint, at, dice);
        let answered = queue.serve(at, service / 1000.0);
        source.answered(answered, dice);
        recorder.record(at, endpoint, (answered - at) * 1000.0);
    }
    recorder.finish()
}

fn pick(mut point: f64) -> usize {
    for (endpoint, rate) in RATES.iter().enumerate() {
        if point < *rate {
            return endpoint;
        }
        point -= rate;
    }
    0
}

fn service_ms(system: &System, weather: &Weather, endpoint: usize, at: f64, dice: &mut Dice) -> f64 {
    let mut millis = MEDIANS_MS[endpoint] * (SPREADS[endpoint] * dice.normal()).exp() * system.slower[endpoint];
    if dice.unit() < SLOW_SHARE {
        millis *= 2.0 * (1.0 - dice.unit()).powf(-1.0 / SLOW_SHAPE);
    }
    millis *= weather.0[whole(at)];
    // A cold start of which nothing is left after a minute.
    if at < 60.0 {
        millis *= 1.0 + (-at / 4.0).exp();
    }
    millis.min(TIMEOUT_MS)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds and microseconds of one sitting, never negative")]
fn whole(value: f64) -> usize {
    value as usize
}

/// The world stands still from each of these (s) to its end.
fn pauses(every: f64, end: f64, dice: &mut Dice) -> Vec<(f64, f64)> {
    let mut pauses = Vec::new();
    let mut at = dice.exponential() * every;
    while at < end {
        pauses.push((at, at + 0.04 + 0.06 * dice.unit()));
        at += dice.exponential() * every;
    }
    pauses
}

/// First come, first served.
struct Queue {
    /// When each server is free again.
    free: Vec<f64>,
    pauses: std::iter::Peekable<std::vec::IntoIter<(f64, f64)>>,
}

impl Queue {
    fn new(servers: usize, pauses: Vec<(f64, f64)>) -> Self {
        Self { free: vec![0.0; servers], pauses: pauses.into_iter().peekable() }
    }

    /// When a request that comes at `at` is answered.
    fn serve(&mut self, at: f64, service: f64) -> f64 {
        while self.pauses.next_if(|pause| pause.1 < at).is_some() {}
        let awake = self.pauses.peek().filter(|pause| at >= pause.0).map_or(at, |pause| pause.1);
        let mut server = 0;
        for (index, free) in self.free.iter().enumerate() {
            if *free < self.free[server] {
                server = index;
            }
        }
        let answered = self.free[server].max(awake) + service;
        self.free[server] = answered;
        answered
    }
}

/// When the next request is sent.
enum Source {
    Open { last: f64 },
    Closed { sending: BinaryHeap<Soonest>, think: f64 },
}

/// A time; the greatest is the soonest.
#[derive(PartialEq)]
struct Soonest(f64);

impl Eq for Soonest {}

impl PartialOrd for Soonest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Soonest {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl Source {
    fn new(arrivals: Arrivals, dice: &mut Dice) -> Self {
        match arrivals {
            Arrivals::Open => Self::Open { last: 0.0 },
            Arrivals::Closed { users, think } => {
                Self::Closed { sending: (0..users).map(|_| Soonest(dice.exponential() * think)).collect(), think }
            }
        }
    }

    fn next(&mut self, rate: f64, dice: &mut Dice) -> Option<f64> {
        match self {
            Self::Open { last } => {
                *last += dice.exponential() / rate;
                Some(*last)
            }
            Self::Closed { sending, .. } => sending.pop().map(|soonest| soonest.0),
        }
    }

    fn answered(&mut self, at: f64, dice: &mut Dice) {
        if let Self::Closed { sending, think } = self {
            sending.push(Soonest(at + dice.exponential() * *think));
        }
    }
}

/// Puts latencies into the block of the time that they were sent at.
struct Recorder {
    blocks: Blocks,
    block_count: usize,
    /// Microseconds of the block that is going on.
    going_on: [Vec<u32>; ENDPOINTS],
    block: usize,
}

impl Recorder {
    fn new(block_count: u32) -> Self {
        Self { blocks: Default::default(), block_count: block_count as usize, going_on: Default::default(), block: 0 }
    }

    fn record(&mut self, sent: f64, endpoint: usize, millis: f64) {
        if sent < WARM_UP {
            return;
        }
        let block = whole((sent - WARM_UP) / f64::from(BLOCK_SECONDS));
        while self.block < block {
            self.close();
        }
        self.going_on[endpoint].push(u32::try_from(whole(millis * 1000.0)).unwrap_or(u32::MAX));
    }

    fn close(&mut self) {
        for (blocks, going_on) in self.blocks.iter_mut().zip(&mut self.going_on) {
            let mut histogram = Histogram::new();
            histogram.record_many(going_on);
            going_on.clear();
            blocks.push(histogram);
        }
        self.block += 1;
    }

    fn finish(mut self) -> Blocks {
        while self.block < self.block_count {
            self.close();
        }
        self.blocks
    }
}
