//! The mathematics of latency: histograms, percentiles and how sure they are. Pure; knows nothing of HTTP, files or time.

mod bins;
#[cfg(test)]
pub(crate) mod chance;
mod codec;
mod drift;
mod estimate;
mod histogram;
mod noise;
#[cfg(test)]
pub(crate) mod noise_model;
mod proportion;
mod quantile;
mod spread;
mod steady;

pub use codec::{Decoder, Encoder, HistogramError};
pub use drift::{AnchoredSeries, ChangePoint, Shift, anchor_shifts, change_point, last_change_point};
pub use estimate::{
    Estimate, PercentileEstimate, count_estimate, mean_estimate, paired_percentiles, percentile_estimate, percentile_estimate_of,
};
pub use histogram::Histogram;
pub use noise::{Noise, Restarts, RoundNoise, Series, SeriesOfRounds, history_noise, round_noise};
pub use proportion::{
    FailureHistory, Interval, LimitPosition, Proportion, RateChange, limit_position, newcombe, overdispersion, rate_changes,
    slices_overdispersion, wilson,
};
pub use quantile::{chance_of_at_least, normal_quantile, t_quantile};
pub use spread::{Spread, t_tail};
pub use steady::{HALVES_NEEDED, HalfDrift, disturbed, half_drift, warm_up};
