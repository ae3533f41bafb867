//! `report.html` as a browser has it: opened from a file in Chromium, by `harness/page.mjs`, which says what is wrong.
//! Without node, Chromium or the harness's two packages it is skipped with a notice; with `PERFGATE_REQUIRE_TOOLS=1`
//! that is a failure.
//!
//! To look at what the browser shows: `PERFGATE_SCREENSHOTS=FOLDER cargo test --test browser`. To take the README's
//! pictures anew: `PERFGATE_PICTURES=.github/pictures cargo test --test browser`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what cannot be prepared fails the test, and what was skipped is told")]

mod comment;
mod dashboard;
mod runs;
#[path = "../program/support/skip.rs"]
#[expect(dead_code, reason = "what only other tests lack")]
mod skip;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use perfgate::gate::{BaselineChoice, Beside, Release, Thresholds, judge, judge_release};
use perfgate::report::{ColorChoice, Context, Format, Look, Subject, page, render, render_run};
use perfgate::run::{Baseline, BaselineRun, PhaseSelection, Run};
use perfgate::stats::Restarts;

use self::skip::{Lacking, skip};

const REPRODUCE: &str = "perfgate check shop.yaml --seed 7";
const THRESHOLDS: &str = "version: 1
scenario: shop
defaults:
  p95: {max: 60ms, rise: 10%, at_least: 2ms}
  p99: {max: 200ms, rise: 25%}
  failures: 1%
";
/// As many rules as anybody has.
const WIDE: &str = "version: 1
scenario: shop
defaults:
  p50: {max: 60ms, rise: 10%}
  p90: {max: 60ms, rise: 10%}
  p95: {max: 60ms, rise: 10%}
  p99: {max: 200ms, rise: 25%}
  max: 10s
  mean: 1s
  failures: {max: 1%, rise: 0.5%}
";
/// What is judged seldom: some of it a run knows by the second, some not.
const SELDOM: &str = "version: 1
scenario: shop
defaults: {p95: 500ms}
endpoints:
  GET /api/orders 2/:id: {max: 60ms, mean: 10ms, failures.timeout: 0.1%, failures.5xx: 0.1%}
total: {throughput: {min: 100/s}}
";
const LOOK: Look = Look { width: 80, color: ColorChoice::Never };
/// Any of them will do.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
const DAY: Duration = Duration::from_secs(86_400);
/// What one page may take on disk.
const PAGE_BYTES: usize = 5 * 1024 * 1024;
/// What a picture may take in the repository.
const PICTURE_BYTES: u64 = 250_000;

/// So often may the page of a thousand endpoints read all that was measured: each table and each chart does so once or twice.
const READINGS: u32 = 25;

/// The page of a thousand endpoints that all got slower.
static LARGE: LazyLock<Written> = LazyLock::new(|| written(1000));

/// A page, and the CPU time that it took to write.
struct Written {
    text: String,
    took: Duration,
    /// What it takes to put together all that was measured, once.
    reading: Duration,
}

#[test]
fn every_kind_of_report_is_sound_in_a_browser() {
    let _turn = along_with_others();
    let Some(harness) = harness() else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in pages(folder.path()) {
        std::fs::write(folder.path().join(format!("{name}.html")), text).unwrap();
    }
    std::fs::write(folder.path().join("large.html"), &LARGE.text).unwrap();
    let screenshots = std::env::var_os("PERFGATE_SCREENSHOTS").map(PathBuf::from);
    look(&harness, "pages", folder.path(), screenshots.as_deref());
}

#[test]
fn the_pictures_of_the_readme_show_what_the_program_writes() {
    let _turn = along_with_others();
    let Some(harness) = harness() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (report, comment) = pictured(folder.path());
    std::fs::write(folder.path().join("report.html"), report).unwrap();
    std::fs::write(folder.path().join("comment.html"), comment::page(&comment)).unwrap();
    let pictures = std::env::var_os("PERFGATE_PICTURES").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    look(&harness, "pictures", folder.path(), Some(&pictures));
    dashboard::picture(&harness, &pictures);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/pictures");
    for name in ["report.png", "comment.png", "live.png"] {
        for picture in [pictures.join(name), kept.join(name)] {
            let bytes = std::fs::metadata(&picture).unwrap_or_else(|error| panic!("{}: {error}", picture.display())).len();
            assert!((5_000..=PICTURE_BYTES).contains(&bytes), "{}: {bytes} bytes", picture.display());
        }
    }
}

/// Whoever follows a load in real time does so alone: several browsers at once leave it no time.
static TURN: RwLock<()> = RwLock::new(());

fn along_with_others() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// Where the harness is; `None` where something is missing, which is said.
fn harness() -> Option<PathBuf> {
    let harness = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/harness");
    let missing = [
        (!answers("node"), "node"),
        (!BROWSERS.into_iter().any(answers), "chromium"),
        (!harness.join("node_modules/playwright-core").is_dir(), "the harness, by `npm ci --prefix tests/browser/harness`"),
    ];
    let Some((_, what)) = missing.into_iter().find(|(is_missing, _)| *is_missing) else { return Some(harness) };
    skip(Lacking::Tool(what));
    None
}

/// Lets the harness look at the pages of a folder; what is wrong with them fails the test.
fn look(harness: &Path, what: &str, folder: &Path, screenshots: Option<&Path>) {
    let mut command = Command::new("node");
    command.arg(harness.join("page.mjs")).arg(what).arg(folder).args(screenshots);
    let ended = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (told, log) = (text(ended.stdout), text(ended.stderr));
    println!("{log}");
    assert!(ended.status.success(), "{told}{log}");
}

fn answers(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// A page of every kind that a reader may get.
fn pages(folder: &Path) -> Vec<(&'static str, String)> {
    let (thresholds, seldom) = (thresholds(folder), thresholds_of(folder, SELDOM));
    let good = runs::shop(20, 300);
    let past = past(&good);
    let mut failed = runs::slower(&good, "orders 2", 1.8);
    runs::fail(&mut failed, "orders 4", 0.03);
    let small = runs::shop(6, 300);
    let mut few = small.clone();
    few.endpoints[3].slices.truncate(1);
    let mut hostile = runs::slower(&small, "orders 2", 2.0);
    hostile.endpoints[4].name = "GET /<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u{202e}`".into();
    hostile.endpoints[5].name = "GET /طلبات/سجل/14".into();
    hostile.endpoints[2].name = format!("POST /{}", "unbreakable".repeat(14));
    hostile.phases[0].name = "</style><script>alert(3)</script>".into();
    hostile.environment.branch = Some("<svg onload=alert(4)>".into());
    let mut failing = small.clone();
    runs::fail(&mut failing, "orders 2", 0.03);
    let judged_by = |thresholds: &Thresholds, run: &Run, past: Option<&Baseline>| {
        let digests = past.map(|past| past.digests(&thresholds.ask()));
        let verdict = judge(run, thresholds, digests.as_ref().map_or(BaselineChoice::None, BaselineChoice::Store));
        page(&Subject { verdict: &verdict, run, reproduce: REPRODUCE }, &Context { baseline: past, ..Context::default() })
    };
    let judged = |run: &Run, past: Option<&Baseline>| judged_by(&thresholds, run, past);
    let long = runs::shop(3, 5400);
    vec![
        ("passed", judged(&good, Some(&past))),
        ("failed", judged(&failed, Some(&past))),
        ("first", judged(&small, None)),
        ("undecided", judged(&few, Some(&past))),
        ("aborted", judged(&runs::aborted(&small), Some(&past))),
        ("unstarted", judged(&runs::unstarted(&small), Some(&past))),
        ("hostile", judged(&hostile, Some(&past))),
        ("beside", beside(&thresholds, &small)),
        ("long", judged(&runs::slower_after(&long, "orders 2", Duration::from_secs(2700), 2.0), Some(&self::past(&long)))),
        ("seldom", judged_by(&seldom, &failing, None)),
        ("imported", judged(&runs::imported(&small), None)),
        ("unjudged", render_run(Format::Html, &small, LOOK).unwrap()),
    ]
}

/// Three rounds of a release whose orders got slower, beside what is deployed.
fn beside(thresholds: &Thresholds, good: &Run) -> String {
    let round = |run: &Run, round: u32| Run { started_at: run.started_at + Duration::from_secs(400) * round, ..run.clone() };
    let loads: Vec<Run> = (0..3).map(|number| round(&runs::slower(good, "orders 2", 1.5 + 0.02 * f64::from(number)), number)).collect();
    let other = |number| Run {
        target: "https://stable.shop.example".into(),
        ..round(&runs::slower(good, "", 1.0 + 0.01 * f64::from(number)), number)
    };
    let others: Vec<Run> = (0..3).map(other).collect();
    let sides = Beside {
        target: "https://stable.shop.example",
        loads: &others,
        restarts: Restarts::BeforeEachRound,
        against_itself: &[],
        history: None,
    };
    let verdict = judge_release(Release { loads: &loads, most_loads: 3 }, thresholds, BaselineChoice::SideBySide(sides)).verdict;
    let (run, earlier) = loads.split_last().unwrap();
    let context = Context { baseline: None, earlier: earlier.iter().collect(), beside: &others };
    page(&Subject { verdict: &verdict, run, reproduce: REPRODUCE }, &context)
}

/// The shop that the README's pictures show, healthy.
fn pictured_shop() -> Run {
    let mut good = runs::shop(6, 300);
    let names =
        ["GET /api/products", "GET /api/products/:id", "GET /api/search", "POST /api/cart", "POST /api/checkout", "GET /api/orders/:id"];
    for (endpoint, name) in good.endpoints.iter_mut().zip(names) {
        endpoint.name = name.into();
    }
    good
}

/// The report and the comment that the README shows: a checkout that lost its index halfway, and a search that sometimes fails.
fn pictured(folder: &Path) -> (String, String) {
    let good = pictured_shop();
    let past = past(&good);
    let mut run = runs::slower_after(&good, "checkout", Duration::from_secs(170), 1.35);
    runs::fail(&mut run, "search", 0.03);
    let thresholds = thresholds(folder);
    let mut verdict = judge(&run, &thresholds, BaselineChoice::Store(&past.digests(&thresholds.ask())));
    verdict.thresholds.file = "thresholds/shop.yaml".into();
    let subject = Subject { verdict: &verdict, run: &run, reproduce: REPRODUCE };
    (page(&subject, &Context { baseline: Some(&past), ..Context::default() }), render(Format::Markdown, &subject, LOOK).unwrap())
}

fn thresholds(folder: &Path) -> Thresholds {
    thresholds_of(folder, THRESHOLDS)
}

fn thresholds_of(folder: &Path, text: &str) -> Thresholds {
    let path = folder.join("shop.yaml");
    std::fs::write(&path, text).unwrap();
    Thresholds::open(&path).unwrap()
}

/// Seven nights before the run, each a little different.
fn past(run: &Run) -> Baseline {
    let night = |night: u32| {
        let factor = [1.0, 0.97, 1.02, 0.99, 1.03, 0.98, 1.01][night as usize % 7];
        let mut earlier = runs::slower(run, "", factor);
        earlier.started_at = run.started_at.checked_sub(DAY * (night + 1)).unwrap();
        BaselineRun { id: format!("night-{night}"), pinned: false, run: earlier }
    };
    Baseline { source: ".perfgate/baselines/shop".into(), runs: (0..7).map(night).collect(), rounds: Vec::new() }
}

/// The page of so many endpoints, of which all got slower, with the seven nights that they were compared with.
fn written(endpoints: usize) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let good = runs::shop(endpoints, 300);
    let run = runs::slower(&good, "orders", 1.5);
    // One endpoint is enough to compare with; for the page every night has all of them.
    let mut past = past(&runs::shop(1, 300));
    let thresholds = thresholds(folder.path());
    let verdict = judge(&run, &thresholds, BaselineChoice::Store(&past.digests(&thresholds.ask())));
    for night in &mut past.runs {
        night.run.endpoints.clone_from(&good.endpoints);
        night.run.phases.clone_from(&good.phases);
    }
    let begun = computed();
    let text =
        page(&Subject { verdict: &verdict, run: &run, reproduce: REPRODUCE }, &Context { baseline: Some(&past), ..Context::default() });
    let took = computed().checked_sub(begun).unwrap();
    let begun = computed();
    assert!(run.total(PhaseSelection::Whole).counts.requests > 0);
    Written { text, took, reading: computed().checked_sub(begun).unwrap() }
}

/// The page of a thousand endpoints of such names that got slower.
fn written_by(thresholds: &str, name: impl Fn(usize) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut good = runs::shop(1000, 300);
    for (index, endpoint) in good.endpoints.iter_mut().enumerate() {
        endpoint.name = name(index);
    }
    let run = runs::slower(&good, "GET", 1.5);
    let thresholds = thresholds_of(folder.path(), thresholds);
    let verdict = judge(&run, &thresholds, BaselineChoice::None);
    page(&Subject { verdict: &verdict, run: &run, reproduce: REPRODUCE }, &Context::default())
}

/// What this thread has computed so far: unlike a clock it does not tell of a busy machine.
#[cfg(unix)]
fn computed() -> Duration {
    rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).try_into().unwrap()
}

#[cfg(not(unix))]
fn computed() -> Duration {
    static BEGUN: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    BEGUN.elapsed()
}

#[test]
fn a_thousand_endpoints_fit_into_five_megabytes_and_take_no_more_than_their_share_of_time() {
    let (few, many) = (written(100), &*LARGE);
    println!(
        "1,000 endpoints: {} bytes in {:?}, one reading {:?}; 100 endpoints: {:?}",
        many.text.len(),
        many.took,
        many.reading,
        few.took
    );
    assert!(many.text.len() <= PAGE_BYTES, "{} bytes", many.text.len());
    let wide = written_by(WIDE, |index| format!("GET /каталог/очень-длинное-имя-раздела-с-товарами/{index}/:id"));
    assert!(wide.len() <= PAGE_BYTES, "{} bytes where names are long and rules are many", wide.len());
    assert!(wide.contains("Left out here, and in verdict.json: "), "what did not fit is not counted");
    assert!(many.took < few.took * 10 * 2, "{:?} for ten times what took {:?}", many.took, few.took);
    assert!(many.took < many.reading * READINGS, "{:?} for what is read in {:?}", many.took, many.reading);
}
