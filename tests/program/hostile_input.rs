//! What goes wrong outside of a scenario's spelling: answers that lack what was expected, data that runs out, names that
//! no report is made for, files that are cut off. Each is a counted failure or an error with its place and its cure.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Reply, Server, Workspace};

/// `shop.yaml` with these tasks and this data, against a server that has `{"items": []}` and no cookies.
fn workspace(server: &Server, rest: &str) -> Workspace {
    let workspace = Workspace::with_shop(&server.url());
    let scenario = format!("version: 1\nname: shop\ntarget: {}\nload: {{rate: 50/s, hold: 1s}}\n{rest}\n", server.url());
    workspace.write("shop.yaml", &scenario);
    // Fifty requests are enough for a median.
    workspace.edit("thresholds/shop.yaml", "p95", "p50");
    workspace
}

fn shop() -> Server {
    Server::start(|_| Reply::json("{\"items\": []}"))
}

#[test]
fn what_an_answer_lacks_is_a_counted_failure_and_the_endpoint_behind_it_has_no_verdict() {
    for (save, cause) in [
        ("'$.items[0].id'", "nothing to save from json $.items[0].id"),
        ("{cookie: sid}", "nothing to save from cookie sid"),
        ("{header: location}", "nothing to save from header location"),
        ("{regex: 'order-(\\d+)'}", "nothing to save from regex order-(\\d+)"),
    ] {
        let server = shop();
        let steps = format!(
            "tasks:\n  - steps:\n      - get: /list\n        save: {{id: {save}}}\n      - get: '/one/${{id}}'\n        name: /one"
        );
        let workspace = workspace(&server, &steps);
        workspace
            .perfgate("check shop.yaml")
            .with(1)
            .prints(&format!("GET /list fails too often: failures 100 % of 50 requests (50 x {cause}"))
            .prints("no request in a judged phase: GET /one");
        let run = workspace.json("perfgate-out/run.json");
        assert_eq!(run["endpoints"][0]["failures"]["check"], 50, "{save}");
        assert_eq!(run["endpoints"][1]["requests"], 0, "{save}");
        assert!(server.remembered().iter().all(|request| !request.line.contains("/one")), "nothing made up is asked");
    }
}

#[test]
fn data_that_runs_out_is_no_verdict_and_says_what_to_do() {
    let server = shop();
    let tasks = "tasks: [{steps: [{get: '/one/${rows.id}', name: /one}]}]";
    let exhausted = "give it more rows, or set `on_exhausted: recycle`";
    for order in ["sequential", "shuffle"] {
        let workspace = workspace(&server, &format!("data: {{rows: {{file: rows.csv, order: {order}, on_exhausted: stop}}}}\n{tasks}"));
        workspace.write("rows.csv", "id\n1\n2\n3\n");
        let before = server.requests();
        workspace.perfgate("check shop.yaml --max-duration 1s").with(3).prints("data set `rows` was used up").prints(exhausted);
        assert_eq!((server.requests() - before) % 3, 0, "a row was used twice in one load");
    }
    let unique = workspace(&server, &format!("data: {{rows: {{file: rows.csv, order: unique}}}}\n{tasks}"));
    unique.write("rows.csv", "id\n1\n2\n3\n");
    unique.edit("shop.yaml", "rate: 50/s", "users: 5");
    unique
        .perfgate("check shop.yaml")
        .with(2)
        .says("error: shop.yaml:5:8: data set `rows` has 3 rows, and 5 users need one each\n")
        .says("hint: say `on_exhausted: recycle`, add rows, or use at most 3 users");
}

#[test]
fn a_template_with_a_typo_is_shown_with_what_was_probably_meant() {
    let server = shop();
    for (path, said, hint) in [
        ("/${prodct}", "nothing sets `${prodct}`", "did you mean `${product}`?"),
        ("/${rows.idd}", "data set `rows` has no column `idd`", "did you mean `id`?"),
        ("/${row.id}", "there is no data set `row`", "did you mean `${rows.id}`?"),
        ("/${uid()}", "there is no function `uid`", "did you mean `uuid`?"),
        ("/${product", "`${` is not closed by a `}`", ""),
        ("/${random_int(9, 1)}", "takes two whole numbers", ""),
    ] {
        let steps = format!(
            "data: {{rows: {{file: rows.csv}}}}\ntasks:\n  - steps:\n      - get: /\n        save: {{product: $.id}}\n      - get: '/x${{rows.id}}'\n      - get: '{path}'"
        );
        let workspace = workspace(&server, &steps);
        workspace.write("rows.csv", "id\n1\n");
        workspace.perfgate("check shop.yaml").with(2).says("error: shop.yaml:11:").says(said).says(hint);
    }
    assert_eq!(server.connections(), 0);
}

/// Labels that break a table, a quote, a line or a tag where they are not escaped.
const HOSTILE: [&str; 4] = ["/a \"b\", c; d", "/\u{1f6d2} \u{202e}x|y`z`", "/<script>alert(1)</script>&amp;", "/=1+1'--"];

#[test]
fn names_with_quotes_commas_and_emoji_come_whole_through_every_file() {
    let server = shop();
    let names: Vec<String> = HOSTILE.iter().map(|name| (*name).to_owned()).collect();
    let steps: Vec<String> = names.iter().map(|name| format!("      - get: /\n        name: '{}'", name.replace('\'', "''"))).collect();
    let workspace = workspace(&server, &format!("tasks:\n  - steps:\n{}", steps.join("\n")));
    workspace.perfgate("check shop.yaml").with(0);
    let labels: BTreeSet<String> = names.iter().map(|name| format!("GET {name}")).collect();
    let of = |values: &serde_json::Value, key: &str| -> BTreeSet<String> {
        values.as_array().unwrap().iter().map(|value| value[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of(&workspace.json("perfgate-out/run.json")["endpoints"], "name"), labels);
    assert_eq!(of(&workspace.json("perfgate-out/verdict.json")["findings"], "endpoint"), labels);
    let mut csv = csv::Reader::from_path(workspace.path("perfgate-out/stats.csv")).unwrap();
    let rows: BTreeSet<String> = csv.records().map(|row| row.unwrap()[1].trim_start_matches('\'').to_owned()).collect();
    for name in names.iter().filter(|name| !name.contains('\u{202e}')) {
        assert!(rows.contains(name), "{name} is not in {rows:?}");
    }
    let html = workspace.read("perfgate-out/report.html");
    assert!(!html.contains("<script>alert"), "a label became markup");
    for (format, said) in [("junit", "&quot;b&quot;, c"), ("markdown", "\u{1f6d2}")] {
        workspace.perfgate(&format!("report perfgate-out --format {format}")).with(0).prints(said);
    }
}

#[test]
fn a_thousand_names_are_enough() {
    let server = shop();
    let steps = (0..10_000).map(|number| format!("      - get: /products/{number}\n")).collect::<Vec<_>>().concat();
    let scenario = workspace(&server, &format!("tasks:\n  - steps:\n{steps}"));
    scenario.perfgate("check shop.yaml").with(2).says("error: shop.yaml:1007:14: more than 1000 endpoints\n").says("hint: ");
    // One name for all ids is one endpoint, however many there are.
    let named = workspace(&server, "tasks: [{steps: [{get: '/products/${iteration}', name: /products/:id}]}]");
    named.perfgate("check shop.yaml").with(0);
    let lines = (0..10_000)
        .map(|number| {
            format!(
                "{},200,5000000,0,10,,e30=,,{number},GET,http://shop/products/{number},\n",
                (1_795_183_200 + number) * 1_000_000_000_u64
            )
        })
        .collect::<Vec<_>>()
        .concat();
    named.write("vegeta.csv", &lines);
    named
        .perfgate("import vegeta.csv --out kept")
        .with(2)
        .says("error: vegeta.csv:1001: more than 1000 different names, such as ")
        .says("hint: ");
    assert!(!named.has("kept/run.json"));
}

#[test]
fn a_description_with_cycles_gives_files_that_validate() {
    let workspace = Workspace::empty();
    let description = "\
openapi: 3.0.3
info: {title: Ring}
servers: [{url: 'https://staging.ring.example'}]
components:
  parameters: {Self: {$ref: '#/components/parameters/Self'}}
  schemas:
    A: {type: object, required: [b], properties: {b: {$ref: '#/components/schemas/B'}}}
    B: {allOf: [{$ref: '#/components/schemas/A'}, {type: object, properties: {a: {$ref: '#/components/schemas/A'}}}]}
    C: {$ref: '#/components/schemas/D'}
    D: {$ref: '#/components/schemas/C'}
    E: {oneOf: [{$ref: '#/components/schemas/E'}]}
    F: {type: array, items: {$ref: '#/components/schemas/F'}}
paths:
  /loop: {$ref: '#/paths/~1loop'}
  /a: {post: {operationId: same, parameters: [{$ref: '#/components/parameters/Self'}], requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}}
  /c: {post: {operationId: same, requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/C'}}}}}}
  /e: {post: {operationId: 'same ', requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/E'}}}}}}
  /f: {post: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/F'}}}}}}
";
    workspace.write("ring.yaml", description);
    workspace.perfgate("init --openapi ring.yaml --out drafted").with(0);
    let scenario = workspace.read("drafted/ring.yaml");
    for path in ["/a", "/c", "/e", "/f"] {
        assert!(scenario.contains(&format!("post: {path}")), "{path}\n{scenario}");
    }
    workspace.perfgate("validate drafted/ring.yaml drafted/thresholds/ring.yaml").with(0);
}

/// Every real result, cut off in several places and mixed up with another one.
#[test]
fn a_result_that_is_cut_off_or_mixed_up_is_refused_with_place_and_cure() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/results");
    let read = |path: &str| fs::read(results.join(path)).unwrap();
    let workspace = Workspace::empty();
    let refused = |what: String, bytes: &[u8]| {
        fs::write(workspace.path("result"), bytes).unwrap();
        let ended = workspace.perfgate("import result --out kept").with(2).says("error: result").says("hint: ");
        let has_place = regex::Regex::new(r"error: result:( line)? ?\d+: ").unwrap().is_match(&ended.stderr);
        assert!(has_place, "{what}: {}", ended.stderr);
        assert!(!workspace.has("kept"), "{what}");
    };
    for path in [
        "k6-2.2.0/points.json",
        "k6-2.2.0/points.csv",
        "k6-2.2.0/summary-export.json",
        "k6-2.2.0/handle-summary.json",
        "locust-2.47.0/run.json",
        "locust-2.47.0/run_stats.csv",
        "oha-1.15.0/oha.json",
        "artillery-2/report.json",
        "wrk2-4.0.0/latency.txt",
    ] {
        let whole = read(path);
        for percent in [12, 37, 61, 88] {
            refused(format!("{path}, {percent} %"), &whole[..whole.len() * percent / 100]);
        }
    }
    let (points, csv) = (read("k6-2.2.0/points.json"), read("k6-2.2.0/points.csv"));
    refused("two kinds of points".into(), &[points.as_slice(), &csv].concat());
    refused("two kinds of points, the other way round".into(), &[csv.as_slice(), &points].concat());
}

#[test]
fn numbers_without_their_unit_or_in_another_one_are_not_taken_for_milliseconds() {
    let server = Server::healthy();
    for (file, from, to, said) in [
        ("shop.yaml", "hold: 1s", "hold: 60", "error: shop.yaml:4:25: `60` has no unit: write for example `60s` or `60ms`\n"),
        ("thresholds/shop.yaml", "400ms", "0.4", "`0.4` has no unit: write for example `0.4s` or `0.4ms`\n"),
        ("thresholds/shop.yaml", "1%", "0.01", "`0.01` "),
    ] {
        let workspace = Workspace::with_shop(&server.url());
        workspace.edit(file, from, to);
        workspace.perfgate("check shop.yaml").with(2).says(said);
    }
    assert_eq!(server.connections(), 0);
    let workspace = Workspace::empty();
    let jtl = |time: &str, elapsed: &str| {
        format!(
            "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect\n{time},{elapsed},Home,200,OK,t 1-1,text,true,,512,100,1,1,http://shop/,0,0,0\n"
        )
    };
    for (time, elapsed, said) in [
        ("1795183756000", "0.142", "error: result.jtl:2: `elapsed` is \"0.142\""),
        ("1795183756000", "142000000", "error: result.jtl:2: `elapsed` is 142000000 ms, more than an hour: is it in milliseconds?"),
        ("1795183756", "142", "error: result.jtl:2: the time 1795183 s since 1970 is not of this century"),
    ] {
        workspace.write("result.jtl", &jtl(time, elapsed));
        workspace.perfgate("import result.jtl --out kept").with(2).says(said).says("hint: ");
        assert!(!workspace.has("kept"));
    }
    // oha's seconds are seconds, and its own milliseconds beside them say the same.
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/results/oha-1.15.0/oha.json"), workspace.path("oha.json")).unwrap();
    workspace.perfgate("import oha.json --out oha").with(0).prints("188 ms");
}
