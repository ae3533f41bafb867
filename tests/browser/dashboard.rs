//! `check --live` and `serve` as a browser has them: driven by `harness/dashboard.mjs`, which says what is wrong.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use perfgate::baseline::{Admission, Store};
use perfgate::demo::{DemoOptions, DemoServer};
use perfgate::gate::{BaselineChoice, judge};
use perfgate::report::{ColorChoice, Format, Look, Subject, render};
use perfgate::run::save_run;
use serde_json::Value;

use super::{DAY, REPRODUCE, harness, runs, thresholds};

/// The program at work, and the address that it printed.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perfgate"));
        command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, urls) = std::sync::mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    println!("{line}");
                    if let Some(url) = line.split_whitespace().find(|word| word.contains("/?token=")) {
                        let _ = sender.send(url.to_owned());
                    }
                }
            });
        }
        let url = urls.recv_timeout(Duration::from_secs(30)).unwrap();
        Self { child, url }
    }

    /// Has a browser visit it; what it told.
    fn visit(&self, harness: &Path, mode: &str) -> String {
        let mut command = Command::new("node");
        command.arg(harness.join("dashboard.mjs")).args([mode, &self.url]).args(std::env::var_os("PERFGATE_SCREENSHOTS"));
        let ended = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (wrong, told) = (text(ended.stdout), text(ended.stderr));
        assert!(ended.status.success(), "{wrong}{told}");
        told
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_live_view_follows_a_real_run_to_its_own_numbers() {
    let Some(harness) = harness() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let shop = runtime.block_on(DemoServer::start(listener, DemoOptions { regression: None, seed: 1 })).unwrap();
    let target = format!("http://{}", shop.address());
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (scenario, limits) = (root.join("examples/shop.yaml"), root.join("thresholds/shop.yaml"));
    let out = folder.path().join("out");
    let arguments =
        ["check", scenario.to_str().unwrap(), "--thresholds", limits.to_str().unwrap(), "--target", &target, "--duration", "20s", "--live"];
    let arguments = [&arguments[..], &["--max-duration", "20s", "--baseline", "none", "--out", out.to_str().unwrap()]].concat();
    let mut served = Served::start(folder.path(), &arguments);
    let told = served.visit(&harness, "live");
    let seen: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let code = served.child.wait().unwrap().code().unwrap();
    assert!(seen["ended"].as_str().unwrap().contains(&format!("(exit {code})")), "{seen}");
    let run: Value = serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap();
    let run_of_file = perfgate::run::load_run(&out.join("run.json")).unwrap();
    let latency = run_of_file.total(perfgate::run::PhaseSelection::Judged).latency;
    let millis = |percentile| perfgate::units::format_millis(latency.percentile_ms(percentile).unwrap());
    let count = |key: &str| perfgate::units::format_count(run["total"][key].as_u64().unwrap());
    let expected = [
        ("requests", count("requests")),
        ("failures", count("failures")),
        ("p95", millis(perfgate::units::Percentile::P95)),
        ("p99", millis(perfgate::units::Percentile::P99)),
    ];
    for (tile, text) in expected {
        assert_eq!(seen["tiles"][tile], text, "{seen}");
    }
}

#[test]
fn a_history_is_filtered_compared_and_read_in_a_browser() {
    let Some(harness) = harness() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (thresholds, small) = (thresholds(folder.path()), runs::shop(4, 120));
    let mut store = Store::open(&folder.path().join(".perfgate/baselines/shop")).unwrap();
    for night in 0..24_u32 {
        let factor = [1.0, 0.98, 1.01, 0.99, 1.02, 1.0, 0.985][night as usize % 7];
        let mut run = runs::slower(&small, "", factor);
        if night >= 14 {
            run = runs::slower(&run, "orders 2", 2.2);
        }
        run.started_at = run.started_at.checked_add(DAY * night).unwrap();
        run.environment.branch = Some(if night % 3 == 0 { "release/2.4" } else { "main" }.into());
        if night == 4 {
            let id = store.admit(&run, Admission::Admitted { note: None }).unwrap();
            store.pin(id.as_str()).unwrap();
            continue;
        }
        let verdict = judge(&run, &thresholds, BaselineChoice::None);
        let place = folder.path().join(format!("perfgate-out/night-{night}"));
        save_run(&place.join("run.json"), &run).unwrap();
        let subject = Subject { verdict: &verdict, run: &run, reproduce: REPRODUCE };
        let look = Look { width: 80, color: ColorChoice::Never };
        std::fs::write(place.join("verdict.json"), render(Format::Json, &subject, look).unwrap()).unwrap();
    }
    Served::start(folder.path(), &["serve"]).visit(&harness, "history");
    // And once more by another process, from the index that the first one made.
    Served::start(folder.path(), &["serve"]).visit(&harness, "history");
}
