//! The file form: what is written is read back, what contradicts itself is refused, version 1 stays readable.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::run::samples::{any_run, checkout_run};
use crate::run::{EndpointRole, FailureClass, PhaseSelection, SecondCounts};
use crate::units::Percentile;

fn stored(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/artifacts")).join(name)
}

fn written(run: &Run) -> Value {
    serde_json::from_slice(&write_run(run)).unwrap()
}

/// The error of the plain run's file after `change`.
fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let mut file = written(&checkout_run());
    change(&mut file);
    read_run(&serde_json::to_vec(&file).unwrap()).expect_err("a broken file is refused").to_string()
}

#[test]
fn the_fixed_keys_are_there() {
    let file = written(&checkout_run());
    assert_eq!(file["format"], "perfgate-run");
    assert_eq!(file["version"], 1);
    assert_eq!(file["scenario"], json!({"name": "checkout", "hash": "sha256:aa", "seed": 7}));
    assert_eq!(file["started_at"], "2026-11-20T12:00:00Z");
    assert_eq!(file["measured_s"], 60.0);
    assert_eq!(file["environment"]["name"], Value::Null);
    let products = &file["endpoints"][1];
    assert_eq!((&products["requests"], &products["ok"], &products["retried"]), (&json!(100), &json!(100), &json!(0)));
    assert_eq!(products["failures"].as_object().unwrap().len(), 10);
    assert_eq!(products["statuses"], json!({"200": 100}));
    for figures in ["latency_ms", "service_ms", "ttfb_ms"] {
        let keys: Vec<&String> = products[figures].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["max", "mean", "p50", "p75", "p90", "p95", "p99", "p99.9"], "{figures}");
    }
    assert_eq!(products["slices"][1]["phase"], "hold");
    assert_eq!(products["phases"][0]["phase"], "ramp-up");
    assert_eq!(products["per_second"], json!({"requests": [20, 100], "failures": [0, 0]}));
    assert_eq!(file["total"], json!({"requests": 200, "failures": 0, "failure_rate": 0.0, "throughput_per_s": 200.0 / 60.0}));
    assert_eq!(file["phases"][1]["for_s"], 60.0);
    assert_eq!(file["generator"]["healthy"], true);
}

#[test]
fn what_runs_are_told_apart_by_has_an_end_and_what_is_only_shown_ends_early() {
    let long = "x".repeat(1001);
    for (place, field) in
        [("scenario", "name"), ("scenario", "hash"), ("environment", "name"), ("environment", "branch"), ("environment", "job")]
    {
        let told = refusal(|file| file[place][field] = json!(long));
        assert!(told.starts_with(&format!("{place}: `{field}` is longer than 1000 characters")) && told.len() < 200, "{told}");
    }
    assert!(refusal(|file| file["target"] = json!(long)).contains("`target` is longer"));
    assert!(refusal(|file| file["overrides"] = json!(vec!["--insecure"; 1001])).contains("`overrides` has 1001 entries"));
    let mut file = written(&checkout_run());
    file["aborted_by"] = json!(format!("{}{}", "é".repeat(1000), "!"));
    file["scenario"]["name"] = json!("é".repeat(1000));
    let run = read_run(&serde_json::to_vec(&file).unwrap()).unwrap();
    assert_eq!(run.aborted_by, Some(format!("{}…", "é".repeat(999))));
    assert_eq!(run.scenario.name.chars().count(), 1000);
}

#[test]
fn a_percentile_without_samples_is_null() {
    let file = written(&checkout_run());
    assert_eq!(file["endpoints"][0]["latency_ms"]["p95"], Value::Null);
    assert_eq!(file["endpoints"][0]["ttfb_ms"]["mean"], Value::Null);
}

#[test]
fn numbers_that_are_not_finite_do_not_reach_the_file() {
    let mut run = checkout_run();
    run.phases[0].peak = f64::NAN;
    run.generator.cpu_busy = Some(f64::INFINITY);
    let back = read_run(&write_run(&run)).unwrap();
    assert_eq!((back.phases[0].peak, back.generator.cpu_busy), (0.0, None));
}

#[test]
fn a_stored_file_of_version_1_stays_readable() {
    let run = load_run(&stored("run-v1.json")).unwrap();
    assert_eq!(run.scenario.name, "checkout");
    assert_eq!(run.phases.iter().map(|phase| phase.name.as_str()).collect::<Vec<_>>(), ["ramp-up", "hold"]);
    let roles: Vec<EndpointRole> = run.endpoints.iter().map(|endpoint| endpoint.role).collect();
    assert_eq!(roles, [EndpointRole::Lifecycle, EndpointRole::Task, EndpointRole::Task]);
    let checkout = run.summary(&run.endpoints[2], PhaseSelection::Judged);
    assert_eq!(checkout.counts.failures.of(FailureClass::Timeout), 2);
    assert_eq!(checkout.counts.statuses[&503], 8);
    assert!((checkout.latency.percentile_ms(Percentile::P50).unwrap() - 50.0).abs() < 2.0);
    assert_eq!(run.generator.problems[0].code, "late");
    assert_eq!(run.overrides, ["--insecure"]);
}

#[test]
fn a_stored_file_with_classes_and_users_by_second_stays_readable() {
    let run = load_run(&stored("run-v1-by-second.json")).unwrap();
    assert_eq!(run.at_once.values().collect::<Vec<_>>(), [2, 5, 5, 5]);
    let search = &run.endpoints[0].per_second;
    assert_eq!(search.failures.values().collect::<Vec<_>>(), [0, 0, 3, 1]);
    let classes: Vec<_> = search.classes.iter().map(|(&(second, class), &count)| (second, class, count)).collect();
    assert_eq!(classes, [(2, FailureClass::Timeout, 1), (2, FailureClass::Status, 2), (3, FailureClass::Status, 1)]);
    let old = load_run(&stored("run-v1.json")).unwrap();
    assert!(old.at_once.is_empty() && old.endpoints.iter().all(|endpoint| endpoint.per_second.classes.is_empty()));
}

#[test]
fn a_folder_of_results_is_read_by_its_run_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(RUN_FILE_NAME), write_run(&checkout_run())).unwrap();
    assert_eq!(load_run(folder.path()).unwrap(), checkout_run());
}

#[test]
fn an_error_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    assert!(load_run(&path).unwrap_err().to_string().contains("run.json"));
    fs::write(&path, b"{}").unwrap();
    assert!(load_run(&path).unwrap_err().to_string().contains("run.json: not a run file: missing field"));
}

#[test]
fn unknown_keys_are_passed_over() {
    let mut file = written(&checkout_run());
    file["later"] = json!({"any": 1});
    file["endpoints"][0]["later"] = json!([1]);
    assert_eq!(read_run(&serde_json::to_vec(&file).unwrap()).unwrap(), checkout_run());
}

#[test]
fn keys_that_came_after_the_fixed_ones_may_be_missing() {
    let mut file = written(&checkout_run());
    for key in ["aborted_by", "overrides", "at_once", "round"] {
        file.as_object_mut().unwrap().remove(key);
    }
    file["endpoints"][1].as_object_mut().unwrap().remove("role");
    file["generator"].as_object_mut().unwrap().remove("problems");
    let without = Run { at_once: SecondCounts::default(), round: None, ..checkout_run() };
    assert_eq!(read_run(&serde_json::to_vec(&file).unwrap()).unwrap(), without);
}

#[test]
fn another_format_or_version_is_refused_with_a_hint() {
    let read = |text: &str| read_run(text.as_bytes()).unwrap_err();
    let other = read(r#"{"format": "k6", "version": 1}"#);
    assert_eq!(other.to_string(), r#"format is "k6", not `perfgate-run`"#);
    assert!(other.hint().unwrap().contains("run.json"));
    let newer = read(r#"{"format": "perfgate-run", "version": 2, "all": "different"}"#);
    assert_eq!(newer.to_string(), "version 2 of the run file is unknown: this perfgate reads version 1");
    assert!(newer.hint().unwrap().contains("newer"));
    for text in ["", "<html>", "{}", "[]", "null"] {
        assert!(read(text).to_string().starts_with("not a run file"), "{text}");
    }
}

#[test]
fn stated_percentiles_that_fall_are_refused() {
    let text = refusal(|file| {
        let imported = json!({
            "tool": "k6", "format": "summary", "measure": "service", "exactness": "summary", "failures": "classes",
            "failures_in_latency": false, "resolution": {"relative": 0.0, "steps": []}, "notes": [], "warnings": [],
            "stated": {"GET /api/products": {"samples": 100, "percentiles_ms": {"p95": 90.0, "p99": 80.0}, "max_ms": null, "mean_ms": null}},
            "total": null
        });
        file["imported"] = imported;
    });
    assert_eq!(text, "imported, endpoint `GET /api/products`: `percentiles_ms` fall where a higher percentile can't be lower");
}

#[test]
fn a_contradiction_names_the_endpoint_and_the_field() {
    let hold = |file: &mut Value, key: &str, value: Value| file["endpoints"][1]["phases"][1][key] = value;
    for (message, expected) in [
        (
            refusal(|file| hold(file, "ok", json!(99))),
            "endpoint `GET /api/products`, phase `hold`: `requests` is 100, but ok, failures and unfinished add up to 99",
        ),
        (
            refusal(|file| file["endpoints"][1]["phases"][1]["failures"]["total"] = json!(3)),
            "endpoint `GET /api/products`, phase `hold`: `failures.total` is 3, but its classes add up to 0",
        ),
        (
            refusal(|file| hold(file, "statuses", json!({"200": 101}))),
            "endpoint `GET /api/products`, phase `hold`: `statuses` add up to 101, more than its 100 requests",
        ),
        (
            refusal(|file| file["endpoints"][1]["requests"] = json!(90)),
            "endpoint `GET /api/products`: `requests` is 90, but its judged phases have 100",
        ),
        (
            refusal(|file| file["endpoints"][1]["slices"][1]["phase"] = json!("later")),
            "endpoint `GET /api/products`: `slices` names the phase \"later\", which the run has not",
        ),
        (
            refusal(|file| file["endpoints"][1]["slices"][0]["phase"] = json!("hold")),
            "endpoint `GET /api/products`: `slices` of `hold` hold more than its 100 requests",
        ),
        (
            refusal(|file| file["endpoints"][1]["slices"][1]["requests"] = json!(99)),
            "endpoint `GET /api/products`, slice at 10 s: `latency` holds 100 samples, more than its 99 requests",
        ),
        (
            refusal(|file| file["endpoints"][1]["slices"][1]["failures"] = json!(101)),
            "endpoint `GET /api/products`, slice at 10 s: `failures` is 101: at most 100 can be",
        ),
        (
            refusal(|file| file["endpoints"][1]["slices"][1]["at_s"] = json!(-1)),
            "endpoint `GET /api/products`, slice at -1 s: `at_s` is -1: finite and not negative is allowed",
        ),
        (
            refusal(|file| hold(file, "service", json!("AAAA"))),
            "endpoint `GET /api/products`, phase `hold`: `service` is not readable: histogram is not HdrHistogram V2 deflate: too short",
        ),
        (
            refusal(|file| drop(file["endpoints"][1]["phases"].as_array_mut().unwrap().remove(0))),
            "endpoint `GET /api/products`: `phases` lacks `ramp-up`",
        ),
        (
            refusal(|file| file["endpoints"][1]["phases"][0]["phase"] = json!("hold")),
            "endpoint `GET /api/products`, phase `hold`: `phases` has it twice",
        ),
        (
            refusal(|file| file["endpoints"][1]["per_second"]["failures"] = json!([0])),
            "endpoint `GET /api/products`: `per_second` has 2 seconds of requests and 1 of failures",
        ),
        (
            refusal(|file| file["endpoints"][1]["per_second"]["classes"] = json!({"weather": [[0, 1]]})),
            "endpoint `GET /api/products`: `per_second.classes` names \"weather\", which is no class of failures",
        ),
        (
            refusal(|file| file["endpoints"][1]["per_second"]["classes"] = json!({"status": [[1, 1]]})),
            "endpoint `GET /api/products`: `per_second.classes` hold more failures in second 1 than there were",
        ),
        (refusal(|file| file["at_once"] = json!([5_000_000_000_u64])), "run: `at_once` is 5000000000: at most 1000000000 can be"),
        (refusal(|file| file["generator"]["sent"] = json!(244)), "generator: `scheduled` is 245, but sent and not_sent add up to 244"),
        (refusal(|file| file["generator"]["ok"] = json!(1)), "generator: `sent` is 245, but ok, failed and unfinished add up to 1"),
        (refusal(|file| file["generator"]["healthy"] = json!(false)), "generator: `healthy` is false, but it names 0 problems"),
        (
            refusal(|file| file["phases"][1]["for_s"] = json!(1e12)),
            "phase `hold`: `for_s` is 1000000000000 s: at most 10 years are allowed",
        ),
        (refusal(|file| file["started_at"] = json!("1969-12-31T23:59:59Z")), "run: `started_at` is 1969-12-31T23:59:59Z, before 1970"),
    ] {
        assert_eq!(message, expected);
    }
}

#[test]
fn names_are_unique_short_and_plain() {
    assert_eq!(refusal(|file| file["phases"][1]["name"] = json!("ramp-up")), "phase `ramp-up`: `name` is given twice");
    let twice = refusal(|file| file["endpoints"][2]["name"] = json!("GET /api/products"));
    assert_eq!(twice, "endpoint `GET /api/products`: `name` is given twice");
    assert_eq!(refusal(|file| file["endpoints"][2]["name"] = json!("")), "endpoint 2: `name` is empty");
    assert!(refusal(|file| file["endpoints"][2]["name"] = json!("x".repeat(201))).starts_with("endpoint 2: `name` is longer than 200"));
    let cursor = refusal(|file| file["endpoints"][2]["name"] = json!("GET /\u{1b}[2J"));
    assert_eq!(cursor, r#"endpoint 2: `name` holds a control character: "GET /\u{1b}[2J""#);
}

#[test]
fn counts_whose_sums_would_overflow_are_refused() {
    let message = refusal(|file| file["endpoints"][1]["phases"][1]["failures"]["dns"] = json!(u64::MAX));
    assert!(message.contains("`dns` is 18446744073709551615: at most"), "{message}");
    let message = refusal(|file| file["generator"]["unfinished"] = json!(u64::MAX));
    assert!(message.starts_with("generator: `unfinished`"), "{message}");
    assert!(refusal(|file| file["phases"][0]["requests"] = json!(-1)).starts_with("not a run file"));
}

#[test]
fn endless_lists_are_refused() {
    let many = |file: &mut Value, count: usize| {
        let endpoint = file["endpoints"][0].clone();
        file["endpoints"] = json!(vec![endpoint; count]);
    };
    assert_eq!(refusal(|file| many(file, 1001)), "run: `endpoints` has 1001 entries: at most 1000 are allowed");
    let message = refusal(|file| {
        let slice = file["endpoints"][1]["slices"][0].clone();
        file["endpoints"][1]["slices"] = json!(vec![slice; 2001]);
    });
    assert_eq!(message, "endpoint `GET /api/products`: `slices` has 2001 entries: at most 2000 are allowed");
}

#[test]
fn histograms_that_inflate_beyond_the_memory_allowed_are_refused() {
    let endpoints = || serde_json::from_slice::<RunFile>(&write_run(&checkout_run())).unwrap().endpoints;
    let phases = checkout_run().phases;
    let error = read_endpoints::endpoints_of(endpoints(), &phases, 200).unwrap_err();
    assert!(error.to_string().ends_with("exceeds the histogram bins allowed in a file"), "{error}");
    assert!(read_endpoints::endpoints_of(endpoints(), &phases, 1000).is_ok());
}

#[test]
fn the_schema_fits_what_is_written() {
    let validator = jsonschema::validator_for(&run_schema()).unwrap();
    for run in [checkout_run(), load_run(&stored("run-v1.json")).unwrap()] {
        let errors: Vec<String> = validator.iter_errors(&written(&run)).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    let mut other = written(&checkout_run());
    other["version"] = json!(2);
    assert!(!validator.is_valid(&other));
    other["version"] = json!(1);
    other["endpoints"][0].as_object_mut().unwrap().remove("latency_ms");
    assert!(!validator.is_valid(&other));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_read_back(run in any_run()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(RUN_FILE_NAME);
        save_run(&path, &run).unwrap();
        prop_assert_eq!(fs::read(&path).unwrap(), write_run(&run));
        prop_assert_eq!(read_run(&write_run(&run)).unwrap(), run);
    }

    #[test]
    fn the_schema_fits_any_run(run in any_run()) {
        prop_assert!(jsonschema::is_valid(&run_schema(), &written(&run)));
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_run(&bytes);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_without_a_panic(run in any_run(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = write_run(&run);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let _ = read_run(&bytes);
    }
}
