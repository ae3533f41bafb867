//! The stores on real folders, and what they admit.

use std::fs;

use jiff::Timestamp;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::run::samples::{checkout_run, checkout_run_at};
use crate::run::{Ask, Digest, DigestedRun, Digests, EndpointRole, FailureClass, Problem, Run, write_run};
use crate::units::Percentile;

fn run_of(day: u8) -> Run {
    checkout_run_at(&format!("2026-11-{day:02}T12:00:00Z"))
}

fn rejected_of(day: u8) -> Run {
    Run { complete: false, ..run_of(day) }
}

fn loaded(sources: &[Source]) -> Result<Baseline, BaselineError> {
    load(sources, Reach { scenario: "checkout", github: None, default_branch: None })
}

/// A store in a fresh folder that was offered these runs.
fn store_of(runs: impl IntoIterator<Item = Run>) -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    for run in runs {
        let admission = store.admission(&run);
        store.admit(&run, admission).unwrap();
    }
    (folder, store)
}

/// The days of the listed runs.
fn days(store: &Store) -> Vec<String> {
    store.entries().iter().map(|entry| entry.id.as_str()[6..8].to_owned()).collect()
}

fn reason_of(run: &Run) -> String {
    match admission(run, Some("checkout"), &[]) {
        Admission::Rejected { reason } => reason,
        Admission::Admitted { .. } => panic!("admitted"),
    }
}

#[test]
fn sources_are_told_apart_by_their_text_and_by_what_exists() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept");
    fs::write(&file, b"{}").unwrap();
    let path_text = |path: &Path| path.to_str().unwrap().to_owned();
    assert_eq!(Source::parse("none").unwrap(), Source::None);
    assert_eq!(Source::parse("missing.json").unwrap(), Source::File("missing.json".into()));
    assert_eq!(Source::parse(&path_text(&file)).unwrap(), Source::File(file));
    assert_eq!(Source::parse(&path_text(folder.path())).unwrap(), Source::Directory(folder.path().into()));
    assert_eq!(Source::parse("nowhere/at-all").unwrap(), Source::Directory("nowhere/at-all".into()));
}

#[test]
fn stores_that_are_elsewhere_are_named_and_shown_without_secrets() {
    assert_eq!(Source::parse("github").unwrap(), Source::Github { workflow: None });
    assert_eq!(Source::parse("github:nightly.yml").unwrap().to_string(), "github:nightly.yml");
    assert_eq!(Source::parse("git:perfgate-baseline").unwrap().to_string(), "git:perfgate-baseline");
    let address = Source::parse("https://store.example/shop.zip?signature=secret").unwrap();
    assert_eq!(address.to_string(), "https://store.example/shop.zip");
    for wrong in ["", "git:--upload-pack=x", "http://store.example/run.json", "https://user:secret@store.example/run.json", "ftp://x/y"] {
        let error = Source::parse(wrong).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Usage, "{wrong}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = loaded(&[Source::File(folder.path().join("run.json"))]).unwrap_err();
    assert!(matches!(error, BaselineError::NotFound { .. }), "{error}");
    assert_eq!(error.exit_code(), ExitCode::BaselineUnusable);
}

#[test]
fn a_named_file_that_is_corrupt_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    for content in ["", "<html>", "{\"format\": \"perfgate-run\", \"version\": 1"] {
        fs::write(&path, content).unwrap();
        let error = loaded(&[Source::File(path.clone())]).unwrap_err();
        assert!(error.to_string().contains("run.json is corrupt"), "{error}");
        assert_eq!(error.exit_code(), ExitCode::BaselineUnusable);
    }
}

#[test]
fn a_named_file_is_a_baseline_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v2.3.0.json");
    fs::write(&path, write_run(&checkout_run())).unwrap();
    let baseline = loaded(&[Source::File(path.clone())]).unwrap();
    assert_eq!(baseline.source, path.to_str().unwrap());
    assert_eq!(baseline.runs[0].id, "v2.3.0");
    assert_eq!(baseline.runs[0].run, checkout_run());
}

#[test]
fn the_first_source_that_has_runs_is_taken() {
    let (folder, _) = store_of([run_of(1), run_of(3), run_of(2)]);
    let empty = tempfile::tempdir().unwrap();
    let (missing, stored) = (Source::Directory(empty.path().join("missing")), Source::Directory(folder.path().into()));
    let baseline = loaded(&[Source::None, missing.clone(), stored.clone(), Source::File("unread.json".into())]).unwrap();
    assert_eq!(baseline.source, stored.to_string());
    let started: Vec<i64> = baseline.runs.iter().map(|kept| kept.run.started_at.as_second()).collect();
    assert!(started.is_sorted_by(|newer, older| newer > older), "{started:?}");
    let none = loaded(&[missing.clone(), Source::None]).unwrap();
    assert_eq!((none.runs.len(), none.source), (0, format!("{missing}, none")));
}

#[test]
fn a_store_is_laid_out_as_a_list_and_a_file_for_each_run() {
    let (folder, store) = store_of([run_of(20)]);
    let id = store.entries()[0].id.as_str();
    assert!(id.starts_with("20261120T120000Z-") && id.len() == 25, "{id}");
    assert_eq!(crate::run::load_run(&folder.path().join(format!("runs/{id}.json"))).unwrap(), run_of(20));
    let list: serde_json::Value = serde_json::from_slice(&fs::read(folder.path().join("baseline.json")).unwrap()).unwrap();
    assert_eq!((&list["format"], &list["version"], &list["scenario"]), (&"perfgate-baseline".into(), &1.into(), &"checkout".into()));
    assert_eq!((&list["entries"][0]["id"], &list["entries"][0]["requests"]), (&id.into(), &200.into()));
    let figure = &list["entries"][0]["figures"][0];
    assert_eq!((&figure["metric"], &figure["sampling_variance"]), (&"p50".into(), &serde_json::Value::Null));
}

#[test]
fn a_store_is_read_back_as_it_was_written() {
    let (folder, mut store) = store_of([run_of(1), rejected_of(2), run_of(3)]);
    store.pin("20261101").unwrap();
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(again.entries(), store.entries());
    assert_eq!((again.scenario(), days(&again)), (Some("checkout"), vec!["03".into(), "02".into(), "01".into()]));
    let runs: Vec<(bool, Run)> = again.load_runs().unwrap().into_iter().map(|kept| (kept.pinned, kept.run)).collect();
    assert_eq!(runs, [(false, run_of(3)), (true, run_of(1))]);
}

#[test]
fn the_list_keeps_the_log_of_each_percentile() {
    let (_folder, store) = store_of([run_of(1)]);
    let figures = &store.entries()[0].figures;
    assert_eq!(figures.len(), 2 * Percentile::ALL.len());
    let p95 = figures.iter().find(|figure| figure.percentile == Percentile::P95).unwrap();
    assert_eq!(p95.endpoint, "GET /api/products");
    assert!((p95.log_quantile - 95.0_f64.ln()).abs() < 0.001);
}

#[test]
fn a_rejected_run_is_kept_and_listed_but_not_compared_with() {
    let (folder, store) = store_of([rejected_of(4)]);
    assert_eq!(store.entries()[0].reason.as_deref(), Some("the run is not complete: it was cut short"));
    assert!(store.run_path(&store.entries()[0].id).is_file());
    assert_eq!(store.scenario(), None);
    assert_eq!(loaded(&[Source::Directory(folder.path().into())]).unwrap().runs, []);
}

#[test]
fn the_same_run_again_is_listed_once_and_keeps_its_pin() {
    let (_folder, mut store) = store_of([run_of(1)]);
    store.pin("2026").unwrap();
    let admission = store.admission(&run_of(1));
    store.admit(&run_of(1), admission).unwrap();
    assert_eq!(store.entries().len(), 1);
    assert!(store.entries()[0].pinned);
}

#[test]
fn a_missing_list_is_made_again_from_the_runs() {
    let (folder, store) = store_of([run_of(1), rejected_of(2), run_of(3)]);
    fs::remove_file(folder.path().join("baseline.json")).unwrap();
    fs::write(folder.path().join("runs/.hidden.json"), b"not a run").unwrap();
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(again.entries(), store.entries());
    assert_eq!(again.scenario(), Some("checkout"));
}

#[test]
fn a_corrupt_run_in_a_store_is_an_error_that_names_its_file() {
    let (folder, store) = store_of([run_of(1), run_of(2)]);
    let path = store.run_path(&store.entries()[1].id);
    fs::write(&path, b"{").unwrap();
    for _ in ["listed", "without a list"] {
        let error = loaded(&[Source::Directory(folder.path().into())]).unwrap_err();
        assert!(matches!(&error, BaselineError::CorruptRun { path: named, .. } if *named == path), "{error}");
        assert_eq!(error.exit_code(), ExitCode::BaselineUnusable);
        let _ = fs::remove_file(folder.path().join("baseline.json"));
    }
}

#[test]
fn a_listed_run_that_is_missing_is_an_error_that_names_its_file() {
    let (folder, store) = store_of([run_of(1)]);
    let path = store.run_path(&store.entries()[0].id);
    fs::remove_file(&path).unwrap();
    let error = loaded(&[Source::Directory(folder.path().into())]).unwrap_err();
    assert!(matches!(&error, BaselineError::MissingRun { path: named } if *named == path), "{error}");
}

#[test]
fn a_corrupt_list_is_an_error_and_never_an_empty_store() {
    let (folder, store) = store_of([run_of(1)]);
    let path = folder.path().join("baseline.json");
    let list = fs::read_to_string(&path).unwrap();
    let id = store.entries()[0].id.as_str();
    for broken in [
        String::new(),
        list.replace("perfgate-baseline", "other"),
        list.replace("\"version\":1", "\"version\":2"),
        list.replace(id, "../../etc/passwd"),
        list.replace("\"p95\"", "\"p950\""),
    ] {
        fs::write(&path, &broken).unwrap();
        let error = Store::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("baseline.json is corrupt"), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn a_file_is_not_a_folder_of_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"x").unwrap();
    assert!(matches!(Store::open(&path), Err(BaselineError::NotAFolder { .. })));
}

#[test]
fn a_pin_takes_a_unique_beginning_of_an_admitted_run() {
    let (_folder, mut store) = store_of([run_of(11), run_of(12), rejected_of(13)]);
    assert!(matches!(store.pin("2026111"), Err(BaselineError::AmbiguousRun { matches: 3, .. })));
    for unknown in ["", "1999", "../x"] {
        assert!(matches!(store.pin(unknown), Err(BaselineError::UnknownRun { .. })), "{unknown}");
    }
    assert!(matches!(store.pin("20261113"), Err(BaselineError::NotAdmitted { .. })));
    let id = store.pin("20261112").unwrap();
    assert!(store.entries().iter().all(|entry| entry.pinned == (entry.id == id)));
    store.unpin(id.as_str()).unwrap();
    assert!(store.entries().iter().all(|entry| !entry.pinned));
}

#[test]
fn pruning_keeps_the_newest_the_pinned_and_rejected_ones_among_them() {
    let (folder, mut store) = store_of([run_of(1), run_of(2), rejected_of(3), run_of(4), rejected_of(5), run_of(6)]);
    store.pin("20261101").unwrap();
    let removed = store.prune(2).unwrap();
    assert_eq!(days(&store), ["06", "05", "04", "01"]);
    assert_eq!(removed.iter().map(|id| id.as_str()[6..8].to_owned()).collect::<Vec<_>>(), ["03", "02"]);
    assert_eq!(fs::read_dir(folder.path().join("runs")).unwrap().count(), 4);
    assert_eq!(Store::open(folder.path()).unwrap().entries(), store.entries());
    assert_eq!(store.prune(2).unwrap(), []);
}

#[test]
fn pruning_a_store_of_rejected_runs_keeps_the_newest_of_them() {
    let (_folder, mut store) = store_of([rejected_of(1), rejected_of(2), rejected_of(3)]);
    store.prune(2).unwrap();
    assert_eq!(days(&store), ["03", "02"]);
}

#[test]
fn a_store_that_cannot_be_written_is_not_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("store")).unwrap();
    fs::write(folder.path().join("store"), b"in the way").unwrap();
    let error = store.admit(&run_of(1), Admission::Admitted { note: None }).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::NotDelivered);
    assert!(store.entries().is_empty());
}

#[test]
fn a_doubtful_run_is_rejected_with_its_reason() {
    let mut run = checkout_run();
    run.complete = false;
    run.aborted_by = Some("SIGINT after 12.3 s".into());
    assert_eq!(reason_of(&run), "the run is not complete: SIGINT after 12.3 s");

    let mut run = checkout_run();
    run.generator.problems.push(Problem { code: "cpu".into(), text: "98 % busy".into() });
    assert_eq!(reason_of(&run), "the generator was not healthy: 98 % busy");

    let mut run = checkout_run();
    run.generator.sent += 1;
    assert_eq!(reason_of(&run), "the generator's books do not add up");

    let mut run = checkout_run();
    run.endpoints[1].phases[1] = crate::run::PhaseSeries::default();
    assert_eq!(reason_of(&run), "`GET /api/products` had no requests in a judged phase");

    let mut run = checkout_run();
    run.endpoints.retain(|endpoint| endpoint.role == EndpointRole::Lifecycle);
    assert_eq!(reason_of(&run), "no endpoint was asked by a task");

    let mut run = checkout_run();
    run.scenario.name = "search".into();
    assert_eq!(reason_of(&run), "it is a run of scenario `search`, the store holds `checkout`");
}

#[test]
fn half_failed_is_too_much_and_a_little_less_is_not() {
    let with_failures = |failed: u64, unfinished: u64| {
        let mut run = checkout_run();
        let hold = &mut run.endpoints[2].phases[1];
        hold.ok -= failed + unfinished;
        hold.unfinished = unfinished;
        hold.failures.add(FailureClass::Status, failed);
        admission(&run, None, &[])
    };
    assert_eq!(with_failures(49, 0), Admission::Admitted { note: None });
    let reason = "only 50 % of the requests of `POST /api/checkout` were answered as expected".to_owned();
    assert_eq!(with_failures(50, 0), Admission::Rejected { reason: reason.clone() });
    assert_eq!(with_failures(0, 50), Admission::Rejected { reason });
}

#[test]
fn endpoints_that_were_not_asked_on_purpose_need_no_requests() {
    let mut run = checkout_run();
    run.endpoints[2].role = EndpointRole::Excluded;
    run.endpoints[2].phases[1] = crate::run::PhaseSeries::default();
    assert_eq!(admission(&run, None, &[]), Admission::Admitted { note: None });
}

#[test]
fn another_hash_or_environment_starts_a_new_series() {
    let (_folder, mut store) = store_of([run_of(1)]);
    let mut other = run_of(2);
    other.scenario.hash = "sha256:bb".into();
    let note = |text: &str| Admission::Admitted { note: Some(format!("the first run of a new comparable series: {text}")) };
    assert_eq!(store.admission(&other), note("another version of the scenario"));
    store.admit(&other, store.admission(&other)).unwrap();
    assert_eq!(store.admission(&other), Admission::Admitted { note: None });
    let mut machine = run_of(3);
    machine.environment.cores = 8;
    assert_eq!(store.admission(&machine), note("another environment, linux x86_64, 8 cores"));
}

proptest! {
    #[test]
    fn a_name_of_a_run_never_leaves_its_folder(text in "[./\\\\a-z0-9%:~-]{0,70}") {
        if let Ok(id) = text.parse::<EntryId>() {
            prop_assert!(!id.as_str().contains(['.', '/', '\\', ':', '%', '~']) && !id.as_str().is_empty());
        }
    }

    #[test]
    fn any_bytes_as_a_list_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = index::read(&bytes);
    }

    #[test]
    fn pruning_leaves_the_newest_whatever_was_rejected(admitted in prop::collection::vec(any::<bool>(), 1..8), keep in 0_usize..5) {
        let runs = admitted.iter().zip(1_u8..).map(|(admitted, day)| if *admitted { run_of(day) } else { rejected_of(day) });
        let (_folder, mut store) = store_of(runs);
        store.prune(keep).unwrap();
        let left = store.entries().iter().filter(|entry| entry.admitted).count();
        prop_assert_eq!(left, keep.min(admitted.iter().filter(|admitted| **admitted).count()));
    }
}

/// Entries as a list holds them: a night after the other, oldest first, each with p95 (ms) of `GET /a`.
fn nights(millis: &[f64]) -> Vec<Entry> {
    let entry = |(index, &millis): (usize, &f64)| {
        let started_at = Timestamp::from_second(1_760_000_000 + 86_400 * i64::try_from(index).unwrap()).unwrap();
        let figure = Figure { endpoint: "GET /a".into(), percentile: Percentile::P95, log_quantile: millis.ln(), sampling_variance: None };
        Entry {
            id: EntryId::of(started_at, &[]),
            started_at,
            figures: vec![figure],
            ..Entry::of(EntryId::of(started_at, &[]), &checkout_run(), Admission::Admitted { note: None })
        }
    };
    millis.iter().enumerate().map(entry).collect()
}

/// 120 ms give or take one in a hundred, then 150 ms.
fn stepped() -> Vec<Entry> {
    nights(&[119.0, 121.0, 120.0, 120.0, 121.0, 119.0, 120.0, 149.0, 151.0, 150.0, 150.0, 151.0, 149.0])
}

#[test]
fn a_step_is_dated_by_the_run_that_began_it() {
    let entries = stepped();
    let [drift] = &drifts(&entries)[..] else { panic!("one") };
    let since = DriftSince::Run { id: entries[7].id.clone(), started_at: entries[7].started_at };
    assert_eq!((drift.endpoint.as_str(), drift.percentile, &drift.since), ("GET /a", Percentile::P95, &since));
    assert!((drift.from - 120.0).abs() < 1.0 && (drift.to - 150.0).abs() < 1.0 && (drift.change() - 0.25).abs() < 0.01);
}

#[test]
fn a_drift_too_slow_for_a_step_is_seen_against_the_pinned_run() {
    let slow: Vec<f64> = (0..12).map(|night| 100.0 * 1.025_f64.powi(night)).collect();
    let mut entries = nights(&slow);
    entries[0].pinned = true;
    let since = DriftSince::Pinned { runs: 1, newest: entries[0].id.clone() };
    assert!(drifts(&entries).iter().any(|drift| drift.since == since && drift.change() > 0.15));
    // Pinned at another release long ago: the last one counts.
    let mut entries = [nights(&[60.0]), nights(&slow)[1..].to_vec()].concat();
    (entries[0].pinned, entries[0].commit) = (true, Some("older".into()));
    entries[1].pinned = true;
    let since = DriftSince::Pinned { runs: 1, newest: entries[1].id.clone() };
    assert!(drifts(&entries).iter().any(|drift| drift.since == since), "{:?}", drifts(&entries));
}

#[test]
fn only_comparable_admitted_runs_drift_and_those_of_one_job_are_one() {
    for spoil in [
        (|entry: &mut Entry| entry.admitted = false) as fn(&mut Entry),
        |entry| entry.hash = "sha256:other".into(),
        |entry| entry.fingerprint = "other".into(),
        |entry| entry.figures.clear(),
        |entry| entry.figures[0].log_quantile = f64::NAN,
    ] {
        let mut entries = stepped();
        entries[..7].iter_mut().for_each(spoil);
        assert_eq!(drifts(&entries), []);
    }
    let mut entries = stepped();
    entries[7..].iter_mut().for_each(|entry| entry.job = Some("one".into()));
    assert_eq!(drifts(&entries), [], "one slow job is no new level");
    assert_eq!((drifts(&[]), drifts(&nights(&[120.0]))), (vec![], vec![]));
}

#[test]
fn drift_does_not_depend_on_the_order_of_the_list() {
    let mut entries = stepped();
    let drift = drifts(&entries);
    entries.reverse();
    assert_eq!(drifts(&entries), drift);
    entries.swap(2, 9);
    assert_eq!(drifts(&entries), drift);
}

fn p99() -> Ask {
    Ask::of(["p99".parse().unwrap(), "throughput".parse().unwrap()], &[])
}

fn digests_of(folder: &TempDir, ask: &Ask, turn: u64) -> Result<Digests, BaselineError> {
    let source = Source::Directory(folder.path().into());
    load_digests(&[source], Reach { scenario: "checkout", github: None, default_branch: None }, ask, turn)
}

/// The store's list without what it keeps of its runs.
fn forget_digests(folder: &TempDir) {
    let path = folder.path().join("baseline.json");
    let mut list: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for entry in list["entries"].as_array_mut().unwrap() {
        assert!(entry.as_object_mut().unwrap().remove("digest").is_some());
    }
    fs::write(&path, serde_json::to_vec(&list).unwrap()).unwrap();
}

#[test]
fn what_a_store_keeps_of_its_runs_is_what_the_runs_say() {
    let (folder, _) = store_of([run_of(1), run_of(2), run_of(3)]);
    let runs = loaded(&[Source::Directory(folder.path().into())]).unwrap();
    let beyond = Ask::of(["ttfb.p95".parse().unwrap(), "p85".parse().unwrap()], &[]);
    let of_gate = |digests: Digests, ask: &Ask| -> Vec<DigestedRun> {
        assert!(digests.runs.iter().all(|kept| kept.digest.answers(ask)));
        digests.runs
    };
    for ask in [p99(), beyond] {
        let (kept, made) = (of_gate(digests_of(&folder, &ask, 0).unwrap(), &ask), of_gate(runs.digests(&ask), &ask));
        for (kept, made) in kept.iter().zip(&made) {
            assert!(kept.id == made.id && made.digest.agrees_with(&kept.digest), "{}", kept.id);
            let [gist, other] = [kept, made].map(|one| one.digest.gist(None, |_| true).unwrap());
            for (quantity, gauge) in &other.gauges {
                assert_eq!(gist.gauges[quantity], *gauge, "to the last digit");
            }
        }
    }
    forget_digests(&folder);
    assert_eq!(digests_of(&folder, &p99(), 0).unwrap(), runs.digests(&p99()));
    let mut store = Store::open(folder.path()).unwrap();
    store.renew_digests().unwrap();
    assert!(Store::open(folder.path()).unwrap().entries().iter().all(|entry| entry.digest.is_some()));
}

/// The store's first entry with a digest that was made by `forge` from the true one.
fn with_forged(store: &mut Store, forge: impl Fn(&Run) -> Run, file: &[u8]) {
    let id = store.entries()[0].id.clone();
    let run = forge(&store.load_run(&id).unwrap());
    let mut entries = store.entries().to_vec();
    entries[0] = entries[0].clone().digested(&run, file);
    let list = super::index::write(&super::index::Listing { scenario: store.scenario().map(str::to_owned), entries, rounds: Vec::new() });
    fs::write(store.run_path(&id).parent().unwrap().parent().unwrap().join("baseline.json"), list).unwrap();
}

/// Twice as slow: a release that got slower would pass beside it.
fn slower(run: &Run) -> Run {
    let mut slow = run.clone();
    for slice in slow.endpoints.iter_mut().flat_map(|endpoint| &mut endpoint.slices) {
        let mut latency = crate::stats::Histogram::new();
        for (millis, count) in slice.latency.bins_ms() {
            for _ in 0..count {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds of a test")]
                latency.record((millis * 2000.0) as u64);
            }
        }
        slice.latency = latency;
    }
    slow
}

#[test]
fn a_digest_that_is_not_bound_to_its_run_is_not_believed() {
    let (folder, mut store) = store_of([run_of(1), run_of(2), run_of(3)]);
    let truth = digests_of(&folder, &p99(), 0).unwrap();
    let agrees = |digests: &Digests| digests.runs.iter().zip(&truth.runs).all(|(one, other)| other.digest.agrees_with(&one.digest));
    // Sealed for another file: stale, or copied.
    with_forged(&mut store, slower, b"another run's file");
    for turn in 0..3 {
        assert!(agrees(&digests_of(&folder, &p99(), turn).unwrap()), "{turn}");
    }
    // Changed in place, the seal left as it was.
    store.renew_digests().unwrap();
    let path = folder.path().join("baseline.json");
    let list = fs::read_to_string(&path).unwrap();
    let value = list.match_indices("\"p95\":[").map(|(at, found)| at + found.len());
    let at = value.into_iter().find(|&at| list[at..].starts_with(|next: char| next.is_ascii_digit())).unwrap();
    fs::write(&path, format!("{}9{}", &list[..at], &list[at..])).unwrap();
    for turn in 0..3 {
        assert!(agrees(&digests_of(&folder, &p99(), turn).unwrap()), "{turn}");
    }
}

#[test]
fn a_run_that_changed_since_it_was_digested_is_read_itself() {
    let (folder, store) = store_of([run_of(1), run_of(2), run_of(3)]);
    let path = store.run_path(&store.entries()[0].id);
    let slow = slower(&run_of(3));
    fs::write(&path, write_run(&slow)).unwrap();
    let digests = digests_of(&folder, &p99(), 1).unwrap();
    assert_eq!(digests.runs[0].digest, Digest::of(&slow, &p99()));
    fs::write(&path, "{").unwrap();
    let error = digests_of(&folder, &p99(), 1).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().contains("is corrupt")), (ExitCode::BaselineUnusable, true), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(digests_of(&folder, &p99(), 1).unwrap_err().to_string().contains("missing"));
}

#[test]
fn a_forged_digest_is_found_when_its_run_has_its_turn_and_is_gone_after_a_refresh() {
    let (folder, mut store) = store_of([run_of(1), run_of(2), run_of(3)]);
    let file = fs::read(store.run_path(&store.entries()[0].id)).unwrap();
    with_forged(&mut store, slower, &file);
    let found: Vec<bool> = (0..3).map(|turn| digests_of(&folder, &p99(), turn).is_err()).collect();
    assert_eq!(found, [true, false, false]);
    let error = digests_of(&folder, &p99(), 3).unwrap_err();
    assert_eq!(error.exit_code(), ExitCode::BaselineUnusable);
    assert!(error.to_string().contains("does not say what the run says") && error.hint().is_some(), "{error}");
    // Who shows the runs does not look at it.
    let runs = loaded(&[Source::Directory(folder.path().into())]).unwrap();
    assert_eq!(runs.runs[0].run, run_of(3));
    Store::open(folder.path()).unwrap().renew_digests().unwrap();
    assert!((0..3).all(|turn| digests_of(&folder, &p99(), turn).is_ok()));
}

#[test]
fn a_digest_with_counts_that_no_run_has_is_not_believed() {
    let (folder, mut store) = store_of([run_of(1)]);
    let file = fs::read(store.run_path(&store.entries()[0].id)).unwrap();
    with_forged(
        &mut store,
        |run| {
            let mut wild = run.clone();
            wild.endpoints[0].phases.iter_mut().for_each(|series| series.requests = u64::MAX / 4);
            wild
        },
        &file,
    );
    let truth = loaded(&[Source::Directory(folder.path().into())]).unwrap().digests(&p99());
    assert_eq!(digests_of(&folder, &p99(), 0).unwrap(), truth);
}

#[test]
fn a_digest_of_another_shape_costs_its_belief_and_not_the_list() {
    let (folder, _) = store_of([run_of(1), run_of(2)]);
    let path = folder.path().join("baseline.json");
    let mut list: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    list["entries"][0]["digest"] = serde_json::json!({"version": 9, "shape": ["of", "another", "program"]});
    list["entries"][1]["digest"]["digest"]["parts"][0]["requests"] = serde_json::json!(-1);
    fs::write(&path, serde_json::to_vec(&list).unwrap()).unwrap();
    let truth = loaded(&[Source::Directory(folder.path().into())]).unwrap().digests(&p99());
    assert_eq!(digests_of(&folder, &p99(), 0).unwrap(), truth);
}

#[test]
fn a_list_stays_small_enough_to_be_read_however_many_digests_it_could_hold() {
    let (_folder, mut store) = store_of([run_of(1), run_of(2), run_of(3)]);
    let mut list = super::index::Listing { scenario: None, entries: store.entries().to_vec(), rounds: Vec::new() };
    let sizes: Vec<usize> = list.entries.iter().map(|entry| entry.digest.as_ref().unwrap().size()).collect();
    list.forget_digests_beyond(sizes[0] + sizes[1]);
    let kept: Vec<bool> = list.entries.iter().map(|entry| entry.digest.is_some()).collect();
    assert_eq!(kept, [true, true, false], "the newest are asked most");
    store.renew_digests().unwrap();
}

#[test]
fn a_run_that_can_not_be_read_holds_up_no_refresh() {
    let (folder, mut store) = store_of([run_of(1), run_of(2)]);
    fs::write(store.run_path(&store.entries()[1].id), "{").unwrap();
    let unreadable = store.renew_digests().unwrap();
    assert!(unreadable.len() == 1 && unreadable[0].to_string().contains("is corrupt"), "{unreadable:?}");
    let digests: Vec<bool> = Store::open(folder.path()).unwrap().entries().iter().map(|entry| entry.digest.is_some()).collect();
    assert_eq!(digests, [true, false]);
}

#[test]
fn two_writers_do_not_write_over_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let one = Store::open_to_write(folder.path()).unwrap();
    let error = Store::open_to_write(folder.path()).unwrap_err();
    assert!(error.to_string().contains("in use by another run"), "{error}");
    assert_eq!(error.exit_code(), ExitCode::NotDelivered);
    assert!(Store::open(folder.path()).is_ok(), "readers need not wait");
    drop(one);
    assert!(Store::open_to_write(folder.path()).is_ok());
    let typed_wrongly = folder.path().join("chekout");
    assert!(Store::open_to_write(&typed_wrongly).unwrap().pin("2026").is_err() && !typed_wrongly.exists());
    assert!(Store::make(&typed_wrongly).is_ok() && typed_wrongly.exists());
}
