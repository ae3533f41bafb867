//! One gate: sittings and rounds drawn from the banks, with what makes them differ and a known regression, put before
//! the product's own judges until they know.

use perfgate::gate as judged;
use perfgate::gate::change::{Change, Compared, Decision, LOOKS, Limits, Paired, Worse, judge_history, judge_rounds, screen_history};
use perfgate::plan::Dice;
use perfgate::stats::{Estimate, Restarts, last_change_point};
use perfgate::units::Percentile;

use super::bank::{Measured, Pairs, Sittings};
use super::effects::Noise;
use super::model::Metric;

/// Baseline runs, and rounds of the old build against itself where there are any.
pub const HISTORY: usize = 10;
/// How often a release is loaded at most.
pub const MOST_SITTINGS: usize = 3;
/// Seconds of one round.
pub const ROUND_SECONDS: u32 = 60;
/// How much of the variance between runs hits one side of a pair only, the instances apart.
const LEFT_IN_PAIR: f64 = 0.05;
/// A regression is drawn among so many endpoints, which are the busy ones.
const BUSY: u64 = 3;

/// What the release has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Truth {
    Same,
    /// p95 and p99 of one busy endpoint, by this ratio.
    OneEndpoint(f64),
    /// Its p99 only.
    OneTail(f64),
    /// As `OneEndpoint` of this endpoint.
    Endpoint(usize, f64),
    /// As `OneTail` of this endpoint.
    Tail(usize, f64),
}

impl Truth {
    /// The same with its endpoint drawn, for a gate that meets it twice.
    fn settled(self, dice: &mut Dice) -> Self {
        let hit = usize::try_from(dice.below(BUSY)).unwrap_or(0);
        match self {
            Self::OneEndpoint(ratio) => Self::Endpoint(hit, ratio),
            Self::OneTail(ratio) => Self::Tail(hit, ratio),
            other => other,
        }
    }

    fn shifts(self, metrics: &[Metric], dice: &mut Dice) -> Vec<f64> {
        let hit = usize::try_from(dice.below(BUSY)).unwrap_or(0);
        let shift = |metric: &Metric| match self {
            Self::OneEndpoint(ratio) if metric.endpoint == hit => ratio.ln(),
            Self::OneTail(ratio) if metric.endpoint == hit && metric.percentile > Percentile::P95 => ratio.ln(),
            Self::Endpoint(hit, ratio) if metric.endpoint == hit => ratio.ln(),
            Self::Tail(hit, ratio) if metric.endpoint == hit && metric.percentile > Percentile::P95 => ratio.ln(),
            _ => 0.0,
        };
        metrics.iter().map(shift).collect()
    }
}

/// How a gate ended, and after how many sittings or rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Failed,
    Passed,
    Inconclusive,
}

#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub outcome: Outcome,
    pub seconds: f64,
}

/// What may rise, and what a pass must exclude, as fractions.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    allowed: f64,
    must_detect: f64,
}

/// `rise: 10%` and what it brings.
pub const RELAXED: Allowance = Allowance { allowed: 0.10, must_detect: 0.20 };
/// `rise: 5%` with `must_detect: 15%`.
pub const STRICT: Allowance = Allowance { allowed: 0.05, must_detect: 0.15 };

impl Allowance {
    fn limits(self) -> Limits {
        Limits { allowed: self.allowed.ln_1p(), must_detect: self.must_detect.ln_1p() }
    }
}

/// The gate's answer to what is known of its metrics; `None` asks for more.
fn answer(changes: &[Option<Change>]) -> Option<Outcome> {
    let any = |holds: fn(&Change) -> bool| changes.iter().any(|change| change.as_ref().is_none_or(holds));
    if changes.iter().flatten().any(|change| change.decision == Decision::Regressed) {
        Some(Outcome::Failed)
    } else if any(|change| change.suspect || change.decision == Decision::Undecided) {
        None
    } else if any(|change| change.decision == Decision::Hidden) {
        Some(Outcome::Inconclusive)
    } else {
        Some(Outcome::Passed)
    }
}

/// A sitting of the bank, moved.
#[derive(Debug)]
pub struct Moved<'a> {
    sitting: &'a [Measured],
    by: Vec<f64>,
}

impl Moved<'_> {
    pub fn log(&self, metric: usize) -> f64 {
        self.sitting[metric].estimate.log + self.by[metric]
    }

    fn estimate(&self, metric: usize) -> Estimate {
        Estimate { log: self.log(metric), ..self.sitting[metric].estimate }
    }

    /// The standard error that independent requests would have.
    pub fn independent(&self, metric: usize) -> f64 {
        self.sitting[metric].independent
    }

    /// The latencies of the points, in ms.
    pub fn points(&self, metric: usize) -> Vec<f64> {
        self.sitting[metric].points.iter().map(|point| (point + self.by[metric]).exp()).collect()
    }
}

/// The baseline runs of a gate, and what happened to them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Past {
    pub runs: usize,
    /// So many runs ago every metric of one busy endpoint rose by this ratio, and stayed there.
    pub stepped: Option<(usize, f64)>,
    pub begins: Begins,
}

/// Where a history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// At its first run.
    AtTheFirst,
    /// Where each metric last stepped to another level, as the gate has it.
    AtTheLastStep,
}

impl Past {
    /// Ten runs of one build.
    pub const USUAL: Self = Self { runs: HISTORY, stepped: None, begins: Begins::AtTheLastStep };

    /// What is added to the runs before the step, which lie lower.
    fn before(self, metrics: &[Metric], dice: &mut Dice) -> Vec<f64> {
        let Some((_, ratio)) = self.stepped else { return vec![0.0; metrics.len()] };
        Truth::OneEndpoint(1.0 / ratio).shifts(metrics, dice)
    }
}

/// The runs that a gate without a second deployment has.
#[derive(Debug)]
pub struct Nights<'a> {
    metrics: &'a [Metric],
    past: Past,
    /// Newest first.
    pub history: Vec<Moved<'a>>,
    pub release: Vec<Moved<'a>>,
}

/// What nights are drawn from.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Before and after the change: the release's sittings come from a bank of their own where the regression is in there.
    pub banks: [&'a Sittings; 2],
    pub past: Past,
}

impl<'a> Nights<'a> {
    pub fn draw(metrics: &'a [Metric], source: Source<'a>, noise: &Noise, truth: Truth, dice: &mut Dice) -> Self {
        let Source { banks: [old, new], past } = source;
        let before = past.before(metrics, dice);
        let unmoved = vec![0.0; metrics.len()];
        let step_at = past.stepped.map_or(past.runs, |(runs_ago, _)| runs_ago);
        let mut night = |index| {
            let level = if index < step_at { &unmoved } else { &before };
            Moved { sitting: drawn(old, dice), by: sum(level, &noise.draw(1.0, metrics, dice)) }
        };
        let history = (0..past.runs).map(&mut night).collect();
        let day = noise.draw(noise.day, metrics, dice);
        let shifts = truth.shifts(metrics, dice);
        let lasting = sum(&day, &shifts);
        let mut sitting = || Moved { sitting: drawn(new, dice), by: sum(&lasting, &noise.draw(1.0 - noise.day, metrics, dice)) };
        let release = (0..MOST_SITTINGS).map(|_| sitting()).collect();
        Self { metrics, past, history, release }
    }

    pub fn judge(&self, allowance: Allowance, seconds: u32) -> Ended {
        for count in 1..=MOST_SITTINGS {
            let compared: Vec<Compared> =
                (0..self.metrics.len()).map(|metric| self.compared(metric, count, allowance.limits(), seconds)).collect();
            if let Some(outcome) = answer(&judge_history(&compared, MOST_SITTINGS)) {
                return Ended { outcome, seconds: times(count, seconds) };
            }
        }
        Ended { outcome: Outcome::Inconclusive, seconds: times(MOST_SITTINGS, seconds) }
    }

    /// How many of the newest runs a metric is compared with.
    fn run_count(&self, metric: usize) -> usize {
        let oldest_first = || self.history.iter().rev().map(|night| night.log(metric)).collect::<Vec<f64>>();
        match self.past.begins {
            Begins::AtTheFirst => self.history.len(),
            Begins::AtTheLastStep => self.history.len() - last_change_point(&oldest_first()).unwrap_or(0),
        }
    }

    fn compared(&self, metric: usize, count: usize, limits: Limits, seconds: u32) -> Compared {
        let percentile = self.metrics[metric].percentile;
        Compared {
            limits,
            worse: Worse::Higher,
            kind: percentile.thousandths(),
            usual: judged::Metric::Percentile(percentile).usual_noise(),
            history: self.history[..self.run_count(metric)].iter().map(|night| night.estimate(metric)).collect(),
            sittings: self.release[..count].iter().map(|sitting| sitting.estimate(metric)).collect(),
            tail: self.metrics[metric].tail(f64::from(seconds)),
        }
    }
}

/// How rounds side by side are made.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    pub most: usize,
    /// Rounds of the old build against itself, made before.
    pub against_itself: usize,
    pub restarts: Restarts,
}

impl Rounds {
    /// As many as may help, both sides started anew before each, ten nights before.
    pub const FULL: Self = Self { most: LOOKS[LOOKS.len() - 1], against_itself: HISTORY, restarts: Restarts::BeforeEachRound };
}

/// A gate that has both builds side by side.
#[derive(Debug)]
pub struct SideBySide<'a> {
    metrics: &'a [Metric],
    how: Rounds,
    /// By round, then by metric.
    rounds: Vec<Vec<Estimate>>,
    against_itself: Vec<Vec<Estimate>>,
}

impl<'a> SideBySide<'a> {
    pub fn draw(metrics: &'a [Metric], [same, changed]: [&Pairs; 2], how: Rounds, noise: &Noise, truth: Truth, dice: &mut Dice) -> Self {
        let shifts = truth.shifts(metrics, dice);
        // Both sides have an instance of their own.
        let instances = |dice: &mut Dice| noise.draw(2.0 * noise.instance, metrics, dice);
        let against_itself = (0..how.against_itself).map(|_| instances(dice)).map(|by| (by, same)).collect::<Vec<_>>();
        let lasting = instances(dice);
        let of_release = (0..how.most).map(|_| match how.restarts {
            Restarts::BeforeEachRound => sum(&instances(dice), &shifts),
            Restarts::None => sum(&lasting, &shifts),
        });
        let of_release: Vec<_> = of_release.map(|by| (by, changed)).collect();
        let mut round = |(by, pairs): (Vec<f64>, &Pairs)| {
            let by = sum(&by, &noise.draw(LEFT_IN_PAIR, metrics, dice));
            drawn(pairs, dice).iter().zip(by).map(|(estimate, by)| Estimate { log: estimate.log + by, ..*estimate }).collect()
        };
        let against_itself = against_itself.into_iter().map(&mut round).collect();
        let rounds = of_release.into_iter().map(&mut round).collect();
        Self { metrics, how, rounds, against_itself }
    }

    pub fn judge(&self, allowance: Allowance) -> Ended {
        let Rounds { most, restarts, .. } = self.how;
        for count in LOOKS.into_iter().filter(|look| *look <= most) {
            let paired: Vec<Paired> = (0..self.metrics.len()).map(|metric| self.paired(metric, count, allowance.limits())).collect();
            if let Some(outcome) = answer(&judge_rounds(&paired, restarts, most)) {
                return Ended { outcome, seconds: times(count, ROUND_SECONDS) };
            }
        }
        Ended { outcome: Outcome::Inconclusive, seconds: times(most, ROUND_SECONDS) }
    }

    fn paired(&self, metric: usize, count: usize, limits: Limits) -> Paired {
        let percentile = self.metrics[metric].percentile;
        Paired {
            limits,
            worse: Worse::Higher,
            kind: percentile.thousandths(),
            usual: judged::Metric::Percentile(percentile).usual_round_noise(),
            rounds: self.rounds[..count].iter().map(|round| round[metric]).collect(),
            against_itself: self.against_itself.iter().map(|round| round[metric]).collect(),
            tail: self.metrics[metric].tail(f64::from(ROUND_SECONDS)),
        }
    }
}

/// A gate that has both: one load against the history, which may pass, then rounds.
#[derive(Debug)]
pub struct Ladder<'a> {
    nights: Nights<'a>,
    rounds: SideBySide<'a>,
}

impl<'a> Ladder<'a> {
    pub fn draw(metrics: &'a [Metric], (source, pairs): (Source<'a>, [&Pairs; 2]), noise: &Noise, truth: Truth, dice: &mut Dice) -> Self {
        let truth = truth.settled(dice);
        let nights = Nights::draw(metrics, source, noise, truth, dice);
        Self { nights, rounds: SideBySide::draw(metrics, pairs, Rounds::FULL, noise, truth, dice) }
    }

    pub fn judge(&self, allowance: Allowance, seconds: u32) -> Ended {
        let metrics = 0..self.nights.metrics.len();
        let compared: Vec<Compared> = metrics.map(|metric| self.nights.compared(metric, 1, allowance.limits(), seconds)).collect();
        let alone = times(1, seconds);
        if let Some(outcome) = answer(&screen_history(&compared, MOST_SITTINGS)) {
            return Ended { outcome, seconds: alone };
        }
        let ended = self.rounds.judge(allowance);
        Ended { seconds: alone + ended.seconds, ..ended }
    }
}

fn drawn<'a, T>(bank: &'a [Vec<T>], dice: &mut Dice) -> &'a [T] {
    &bank[usize::try_from(dice.below(bank.len() as u64)).unwrap_or(0)]
}

fn sum(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one + other).collect()
}

fn times(count: usize, seconds: u32) -> f64 {
    f64::from(seconds) * f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
