//! The action with the true program on the demo API: the step's colour, its outputs' source, and what is kept of it.

use crate::support::{Ended, Machine, Program, Runner, Shop};

/// A machine that is busy with something else can spoil a measurement, but not each of these.
const ATTEMPTS: usize = 4;

/// A short load of the demo API, and limits for it.
fn runner(thresholds: &str) -> (Runner, Shop) {
    let shop = Shop::deploy(None);
    let machine = Machine::with(Program::True);
    let scenario = format!(
        "version: 1\nname: shop\ntarget: {}\nload: {{users: 10, hold: 2s}}\nthink: 20ms\ntasks:\n  - steps: [{{get: /api/products}}]\n",
        shop.url()
    );
    machine.write("workspace/shop.yaml", &scenario);
    machine.write("workspace/thresholds/shop.yaml", &format!("version: 1\nscenario: shop\ndefaults: {thresholds}\n"));
    (Runner::new(machine), shop)
}

/// Checked by the action, with nothing that is posted or fetched.
fn checked(thresholds: &str, more: &[(&str, &str)], code: i32) -> (Runner, Ended) {
    let inputs = [&[("scenario", "shop.yaml"), ("baseline", "none"), ("github-token", "")], more].concat();
    for attempt in 1.. {
        let (mut runner, _shop) = runner(thresholds);
        let ended = runner.action(&inputs);
        if ended.code == code || attempt == ATTEMPTS {
            return (runner, ended.with(code));
        }
    }
    unreachable!()
}

fn kept(runner: &Runner) -> Vec<&'static str> {
    ["run.json", "verdict.json", "summary.md", "junit.xml"]
        .into_iter()
        .filter(|file| runner.machine.has(&format!("artifacts/perfgate-results-gate/{file}")))
        .collect()
}

const ALL: [&str; 4] = ["run.json", "verdict.json", "summary.md", "junit.xml"];

#[test]
fn a_release_within_its_limits_is_green() {
    let (runner, ended) = checked("{p95: 5s, failures: 1%}", &[], 0);
    ended.says("perfgate: passed");
    assert_eq!(kept(&runner), ALL);
    assert_eq!(runner.used.len(), 1, "only the results are kept");
}

#[test]
fn a_breach_is_red_with_1_and_its_results_are_kept() {
    let (runner, ended) = checked("{p95: 1us}", &[], 1);
    ended.says("perfgate: failed");
    assert_eq!(kept(&runner), ALL);
    let (runner, _) = checked("{p95: 1us}", &[("args", "--soft")], 0);
    assert_eq!(kept(&runner), ALL);
}

#[test]
fn too_little_data_is_red_with_3_and_its_results_are_kept() {
    let (runner, _) = checked("{p99.9: 5s}", &[], 3);
    assert_eq!(kept(&runner), ALL);
}

#[test]
fn what_goes_wrong_before_the_load_has_its_own_code() {
    let (runner, _) = checked("{p95: 5s}", &[("duration", "soon")], 2);
    assert_eq!(kept(&runner), [""; 0]);
    checked("{p95: 5s}", &[("target", "http://169.254.169.254")], 7);
    checked("{p95: 5s}", &[("target", "http://127.0.0.1:1")], 4);
    checked("{p95: 5s}", &[("baseline", "no-such-folder/run.json")], 5);
}

#[test]
fn the_program_itself_writes_the_outputs() {
    for (thresholds, code, outcome) in
        [("{p95: 5s, failures: 1%}", 0, "pass"), ("{p95: 1us}", 1, "fail"), ("{p99.9: 5s}", 3, "inconclusive")]
    {
        let (runner, ended) = checked(thresholds, &[], code);
        assert_eq!((ended.output("outcome"), ended.output("exit-code")), (outcome, code.to_string().as_str()));
        assert!(runner.machine.path("workspace").join(ended.output("summary-path")).is_file(), "{:?}", ended.outputs);
        assert_eq!(ended.output("comment-url"), "");
    }
    let (_, ended) = checked("{p95: 5}", &[], 2);
    assert_eq!((ended.output("outcome"), ended.output("exit-code")), ("error", "2"));
}

/// A night, taken again where the machine was too busy for it; a doubtful one replaces nothing.
fn night(runner: &mut Runner, before: &str) {
    let inputs = [("command", "refresh"), ("scenario", "shop.yaml"), ("baseline", before), ("github-token", "")];
    for attempt in 1.. {
        let ended = runner.action(&inputs);
        if ended.code != 3 || attempt == ATTEMPTS {
            ended.with(0);
            return;
        }
        assert!(!runner.machine.has("artifacts/perfgate-baseline-shop"));
        std::fs::remove_dir_all(runner.machine.path("artifacts/perfgate-results-gate")).unwrap();
    }
}

#[test]
fn a_night_is_kept_as_the_artifact_of_its_scenario_and_the_next_one_adds_to_it() {
    let (mut runner, _shop) = runner("{}");
    night(&mut runner, "none");
    assert!(runner.machine.has("artifacts/perfgate-results-gate/run.json"));
    let kept = |runner: &Runner| std::fs::read_dir(runner.machine.path("artifacts/perfgate-baseline-shop/runs")).unwrap().count();
    assert_eq!(kept(&runner), 1);

    std::fs::rename(runner.machine.path("artifacts/perfgate-baseline-shop"), runner.machine.path("workspace/before")).unwrap();
    std::fs::remove_dir_all(runner.machine.path("artifacts/perfgate-results-gate")).unwrap();
    night(&mut runner, "before");
    assert_eq!(kept(&runner), 2);
    assert!(runner.machine.read("artifacts/perfgate-baseline-shop/baseline.json").contains("\"shop\""));
}

#[test]
fn a_night_that_measured_nothing_keeps_nothing_and_is_red() {
    let (mut runner, shop) = runner("{}");
    drop(shop);
    runner.action(&[("command", "refresh"), ("scenario", "shop.yaml"), ("baseline", "none"), ("github-token", "")]).with(4);
    assert!(!runner.machine.has("artifacts/perfgate-baseline-shop"));
}
