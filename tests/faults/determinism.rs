//! N: the same numbers give the same words, everywhere and every time, and all places say the same.

use std::collections::BTreeMap;

use crate::support::{Reply, Server, Workspace, at_once};
use crate::trial::Trial;

const FILES: [&str; 6] = ["verdict.json", "summary.md", "report.html", "junit.xml", "stats.csv", "load-performance.json"];

/// Everything that was made of a run, by name.
fn made(trial: &Workspace, folder: &str) -> BTreeMap<String, String> {
    FILES.iter().map(|name| ((*name).to_owned(), trial.read(&format!("{folder}/{name}")))).collect()
}

/// N01, N03: a hundred times, wherever and in whatever language.
#[test]
fn the_same_run_gives_the_same_bytes_a_hundred_times_in_any_place_and_language() {
    let server = Server::start(|request| Reply::status(if request.before % 25 == 24 { 503 } else { 200 }));
    let trial = Trial::on(&server.url());
    trial.edit("shop.yaml", "[{get: /api/products}]", "[{get: /z}, {get: /a}, {post: /m}, {get: /b}]");
    trial.perfgate("run shop.yaml --out kept").with(0);
    let judged = |trial: &Trial, place: &str| {
        let ended = trial.ended(trial.start(&format!("judge kept --out {place}"))).with(1);
        (ended.stdout, made(trial, place))
    };
    let first = judged(&trial, "first");
    let declared: Vec<String> = ["GET /z", "GET /a", "POST /m", "GET /b"].map(str::to_owned).to_vec();
    let run = trial.json("kept/run.json");
    let names: Vec<&str> = run["endpoints"].as_array().unwrap().iter().map(|endpoint| endpoint["name"].as_str().unwrap()).collect();
    assert_eq!(names, declared);
    let kept = trial.read("kept/run.json");
    let places = [("Asia/Kathmandu", "de_DE.UTF-8"), ("America/St_Johns", "ar_EG.UTF-8"), ("UTC", "C"), ("Pacific/Apia", "tr_TR")];
    at_once(&places, |(zone, language)| {
        let mut trial = Trial::on(&server.url());
        trial.write("kept/run.json", &kept);
        for (name, value) in [("TZ", zone), ("LANG", language), ("LC_ALL", language), ("LC_NUMERIC", language)] {
            trial.set_variable(name, value);
        }
        for time in 0..25 {
            assert!(judged(&trial, "again") == first, "{zone} {language}, time {time}");
        }
    });
}

/// N02: shards are put together in any order.
#[test]
fn shards_give_the_same_percentiles_in_any_order() {
    let trial = Trial::empty();
    // What vegeta writes, a third of the requests in each file.
    let row = |number: u64| {
        let (nanos, micros) = ((1_795_183_200_000 + number * 100) * 1_000_000, 1000 + number * 37 % 5000);
        format!("{nanos},200,{},0,10,,e30=,,{number},GET,http://shop/{},\n", micros * 1000, number % 3)
    };
    for shard in 0..3 {
        trial.write(&format!("{shard}.csv"), &(0..900).filter(|number| number % 3 == shard).map(row).collect::<String>());
        trial.perfgate(&format!("import {shard}.csv --name shop --out {shard}")).with(0);
    }
    let merged = |order: &str| {
        trial.perfgate(&format!("merge {order} --out merged")).with(0);
        let run = trial.json("merged/run.json");
        let endpoints = run["endpoints"].as_array().unwrap().iter();
        endpoints
            .map(|endpoint| (endpoint["name"].to_string(), (endpoint["latency_ms"].clone(), endpoint["requests"].clone())))
            .collect::<BTreeMap<_, _>>()
    };
    let first = merged("0 1 2");
    assert_eq!(first.len(), 3);
    for order in ["0 2 1", "1 0 2", "1 2 0", "2 0 1", "2 1 0"] {
        assert_eq!(merged(order), first, "{order}");
    }
}

/// N08: one verdict, told in every place.
#[test]
fn every_place_tells_the_same_outcome_and_the_same_figures() {
    let rows = [("p95: 400ms", 0, "passed"), ("p95: 5ms", 1, "failed"), ("p99: 400ms", 3, "no verdict")];
    at_once(&rows, |(rule, code, word)| {
        let server = Server::start(|_| Reply::slow(10));
        let trial = Trial::on(&server.url());
        trial.edit("thresholds/shop.yaml", "p95: 400ms", rule);
        let ended = trial.perfgate("check shop.yaml").with(*code);
        let verdict = trial.json("perfgate-out/verdict.json");
        assert_eq!(verdict["exit_code"], *code);
        assert!(ended.stdout.contains(&format!("exit {code} (")), "{}", ended.stdout);
        let headline = ended.stdout.lines().next().unwrap().to_owned();
        assert!(headline.starts_with(&format!("perfgate: {word}")), "{headline}");
        let findings = verdict["findings"].as_array().unwrap();
        let failed = findings.iter().filter(|finding| finding["outcome"] == "fail").count();
        let files = made(&trial, "perfgate-out");
        assert!(files["summary.md"].contains(&format!("### {}", headline.split(" · shop").next().unwrap())), "{}", files["summary.md"]);
        assert!(files["report.html"].contains(word), "{word}");
        let is_red = files["junit.xml"].contains("<failure") || files["junit.xml"].contains("<error");
        assert_eq!(is_red, *code != 0, "{}", files["junit.xml"]);
        assert_eq!(failed, usize::from(*code == 1), "{verdict:#}");
        // The figure that the terminal shows is shown everywhere; the limit beside it as well.
        let row = ended.stdout.lines().find(|line| line.contains("GET /api/products  p9")).unwrap_or_else(|| panic!("{}", ended.stdout));
        let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        let (now, limit) = (cells[cells.len() - 3], cells[cells.len() - 2]);
        for name in ["summary.md", "report.html"] {
            assert!(files[name].contains(now) && files[name].contains(limit), "{name}: {now} {limit}");
        }
        if *code != 3 {
            let measured = findings.iter().find(|finding| finding["metric"] == "p95").unwrap()["measured"].as_f64().unwrap();
            let shown: f64 = now.split(' ').next().unwrap().parse().unwrap();
            assert!((measured - shown).abs() < 0.06, "{measured} {now}");
            let widget: serde_json::Value = serde_json::from_str(&files["load-performance.json"]).unwrap();
            assert!(widget["metrics"].is_object(), "{widget}");
        }
    });
}
