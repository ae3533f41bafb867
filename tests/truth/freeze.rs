//! A server that answers in 5 ms and freezes once for a second: the stall must be in the percentiles as arithmetic has it.

use std::time::Duration;

use perfgate::run::{PhaseSelection, Run};
use perfgate::units::Percentile;

use super::bench::{Bench, at_once, has_problem, in_time, whole};
use super::server::{Act, Server, after, ok};

/// The stall, since the first request.
const FROM: Duration = Duration::from_millis(1500);
const TO: Duration = Duration::from_millis(2500);
const RATE: u32 = 200;
const SECONDS: u32 = 5;

fn freezing_server() -> Server {
    Server::start(|request| {
        let stall = if (FROM..TO).contains(&request.at) { vec![Act::WaitUntil(TO)] } else { Vec::new() };
        [stall, after(5, ok())].concat()
    })
}

/// What users meet (ms): 5 ms, and until the end of the stall for those who come within it.
fn truth(percentile: Percentile) -> f64 {
    let due = (0..RATE * SECONDS).map(|index| f64::from(index) / f64::from(RATE));
    let (from, to) = (FROM.as_secs_f64(), TO.as_secs_f64());
    let mut latencies: Vec<f64> = due.map(|due| 5.0 + if (from..to).contains(&due) { (to - due) * 1000.0 } else { 0.0 }).collect();
    latencies.sort_by(f64::total_cmp);
    latencies[rank(latencies.len(), percentile) - 1]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small counts")]
fn rank(count: usize, percentile: Percentile) -> usize {
    (count as f64 * percentile.fraction() - 1e-9).ceil() as usize
}

fn scenario(max_in_flight: &str) -> String {
    format!("load: {{rate: {RATE}/s, hold: {SECONDS}s{max_in_flight}}}\ntasks: [{{steps: [{{get: /}}]}}]\n")
}

/// How far the Run is from the truth, where it is too far.
fn difference(run: &Run) -> Result<(), String> {
    for percentile in [Percentile::P50, Percentile::P95, Percentile::P99] {
        let (told, truth) = (whole(run, "GET /").latency.percentile_ms(percentile).unwrap(), truth(percentile));
        if (told - truth).abs() > (truth * 0.02).max(5.0) {
            return Err(format!("{percentile:?} is {told} ms, in truth {truth} ms; {:?}", run.generator));
        }
    }
    Ok(())
}

#[test]
fn a_stall_is_in_the_percentiles_or_there_is_no_verdict() {
    assert!((truth(Percentile::P95) - 755.0).abs() < 1.0 && (truth(Percentile::P99) - 955.0).abs() < 1.0);
    in_time(|| {
        let runs = at_once(["", ", max_in_flight: 20", ", max_in_flight: 100"], |limit| {
            let server = freezing_server();
            let run = Bench::new().run(&server, &scenario(limit));
            assert_eq!(run.generator.scheduled, u64::from(RATE * SECONDS));
            assert_eq!(run.generator.sent, server.received().len() as u64);
            run
        });
        let [automatic, twenty, hundred] = runs.as_slice() else { unreachable!() };
        if !automatic.generator.healthy() {
            return Err(format!("{:?}", automatic.generator.problems));
        }
        difference(automatic)?;
        service_is_latency(automatic)?;
        for limited in [twenty, hundred] {
            difference(limited).or_else(|wrong| if limited.generator.healthy() { Err(wrong) } else { Ok(()) })?;
        }
        let waited = has_problem(twenty, "max_in_flight");
        if waited { Ok(()) } else { Err(format!("starts waited for one of 20 users: {:?}", twenty.generator)) }
    });
}

/// With a user for each start nobody waits on this side: both series are one.
fn service_is_latency(run: &Run) -> Result<(), String> {
    let summary = run.total(PhaseSelection::Judged);
    for percentile in [Percentile::P50, Percentile::P95, Percentile::P99] {
        let [latency, service] = [&summary.latency, &summary.counts.service].map(|histogram| histogram.percentile_ms(percentile).unwrap());
        if (latency - service).abs() > 3.0 + latency * 0.002 {
            return Err(format!("{percentile:?}: latency {latency} ms, service {service} ms"));
        }
    }
    Ok(())
}

#[test]
fn a_user_who_waits_for_a_frozen_server_makes_latency_and_service_differ() {
    let server = Server::start(|request| if request.number == 10 { after(500, ok()) } else { ok() });
    let run = Bench::new().run(&server, "load: {rate: 100/s, hold: 1s, max_in_flight: 1}\ntasks: [{steps: [{get: /}]}]\n");
    let summary = whole(&run, "GET /");
    let late = |histogram: &perfgate::stats::Histogram| histogram.count_above(100.0);
    assert_eq!(late(&summary.counts.service), 1, "one request was slow");
    assert!((35..=50).contains(&late(&summary.latency)), "but {} starts waited over 100 ms", late(&summary.latency));
    assert_eq!(run.generator.scheduled, 100);
    assert!(!run.generator.healthy());
}
