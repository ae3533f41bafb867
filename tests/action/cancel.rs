//! A cancelled job: the signal goes to the step's first process, which is perfgate by then, and what it had is kept.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Machine, Program, Runner, Shop};

#[test]
fn a_cancelled_job_reaches_perfgate_which_keeps_what_it_has() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let shop = Shop::deploy(None);
        let machine = Machine::with(Program::True);
        let scenario = "version: 1\nname: shop\nload: {users: 10, hold: 80s}\nthink: 20ms\ntasks:\n  - steps: [{get: /api/products}]\n";
        machine.write("workspace/shop.yaml", scenario);
        machine.write("workspace/thresholds/shop.yaml", "version: 1\nscenario: shop\ndefaults: {p95: 5s}\n");
        let mut runner = Runner::new(machine);
        runner.cancel_when(signal, |machine| machine.has("workspace/perfgate-out/run.json"));
        let ended =
            runner.action(&[("scenario", "shop.yaml"), ("target", &shop.url()), ("baseline", "none"), ("github-token", "")]).with(code);
        assert!(!ended.succeeded);
        let run: Value = serde_json::from_str(&runner.machine.read("artifacts/perfgate-results-gate/run.json")).unwrap();
        assert_eq!(run["complete"], false);
        assert!(run["aborted_by"].as_str().unwrap().starts_with("SIG"), "{}", run["aborted_by"]);
    }
}
