//! What is reported as a percentile is what the server took, by its own clock.

use perfgate::units::Percentile;

use super::bench::{Bench, in_time, whole};
use super::server::{Received, Server, after, ok};

const PATHS: [(&str, u64); 3] = [("/fast", 5), ("/usual", 20), ("/slow", 60)];

fn service_times(received: &[Received], path: &str) -> Vec<f64> {
    let own = received.iter().filter(|request| request.target == path);
    let mut times: Vec<f64> = own.map(|request| request.answered.unwrap().1.abs_diff(request.at).as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    times
}

fn compare(load: &str) -> Result<(), String> {
    let server = Server::start(|request| {
        // One in ten is slower, so that the percentiles differ.
        let tail = if request.number % 10 == 0 { 3 } else { 1 };
        let (_, millis) = PATHS.iter().find(|(path, _)| *path == request.target).unwrap();
        after(millis * tail, ok())
    });
    let tasks: String = PATHS.iter().map(|(path, _)| format!("  - steps: [{{get: {path}}}]\n")).collect::<Vec<_>>().concat();
    let run = Bench::new().run(&server, &format!("load: {load}\ntasks:\n{tasks}"));
    let received = server.received();
    for (path, _) in PATHS {
        let (truth, told) = (service_times(&received, path), whole(&run, &format!("GET {path}")).latency);
        assert_eq!(truth.len() as u64, told.count());
        for percentile in [Percentile::P50, Percentile::P95, Percentile::P99] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small counts")]
            let rank = (truth.len() as f64 * percentile.fraction() - 1e-9).ceil() as usize;
            let (truth, told) = (truth[rank - 1], told.percentile_ms(percentile).unwrap());
            // How late starts were is part of what is told, and told beside it.
            let late = if percentile == Percentile::P99 { run.generator.late_p99_ms.unwrap_or_default() } else { 0.0 };
            if (told - truth).abs() > 1.5 + truth * 0.02 + late {
                return Err(format!("{path} {percentile:?}: told {told} ms, by the server {truth} ms"));
            }
        }
    }
    Ok(())
}

#[test]
fn reported_percentiles_are_the_servers_own_under_an_open_load() {
    in_time(|| compare("{rate: 150/s, hold: 2500ms}"));
}

#[test]
fn reported_percentiles_are_the_servers_own_under_a_closed_load() {
    in_time(|| compare("{users: 6, hold: 2500ms}"));
}
