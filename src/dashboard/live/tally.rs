//! The figures of a run that grows, from one checkpoint to the next: stretches of it that did not change are not summed
//! again, so that a checkpoint of a long load costs as much as one of a short load. The sums are those of the whole run.

use std::time::Duration;

use jiff::Timestamp;

use super::Figures;
use crate::run::{EndpointRun, PhaseSelection, Run};
use crate::stats::Histogram;

/// So many slices are summed together, and again when one of them has changed: late answers change earlier slices too.
const BLOCK: usize = 16;

/// What was summed at the last checkpoint.
#[derive(Debug, Default)]
pub(in crate::dashboard) struct Tally {
    /// When the load began: another one may have as many requests in the same places.
    begun: Option<Timestamp>,
    /// Of each task endpoint, in its order.
    endpoints: Vec<Vec<Block>>,
}

/// Neighbouring slices of one endpoint, and the latencies of those that are judged.
#[derive(Debug, Default)]
struct Block {
    of: Vec<Seen>,
    latency: Histogram,
}

/// Where a slice lies and how much it holds: latencies are only ever added, so that as many are the same ones.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    judged: bool,
    at: Duration,
    length: Duration,
    count: u64,
}

impl Tally {
    /// What [`Figures::of`] says of a run that is the last one grown, or another one.
    pub fn figures(&mut self, run: &Run) -> (Figures, Vec<Figures>) {
        if self.begun != Some(run.started_at) {
            *self = Self { begun: Some(run.started_at), endpoints: Vec::new() };
        }
        let tasks: Vec<&EndpointRun> = Figures::tasks(run).collect();
        self.endpoints.resize_with(tasks.len(), Vec::new);
        let summed = tasks.into_iter().zip(&mut self.endpoints);
        let summed: Vec<_> = summed.map(|(endpoint, blocks)| (endpoint, latency(run, endpoint, blocks))).collect();
        Figures::put_together(run, &summed)
    }
}

fn latency(run: &Run, endpoint: &EndpointRun, blocks: &mut Vec<Block>) -> Histogram {
    let slices = endpoint.slices.chunks(BLOCK);
    blocks.resize_with(slices.len(), Block::default);
    for (slices, block) in slices.zip(blocks.iter_mut()) {
        let of: Vec<Seen> = slices
            .iter()
            .map(|slice| Seen {
                judged: run.selects(PhaseSelection::Judged, slice.phase),
                at: slice.at,
                length: slice.length,
                count: slice.latency.count(),
            })
            .collect();
        if block.of != of {
            let judged = slices.iter().zip(&of).filter(|(_, seen)| seen.judged);
            *block = Block { latency: Histogram::sum(judged.map(|(slice, _)| &slice.latency)), of };
        }
    }
    Histogram::sum(blocks.iter().map(|block| &block.latency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Slice;
    use crate::run::samples::{checkout_run, histogram};

    /// The run after so many seconds, in slices of `length` s; every tenth request of a second takes so long that it is
    /// counted seven seconds late.
    fn grown(seconds: u64, length: u64) -> Run {
        let mut run = checkout_run();
        for (place, endpoint) in (1..).zip(&mut run.endpoints) {
            let slice = |index: u64| {
                let known = |second: &u64| *second < seconds;
                let soon = (index * length..(index + 1) * length).filter(known).flat_map(|second| [place, second % 7 + place]);
                let late = (index * length..(index + 1) * length).filter(|second| known(&(second + 7))).map(|second| 1000 + second);
                let latency = histogram(soon.chain(late));
                let at = Duration::from_secs(index * length);
                let phase = usize::from(at >= run.phases[1].at);
                Slice { phase, at, length: Duration::from_secs(length), requests: latency.count(), failures: 0, latency }
            };
            // A stretch without a request, in which a late one turns up after all.
            let is_there = |index: &u64| index % 11 != 5 || index + 20 < seconds;
            endpoint.slices = (0..seconds.div_ceil(length)).filter(is_there).map(slice).collect();
            endpoint.phases[1].requests = seconds * place;
            endpoint.phases[1].service = Histogram::new();
        }
        run
    }

    #[test]
    fn at_every_checkpoint_of_a_run_that_grows_and_is_coarsened_the_figures_are_those_of_the_whole() {
        let mut tally = Tally::default();
        for second in 1..200 {
            let run = grown(second, if second < 90 { 1 } else { 2 });
            assert_eq!(tally.figures(&run), Figures::of(&run), "after {second} s");
        }
        // The same command begins another load, and another one with fewer endpoints.
        let mut run = grown(50, 1);
        assert_eq!(tally.figures(&run), Figures::of(&run));
        run.endpoints.pop();
        assert_eq!(tally.figures(&run), Figures::of(&run));
    }

    #[test]
    fn another_load_with_as_many_requests_in_the_same_places_is_summed_anew() {
        let mut tally = Tally::default();
        let first = grown(60, 1);
        tally.figures(&first);
        let mut second = first.clone();
        second.started_at += jiff::SignedDuration::from_secs(70);
        for slice in second.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.slices) {
            slice.latency = histogram((0..slice.latency.count()).map(|request| 300 + request));
        }
        assert_ne!(Figures::of(&second), Figures::of(&first));
        assert_eq!(tally.figures(&second), Figures::of(&second));
    }

    #[test]
    fn what_did_not_change_is_not_summed_again() {
        let mut tally = Tally::default();
        tally.figures(&grown(160, 1));
        tally.endpoints[0][0].latency = histogram([77]);
        tally.figures(&grown(161, 1));
        assert_eq!(tally.endpoints[0][0].latency, histogram([77]));
    }

    /// The best of some tries counts, because a machine may be busy; the figures are printed.
    #[test]
    fn a_checkpoint_of_five_minutes_of_fifty_endpoints_is_a_small_part_of_summing_them_all() {
        let mut run = checkout_run();
        let slice = |second: u64| {
            let mut latency = histogram((0..80).map(|request| 5 + (request * 7919 + second * 31) % 200));
            latency.pack();
            Slice { phase: 1, at: Duration::from_secs(second), length: Duration::from_secs(1), requests: 80, failures: 0, latency }
        };
        let endpoint = EndpointRun { slices: (0..300).map(slice).collect(), ..run.endpoints[1].clone() };
        run.endpoints = vec![endpoint; 50];
        let mut tally = Tally::default();
        tally.figures(&run);
        let (mut whole, mut since) = (Duration::MAX, Duration::MAX);
        for second in 300..310 {
            run.endpoints.iter_mut().for_each(|endpoint| endpoint.slices.push(slice(second)));
            let begun = std::time::Instant::now();
            let figures = tally.figures(&run);
            since = since.min(begun.elapsed());
            let begun = std::time::Instant::now();
            assert_eq!(figures, Figures::of(&run));
            whole = whole.min(begun.elapsed());
        }
        println!("{since:?} for a checkpoint, {whole:?} for all slices");
        assert!(since * 2 < whole, "{since:?} for a checkpoint, {whole:?} for all slices");
    }
}
