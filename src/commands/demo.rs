//! `perfgate demo`: the embedded staging API, a baseline, a good release that passes and a bad one that fails.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::baseline::refresh;
use super::check::check;
use super::context::World;
use super::error::CommandError;
use crate::cli::{CheckArgs, DemoArgs, ExposureArgs, JudgingArgs, LoadArgs, PublishingArgs, RefreshArgs, RegressionKind, StdoutFormat};
use crate::demo::{DemoOptions, DemoServer, Regression};
use crate::exit::ExitCode;
use crate::files::write_atomically;

/// The files that the demo leaves, ready to be changed and run again.
const FILES: [(&str, &str); 5] = [
    ("shop.yaml", include_str!("../../examples/shop.yaml")),
    ("thresholds.yaml", include_str!("../../thresholds/shop.yaml")),
    ("data/users.csv", include_str!("../../examples/data/users.csv")),
    ("data/searches.csv", include_str!("../../examples/data/searches.csv")),
    ("data/products.csv", include_str!("../../examples/data/products.csv")),
];
/// Shorter than the example's own, and still enough requests for every rule.
const HOLD: Duration = Duration::from_secs(8);
/// With fewer runs a comparison is advice only.
const BASELINE_RUNS: u32 = 3;

pub fn demo(world: &mut World, args: &DemoArgs) -> Result<ExitCode, CommandError> {
    let regression = args.regression.map(regression);
    if args.serve_only {
        return serve_only(world, args.port, regression);
    }
    let bad = regression.unwrap_or(Regression::MissingIndex);
    let stage = Stage::set(&args.out)?;
    chapter(world, 1, "a nightly job measures staging and keeps the runs as the baseline");
    let kept = Stage::with_release(None, |target| refresh(world, &stage.nightly(target)))?;
    if kept != ExitCode::Pass {
        return Ok(off_script(world, "the baseline was not kept"));
    }
    chapter(world, 2, "a good release candidate is checked");
    let good = Stage::with_release(None, |target| Ok(check(world, &stage.check(target, "good-release"))))?;
    if good != ExitCode::Pass {
        return Ok(off_script(world, "the good release did not pass"));
    }
    chapter(world, 3, &format!("a bad release candidate is checked: {bad}"));
    let failed = Stage::with_release(Some(bad), |target| Ok(check(world, &stage.check(target, "bad-release"))))?;
    if failed != ExitCode::GateFailed {
        return Ok(off_script(world, "the bad release was not stopped"));
    }
    show_comment(world, &stage)?;
    Ok(ExitCode::Pass)
}

/// Where the demo plays.
struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Writes the demo's files and removes an earlier demo's baseline, which belongs to another machine's mood.
    fn set(folder: &Path) -> Result<Self, CommandError> {
        for (name, content) in FILES {
            write_atomically(&folder.join(name), content.as_bytes()).map_err(CommandError::NotWritten)?;
        }
        let stage = Self { folder: folder.to_owned() };
        let _ = std::fs::remove_dir_all(stage.store());
        Ok(stage)
    }

    fn store(&self) -> PathBuf {
        self.folder.join("baseline")
    }

    fn load(target: &SocketAddr) -> LoadArgs {
        LoadArgs { target: Some(format!("http://{target}")), duration: Some(HOLD), ..LoadArgs::default() }
    }

    fn nightly(&self, target: &SocketAddr) -> RefreshArgs {
        RefreshArgs {
            scenarios: vec![self.folder.join("shop.yaml")],
            baseline: None,
            keep: Some(self.store().display().to_string()),
            runs: 10,
            repeat: BASELINE_RUNS,
            against: None,
            rounds: 0,
            between_rounds: None,
            load: Self::load(target),
            out: self.folder.join("nightly"),
        }
    }

    fn check(&self, target: &SocketAddr, out: &str) -> CheckArgs {
        CheckArgs {
            max_duration: None,
            against: None,
            between_rounds: None,
            scenarios: vec![self.folder.join("shop.yaml")],
            judging: JudgingArgs {
                thresholds: Some(self.folder.join("thresholds.yaml")),
                baseline: vec![self.store().display().to_string()],
                soft: false,
                format: StdoutFormat::Auto,
            },
            load: Self::load(target),
            thresholds_from_base: false,
            publishing: PublishingArgs { publish: "none".to_owned(), publish_key: None, pr: None },
            live: None,
            exposure: ExposureArgs::default(),
            out: self.folder.join(out),
            archive: None,
        }
    }

    /// Deploys a release, lets `act` load it, and takes it down again.
    fn with_release<T>(
        regression: Option<Regression>,
        act: impl FnOnce(&SocketAddr) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        let release = Release::deploy(0, regression)?;
        let acted = act(&release.address);
        release.stop();
        acted
    }
}

/// The staging API on a thread of its own.
struct Release {
    address: SocketAddr,
    stopping: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Release {
    fn deploy(port: u16, regression: Option<Regression>) -> Result<Self, CommandError> {
        let (stopping, stopped) = oneshot::channel::<()>();
        let (ready, started) = mpsc::channel();
        let serve = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async {
                match listen(port, regression).await {
                    Ok(server) => {
                        let _ = ready.send(Ok(server.address()));
                        let _ = stopped.await;
                        server.stop().await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        };
        let failed = |source| CommandError::Demo { port, source };
        let thread = std::thread::Builder::new().name("demo".into()).spawn(serve).map_err(failed)?;
        let address = started.recv().unwrap_or_else(|_| Err(std::io::ErrorKind::Other.into())).map_err(failed)?;
        Ok(Self { address, stopping, thread })
    }

    fn stop(self) {
        let _ = self.stopping.send(());
        // It waits at most two seconds for requests under way, and has nothing to tell.
        let _ = self.thread.join();
    }
}

async fn listen(port: u16, regression: Option<Regression>) -> std::io::Result<DemoServer> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    DemoServer::start(listener, DemoOptions { regression, seed: 1 }).await
}

fn serve_only(world: &mut World, port: u16, regression: Option<Regression>) -> Result<ExitCode, CommandError> {
    let abort = world.abort_on_signals();
    let release = Release::deploy(port, regression)?;
    world.print(&format!("serving http://{}\n", release.address));
    world.note(&format!("{}; Ctrl-C ends it", regression.map_or("a healthy release".to_owned(), |bad| format!("a bad release: {bad}"))));
    while abort.reason().is_none() {
        std::thread::sleep(Duration::from_millis(50));
    }
    release.stop();
    Ok(ExitCode::Pass)
}

fn chapter(world: &mut World, number: u32, title: &str) {
    world.print(&format!("\n{number}. {title}\n\n"));
}

fn off_script(world: &mut World, what: &str) -> ExitCode {
    world.note(&format!("error: {what}: this machine was probably too busy to show the demo"));
    world.note("hint: run it again with nothing else running");
    ExitCode::NoVerdict
}

fn show_comment(world: &mut World, stage: &Stage) -> Result<(), CommandError> {
    let folder = stage.folder.join("bad-release");
    let comment = crate::files::read_text_capped(&folder.join("summary.md"), 1024 * 1024).map_err(CommandError::NotRead)?;
    chapter(world, 4, "the comment that its pull request would get");
    world.print(&comment);
    world.print(&format!(
        "\nThe release was stopped with exit code 1, as `perfgate check` would in CI. Look around in {}:\n  {}\n",
        stage.folder.display(),
        "shop.yaml, thresholds.yaml   what was sent, and what was allowed\n  baseline/                    the runs to compare with\n  good-release/, bad-release/  report.html to look at, run.json, verdict.json, summary.md, junit.xml, stats.csv"
    ));
    Ok(())
}

fn regression(kind: RegressionKind) -> Regression {
    match kind {
        RegressionKind::MissingIndex => Regression::MissingIndex,
        RegressionKind::NPlusOne => Regression::NPlusOne,
        RegressionKind::SmallPool => Regression::SmallPool,
        RegressionKind::SlowDependency => Regression::SlowDependency,
        RegressionKind::Errors => Regression::Errors,
    }
}
