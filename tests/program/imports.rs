//! Other tools' results as runs: judged by the same rules, refused where they are cut off, merged and compared only with
//! what belongs to them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Workspace;

fn result(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/results").join(path)
}

/// A folder with these real results and a threshold file of these rules.
fn workspace(results: &[&str], rules: &str) -> Workspace {
    let workspace = Workspace::empty();
    for path in results {
        let name = Path::new(path).file_name().unwrap();
        fs::copy(result(path), workspace.path(name.to_str().unwrap())).unwrap();
    }
    workspace.write("t.yaml", &format!("version: 1\nscenario: shop\n{rules}\n"));
    workspace
}

/// Each line: a real result, rules, the exit code that arithmetic gives, and what is said.
#[test]
fn a_result_is_judged_as_arithmetic_has_it() {
    for (path, rules, code, said) in [
        ("k6-2.2.0/points.json", "defaults: {p90: 30ms, failures: 10%}", 0, "passed with warnings · 4 checks"),
        ("k6-2.2.0/points.csv", "defaults: {p90: 30ms, failures: 10%}", 0, "11 of 200 k6 checks failed"),
        ("k6-2.2.0/points.json", "defaults: {p90: 15ms}", 1, "GET /lognormal"),
        ("k6-2.2.0/points.json", "defaults: {failures: 1%}", 1, "(11 of 200 requests): 11 x status 500"),
        ("k6-2.2.0/points.json", "total: {failures: 2%}", 1, "2.75"),
        ("k6-2.2.0/points.json", "endpoints: {GET /lognormal: {ttfb.p90: 30ms, failures.5xx: 0%}}", 0, "passed"),
        ("k6-2.2.0/points.json", "defaults: {p99: 1s}", 3, "needs 1,000 requests for p99, has 200"),
        ("k6-2.2.0/points.json", "defaults: {p99: 1s}", 3, "load longer with the tool that measured it"),
        ("k6-2.2.0/summary-export.json", "defaults: {p90: 30ms, failures: 3%}", 0, "k6 (summary export)"),
        ("k6-2.2.0/summary-export.json", "defaults: {p90: 15ms}", 1, "p90"),
        ("k6-2.2.0/summary-export.json", "defaults: {failures: 2%}", 1, "(11 of 400 requests)"),
        (
            "k6-2.2.0/handle-summary.json",
            "defaults: {p75: 1s}",
            3,
            "p75 is not in the k6 handleSummary data, which states p50, p90, p95, p99",
        ),
        ("k6-2.2.0/handle-summary.json", "defaults: {failures.5xx: 50%}", 3, "says how many requests failed, not why"),
        ("k6-2.2.0/handle-summary.json", "defaults: {ttfb.p90: 1s}", 3, "ttfb.p90 is not in the k6 handleSummary data"),
        ("locust-2.47.0/run.json", "defaults: {failures: 1%}", 1, "GET /refused"),
        ("locust-2.47.0/run.json", "endpoints: {'GET fast \"quoted\", name': {p90: 100ms, failures: 1%}}", 0, "GET fast \"quoted\", name"),
        ("locust-2.47.0/run.json", "endpoints: {GET /refused: {p50: 1s}}", 3, "p50 has no samples: of 58 requests all failed"),
        // Its buckets are 10 ms wide here: the median is 220 ms.
        ("locust-2.47.0/run.json", "endpoints: {GET /redir: {p50: 230ms}}", 0, "GET /redir"),
        ("locust-2.47.0/run.json", "endpoints: {GET /redir: {p50: 200ms}}", 1, "GET /redir is too slow: p50 22"),
        ("locust-2.47.0/run.json", "endpoints: {GET /slow: {p75: 200ms, failures: 1%}}", 0, "passed"),
        ("locust-2.47.0/run.json", "endpoints: {GET /slow: {p90: 300ms}}", 3, "needs 100 requests for p90, has 47"),
        ("oha-1.15.0/oha.json", "defaults: {p75: 150ms}", 1, "p75 156 ms"),
        ("artillery-2/report.json", "endpoints: {/slow (slow one): {p90: 190ms}}", 1, "p90 194 ms"),
        ("locust-2.47.0/run_stats.csv", "total: {failures: 50%, p90: 1s}", 0, "the last requests are missing"),
        ("oha-1.15.0/oha.json", "defaults: {p50: 20ms, failures: 30%}", 0, "holds requests that failed"),
        ("oha-1.15.0/oha.json", "defaults: {failures: 1%}", 1, "(21 of 81 requests): 21 x status 500"),
        ("oha-1.15.0/oha_500.json", "defaults: {failures: 1%}", 1, "status 500"),
        ("oha-1.15.0/oha_ref.json", "defaults: {p50: 20ms, failures: 1%}", 1, "connection refused or unreachable"),
        ("artillery-2/report.json", "defaults: {failures: 1%}", 1, "(120 of 120 requests): 120 x status 500"),
        ("artillery-2/report.json", "endpoints: {/slow (slow one): {p90: 300ms}}", 0, "Artillery measures to the first byte"),
        ("wrk2-4.0.0/latency.txt", "defaults: {p95: 30ms, failures: 1%}", 0, "passed"),
        ("wrk2-4.0.0/latency.txt", "defaults: {p95: 20ms}", 1, "p95 21."),
    ] {
        let workspace = workspace(&[path], rules);
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        let ended = workspace.perfgate(&format!("judge {name} --thresholds t.yaml --out judged")).with(code);
        let comment = workspace.read("judged/summary.md");
        let verdict = workspace.read("judged/verdict.json");
        let all = format!("{}{comment}{}", ended.stdout, verdict.replace("\\\"", "\""));
        assert!(all.contains(said), "{path} {rules}: no `{said}` in\n{all}");
    }
}

const SPECTRUM: &str = "       Value(ms)     Percentile TotalCount 1/(1-Percentile)

       5.251 0.000000000000          1           1.00
      34.367 1.000000000000         980
#[Mean    =       12.846, StdDeviation   =        4.631]
#[Max     =       34.336, Total count    =          980]
";

/// What oha writes as CSV of 400 requests, of which every tenth had this status.
fn answered(tenth: u16) -> String {
    let row = |number: u16| {
        let (at, status) = (f64::from(number) / 100.0, if number % 10 == 9 { tenth } else { 200 });
        format!("{at},0.001,0.001,0.01,0.012,10,{status}\n")
    };
    format!("request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n{}", (0..400).map(row).collect::<String>())
}

/// Files that say less than others: what they leave out decides nothing, and a breach that they hold is one.
#[test]
fn what_a_result_leaves_out_is_no_verdict() {
    let (good, bad) = (answered(200), answered(500));
    for (text, rules, code, said) in [
        (SPECTRUM, "defaults: {p90: 40ms}", 0, "a spectrum says nothing of failures"),
        (SPECTRUM, "defaults: {p90: 30ms}", 1, "p90 34"),
        (SPECTRUM, "defaults: {failures: 1%}", 3, "the HdrHistogram percentile spectrum does not say which requests failed"),
        (SPECTRUM, "total: {throughput: {min: 1/s}}", 3, "so that the answered ones can't be counted"),
        (&good, "defaults: {failures: 1%}", 3, "the oha CSV leaves out requests without an answer; "),
        (&good, "defaults: {ttfb.p90: 1s}", 3, "ttfb.p90 max: is not in the oha CSV"),
        (&bad, "defaults: {failures: 1%}", 1, "failures 10 % of 400 requests (40 x status 500)"),
    ] {
        let workspace = workspace(&[], rules);
        workspace.write("result.txt", text);
        let ended = workspace.perfgate("judge result.txt --thresholds t.yaml").with(code).prints(said);
        assert_eq!(ended.stdout.contains("hint: judge a file that holds it"), code == 3, "{}", ended.stdout);
    }
}

#[test]
fn an_import_says_what_it_is_and_that_its_generator_was_not_watched() {
    let workspace = workspace(&["k6-2.2.0/points.json"], "defaults: {p90: 30ms}");
    workspace
        .perfgate("import points.json --name shop --commit 3f9c1ab --out kept")
        .with(0)
        .prints("k6 (JSON points): time from send to last byte, without connecting, from every request")
        .prints("GET /lognormal")
        .says("kept in kept; `perfgate judge kept` judges it");
    let run = workspace.json("kept/run.json");
    assert_eq!(
        (run["imported"]["measure"].as_str(), run["imported"]["exactness"].as_str()),
        (Some("service_without_connect"), Some("samples"))
    );
    assert_eq!((run["environment"]["commit"].as_str(), run["total"]["requests"].as_u64()), (Some("3f9c1ab"), Some(400)));
    let verdict = workspace.perfgate("judge kept --thresholds t.yaml --format json").with(0).json();
    let checks: Vec<(&str, &str)> = verdict["self_checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["name"].as_str().unwrap(), check["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        checks,
        [
            ("complete", "pass"),
            ("conserved", "skipped"),
            ("generator", "skipped"),
            ("samples", "pass"),
            ("steady", "skipped"),
            ("undisturbed", "skipped"),
            ("imported", "warn")
        ]
    );
    workspace.perfgate("report kept --format markdown").with(0).prints("k6 (JSON points)");
    workspace.perfgate("report kept --format csv").with(0).prints("GET,/lognormal,200,0,");
}

#[test]
fn a_summary_has_no_invented_percentiles_in_any_report() {
    let workspace = workspace(&["k6-2.2.0/summary-export.json"], "defaults: {p90: 30ms}");
    workspace.perfgate("import summary-export.json --name shop --out kept").with(0).prints("17.6 ms");
    let run = workspace.json("kept/run.json");
    let latency = &run["endpoints"][0]["latency_ms"];
    assert_eq!((latency["p95"].as_f64(), latency["p75"].as_f64()), (Some(17.614_327), None));
    assert_eq!(run["endpoints"][0]["slices"].as_array().map(Vec::len), Some(0));
    let csv = workspace.perfgate("report kept --format csv").with(0).stdout;
    assert!(csv.contains(",N/A,"), "{csv}");
    workspace.perfgate("judge kept --thresholds t.yaml").with(0);
}

#[test]
fn a_folder_with_one_result_is_enough() {
    let set =
        ["run_stats.csv", "run_failures.csv", "run_exceptions.csv", "run_stats_history.csv"].map(|name| format!("locust-2.47.0/{name}"));
    let workspace = workspace(&set.each_ref().map(String::as_str), "total: {failures: 50%}");
    workspace.perfgate("judge . --thresholds t.yaml").with(0);
    workspace.perfgate("import run_failures.csv --out kept").with(0).prints("GET /redir");
    fs::copy(result("oha-1.15.0/oha.json"), workspace.path("oha.json")).unwrap();
    workspace.perfgate("judge . --thresholds t.yaml").with(2).says("error: . holds 2 results").says("hint: name one of them");
    fs::remove_file(workspace.path("run_stats.csv")).unwrap();
    workspace.perfgate("import run_failures.csv").with(2).says("run_stats.csv is not beside it");
}

#[test]
fn what_is_cut_off_or_unknown_is_an_error_of_use_with_line_and_cure() {
    let workspace = workspace(&["k6-2.2.0/points.json", "oha-1.15.0/oha.json"], "defaults: {p90: 30ms}");
    let points = workspace.read("points.json");
    workspace.write("points.json", &points[..points.len() - 30]);
    let lines = points.lines().count();
    workspace
        .perfgate("import points.json --out kept")
        .with(2)
        .says(&format!("error: points.json:{lines}: the file is cut off here"))
        .says("hint: was the tool stopped, or the disk full?");
    assert!(!workspace.has("kept/run.json"));
    workspace
        .perfgate("import t.yaml")
        .with(2)
        .says("error: t.yaml: not a result of a tool that is known")
        .says("hint: name a file that locust, k6,");
    workspace.perfgate("import oha.json --tool k6").with(2).says("error: oha.json: not a result of k6");
    workspace.perfgate("import gone.json").with(2).says("error: cannot read gone.json");
}

#[test]
fn runs_of_different_measures_are_not_compared() {
    let workspace = workspace(&["k6-2.2.0/points.json", "k6-2.2.0/summary-export.json"], "total: {p90: {rise: 10%}}");
    workspace.perfgate("baseline add points.json --scenario shop").with(0).says("kept ");
    workspace.perfgate("baseline list --scenario shop").with(0);
    let verdict = workspace.perfgate("judge summary-export.json --thresholds t.yaml --format json").json();
    let left_out = verdict["baseline"]["left_out"][0].as_str().unwrap();
    assert!(left_out.contains("it holds time from send to last byte, without connecting of k6, from every request"), "{left_out}");
}

/// Locust's JSON of 2,000 requests of one endpoint, most of them in this bucket (ms), some in those beside it.
fn locust(day: u64, bucket: u64, beside: u64) -> String {
    let start = 1_795_183_200 + day * 86_400;
    let mut times = serde_json::Map::new();
    for (bucket, count) in [(bucket - 10, 100), (bucket, 1_900 - beside), (bucket + 10, beside)] {
        times.insert(bucket.to_string(), count.into());
    }
    let per_second: serde_json::Map<_, _> = (start..start + 100).map(|second| (second.to_string(), 20.into())).collect();
    serde_json::json!([{
        "name": "/a", "method": "GET", "start_time": start, "last_request_timestamp": start + 100, "num_requests": 2000,
        "num_none_requests": 0, "num_failures": 0, "total_response_time": bucket * 2000, "max_response_time": bucket + 10,
        "min_response_time": bucket - 10, "total_content_length": 2000, "response_times": times, "num_reqs_per_sec": per_second,
        "num_fail_per_sec": {},
    }])
    .to_string()
}

#[test]
fn a_rise_by_one_of_the_tools_buckets_is_none_and_one_by_several_is() {
    let workspace = workspace(&[], "endpoints: {GET /a: {p50: {rise: 2%}}}");
    for day in 0..4 {
        workspace.write("night.json", &locust(day, 180, 100 + day));
        workspace.perfgate("baseline add night.json --scenario shop").with(0);
    }
    for (bucket, outcomes, code) in [(180, &["pass"][..], &[0][..]), (190, &["warn", "inconclusive"], &[0, 3]), (220, &["fail"], &[1])] {
        workspace.write("now.json", &locust(5, bucket, 103));
        let ended = workspace.perfgate("judge now.json --thresholds t.yaml --format json");
        let outcome = ended.json()["findings"][0]["outcome"].as_str().unwrap().to_owned();
        assert!(outcomes.contains(&outcome.as_str()) && code.contains(&ended.code), "{bucket} ms: {outcome}, exit {}", ended.code);
    }
}

/// vegeta's CSV of so many seconds with ten requests each; every second is one of two shards.
fn vegeta(keep: impl Fn(u64) -> bool) -> String {
    let row = |number: u64| {
        let (nanos, micros) = ((1_795_183_200_000 + number * 100) * 1_000_000, 1000 + number * 37 % 5000);
        let status = if number % 50 == 7 { 503 } else { 200 };
        format!("{nanos},{status},{},0,10,,e30=,,{number},GET,http://shop/{},\n", micros * 1000, number % 3)
    };
    (0..600).filter(|number| keep(*number)).map(row).collect()
}

#[test]
fn shards_are_merged_to_what_the_whole_would_be() {
    let workspace = workspace(&["k6-2.2.0/summary-export.json"], "defaults: {p90: 30ms}");
    workspace.write("whole.csv", &vegeta(|_| true));
    workspace.write("even.csv", &vegeta(|number| number % 2 == 0));
    workspace.write("odd.csv", &vegeta(|number| number % 2 == 1));
    for name in ["whole", "even", "odd"] {
        workspace.perfgate(&format!("import {name}.csv --name shop --out {name}")).with(0);
    }
    workspace.perfgate("merge even odd --out merged").with(0).says("2 shards as one run in merged").prints("600");
    let (merged, whole) = (workspace.json("merged/run.json"), workspace.json("whole/run.json"));
    for one in merged["endpoints"].as_array().unwrap() {
        let other = whole["endpoints"].as_array().unwrap().iter().find(|endpoint| endpoint["name"] == one["name"]).unwrap();
        for key in ["name", "requests", "ok", "failures", "statuses", "latency_ms", "per_second"] {
            assert_eq!(one[key], other[key], "{key}");
        }
    }
    workspace.perfgate("judge merged --thresholds t.yaml").with(0);
    workspace
        .perfgate("merge even even --out again")
        .with(2)
        .says("error: even and even are the same run")
        .says("hint: name each shard once");
    workspace.perfgate("merge even").with(2);
    workspace.perfgate("import summary-export.json --name shop --out summary").with(0);
    workspace.perfgate("merge even summary --out again").with(2).says("holds percentiles without the samples behind them");
    workspace.perfgate("import odd.csv --name other --out other").with(0);
    workspace.perfgate("merge even other --out again").with(2).says("error: other is of scenario `other`, even of `shop`");
    assert!(!workspace.has("again"));
}
