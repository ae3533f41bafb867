//! A run cut into blocks of time, so that it can be told how much its requests depend on their neighbours.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{EndpointRole, EndpointRun, PhaseSelection, Run};
use crate::stats::Histogram;

/// A block is at least so long.
const BLOCK: Duration = Duration::from_secs(5);

impl Run {
    /// The latencies of one endpoint over the selected phases, in blocks of some five seconds, in order; blocks without a
    /// request are left out.
    #[must_use]
    pub fn latency_blocks(&self, endpoint: &EndpointRun, selection: PhaseSelection<'_>) -> Vec<Histogram> {
        self.blocks(std::iter::once(endpoint), selection)
    }

    /// As [`Self::latency_blocks`], of all task endpoints together.
    #[must_use]
    pub fn total_latency_blocks(&self, selection: PhaseSelection<'_>) -> Vec<Histogram> {
        self.blocks(self.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task), selection)
    }

    fn blocks<'a>(&self, endpoints: impl Iterator<Item = &'a EndpointRun>, selection: PhaseSelection<'_>) -> Vec<Histogram> {
        let mut blocks: BTreeMap<(usize, u128), Vec<&Histogram>> = BTreeMap::new();
        for slice in endpoints.flat_map(|endpoint| &endpoint.slices).filter(|slice| self.selects(selection, slice.phase)) {
            let begin = self.phases.get(slice.phase).map_or(Duration::ZERO, |phase| phase.at);
            // A slice is in one block, so that blocks are a multiple of it.
            let slice_millis = slice.length.as_millis().max(1);
            let block_millis = slice_millis * BLOCK.as_millis().div_ceil(slice_millis);
            let index = slice.at.saturating_sub(begin).as_millis() / block_millis;
            blocks.entry((slice.phase, index)).or_default().push(&slice.latency);
        }
        blocks.into_values().map(Histogram::sum).collect()
    }

    /// How many requests of the task endpoints were answered without failure in each whole block of the selected phases.
    /// An endpoint is named, or all count together.
    #[must_use]
    pub fn answered_blocks(&self, endpoint: Option<&EndpointRun>, selection: PhaseSelection<'_>) -> Vec<u64> {
        let block = usize::try_from(BLOCK.as_secs()).unwrap_or(usize::MAX);
        let answered = |endpoint: &EndpointRun, second: usize| {
            endpoint.per_second.requests.at(second).saturating_sub(endpoint.per_second.failures.at(second))
        };
        let tasks = || self.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
        let of_second = |second: usize| {
            let all = || tasks().map(|endpoint| answered(endpoint, second)).sum();
            endpoint.map_or_else(all, |endpoint| answered(endpoint, second))
        };
        let mut blocks = Vec::new();
        for (_, phase) in self.phases.iter().enumerate().filter(|&(index, _)| self.selects(selection, index)) {
            let first = usize::try_from(phase.at.as_secs()).unwrap_or(usize::MAX);
            let seconds = usize::try_from(phase.length.as_secs()).unwrap_or(0);
            let whole = (0..seconds / block).map(|number| first + number * block);
            blocks.extend(whole.map(|start| (start..start + block).map(of_second).sum::<u64>()));
        }
        blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::checkout_run;

    #[test]
    fn blocks_hold_all_that_the_run_measured() {
        let run = checkout_run();
        for endpoint in &run.endpoints {
            let blocks = run.latency_blocks(endpoint, PhaseSelection::Judged);
            let counted: u64 = blocks.iter().map(Histogram::count).sum();
            assert_eq!(counted, run.summary(endpoint, PhaseSelection::Judged).latency.count());
        }
        let total: u64 = run.total_latency_blocks(PhaseSelection::Judged).iter().map(Histogram::count).sum();
        assert_eq!(total, run.total(PhaseSelection::Judged).latency.count());
    }

    #[test]
    fn slices_are_gathered_into_blocks_of_their_phase() {
        let mut run = checkout_run();
        let judged = run.phases.iter().position(|phase| phase.measured).unwrap();
        let (at, template) = (run.phases[judged].at, run.endpoints[0].slices[0].clone());
        run.endpoints[0].slices = (0..17_u64)
            .map(|second| {
                let mut slice = template.clone();
                (slice.phase, slice.at, slice.length) = (judged, at + Duration::from_secs(second), Duration::from_secs(1));
                slice
            })
            .collect();
        assert_eq!(run.latency_blocks(&run.endpoints[0], PhaseSelection::Judged).len(), 4);
    }
}
