//! Simulated sittings and pairs, measured by the product's own estimates and kept to be drawn from.

use perfgate::plan::{Dice, Stream};
use perfgate::stats::{Estimate, Histogram, PercentileEstimate, paired_percentiles, percentile_estimate};

use super::model::{Metric, metrics};
use super::parallel;
use super::simulate::{Blocks, System, Weather, sit};

/// How many blocks make one of the points that a rule over a time series compares: 10 s.
const BLOCKS_OF_A_POINT: usize = 2;
/// A point of fewer requests is none.
const REQUESTS_OF_A_POINT: u64 = 20;

/// One metric of one sitting.
#[derive(Debug, Clone)]
pub struct Measured {
    pub estimate: Estimate,
    /// Its standard error if requests were independent: what other tools take it for.
    pub independent: f64,
    /// The logarithms of the percentile of each 10 s; empty where one has too few requests.
    pub points: Vec<f64>,
    pub request_count: u64,
}

/// Sittings of one length, each with all metrics.
pub type Sittings = Vec<Vec<Measured>>;
/// Rounds side by side of one length: the logarithm of the second side over the first.
pub type Pairs = Vec<Vec<Estimate>>;

/// So many sittings, each measured over the first of its seconds that `lengths` asks for; one bank for each length.
pub fn sittings(system: &System, count: usize, lengths: &[u32], seed: u64) -> Vec<Sittings> {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let metrics = metrics();
    let measured = parallel::for_each(count, |index| {
        let mut dice = Dice::new(seed, Stream::Start { index: index as u64 });
        let weather = Weather::draw(&mut dice);
        let blocks = sit(system, &weather, longest, &mut dice);
        lengths.iter().map(|&seconds| metrics.iter().map(|metric| measure(first(&blocks, *metric, seconds), *metric)).collect()).collect()
    });
    let mut banks = vec![Vec::with_capacity(count); lengths.len()];
    for sitting in measured {
        let sitting: Vec<Vec<Measured>> = sitting;
        banks.iter_mut().zip(sitting).for_each(|(bank, measured)| bank.push(measured));
    }
    banks
}

/// So many rounds of two systems at the same time on the same machine.
pub fn pairs(sides: [&System; 2], count: usize, seconds: u32, seed: u64) -> Pairs {
    let metrics = metrics();
    parallel::for_each(count, |index| {
        let mut dice = Dice::new(seed, Stream::Start { index: index as u64 });
        let weather = Weather::draw(&mut dice);
        let [old, new] = sides.map(|system| sit(system, &weather, seconds, &mut dice));
        metrics
            .iter()
            .map(|metric| paired_percentiles(&estimate(&new[metric.endpoint], *metric), &estimate(&old[metric.endpoint], *metric)))
            .collect()
    })
}

fn first(blocks: &Blocks, metric: Metric, seconds: u32) -> &[Histogram] {
    &blocks[metric.endpoint][..(seconds / super::model::BLOCK_SECONDS) as usize]
}

fn estimate(blocks: &[Histogram], metric: Metric) -> PercentileEstimate {
    percentile_estimate(blocks, metric.percentile).expect("a metric of the model has requests in every sitting")
}

fn measure(blocks: &[Histogram], metric: Metric) -> Measured {
    let PercentileEstimate { estimate, independent, .. } = estimate(blocks, metric);
    let request_count = blocks.iter().map(Histogram::count).sum();
    Measured { estimate, independent, points: points(blocks, metric).unwrap_or_default(), request_count }
}

fn points(blocks: &[Histogram], metric: Metric) -> Option<Vec<f64>> {
    let point = |blocks: &[Histogram]| {
        let mut all = Histogram::new();
        for block in blocks {
            all.merge(block);
        }
        let enough = all.count() >= REQUESTS_OF_A_POINT;
        all.percentile_ms(metric.percentile).filter(|_| enough).map(f64::ln)
    };
    blocks.chunks_exact(BLOCKS_OF_A_POINT).map(point).collect()
}
