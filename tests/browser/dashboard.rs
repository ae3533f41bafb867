//! `check --live` and `serve` as a browser has them: driven by `harness/dashboard.mjs`, which says what is wrong.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use perfgate::baseline::{Admission, Store};
use perfgate::dashboard::{Content, Dashboard, Feed, Heading, Moment, Phase, Reach, Runs};
use perfgate::demo::{DemoOptions, DemoServer};
use perfgate::gate::{BaselineChoice, judge};
use perfgate::report::{ColorChoice, Format, Look, Subject, render};
use perfgate::run::{Run, save_run};
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

    fn visit(&self, harness: &Path, mode: &str) -> String {
        visit(harness, mode, &self.url, std::env::var_os("PERFGATE_SCREENSHOTS").as_deref().map(Path::new))
    }
}

/// Has a browser visit a dashboard; what it told.
fn visit(harness: &Path, mode: &str, url: &str, screenshots: Option<&Path>) -> String {
    let mut command = Command::new("node");
    let ended = command.arg(harness.join("dashboard.mjs")).args([mode, url]).args(screenshots).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (wrong, told) = (text(ended.stdout), text(ended.stderr));
    assert!(ended.status.success(), "{wrong}{told}");
    told
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_live_view_follows_a_real_run_to_its_own_numbers() {
    let _turn = super::alone();
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
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = run["total"]["failures"].as_u64().unwrap() as f64 / run["total"]["requests"].as_u64().unwrap() as f64;
    let expected = [
        ("requests", count("requests")),
        ("failures", perfgate::units::format_share(share)),
        ("p95", millis(perfgate::units::Percentile::P95)),
        ("p99", millis(perfgate::units::Percentile::P99)),
    ];
    assert_eq!(seen["failures"], count("failures"), "{seen}");
    for (tile, text) in expected {
        assert_eq!(seen["tiles"][tile], text, "{seen}");
    }
    let requests = seen["requests"].as_array().unwrap();
    let tasks = run["endpoints"].as_array().unwrap().iter().filter(|endpoint| endpoint["role"] == "task");
    assert_eq!(*requests, tasks.map(|endpoint| endpoint["requests"].clone()).collect::<Vec<_>>(), "a table that had the focus");
}

#[test]
fn a_history_is_filtered_compared_and_read_in_a_browser() {
    let _turn = super::along_with_others();
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
        run.started_at = jiff::Timestamp::now() - DAY * (23 - night);
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
    Served::start(folder.path(), &["serve"]).visit(&harness, "again");
}

#[test]
fn a_run_is_begun_from_a_page_at_an_address_that_others_reach() {
    let _turn = super::alone();
    let Some(harness) = harness() else { return };
    let own = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()));
    let Some(own) = own.ok().map(|own| own.ip()).filter(|own| !own.is_loopback() && !own.is_unspecified()) else {
        println!("notice: skipped: this machine has no address that others reach");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let scenario = "version: 1\nname: shop\ntarget: http://127.0.0.1:9\nload: {users: 1, hold: 1s}\ntasks:\n  - steps: [{get: /}]\n";
    std::fs::write(folder.path().join("shop.yaml"), scenario).unwrap();
    std::fs::create_dir(folder.path().join("thresholds")).unwrap();
    std::fs::write(folder.path().join("thresholds/shop.yaml"), "version: 1\nscenario: shop\ndefaults: {failures: 1%}\n").unwrap();
    // A target that is there, and answers nothing that is asked of it.
    let slow = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = slow.local_addr().unwrap();
    std::thread::spawn(move || slow.incoming().flatten().for_each(|stream| drop(std::thread::spawn(move || answer_all(stream)))));
    let slow = scenario.replace("name: shop", "name: slow").replace("127.0.0.1:9", &address.to_string()).replace("hold: 1s", "hold: 60s");
    std::fs::write(folder.path().join("slow.yaml"), slow).unwrap();
    std::fs::write(folder.path().join("thresholds/slow.yaml"), "version: 1\nscenario: slow\ndefaults: {failures: 1%}\n").unwrap();
    let arguments =
        ["serve", "--bind", "0.0.0.0:0", "--i-know-this-exposes-results", "--allow-run", "shop.yaml", "--allow-run", "slow.yaml"];
    let served = Served::start(folder.path(), &arguments);
    let screenshots = std::env::var_os("PERFGATE_SCREENSHOTS");
    visit(&harness, "begin", &served.url.replace("127.0.0.1", &own.to_string()), screenshots.as_deref().map(Path::new));
}

/// Answers every request on a connection with 200 and nothing else.
fn answer_all(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            std::thread::sleep(Duration::from_millis(10));
            if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_err() {
                return;
            }
        }
    }
}

#[test]
fn a_tab_gives_way_keeps_what_is_read_and_says_when_nothing_comes_any_more() {
    let _turn = super::along_with_others();
    let Some(harness) = harness() else { return };
    let (feed, dashboard) = served(96, 3600);
    let mut run = super::pictured_shop();
    let mut command = Command::new("node");
    command.arg(harness.join("dashboard.mjs")).args(["tabs", dashboard.url()]).args(std::env::var_os("PERFGATE_SCREENSHOTS"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(child.stderr.take().unwrap());
    let seen = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (feed, seen) = (&feed, &seen);
        scope.spawn(move || {
            for second in (97..3600).take_while(|_| !seen.load(Ordering::Relaxed)) {
                feed.tick(made_up(second, 3600));
                // Of another run each time, so that the table is another one, too.
                run.endpoints[0].phases.iter_mut().for_each(|phase| phase.requests += 1);
                feed.checkpoint(&run);
                std::thread::sleep(Duration::from_millis(200));
            }
        });
        told.lines().map_while(Result::ok).find(|line| line == "seen");
        seen.store(true, Ordering::Relaxed);
    });
    // As one that is killed: nothing more is said.
    dashboard.close();
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}

/// Visits a dashboard whose feed gets checkpoints of this run meanwhile.
fn while_fed(feed: &Feed, run: &Run, visit: impl FnOnce() -> String) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A minute at most, where the visit fails.
            for _ in (0..600).take_while(|_| !over.load(Ordering::Relaxed)) {
                feed.checkpoint(run);
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        visit();
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_page_without_scripts_alone_is_told_of_each_endpoint() {
    let _turn = super::along_with_others();
    let Some(harness) = harness() else { return };
    let (feed, dashboard) = served(96, 150);
    while_fed(&feed, &super::pictured_shop(), || visit(&harness, "still", dashboard.url(), None));
    dashboard.close();
}

/// A made-up check of a shop: users who come over half a minute and stay.
fn made_up(second: u32, seconds: u32) -> Moment {
    const RAMP: u32 = 30;
    let wave = f64::from(second * 7919 % 97) / 97.0;
    let load = 120.0 * f64::from(second.min(RAMP)) / f64::from(RAMP);
    let is_judged = second > RAMP;
    Moment {
        elapsed_s: f64::from(second),
        duration_s: f64::from(seconds),
        phase: if is_judged { "hold" } else { "ramp-up" }.into(),
        judged: is_judged,
        load,
        requests_per_s: (load * (1.9 + 0.2 * wave)).round(),
        failures_per_s: f64::from(u32::from(second % 37 == 5)),
        p50_ms: Some(11.0 + 2.0 * wave),
        p95_ms: Some(27.0 + 9.0 * wave),
        p99_ms: Some(61.0 + 40.0 * wave),
        requests: u64::from(second) * 240,
        failures: u64::from(second / 37),
        not_sent: 0,
        cpu_busy: Some(0.07 + 0.02 * wave),
        steal: Some(0.0),
        late_p99_ms: Some(0.06),
    }
}

/// The live view of the made-up check after so many of its seconds, and its address.
fn served(now: u32, seconds: u32) -> (Feed, Dashboard) {
    let feed = Feed::default();
    let phase = |name: &str, from, to, judged| Phase { name: name.into(), from, to, judged };
    feed.begin(Heading {
        scenario: "shop".into(),
        target: "https://staging.shop.example".into(),
        started_at: None,
        load_unit: "users",
        phases: vec![phase("ramp-up", 0.0, 30.0, false), phase("hold", 30.0, f64::from(seconds), true)],
    });
    (1..=now).for_each(|second| feed.tick(made_up(second, seconds)));
    let content = Content { runs: Runs::watching(feed.clone()), ..Content::default() };
    let dashboard = Dashboard::open("127.0.0.1:0".parse().unwrap(), Reach::ThisMachine, content).unwrap();
    (feed, dashboard)
}

#[test]
fn eight_hours_of_a_live_view_keep_the_tab_small() {
    const SECONDS: u32 = 8 * 3600;
    let _turn = super::along_with_others();
    let Some(harness) = harness() else { return };
    let (feed, dashboard) = served(SECONDS - 600, SECONDS);
    let run = runs::shop(20, 300);
    let over = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        scope.spawn(|| {
            for second in (SECONDS - 600..SECONDS).take_while(|_| !over.load(Ordering::Relaxed)) {
                feed.tick(made_up(second, SECONDS));
                feed.checkpoint(&run);
                std::thread::sleep(Duration::from_millis(30));
            }
        });
        let told = visit(&harness, "hours", dashboard.url(), None);
        over.store(true, Ordering::Relaxed);
        told
    });
    println!("MiB, and nodes of the page: {told}");
    dashboard.close();
}

/// Takes the picture of the live view into a folder.
pub fn picture(harness: &Path, folder: &Path) {
    let (feed, dashboard) = served(96, 150);
    while_fed(&feed, &super::pictured_shop(), || visit(harness, "picture", dashboard.url(), Some(folder)));
    dashboard.close();
}
