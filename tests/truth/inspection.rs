//! What holds for the books of every Run, finished or not.

use perfgate::run::{EndpointRun, FailureClass, PhaseSeries, Run, read_run, write_run};

/// Panics where a sum does not add up, or the file does not read back.
pub fn check_books(run: &Run) {
    let generator = &run.generator;
    assert!(generator.conserved(), "{generator:?}");
    let sum = |of: fn(&PhaseSeries) -> u64| run.endpoints.iter().flat_map(|endpoint| &endpoint.phases).map(of).sum::<u64>();
    assert_eq!(generator.sent, sum(|series| series.requests));
    assert_eq!(generator.ok, sum(|series| series.ok));
    assert_eq!(generator.failed, sum(|series| series.failures.total()));
    assert_eq!(generator.unfinished, sum(|series| series.unfinished));
    for (index, phase) in run.phases.iter().enumerate() {
        assert_eq!(phase.requests, run.endpoints.iter().map(|endpoint| endpoint.phases[index].requests).sum::<u64>(), "{phase:?}");
    }
    for endpoint in &run.endpoints {
        check_endpoint(endpoint);
    }
    check_file(run);
}

fn check_endpoint(endpoint: &EndpointRun) {
    let EndpointRun { name, phases, slices, per_second, .. } = endpoint;
    let requests: u64 = phases.iter().map(|series| series.requests).sum();
    let failures: u64 = phases.iter().map(|series| series.failures.total()).sum();
    assert_eq!(per_second.requests.sum(), requests, "{name}");
    assert_eq!(per_second.failures.sum(), failures, "{name}");
    assert_eq!(per_second.classes.values().sum::<u64>(), failures, "{name}");
    for class in FailureClass::ALL {
        let by_second: u64 = per_second.classes.iter().filter(|((_, of), _)| *of == class).map(|(_, count)| count).sum();
        assert_eq!(by_second, phases.iter().map(|series| series.failures.of(class)).sum::<u64>(), "{name}: {class:?}");
    }
    for (index, series) in phases.iter().enumerate() {
        let slices = || slices.iter().filter(|slice| slice.phase == index);
        assert_eq!(slices().map(|slice| slice.requests).sum::<u64>(), series.requests, "{name}");
        assert_eq!(slices().map(|slice| slice.failures).sum::<u64>(), series.failures.total(), "{name}");
        assert_eq!(series.requests, series.ok + series.unfinished + series.failures.total(), "{name}");
        assert_eq!(series.causes.values().sum::<u64>(), series.failures.total(), "{name}");
        let answered = series.ok + series.failures.of(FailureClass::Status) + series.failures.of(FailureClass::Check);
        assert!(series.statuses.values().sum::<u64>() >= answered, "{name}: {series:?}");
        let timed = series.ok + series.unfinished + series.failures.of(FailureClass::Timeout);
        assert_eq!(slices().map(|slice| slice.latency.count()).sum::<u64>(), timed, "{name}");
        assert_eq!(series.service.count(), timed, "{name}");
    }
}

fn check_file(run: &Run) {
    let written = write_run(run);
    let read = read_run(&written).unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&written)));
    assert_eq!(read.endpoints, run.endpoints);
    assert_eq!((read.complete, &read.aborted_by, &read.generator.problems), (run.complete, &run.aborted_by, &run.generator.problems));
    assert_eq!(write_run(&read), written);
}
