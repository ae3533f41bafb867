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
    assert_eq!((before.len(), before[0].complete, after.len(), after[0].complete), (1, false, 1, true));
    assert_eq!(history.run(before[0].id).unwrap(), None);
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
    let trend = history.trend(&Filter::default(), None, 100, at(9)).unwrap();
    assert_eq!(times(&trend), [at(0), at(2), at(3)]);
    assert_eq!(trend.groups.iter().map(|group| group.runs).collect::<Vec<_>>(), [3, 1]);
    assert!(trend.runs.iter().all(|(_, figures)| !figures.is_empty()));
}

fn times(trend: &Trend) -> Vec<Timestamp> {
    trend.runs.iter().map(|(run, _)| run.started_at).collect()
}

#[test]
fn one_run_from_elsewhere_hides_no_trend_and_its_own_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    for minute in 0..3 {
        keep(&results, &minute.to_string(), &run(minute, "main"), None);
    }
    let foreign = |minute| {
        let mut run = run(minute, "main");
        run.environment.arch = "another".into();
        run
    };
    keep(&results, "foreign", &foreign(5), None);
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let trend = |group: Option<&str>| history.trend(&Filter::default(), group, 100, at(9)).unwrap();
    assert_eq!((times(&trend(None)), trend(None).shown), (vec![at(0), at(1), at(2)], Some(1)));
    let other = trend(None).groups[0].id();
    assert_eq!((times(&trend(Some(&other))), trend(Some("unknown")).shown), (vec![at(5)], Some(1)));
    keep(&results, "foreign again", &foreign(6), None);
    history.refresh().unwrap();
    assert_eq!(times(&trend(None)), [at(5), at(6)], "two of them are the newest that can be compared");
}

#[cfg(unix)]
#[test]
fn a_pinned_release_is_found_behind_any_number_of_newer_runs_and_whatever_is_asked_for() {
    use crate::baseline::{Admission, Store};
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("results/baselines/shop")).unwrap();
    let id = store.admit(&run(0, "release"), Admission::Admitted { note: None }).unwrap();
    store.pin(id.as_str()).unwrap();
    for minute in 1..8 {
        keep(&folder.path().join("results"), &minute.to_string(), &run(minute, "main"), None);
    }
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let of_main = Filter { branch: Some("main".into()), ..Filter::default() };
    let trend = history.trend(&of_main, None, 3, at(9)).unwrap();
    assert_eq!(times(&trend), [at(5), at(6), at(7)]);
    assert_eq!(trend.pinned.iter().map(|(run, figures)| (run.started_at, figures.is_empty())).collect::<Vec<_>>(), [(at(0), false)]);
}

#[test]
fn why_a_file_is_no_run_is_told_at_each_start_and_kept_for_the_page() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("results/half")).unwrap();
    fs::write(folder.path().join("results/half/run.json"), "{").unwrap();
    for _ in 0..2 {
        let (history, _) = open(folder.path(), Opening::AsItWas);
        assert_eq!(history.reading(), Some(0));
        let told = history.refresh().unwrap().skipped;
        assert!(told.len() == 1 && told[0].contains("half"), "{told:?}");
        assert_eq!(history.refresh().unwrap().skipped, Vec::<String>::new());
        let (unreadable, count) = history.unreadable(10).unwrap();
        assert!(count == 1 && unreadable[0].path.ends_with("half/run.json") && !unreadable[0].why.is_empty(), "{unreadable:?}");
        assert_eq!(history.reading(), None);
    }
    fs::remove_dir_all(folder.path().join("results/half")).unwrap();
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    assert_eq!(history.unreadable(10).unwrap().1, 0);
}

#[cfg(unix)]
#[test]
fn a_verdict_that_took_the_place_of_another_one_is_seen_although_size_and_time_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), Some("pass"));
    let verdict = results.join("a/verdict.json");
    let time = fs::metadata(&verdict).unwrap().modified().unwrap();
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    fs::write(results.join("other"), fs::read_to_string(&verdict).unwrap().replace("pass", "fail")).unwrap();
    fs::File::options().write(true).open(results.join("other")).unwrap().set_modified(time).unwrap();
    fs::rename(results.join("other"), &verdict).unwrap();
    assert_eq!(history.refresh().unwrap().read, 1);
    assert_eq!(history.runs(&Filter::default(), 0, 9).unwrap().0[0].outcome, "fail");
}

/// Ten thousand runs by 20 endpoints: what a page asks for takes a small part of the 100 ms that it may take. Loud on a busy
/// machine, so the best of several tries counts.
#[test]
fn ten_thousand_runs_are_asked_in_milliseconds() {
    let history = samples::history(10_000);
    let page = || {
        let begun = std::time::Instant::now();
        let filter = Filter { scenario: Some("shop 3".into()), ..Filter::default() };
        assert_eq!(history.runs(&filter, 100, 100).unwrap().1, 2000);
        assert_eq!(history.runs(&Filter::default(), 9_900, 100).unwrap().0.len(), 100);
        assert_eq!(history.trend(&filter, None, 120, at(0)).unwrap().runs.len(), 120);
        assert_eq!(history.choices().unwrap().branches.len(), 100);
        begun.elapsed()
    };
    let best = (0..10).map(|_| page()).min().unwrap();
    println!("10,000 runs: {best:?} for two lists, a trend and the choices");
    assert!(best < Duration::from_millis(100), "{best:?}");
}

/// The index in `index/`, as somebody else left it there: made by us, changed by them.
fn tampered(folder: &Path, change: &str) {
    let (history, told) = open(folder, Opening::AsItWas);
    assert_eq!(told, None);
    history.refresh().unwrap();
    drop(history);
    let connection = rusqlite::Connection::open(folder.join("index/history.sqlite")).unwrap();
    connection.execute_batch(change).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_index_or_its_folder_is_not_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("app/history.sqlite");
    fs::create_dir_all(folder.path().join("app")).unwrap();
    let connection = rusqlite::Connection::open(&theirs).unwrap();
    connection.execute_batch("CREATE TABLE run (mine TEXT); INSERT INTO run VALUES ('kept');").unwrap();
    drop(connection);
    let before = fs::read(&theirs).unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), Some("pass"));
    let index = folder.path().join("index");
    for (link, to) in [
        (index.clone(), "app"),
        (index.join("history.sqlite"), "../app/history.sqlite"),
        (index.join("history.sqlite-wal"), "../app/history.sqlite"),
    ] {
        for opening in [Opening::AsItWas, Opening::Anew] {
            if link != index {
                fs::create_dir_all(&index).unwrap();
            }
            symlink(to, &link).unwrap();
            let (history, told) = open(folder.path(), opening);
            assert!(told.unwrap().contains("is a symbolic link"), "{}", link.display());
            history.refresh().unwrap();
            assert_eq!(ids(&history, &Filter::default()).len(), 1, "it is held in memory");
            assert_eq!((fs::read(&theirs).unwrap(), fs::read_dir(folder.path().join("app")).unwrap().count()), (before.clone(), 1));
            fs::remove_file(&link).unwrap();
        }
    }
}

#[test]
fn an_index_with_other_tables_than_ours_is_made_anew() {
    let changes = [
        "CREATE TRIGGER rosy AFTER INSERT ON run BEGIN UPDATE run SET outcome = 'pass'; END;",
        "DROP TABLE figures;",
        "ALTER TABLE run RENAME TO other; CREATE VIEW run AS SELECT * FROM other;",
        "DROP INDEX run_time;",
        "PRAGMA user_version = 1;",
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let results = folder.path().join("results");
        keep(&results, "a", &run(0, "main"), Some("fail"));
        tampered(folder.path(), change);
        let (history, told) = open(folder.path(), Opening::AsItWas);
        assert!(told.is_some_and(|told| told.contains("made anew")), "{change}");
        keep(&results, "b", &run(1, "main"), Some("fail"));
        history.refresh().unwrap();
        let outcomes: Vec<String> = history.runs(&Filter::default(), 0, 9).unwrap().0.into_iter().map(|run| run.outcome).collect();
        assert_eq!(outcomes, ["fail", "fail"], "{change}");
        assert!(history.run(ids(&history, &Filter::default())[0]).unwrap().is_some());
    }
}

#[test]
fn a_run_in_the_index_that_came_from_no_file_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    keep(&folder.path().join("results"), "a", &run(0, "main"), Some("fail"));
    let row = "INSERT INTO run SELECT 281474976710663, '/elsewhere/run.json', verdict, 'pass', scenario, hash, fingerprint, target, branch, commit_id, started_us + 1, complete, pinned, requests, failures, p95, p99 FROM run;";
    for change in [row.to_owned(), format!("{row} INSERT INTO file VALUES ('/gone/run.json', '1@1', 281474976710663, NULL);")] {
        tampered(folder.path(), &change);
        let (history, told) = open(folder.path(), Opening::AsItWas);
        assert_eq!((told, ids(&history, &Filter::default()).len()), (None, 2));
        history.refresh().unwrap();
        assert_eq!((ids(&history, &Filter::default()).len(), history.run(281_474_976_710_663).unwrap()), (1, None));
    }
}

#[test]
fn runs_that_began_together_are_told_apart_by_what_they_measured() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let (shard, other) = (run(0, "main"), Run { target: "https://other.example".into(), ..run(0, "main") });
    let mut merged = run(0, "main");
    merged.endpoints.retain(|endpoint| endpoint.name != "POST /api/checkout");
    for (name, run) in [("shard", &shard), ("merged", &merged), ("other", &other), ("copy/of/shard", &shard)] {
        keep(&results, name, run, None);
    }
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let before = ids(&history, &Filter::default());
    assert_eq!(before.len(), 3);
    drop(history);
    fs::remove_dir_all(results.join("shard")).unwrap();
    let (anew, _) = open(folder.path(), Opening::Anew);
    anew.refresh().unwrap();
    assert_eq!(ids(&anew, &Filter::default()), before);
}

#[test]
fn for_a_pinned_run_only_its_store_speaks() {
    use crate::baseline::{Admission, Store};
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let mut store = Store::open(&results.join("baselines/shop")).unwrap();
    let id = store.admit(&run(0, "main"), Admission::Admitted { note: None }).unwrap();
    keep(&results, "artifact", &run(0, "main"), Some("pass"));
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    let shown = || history.runs(&Filter::default(), 0, 9).unwrap().0.into_iter().map(|run| (run.pinned, run.outcome)).collect::<Vec<_>>();
    assert_eq!(shown(), [(false, "pass".to_owned())]);
    store.pin(id.as_str()).unwrap();
    for _ in 0..2 {
        history.refresh().unwrap();
        assert_eq!(shown(), [(true, "unjudged".to_owned())]);
    }
    assert_eq!(history.refresh().unwrap().read, 0, "nothing is read over and over");
    keep(&results, "artifact", &run(0, "main"), Some("fail"));
    history.refresh().unwrap();
    assert_eq!(shown(), [(true, "unjudged".to_owned())]);
}

#[test]
fn a_run_whose_file_became_another_is_found_in_its_other_place_at_the_same_look() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), Some("pass"));
    keep(&results, "kept", &run(0, "main"), Some("pass"));
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    keep(&results, "a", &run(1, "main"), Some("fail"));
    history.refresh().unwrap();
    assert_eq!(ids(&history, &Filter::default()).len(), 2);
}

#[cfg(unix)]
#[test]
fn what_is_passed_over_is_told_once() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    keep(&results, "a", &run(0, "main"), None);
    fs::write(folder.path().join("theirs.json"), "{\"outcome\": \"pass\"}").unwrap();
    std::os::unix::fs::symlink("../../theirs.json", results.join("a/verdict.json")).unwrap();
    keep(&results, "1/2/3/4/5/6/7/8", &run(1, "main"), None);
    keep(&results, "1/2/3/4/5/6/7/8/9", &run(2, "main"), None);
    let odd = results.join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    fs::create_dir_all(&odd).unwrap();
    fs::copy(results.join("a/run.json"), odd.join("run.json")).unwrap();
    let (history, _) = open(folder.path(), Opening::AsItWas);
    let skipped = history.refresh().unwrap().skipped;
    assert!(skipped.len() == 2 && skipped.iter().any(|text| text.contains("1 folders that lie more than 8 deep")), "{skipped:?}");
    assert!(skipped.iter().any(|text| text.contains("is no UTF-8 text")), "{skipped:?}");
    let outcomes: Vec<String> = history.runs(&Filter::default(), 0, 9).unwrap().0.into_iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, ["unjudged", "unjudged"], "a verdict behind a link is none");
    assert_eq!(history.refresh().unwrap(), Refreshed::default());
}

#[test]
fn a_run_of_a_wrong_clock_does_not_decide_the_trend() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    for minute in 0..3 {
        keep(&results, &minute.to_string(), &run(minute, "main"), None);
    }
    let mut late = Run { started_at: "9999-01-01T00:00:00Z".parse().unwrap(), ..run(0, "main") };
    late.scenario.hash = "sha256:other".into();
    keep(&results, "late", &late, None);
    let (history, _) = open(folder.path(), Opening::AsItWas);
    history.refresh().unwrap();
    assert_eq!(history.trend(&Filter::default(), None, 100, at(5)).unwrap().runs.len(), 3);
    assert_eq!(ids(&history, &Filter::default()).len(), 4, "it is listed all the same");
}

#[test]
fn indexes_of_other_folders_are_other_files() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
    fs::create_dir_all(&one).unwrap();
    let name = index_name(&[one.clone(), other.clone()]);
    assert_eq!(name, index_name(&[other.clone(), folder.path().join("one/.")]), "the order and the way do not matter");
    assert!(name != index_name(std::slice::from_ref(&one)) && name != index_name(std::slice::from_ref(&other)));
}

#[test]
fn two_programs_keep_one_index_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    let (one, _) = open(folder.path(), Opening::AsItWas);
    let (other, _) = open(folder.path(), Opening::AsItWas);
    std::thread::scope(|scope| {
        for history in [&one, &other] {
            scope.spawn(|| (0..20).for_each(|_| drop(history.refresh().unwrap())));
        }
        for minute in 0..30 {
            keep(&results, &minute.to_string(), &run(minute, "main"), None);
        }
    });
    other.refresh().unwrap();
    assert_eq!(ids(&one, &Filter::default()).len(), 30);
}
