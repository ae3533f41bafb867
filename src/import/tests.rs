//! Every kind of file: real outputs to the count and the percentile that the tool itself reports, and what must be
//! refused.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{ImportError, ImportOptions, TimeUnit, Tool, import, is_known};
use crate::run::samples::environment;
use crate::run::{FailureClass, Measure, PhaseSelection, Run, Summary, load_run, write_run};
use crate::units::Percentile;

fn result(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/results").join(path)
}

fn options() -> ImportOptions {
    ImportOptions { tool: None, unit: None, name: None, environment: environment() }
}

fn imported(path: &str) -> Run {
    import(&result(path), &options()).unwrap()
}

/// A file of this content, imported.
fn of_text(text: impl AsRef<[u8]>) -> Result<Run, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result");
    std::fs::write(&path, text).unwrap();
    import(&path, &options())
}

/// What is said without the name of the temporary file.
fn refusal(text: impl AsRef<[u8]>) -> String {
    let error = of_text(text).unwrap_err();
    let message = error.to_string();
    let at = message.find("/result").map_or(0, |at| at + "/result".len());
    format!("{}{}", &message[at..], error.hint().map(|hint| format!(" | {hint}")).unwrap_or_default())
}

fn of(run: &Run, endpoint: &str) -> Summary {
    let names: Vec<&str> = run.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    let endpoint = run.endpoints.iter().find(|known| known.name == endpoint).unwrap_or_else(|| panic!("{endpoint} is not in {names:?}"));
    run.summary(endpoint, PhaseSelection::Judged)
}

fn percentile(summary: &Summary, percentile: Percentile) -> f64 {
    summary.percentile_ms(percentile).unwrap()
}

#[track_caller]
fn near(value: f64, expected: f64, share: f64) {
    assert!((value - expected).abs() <= expected * share + 1e-9, "{value} is not {expected}");
}

#[test]
fn every_fixture_is_known_and_survives_its_file_form() {
    for path in [
        "k6-2.2.0/points.json",
        "k6-2.2.0/points.csv",
        "k6-2.2.0/summary-export.json",
        "k6-2.2.0/handle-summary.json",
        "locust-2.47.0/run.json",
        "locust-2.47.0/run_stats.csv",
        "locust-2.47.0/run_stats_history.csv",
        "locust-2.47.0/run_failures.csv",
        "locust-2.47.0/run_exceptions.csv",
        "oha-1.15.0/oha.json",
        "oha-1.15.0/oha_500.json",
        "oha-1.15.0/oha_ref.json",
        "artillery-2/report.json",
        "wrk2-4.0.0/latency.txt",
    ] {
        assert!(is_known(&result(path)), "{path}");
        let run = imported(path);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.json");
        std::fs::write(&file, write_run(&run)).unwrap();
        assert_eq!(load_run(&file).unwrap(), run, "{path}");
    }
    for path in ["k6-2.2.0/script.js", "artillery-2/scenario.yml", "locust-2.47.0/locustfile.py"] {
        assert!(!is_known(&result(path)), "{path}");
    }
}

#[test]
fn k6_points_are_counted_to_the_request() {
    for path in ["k6-2.2.0/points.json", "k6-2.2.0/points.csv"] {
        let run = imported(path);
        let total = run.total(PhaseSelection::Judged);
        assert_eq!((total.counts.requests, total.counts.failures.total()), (400, 11), "{path}");
        let slow = of(&run, "GET /lognormal");
        assert_eq!((slow.counts.requests, slow.counts.ok, slow.counts.ttfb.count()), (200, 200, 200));
        // k6 interpolates between two samples; with 200 of them that is less than 2 %.
        near(percentile(&slow, Percentile::P50), 11.177, 0.01);
        near(percentile(&slow, Percentile::P95), 19.583, 0.02);
        near(slow.max_ms().unwrap(), 30.704, 0.001);
        near(slow.mean_ms().unwrap(), 11.850, 0.001);
        // Of what failed there is no latency: as `http_req_duration{expected_response:true}`.
        assert_eq!(total.latency_samples(), 389);
        near(total.mean_ms().unwrap(), 7.2927, 0.001);
        let failing = of(&run, "POST /fail");
        assert_eq!((failing.counts.failures.of(FailureClass::Status), failing.counts.statuses[&500]), (11, 11));
        let about = run.imported.unwrap();
        assert_eq!((about.measure, about.warnings.len()), (Measure::ServiceWithoutConnect, 1));
        assert!(about.warnings[0].starts_with("11 of 200 k6 checks failed"), "{:?}", about.warnings);
        assert!((0.7..1.8).contains(&run.measured.as_secs_f64()), "{:?}", run.measured);
    }
}

#[test]
fn a_name_without_a_request_is_kept_with_none() {
    let point = |metric: &str, name: &str| {
        let tags = format!(r#"{{"method":"GET","name":"{name}","status":"200","url":"{name}"}}"#);
        format!(r#"{{"metric":"{metric}","type":"Point","data":{{"time":"2026-11-20T14:09:16Z","value":1,"tags":{tags}}}}}"#) + "\n"
    };
    let run = of_text(point("http_req_waiting", "/cut") + &point("http_req_duration", "/whole")).unwrap();
    let requests = |endpoint: &str| of(&run, endpoint).counts.requests;
    assert_eq!((requests("GET /cut"), requests("GET /whole")), (0, 1));
    assert!(run.endpoints.iter().all(|endpoint| endpoint.per_second.requests.len() <= 1));
}

#[test]
fn k6_summaries_state_what_they_state_and_nothing_else() {
    for path in ["k6-2.2.0/summary-export.json", "k6-2.2.0/handle-summary.json"] {
        let run = imported(path);
        let all = of(&run, "all requests");
        assert_eq!((all.counts.requests, all.counts.failures.total(), all.latency_samples()), (400, 11, 389));
        assert!(all.latency.is_empty(), "no histogram is made up");
        near(percentile(&all, Percentile::P95), 17.614_327, 1e-9);
        near(percentile(&all, Percentile::P99), 20.918_430, 1e-9);
        assert_eq!(all.percentile_ms(Percentile::P75), None);
        near(run.measured.as_secs_f64(), 0.734_232_706, 1e-6);
        let about = run.imported.unwrap();
        let crossed = "k6's own thresholds that were crossed: http_req_duration{name:/lognormal} p(99)<5, http_req_failed rate<0.01";
        assert!(about.notes.iter().any(|note| note == crossed), "{:?}", about.notes);
        assert!(about.notes.iter().any(|note| note.starts_with("`/lognormal` is left out")), "{:?}", about.notes);
    }
}

#[test]
fn the_machine_readable_summary_of_k6_has_no_p99() {
    let text = r#"{"version":"1.0.0","metadata":{"k6Version":"2.2.0"},"config":{"duration":10.5},"results":{"metrics":[
        {"name":"http_reqs","type":"counter","contains":"default","values":{"count":400}},
        {"name":"http_req_failed","type":"rate","contains":"default","values":{"matches":4,"total":400,"rate":0.01}},
        {"name":"http_req_duration","type":"trend","contains":"time","values":{"avg":7,"max":31,"med":5,"min":1,"p(90)":15,"p(95)":18}}]}}"#;
    let run = of_text(text).unwrap();
    let all = of(&run, "all requests");
    assert_eq!((all.counts.requests, all.counts.failures.total(), all.percentile_ms(Percentile::P99)), (400, 4, None));
    assert_eq!(run.imported.unwrap().notes[0], "p99 is not in the summary: this summary never has it; import `--out json=FILE`");
}

#[test]
fn locust_is_counted_to_the_request_and_to_the_bucket() {
    let run = imported("locust-2.47.0/run.json");
    let total = run.total(PhaseSelection::Judged);
    assert_eq!((total.counts.requests, total.counts.failures.total()), (356, 119));
    let refused = of(&run, "GET /refused");
    assert_eq!((refused.counts.requests, refused.counts.failures.total(), refused.latency_samples()), (58, 58, 0));
    let quoted = of(&run, "GET fast \"quoted\", name");
    assert!(quoted.counts.failures.total() == 0 && quoted.counts.requests == quoted.latency_samples());
    assert_eq!(run.endpoints.iter().map(|endpoint| endpoint.per_second.requests.sum()).sum::<u64>(), 356);

    let run = imported("locust-2.47.0/run_stats.csv");
    let total = run.total(PhaseSelection::Judged);
    assert_eq!((total.counts.requests, total.counts.failures.total()), (323, 104));
    let slow = of(&run, "GET /redir");
    near(percentile(&slow, Percentile::P50), 220.0, 1e-9);
    near(percentile(&slow, Percentile::P99_9), 240.0, 1e-9);
    near(slow.max_ms().unwrap(), 243.084_184, 1e-6);
    let failing = of(&run, "GET /err");
    assert_eq!((failing.counts.failures.of(FailureClass::Status), failing.counts.statuses[&500]), (54, 54));
    assert_eq!(of(&run, "GET /refused").counts.failures.of(FailureClass::Connect), 50);
    let about = run.imported.unwrap();
    assert!(about.warnings[0].contains("the last requests are missing"), "{:?}", about.warnings);
    near(about.resolution.width_at(190.0), 10.0, 1e-9);
}

#[test]
fn what_lasted_for_decades_was_no_load() {
    let text = std::fs::read_to_string(result("locust-2.47.0/run.json")).unwrap();
    let refused = refusal(text.replacen(r#""last_request_timestamp": 1795181810"#, r#""last_request_timestamp": 3590363620"#, 1));
    assert!(refused.contains("apart, more than the 12 days that a load may last | are these the results of one load"), "{refused}");
}

/// Locust's own percentile: the bucket that holds the request of this rank, and how wide that bucket is (ms).
fn locusts_percentile(buckets: &[(f64, u64)], share: f64) -> (f64, f64) {
    let requests: u64 = buckets.iter().map(|(_, count)| count).sum();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let rank = requests as f64 * share;
    let mut below = 0;
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let mut reaches = |count: u64| {
        below += count;
        below as f64 >= rank
    };
    let (bucket, _) = buckets.iter().find(|(_, count)| reaches(*count)).unwrap();
    let width = match *bucket {
        bucket if bucket < 100.0 => 1.0,
        bucket if bucket < 1000.0 => 10.0,
        _ => 100.0,
    };
    (*bucket, width)
}

#[test]
fn locusts_json_gives_the_percentiles_of_its_buckets() {
    let entries: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(result("locust-2.47.0/run.json")).unwrap()).unwrap();
    let run = imported("locust-2.47.0/run.json");
    let mut compared = 0;
    for entry in entries.iter().filter(|entry| entry["num_failures"] == 0) {
        let buckets = entry["response_times"].as_object().unwrap();
        let mut buckets: Vec<(f64, u64)> = buckets.iter().map(|(ms, count)| (ms.parse().unwrap(), count.as_u64().unwrap())).collect();
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        let summary = of(&run, &format!("{} {}", entry["method"].as_str().unwrap(), entry["name"].as_str().unwrap()));
        assert_eq!(summary.counts.requests, entry["num_requests"].as_u64().unwrap());
        for (asked, share) in
            [(Percentile::P50, 0.5), (Percentile::P75, 0.75), (Percentile::P90, 0.9), (Percentile::P95, 0.95), (Percentile::P99, 0.99)]
        {
            let ((expected, width), found) = (locusts_percentile(&buckets, share), percentile(&summary, asked));
            assert!((found - expected).abs() <= width / 2.0, "{} {asked:?}: {found} ms, Locust has {expected} ms", entry["name"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 15);
}

/// Every percentile that a summary states is the imported one, to the digit.
#[test]
fn summaries_give_back_every_percentile_that_they_state() {
    let all = [Percentile::P50, Percentile::P75, Percentile::P90, Percentile::P95, Percentile::P99];
    for (path, endpoint, stated) in [
        ("oha-1.15.0/oha.json", "all requests", [0.777_786, 155.682_362, 178.917_104, 188.393_235, 194.921_69]),
        ("artillery-2/report.json", "/fast?x=1", [2.0, 4.0, 7.0, 7.0, 10.1]),
        ("artillery-2/report.json", "/slow (slow one)", [172.5, 190.6, 194.4, 198.4, 198.4]),
        ("locust-2.47.0/run_stats.csv", "GET /slow", [180.0, 180.0, 190.0, 200.0, 200.0]),
        ("locust-2.47.0/run_stats.csv", "GET fast \"quoted\", name", [2.0, 3.0, 4.0, 5.0, 9.0]),
    ] {
        let summary = of(&imported(path), endpoint);
        for (asked, stated) in all.into_iter().zip(stated) {
            near(percentile(&summary, asked), stated, 1e-6);
        }
    }
}

#[test]
fn oha_counts_every_answer_that_is_no_success() {
    let run = imported("oha-1.15.0/oha.json");
    let all = of(&run, "all requests");
    // The tool calls this a success rate of 100 %.
    assert_eq!((all.counts.ok, all.counts.statuses[&500], all.counts.unfinished, all.latency_samples()), (58, 21, 2, 79));
    near(percentile(&all, Percentile::P95), 188.393, 1e-5);
    near(run.throughput(PhaseSelection::Judged).unwrap(), 58.0 / 4.001, 1e-3);
    let run = imported("oha-1.15.0/oha_500.json");
    assert_eq!(of(&run, "all requests").counts.failures.of(FailureClass::Status), of(&run, "all requests").counts.requests);
    let run = imported("oha-1.15.0/oha_ref.json");
    assert_eq!((of(&run, "all requests").counts.failures.of(FailureClass::Connect), of(&run, "all requests").latency_samples()), (20, 0));
}

#[test]
fn artillery_is_a_time_to_the_first_byte_and_its_500s_are_failures() {
    let run = imported("artillery-2/report.json");
    let total = run.total(PhaseSelection::Judged);
    assert_eq!((total.counts.requests, total.counts.failures.total(), total.latency_samples()), (360, 120, 360));
    near(percentile(&total, Percentile::P95), 190.6, 1e-9);
    near(percentile(&total, Percentile::P99_9), 198.4, 1e-9);
    let slow = of(&run, "/slow (slow one)");
    assert_eq!((slow.counts.requests, slow.counts.ok), (120, 120));
    near(percentile(&slow, Percentile::P99), 198.4, 1e-9);
    assert_eq!(of(&run, "/err").counts.failures.of(FailureClass::Status), 120);
    assert_eq!(run.imported.unwrap().measure, Measure::TimeToFirstByte);
}

#[test]
fn wrk2_gives_its_histogram_back() {
    let run = imported("wrk2-4.0.0/latency.txt");
    let all = of(&run, "/lognormal/10/400");
    assert_eq!((all.counts.requests, all.latency_samples(), run.target.as_str()), (2999, 980, "http://127.0.0.1:18090"));
    for (asked, printed) in [(Percentile::P50, 11.935), (Percentile::P75, 15.319), (Percentile::P90, 18.607), (Percentile::P99, 29.263)] {
        // Rows stand between the percentiles: a value is that of the next row.
        near(percentile(&all, asked), printed, 0.03);
    }
    near(all.max_ms().unwrap(), 34.367, 0.001);
}

const VEGETA: &str = "{\"attack\":\"\",\"seq\":0,\"code\":200,\"timestamp\":\"2026-11-20T14:00:00Z\",\"latency\":5000000,\"bytes_out\":0,\"bytes_in\":10,\"error\":\"\",\"body\":\"e30=\",\"method\":\"GET\",\"url\":\"http://shop/a?x=1\",\"headers\":{}}\n{\"attack\":\"\",\"seq\":1,\"code\":0,\"timestamp\":\"2026-11-20T14:00:01Z\",\"latency\":30000000000,\"bytes_out\":0,\"bytes_in\":0,\"error\":\"Get: context deadline exceeded\",\"body\":null,\"method\":\"GET\",\"url\":\"http://shop/a?x=2\",\"headers\":null}\n";
const VEGETA_CSV: &str = "1795183200000000000,200,5000000,0,10,,e30=,,0,GET,http://shop/a,\n1795183201000000000,503,7000000,0,0,503 Service Unavailable,,,1,GET,http://shop/a,\n";

#[test]
fn vegeta_in_all_its_forms() {
    let run = of_text(VEGETA).unwrap();
    let all = of(&run, "GET /a");
    assert_eq!((all.counts.ok, all.counts.failures.of(FailureClass::Timeout), all.latency_samples()), (1, 1, 2));
    near(all.max_ms().unwrap(), 30_000.0, 0.001);
    assert_eq!((run.target.as_str(), run.started_at.to_string().as_str()), ("http://shop", "2026-11-20T14:00:00Z"));

    let run = of_text(VEGETA_CSV).unwrap();
    assert_eq!((of(&run, "GET /a").counts.ok, of(&run, "GET /a").counts.statuses[&503]), (1, 1));

    let report = r#"{"latencies":{"total":1,"mean":5e6,"50th":4e6,"90th":9e6,"95th":1e7,"99th":2e7,"max":3e7,"min":1e6},
        "earliest":"2026-11-20T14:00:00Z","latest":"2026-11-20T14:00:10Z","duration":10000000000,"wait":1000000,"requests":100,
        "rate":10,"throughput":9.9,"success":0.99,"status_codes":{"200":99,"500":1},"errors":["500 Internal Server Error"]}"#;
    let all = of(&of_text(report).unwrap(), "all requests");
    assert_eq!((all.counts.ok, all.counts.statuses[&500]), (99, 1));
    near(percentile(&all, Percentile::P99), 20.0, 1e-9);
}

const JTL: &str = "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n1795183756000,142,Home,200,OK,t 1-1,text,true,,512,100,1,1,http://shop/,120,0,3\n1795183756500,30000,Home,Non HTTP response code: java.net.SocketTimeoutException,Read timed out,t 1-1,,false,,0,0,1,1,http://shop/,0,0,3\n1795183757000,90,\"Buy, now\",200,OK,t 1-2,text,false,\"Test failed: expected\n\"\"paid\"\"\",512,100,1,1,http://shop/buy,80,0,0\n1795183757000,232,Journey,200,\"Number of samples in transaction : 2, number of failing samples : 1\",t 1-2,,false,,0,0,1,1,null,0,0,0\n";

#[test]
fn jmeter_as_csv_with_any_delimiter_with_or_without_a_header() {
    let semicolons = JTL.replace(',', ";").replace("Buy; now", "Buy, now").replace(" : 2;", " : 2,");
    let without_header: String = JTL.split_inclusive('\n').skip(1).collect();
    for text in [JTL, &semicolons, &without_header] {
        let run = of_text(text).unwrap();
        let home = of(&run, "Home");
        assert_eq!((home.counts.ok, home.counts.failures.of(FailureClass::Timeout), home.latency_samples()), (1, 1, 2));
        let buy = of(&run, "Buy, now");
        assert_eq!((buy.counts.requests, buy.counts.failures.of(FailureClass::Check), buy.latency_samples()), (1, 1, 0));
        assert_eq!(run.endpoints.len(), 2);
        assert_eq!(run.imported.unwrap().notes, ["1 transaction controllers are left out: their requests are counted themselves"]);
    }
}

#[test]
fn jmeter_as_xml_counts_no_part_twice() {
    let text = "<?xml version=\"1.0\"?>\n<testResults version=\"1.2\">\n<httpSample t=\"142\" lt=\"120\" ct=\"3\" ts=\"1795183756000\" s=\"true\" lb=\"Home &amp; co\" rc=\"200\" rm=\"OK\" by=\"512\">\n  <httpSample t=\"50\" lt=\"40\" ts=\"1795183756000\" s=\"true\" lb=\"Home-0\" rc=\"302\"/>\n</httpSample>\n<sample t=\"232\" lt=\"0\" ts=\"1795183757000\" s=\"false\" lb=\"Journey\" rc=\"\" rm=\"Number of samples in transaction : 2, number of failing samples : 1\">\n  <httpSample t=\"90\" lt=\"80\" ts=\"1795183757000\" s=\"false\" lb=\"Buy\" rc=\"503\"/>\n  <httpSample t=\"92\" lt=\"80\" ts=\"1795183757000\" s=\"true\" lb=\"Buy\" rc=\"200\"/>\n</sample>\n</testResults>\n";
    let run = of_text(text).unwrap();
    assert_eq!((of(&run, "Home & co").counts.requests, run.endpoints.len()), (1, 2));
    assert_eq!((of(&run, "Buy").counts.ok, of(&run, "Buy").counts.statuses[&503]), (1, 1));
    assert!(refusal(text.split("</testResults>").next().unwrap()).contains(": the file is cut off here"));
    assert!(refusal(text.split("rc=\"503\"").next().unwrap()).contains(": the file is cut off here"));
}

#[test]
fn h2load_and_the_csv_of_oha_and_the_log_of_locust() {
    let run = of_text("1795183756000000\t200\t5000\n1795183757000000\t503\t7000\n1795183758000000\t-1\t100\n").unwrap();
    let all = of(&run, "all requests");
    assert_eq!(
        (all.counts.ok, all.counts.statuses[&503], all.counts.failures.of(FailureClass::Reset), all.latency_samples()),
        (1, 1, 1, 1)
    );

    let run = of_text(
        "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n0.1,0,0,0,0.25,10,200\n0.2,0,0,0,0.35,10,500\n",
    )
    .unwrap();
    near(of(&run, "all requests").max_ms().unwrap(), 250.0, 0.001);

    let run = of_text("timestamp,request_type,name,response_time_ms,response_length,status_code,exception\n1795183756.000000,GET,/a,12.50,10,200,\n1795183757.000000,GET,/a,3.00,0,0,\"ConnectionRefusedError(111, 'refused')\"\n").unwrap();
    assert_eq!((of(&run, "GET /a").counts.ok, of(&run, "GET /a").counts.failures.of(FailureClass::Connect)), (1, 1));

    let json = r#"{"version":"v1","metadata":{"generator":"h2load"},"measurements":{"duration":2.0,"requests":{"total":3,"started":3,"done":3,"succeeded":2,"failed":1,"errored":0,"timeout":0},"status_codes":{"2xx":2},"performance":{"request":{"samples":[0.005,0.007,0.001]},"ttfb":{"samples":[0.004]}}}}"#;
    let all = of(&of_text(json).unwrap(), "all requests");
    assert_eq!((all.counts.ok, all.counts.failures.total(), all.latency_samples()), (2, 1, 3));
}

#[test]
fn a_spectrum_without_a_unit_is_asked_for_it() {
    let spectrum = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n       5.251 0.000000000000          1           1.00\n      34.367 1.000000000000         980\n#[Mean    =       12.846, StdDeviation   =        4.631]\n#[Max     =       34.336, Total count    =          980]\n";
    assert!(refusal(spectrum).ends_with("| say it: `--unit ms`, `us`, `ns` or `s`"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spectrum.hgrm");
    std::fs::write(&path, spectrum).unwrap();
    let run = import(&path, &ImportOptions { unit: Some(TimeUnit::Milliseconds), ..options() }).unwrap();
    assert_eq!(of(&run, "all requests").latency_samples(), 980);
    assert!(
        refusal(spectrum.replace("Value ", "Value(ms) ").replace("980]", "981]")).contains("`Total count` is 981: is the file mixed up?")
    );
    assert!(refusal(spectrum.replace("Value ", "Value(ms) ").split("      34").next().unwrap()).contains("the file is cut off here"));
}

#[test]
fn a_file_that_is_cut_off_or_mixed_up_is_refused_with_its_line() {
    let read = |path: &str| std::fs::read_to_string(result(path)).unwrap();
    let points = read("k6-2.2.0/points.json");
    let half = &points[..points.len() / 2];
    let lines = half.lines().count();
    assert!(refusal(half).starts_with(&format!(":{lines}: the file is cut off here | was the tool stopped")), "{}", refusal(half));
    let csv = read("k6-2.2.0/points.csv");
    let half = &csv[..csv.len() / 2 + 7];
    assert!(refusal(half).contains(": the file is cut off here"), "{}", refusal(half));
    for path in ["k6-2.2.0/summary-export.json", "locust-2.47.0/run.json", "artillery-2/report.json", "oha-1.15.0/oha.json"] {
        let whole = read(path);
        let message = refusal(&whole[..whole.len() / 2]);
        assert!(message.contains("the file is cut off here"), "{path}: {message}");
    }
    let wrk2 = read("wrk2-4.0.0/latency.txt");
    assert!(refusal(&wrk2[..wrk2.len() / 2]).contains("the file is cut off here"));
    let fewer = refusal(wrk2.replace("2999 requests in", "99 requests in"));
    assert!(fewer.contains("latencies, more than its 99 requests"), "{fewer}");
    for (text, message) in [
        (JTL.replace(",142,", ",14.2s,"), ":2: `elapsed` is \"14.2s\", not a number"),
        (JTL.replace(",142,", ",7200000,"), ":2: `elapsed` is 7200000 ms, more than an hour: is it in milliseconds?"),
        (JTL.replace("1795183756000,", "1795183756,"), ":2: the time 1795183 s since 1970 is not of this century"),
        (JTL.replace("1795183757000,90", "1895183757000,90"), ":4: the times lie more than 11 days apart"),
        (JTL.replace(",true,", ",yes,"), ":2: `success` is \"yes\": `true` or `false` is allowed"),
        (JTL.replace(",120,0,3", ",120,0"), ":2: the row has 16 columns, the first has 17"),
        (JTL.trim_end().to_owned(), ":6: the file is cut off here"),
        (VEGETA.replace("5000000,", "-5,"), ":1: the latency is -0.000005 ms"),
        (VEGETA.replace("\"timestamp\":\"2026", "\"timestamp\":\"x2026"), ":1: the time \"x2026-11-20T14:00:00Z\" is not RFC 3339"),
        (format!("{VEGETA}{JTL}"), ":3: not JSON as expected: "),
        (VEGETA_CSV.replace(",503,", ",abc,"), ":2: the status is \"abc\", not a number"),
        (JTL.lines().next().unwrap().to_owned() + "\n", ": no request in it"),
        (String::new(), ": not a result of a tool that is known"),
        ("hello".to_owned(), ": not a result of a tool that is known"),
    ] {
        let said = refusal(&text);
        assert!(said.starts_with(message), "{said}");
    }
}

#[test]
fn too_many_names_are_refused_with_the_cure() {
    let line = |number: u32| VEGETA.lines().next().unwrap().replace("/a?x=1", &format!("/a/{number}")) + "\n";
    let text: String = (0..10_000).map(line).collect();
    let said = refusal(&text);
    assert!(said.starts_with(":1001: more than 1000 different names, such as \"GET /a/999\""), "{said}");
    assert!(of_text((0..10_000).map(|number| line(number % 1000)).collect::<String>()).is_ok());
    let k6 = |number: u32| {
        format!(
            "{{\"metric\":\"http_req_duration\",\"type\":\"Point\",\"data\":{{\"time\":\"2026-11-20T14:09:16Z\",\"value\":9.3,\"tags\":{{\"method\":\"GET\",\"name\":\"http://shop/{number}\",\"status\":\"200\"}}}}}}\n"
        )
    };
    let said = refusal((0..10_000).map(k6).collect::<String>());
    assert!(said.ends_with("| give requests of one kind one name: `http.get(url, {tags: {name: '/products/:id'}})`"), "{said}");
}

#[test]
fn gzip_is_read_as_it_is_and_cut_off_gzip_is_refused() {
    use std::io::Write as _;
    let points = std::fs::read(result("k6-2.2.0/points.json")).unwrap();
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(&points).unwrap();
    let zipped = zipped.finish().unwrap();
    assert_eq!(of_text(&zipped).unwrap().total(PhaseSelection::Judged).counts.requests, 400);
    assert!(refusal(&zipped[..zipped.len() / 2]).contains("the file is cut off here"));
}

#[test]
fn a_long_load_has_no_more_slices_than_one_of_our_own() {
    let line = |second: u64| format!("{},200,5000000,0,10,,e30=,,{second},GET,http://shop/a,\n", (1_795_183_200 + second) * 1_000_000_000);
    let run = of_text((0..7200).rev().map(line).collect::<String>()).unwrap();
    let endpoint = &run.endpoints[0];
    assert!(endpoint.slices.len() <= 61, "{}", endpoint.slices.len());
    assert_eq!(endpoint.slices.iter().map(|slice| slice.requests).sum::<u64>(), 7200);
    assert_eq!((endpoint.per_second.requests.len(), endpoint.per_second.requests.sum()), (7200, 7200));
}

#[test]
fn the_tool_that_is_asked_for_must_have_written_it() {
    let error = import(&result("oha-1.15.0/oha.json"), &ImportOptions { tool: Some(Tool::K6), ..options() }).unwrap_err();
    assert!(error.to_string().ends_with("oha.json: not a result of k6"), "{error}");
    assert!(import(&result("oha-1.15.0/oha.json"), &ImportOptions { tool: Some(Tool::Oha), ..options() }).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_file_is_read_or_refused_without_a_panic(
        which in 0_usize..9,
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let files = ["k6-2.2.0/summary-export.json", "k6-2.2.0/handle-summary.json", "locust-2.47.0/run.json", "locust-2.47.0/run_stats.csv",
            "oha-1.15.0/oha.json", "artillery-2/report.json", "wrk2-4.0.0/latency.txt"];
        let mut bytes = match which {
            7 => JTL.as_bytes().to_vec(),
            8 => VEGETA.as_bytes().to_vec(),
            which => std::fs::read(result(files[which])).unwrap(),
        };
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(run) = of_text(&bytes) {
            prop_assert!(crate::run::read_run(&write_run(&run)).is_ok());
        }
    }
}
