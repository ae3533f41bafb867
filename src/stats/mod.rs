//! The mathematics of latency: histograms and percentiles. Pure; knows nothing of HTTP, files or time.

mod histogram;

pub use histogram::{Histogram, HistogramError};
