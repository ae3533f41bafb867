//! What a Run derives from its parts.

use super::samples::{any_run, checkout_run};
use super::*;
use crate::units::Percentile;
use proptest::prelude::*;

#[test]
fn a_summary_counts_only_the_selected_phases() {
    let run = checkout_run();
    let products = &run.endpoints[1];
    let requests = |selection| run.summary(products, selection).counts.requests;
    assert_eq!(requests(PhaseSelection::Judged), 100);
    assert_eq!(requests(PhaseSelection::One(0)), 20);
    assert_eq!(requests(PhaseSelection::Whole), 120);
    assert_eq!(requests(PhaseSelection::JudgedWithout(&[1])), 0);
    assert_eq!(requests(PhaseSelection::One(9)), 0);
}

#[test]
fn latency_is_taken_from_the_slices_of_the_selected_phases() {
    let run = checkout_run();
    let latency = run.summary(&run.endpoints[1], PhaseSelection::Judged).latency;
    assert_eq!(latency.count(), 100);
    let p95 = latency.percentile_ms(Percentile::P95).unwrap();
    assert!((p95 - 95.0).abs() < 0.1, "{p95}");
}

#[test]
fn the_total_leaves_out_endpoints_that_no_task_asks() {
    let run = checkout_run();
    assert_eq!(run.total(PhaseSelection::Whole).counts.requests, 240);
    assert_eq!(run.total(PhaseSelection::Judged).latency.count(), 200);
}

#[test]
fn throughput_is_ok_requests_over_the_selected_seconds() {
    let mut run = checkout_run();
    assert_eq!(run.throughput(PhaseSelection::Judged), Some(200.0 / 60.0));
    assert_eq!(run.throughput(PhaseSelection::JudgedWithout(&[1])), None);
    run.endpoints[1].phases[1].ok = 40;
    assert_eq!(run.throughput(PhaseSelection::Judged), Some(140.0 / 60.0));
}

#[test]
fn a_run_that_was_cut_took_no_longer_than_until_then() {
    let whole = checkout_run();
    let after = |seconds| Run { complete: false, measured: Duration::from_secs(seconds), ..whole.clone() };
    let judged = |run: &Run| run.duration_of(PhaseSelection::Judged).as_secs();
    assert_eq!([&whole, &after(60), &after(25), &after(0)].map(judged), [60, 60, 25, 0]);
    assert_eq!(after(25).throughput(PhaseSelection::Judged), Some(200.0 / 25.0));
    assert_eq!(after(0).throughput(PhaseSelection::Judged), None);
    let before = whole.phases[1].at.as_secs();
    assert_eq!(after(25).duration_of(PhaseSelection::Whole).as_secs(), before + 25);
}

#[test]
fn a_failure_rate_needs_a_request() {
    assert_eq!(PhaseSeries::default().failure_rate(), None);
    let mut series = PhaseSeries { requests: 8, ok: 6, ..PhaseSeries::default() };
    series.failures.add(FailureClass::Timeout, 1);
    series.failures.add(FailureClass::Status, 1);
    assert_eq!(series.failure_rate(), Some(0.25));
}

#[test]
fn every_failure_class_has_its_own_place_and_name() {
    let mut failures = Failures::default();
    for (class, count) in FailureClass::ALL.into_iter().zip(1..) {
        failures.add(class, count);
    }
    let counts: Vec<u64> = FailureClass::ALL.iter().map(|class| failures.of(*class)).collect();
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(failures.total(), 45);
    let names: std::collections::BTreeSet<&str> = FailureClass::ALL.iter().map(|class| class.name()).collect();
    assert_eq!(names.len(), FailureClass::ALL.len());
}

#[test]
fn the_books_are_conserved_only_where_both_sums_hold() {
    let books = Generator { scheduled: 10, sent: 9, not_sent: 1, ok: 5, failed: 3, unfinished: 1, ..Generator::default() };
    assert!(books.conserved());
    assert!(!Generator { not_sent: 2, ..books.clone() }.conserved());
    assert!(!Generator { failed: 4, ..books }.conserved());
}

/// What another tool stated in all is no sum.
fn any_measured_run() -> impl Strategy<Value = Run> {
    any_run().prop_map(|run| Run { imported: None, ..run })
}

proptest! {
    #[test]
    fn single_phases_add_up_to_the_whole(run in any_measured_run()) {
        for endpoint in &run.endpoints {
            let mut sum = Summary::default();
            for index in 0..run.phases.len() {
                let part = run.summary(endpoint, PhaseSelection::One(index));
                sum.counts.merge(&part.counts);
                sum.latency.merge(&part.latency);
            }
            prop_assert_eq!(sum, run.summary(endpoint, PhaseSelection::Whole));
        }
    }

    #[test]
    fn judged_phases_are_the_named_ones_and_the_rest(run in any_measured_run(), named in 0_usize..3) {
        let rest = run.total(PhaseSelection::JudgedWithout(&[named])).counts.requests;
        let judged = run.selects(PhaseSelection::Judged, named);
        let own = if judged { run.total(PhaseSelection::One(named)).counts.requests } else { 0 };
        prop_assert_eq!(rest + own, run.total(PhaseSelection::Judged).counts.requests);
    }
}
