//! L: what a target can do to a load.

use crate::support::{Reply, Server};
use crate::trial::Trial;

/// L13: an error page is served faster than the real one.
#[test]
fn errors_that_come_fast_fail_the_gate_however_good_the_latency_is() {
    let server = Server::start(|_| Reply::status(500));
    let trial = Trial::on(&server.url());
    trial.perfgate("check shop.yaml").with(1).prints("GET /api/products fails too often: failures 100 %");
    let run = trial.json("perfgate-out/run.json");
    let endpoint = &run["endpoints"][0];
    assert_eq!((&endpoint["failures"]["status"], &endpoint["ok"]), (&endpoint["requests"], &0.into()), "{endpoint:#}");
    assert_eq!(endpoint["latency_ms"]["p95"], serde_json::Value::Null, "no success, no latency");
}
