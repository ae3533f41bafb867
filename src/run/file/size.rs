//! Runs that are too large for a file: their slices are put together, two and two, until it can be read again.

use std::borrow::Cow;

use crate::run::{EndpointRun, Run, Slice};

/// The run, or the finest of its coarser forms that has no more histogram bins than these.
pub(super) fn within_bins(run: &Run, most: usize) -> Cow<'_, Run> {
    let mut fitting = Cow::Borrowed(run);
    while bins(&fitting) > most {
        let Some(coarser) = coarser(&fitting) else { break };
        fitting = Cow::Owned(coarser);
    }
    fitting
}

/// The run with half as many slices in each phase; `None` where no phase has two any more.
pub(super) fn coarser(run: &Run) -> Option<Run> {
    let longest = run.endpoints.iter().flat_map(|endpoint| &endpoint.slices).map(|slice| slice.length).max()? * 2;
    let pair_of = |slice: &Slice| {
        let begin = run.phases.get(slice.phase).map(|phase| phase.at).unwrap_or_default();
        (slice.phase, slice.at.saturating_sub(begin).as_nanos() / longest.as_nanos().max(1))
    };
    let merged = |endpoint: &EndpointRun| EndpointRun {
        slices: endpoint.slices.chunk_by(|left, right| pair_of(left) == pair_of(right)).filter_map(whole).collect(),
        ..endpoint.clone()
    };
    let coarser = Run { endpoints: run.endpoints.iter().map(merged).collect(), ..run.clone() };
    let slices = |run: &Run| run.endpoints.iter().map(|endpoint| endpoint.slices.len()).sum::<usize>();
    (slices(&coarser) < slices(run)).then_some(coarser)
}

/// Neighbouring slices as one.
fn whole(parts: &[Slice]) -> Option<Slice> {
    let (first, rest) = parts.split_first()?;
    let mut whole = first.clone();
    for part in rest {
        whole.length = (part.at + part.length).saturating_sub(whole.at);
        whole.requests += part.requests;
        whole.failures += part.failures;
        whole.latency.merge(&part.latency);
    }
    Some(whole)
}

fn bins(run: &Run) -> usize {
    let of_endpoint = |endpoint: &EndpointRun| {
        let slices: usize = endpoint.slices.iter().map(|slice| slice.latency.bin_count()).sum();
        let phases: usize = endpoint.phases.iter().map(|series| series.service.bin_count() + series.ttfb.bin_count()).sum();
        slices + phases
    };
    run.endpoints.iter().map(of_endpoint).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::run::PhaseSelection;
    use crate::run::samples::{checkout_run, histogram};

    /// `hold` in 60 slices.
    fn sliced() -> Run {
        let mut run = checkout_run();
        for endpoint in &mut run.endpoints {
            let slice = |second: u64| Slice {
                phase: 1,
                at: Duration::from_secs(10 + second),
                length: Duration::from_secs(1),
                requests: 1,
                failures: 0,
                latency: histogram([second % 2 + 1, 7]),
            };
            endpoint.slices = (0..60).map(slice).collect();
        }
        run
    }

    #[test]
    fn a_coarser_run_tells_the_same() {
        let run = sliced();
        let coarser = coarser(&run).unwrap();
        for (endpoint, coarse) in run.endpoints.iter().zip(&coarser.endpoints) {
            assert_eq!((coarse.slices.len(), coarse.slices[29].at.as_secs(), coarse.slices[29].length.as_secs()), (30, 68, 2));
            for selection in [PhaseSelection::Whole, PhaseSelection::Judged] {
                assert_eq!(run.summary(endpoint, selection), coarser.summary(coarse, selection));
            }
        }
    }

    #[test]
    fn a_run_is_made_as_coarse_as_it_must_be_and_no_coarser() {
        let run = sliced();
        let whole = bins(&run);
        assert_eq!(within_bins(&run, whole).endpoints[0].slices.len(), 60);
        assert_eq!(within_bins(&run, whole - 1).endpoints[0].slices.len(), 30);
        assert_eq!(within_bins(&run, 0).endpoints[0].slices.len(), 1, "less cannot be");
    }
}
