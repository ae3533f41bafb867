//! What is loaded in the simulation: six endpoints of a shop in front of forty servers, and the metrics that a gate judges.

use perfgate::units::Percentile;

pub const ENDPOINTS: usize = 6;
/// Requests per second.
pub const RATES: [f64; ENDPOINTS] = [330.0, 100.0, 30.0, 10.0, 3.0, 0.3];
/// Of the service time, which is lognormal: the median (ms) and the standard deviation of the logarithm.
pub const MEDIANS_MS: [f64; ENDPOINTS] = [20.0, 40.0, 80.0, 15.0, 120.0, 60.0];
pub const SPREADS: [f64; ENDPOINTS] = [0.5, 0.6, 0.7, 0.5, 0.8, 0.6];
/// Cut from the beginning of each sitting, in seconds.
pub const WARM_UP: f64 = 10.0;
/// Over which the noise of one sitting is drawn, whatever part of it is measured.
pub const LONGEST: u32 = 300;
/// One histogram for each endpoint and so many seconds.
pub const BLOCK_SECONDS: u32 = 5;

/// One percentile of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    pub endpoint: usize,
    pub percentile: Percentile,
}

impl Metric {
    /// How many requests are expected beyond the percentile in so many seconds.
    pub fn tail(self, seconds: f64) -> f64 {
        RATES[self.endpoint] * seconds * (1.0 - self.percentile.fraction())
    }
}

/// Every p95 and p99 with ten requests beyond it in the longest sitting: nine.
pub fn metrics() -> Vec<Metric> {
    let all = (0..ENDPOINTS).flat_map(|endpoint| [Percentile::P95, Percentile::P99].map(|percentile| Metric { endpoint, percentile }));
    all.filter(|metric| metric.tail(f64::from(LONGEST)) >= 10.0).collect()
}
