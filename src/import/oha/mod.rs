//! oha: its JSON, whose times are seconds, and its CSV, which has no request that failed on the way.

pub(super) mod csv;
pub(super) mod json;

/// oha aims at one address and does not write it down.
const ALL: &str = "all requests";
