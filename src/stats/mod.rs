//! The mathematics of latency: histograms, percentiles and how sure they are. Pure; knows nothing of HTTP, files or time.

mod estimate;
mod histogram;
mod noise;
mod quantile;

pub use estimate::{Estimate, PercentileEstimate, count_estimate, mean_estimate, paired_percentiles, percentile_estimate};
pub use histogram::{Histogram, HistogramError};
pub use noise::{Noise, Restarts, RoundNoise, Series, SeriesOfRounds, history_noise, round_noise};
pub use quantile::{normal_quantile, t_quantile};
