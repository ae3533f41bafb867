//! The index against folders of real run files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::run::samples::checkout_run;
use crate::run::{Run, save_run};

fn at(minute: i64) -> Timestamp {
    let start: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(minute)
}

fn run(minute: i64, branch: &str) -> Run {
    let mut run = checkout_run();
    run.started_at = at(minute);
    run.environment.branch = Some(branch.into());
    run
}

fn keep(folder: &Path, name: &str, run: &Run, outcome: Option<&str>) {
    save_run(&folder.join(name).join("run.json"), run).unwrap();
    if let Some(outcome) = outcome {
        fs::write(folder.join(name).join("verdict.json"), format!("{{\"outcome\": \"{outcome}\", \"other\": 1}}")).unwrap();
    }
}

fn open(folder: &Path, opening: Opening) -> (History, Option<String>) {
    History::open(Some(folder.join("index/history.sqlite")), vec![folder.join("results")], opening).unwrap()
}

fn ids(history: &History, filter: &Filter) -> Vec<u64> {
    history.runs(filter, 0, 100).unwrap().0.iter().map(|run| run.id).collect()
}

#[test]
fn runs_are_found_filtered_and_keep_their_ids_over_a_restart_and_a_new_index() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), Some("pass"));
    keep(&results, "b/deep", &run(1, "release"), Some("fail"));
    keep(&results, "c", &run(2, "main"), None);
    let (history, told) = open(folder.path(), Opening::AsItWas);
    let refreshed = history.refresh().unwrap();
    assert_eq!((refreshed.read, refreshed.gone, refreshed.skipped.len(), told), (3, 0, 0, None));
    let (runs, count) = history.runs(&Filter::default(), 0, 2).unwrap();
    let told: Vec<_> = runs.iter().map(|run| (run.started_at, run.outcome.as_str(), run.branch.as_deref())).collect();
    assert_eq!((told, count), (vec![(at(2), "unjudged", Some("main")), (at(1), "fail", Some("release"))], 3));
    assert!(!history.endpoints(runs[0].id).unwrap().is_empty());
    let choices = history.choices().unwrap();
    assert_eq!(
        (choices.scenarios.len(), choices.branches, choices.outcomes),
        (1, vec!["main".into(), "release".into()], vec!["fail".into(), "pass".into(), "unjudged".into()])
    );
    let main_only = Filter { branch: Some("main".into()), outcome: Some("pass".into()), ..Filter::default() };
    assert_eq!(history.runs(&main_only, 0, 9).unwrap().0[0].started_at, at(0));
    let before = ids(&history, &Filter::default());
    drop(history);
    let (again, _) = open(folder.path(), Opening::AsItWas);
    assert_eq!((ids(&again, &Filter::default()), again.refresh().unwrap().read), (before.clone(), 0), "nothing changed");
    drop(again);
    let (anew, _) = open(folder.path(), Opening::Anew);
    assert!(ids(&anew, &Filter::default()).is_empty());
    assert_eq!((anew.refresh().unwrap().read, ids(&anew, &Filter::default())), (3, before));
}

#[test]
fn a_corrupt_index_and_corrupt_files_are_skipped_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), Some("pass"));
    keep(&results, "half", &run(1, "main"), Some("pass"));
    let path = results.join("half/run.json");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    fs::create_dir_all(folder.path().join("index")).unwrap();
    fs::write(folder.path().join("index/history.sqlite"), vec![b'x'; 9000]).unwrap();
    let (history, told) = open(folder.path(), Opening::AsItWas);
    assert!(told.unwrap().contains("made anew"));
    let refreshed = history.refresh().unwrap();
    assert!(refreshed.skipped.len() == 1 && refreshed.skipped[0].contains("half"), "{refreshed:?}");
    assert_eq!(ids(&history, &Filter::default()).len(), 1);
    assert_eq!(history.refresh().unwrap().skipped.len(), 0, "it is told again only when it has changed");
    let blocked = folder.path().join("results/a/run.json/history.sqlite");
    let (in_memory, told) = History::open(Some(blocked), vec![results], Opening::AsItWas).unwrap();
    assert!(told.unwrap().contains("made anew at each start"));
    in_memory.refresh().unwrap();
    assert_eq!(ids(&in_memory, &Filter::default()).len(), 1);
}

#[test]
fn the_same_run_in_two_places_is_one_and_the_one_that_says_more_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), None);
    keep(&results, "b", &run(0, "main"), Some("fail"));
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let outcome = || history.runs(&Filter::default(), 0, 9).unwrap().0.iter().map(|run| run.outcome.clone()).collect::<Vec<_>>();
    assert_eq!(outcome(), ["fail"]);
    fs::remove_dir_all(results.join("b")).unwrap();
    assert_eq!((history.refresh().unwrap().gone, outcome()), (1, vec!["unjudged".to_owned()]));
    fs::remove_dir_all(results.join("a")).unwrap();
    history.refresh().unwrap();
    assert!(outcome().is_empty());
}

#[test]
fn a_checkpoint_becomes_the_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &Run { complete: false, ..run(0, "main") }, None);
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let before = history.runs(&Filter::default(), 0, 9).unwrap().0;
    keep(&results, "a", &run(0, "main"), Some("pass"));
    history.refresh().unwrap();
    let after = history.runs(&Filter::default(), 0, 9).unwrap().0;
    assert_eq!((before.len(), before[0].complete, after.len(), after[0].complete, after[0].id), (1, false, 1, true, before[0].id));
}

#[cfg(unix)]
#[test]
fn runs_of_a_store_are_found_and_pins_are_known() {
    use crate::baseline::{Admission, Store};
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("results/baselines/shop")).unwrap();
    let admitted = || Admission::Admitted { note: None };
    let id = store.admit(&run(0, "main"), admitted()).unwrap();
    store.admit(&run(1, "main"), admitted()).unwrap();
    store.pin(id.as_str()).unwrap();
    std::os::unix::fs::symlink("/", folder.path().join("results/elsewhere")).unwrap();
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let pins = || history.runs(&Filter::default(), 0, 9).unwrap().0.iter().map(|run| run.pinned).collect::<Vec<_>>();
    assert_eq!(pins(), [false, true]);
    store.unpin(id.as_str()).unwrap();
    history.refresh().unwrap();
    assert_eq!(pins(), [false, false]);
}

#[test]
fn a_trend_is_of_comparable_runs_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    for minute in 0..4 {
        let mut run = run(minute, "main");
        if minute == 1 {
            run.scenario.hash = "sha256:other".into();
        }
        keep(&results, &minute.to_string(), &run, None);
    }
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let (trend, left_out) = history.trend(&Filter::default(), 100).unwrap();
    assert_eq!((trend.iter().map(|(run, _)| run.started_at).collect::<Vec<_>>(), left_out), (vec![at(0), at(2), at(3)], 1));
    assert!(trend.iter().all(|(_, figures)| !figures.is_empty()));
}

/// Ten thousand runs by 20 endpoints, put into the index as files would be: what a page asks for takes a small part of the
/// 100 ms that it may take. Loud on a busy machine, so the best of several tries counts.
#[test]
fn ten_thousand_runs_are_asked_in_milliseconds() {
    let mut index = Index::in_memory().unwrap();
    let path = |number: u32| PathBuf::from(format!("/kept/{number}/run.json"));
    let file = |number: u32| files::RunFile { path: path(number), verdict: None, stamp: "1@1".into() };
    let figures = |place: u32| EndpointFigures {
        endpoint: format!("GET /{place}"),
        requests: 100,
        failures: 1,
        p95_ms: Some(9.0),
        p99_ms: Some(20.0),
    };
    let kept = |number: u32| KeptRun {
        id: u64::from(number) + 1,
        path: path(number),
        verdict: None,
        outcome: ["pass", "fail", "warn"][number as usize % 3].into(),
        scenario: format!("shop {}", number % 5),
        hash: "sha256:1".into(),
        fingerprint: "linux".into(),
        target: "http://shop".into(),
        branch: Some(format!("branch {}", number % 100)),
        commit: None,
        started_at: at(i64::from(number)),
        complete: true,
        pinned: false,
        requests: 2000,
        failures: 20,
        p95_ms: Some(9.0),
        p99_ms: Some(20.0),
    };
    let all: Vec<_> = (0..10_000).map(|number| (file(number), kept(number))).collect();
    for batch in all.chunks(1000) {
        index.put(batch.iter().map(|(file, run)| (file, Ok((run.clone(), (0..20).map(figures).collect())))).collect()).unwrap();
    }
    let page = || {
        let begun = std::time::Instant::now();
        let filter = Filter { scenario: Some("shop 3".into()), ..Filter::default() };
        assert_eq!(index.runs(&filter, 100, 100).unwrap().1, 2000);
        assert_eq!(index.runs(&Filter::default(), 9_900, 100).unwrap().0.len(), 100);
        assert_eq!(index.trend(&filter, 120).unwrap().0.len(), 120);
        assert_eq!(index.choices().unwrap().branches.len(), 100);
        begun.elapsed()
    };
    let best = (0..10).map(|_| page()).min().unwrap();
    println!("10,000 runs: {best:?} for two lists, a trend and the choices");
    assert!(best < Duration::from_millis(100), "{best:?}");
}
