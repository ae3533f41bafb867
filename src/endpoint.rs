//! What part an endpoint plays in a load. The endpoint itself is its label, `METHOD name`.

/// Whether an endpoint's latency is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointRole {
    /// Asked by tasks: judged by every rule.
    Task,
    /// Asked by `start` or `stop` steps alone: only its failures over the whole run are judged.
    Lifecycle,
    /// Declared by the scenario, but left out of this run by tags: its rules are skipped.
    Excluded,
}
