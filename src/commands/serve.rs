//! `perfgate serve`: kept runs in a browser until it is interrupted, and the runs that somebody begins there, one at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::time::Duration;

use super::archive::folder_of_check;
use super::check::check;
use super::context::World;
use super::error::CommandError;
use super::live::{ended, reach};
use super::measure::open_scenario;
use super::surroundings::Surroundings;
use crate::cli::{CheckArgs, ExposureArgs, JudgingArgs, LoadArgs, PublishingArgs, ServeArgs, StdoutFormat};
use crate::dashboard::{Content, Dashboard, Runs, Wish};
use crate::exit::ExitCode;
use crate::history::{History, Opening, Refreshed};
use crate::load::Abort;

/// Where results lie without another word.
const FOLDERS: [&str; 2] = ["perfgate-out", ".perfgate"];
/// Where the runs go that are begun from a page.
const ARCHIVE: &str = ".perfgate/history";
const INDEX: &str = ".perfgate/history.sqlite";
/// So long the first page waits for the first look through the folders.
const PATIENCE: Duration = Duration::from_secs(2);
/// Signals are looked for this often.
const STEP: Duration = Duration::from_millis(50);
/// Folders are looked through again at most this often.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// What was typed for one scenario, and what the scenario calls itself.
struct Offered {
    name: String,
    path: PathBuf,
}

pub fn serve(world: &mut World, args: &ServeArgs) -> Result<ExitCode, CommandError> {
    let offered = offered(world, &args.allow_run)?;
    let opening = if args.reindex { Opening::Anew } else { Opening::AsItWas };
    let (history, told) = History::open(Some(INDEX.into()), folders(args), opening)?;
    if let Some(told) = told {
        world.note(&format!("warning: {told}"));
    }
    let history = Arc::new(history);
    let (looked_at, looks) = sync_channel(1);
    let (wishing, wishes) = channel();
    let runs = Runs::on_request(offered.iter().map(|one| one.name.clone()).collect(), wishing);
    let signals = world.abort_on_signals();
    let refreshed = keep_up(Arc::clone(&history), looks);
    tell_first(world, &refreshed);
    let dashboard =
        Dashboard::open(args.bind, reach(args.exposure), Content { runs, history: Some(history), looked_at: Some(looked_at.clone()) })?;
    if args.exposure.i_know_this_exposes_results && !args.bind.ip().is_loopback() {
        world.note("warning: other machines can reach this, and what they are sent is not encrypted");
    }
    world.print(&format!("{}\n", dashboard.url()));
    world.note("this address opens once; Ctrl-C ends it");
    while signals.reason().is_none() {
        for refreshed in refreshed.try_iter() {
            tell(world, &refreshed);
        }
        if let Ok(wish) = wishes.recv_timeout(STEP) {
            fulfil(world, &offered, wish, &signals);
            let _ = looked_at.try_send(());
        }
    }
    dashboard.close();
    Ok(ExitCode::Pass)
}

/// Reads the scenarios that may be begun: a mistake in one is told now, and not to whoever begins it.
fn offered(world: &mut World, paths: &[PathBuf]) -> Result<Vec<Offered>, CommandError> {
    if !paths.is_empty() {
        Surroundings::look(world)?.refuse_foreign_code(world)?;
    }
    let mut offered: Vec<Offered> = Vec::new();
    for path in paths {
        let name = open_scenario(world, path, &LoadArgs::default())?.name.clone();
        if offered.iter().any(|other| other.name == name) {
            return Err(CommandError::SameName { name });
        }
        offered.push(Offered { name, path: path.clone() });
    }
    Ok(offered)
}

fn folders(args: &ServeArgs) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = if args.folders.is_empty() { FOLDERS.map(PathBuf::from).to_vec() } else { args.folders.clone() };
    if !args.allow_run.is_empty() && !args.folders.is_empty() {
        folders.push(ARCHIVE.into());
    }
    folders
}

/// Brings the index up to date once, and again whenever somebody has looked, until nobody can look any more.
fn keep_up(history: Arc<History>, looks: Receiver<()>) -> Receiver<Result<Refreshed, String>> {
    let (sender, refreshed) = channel();
    let work = move || {
        loop {
            if sender.send(history.refresh().map_err(|error| error.to_string())).is_err() {
                return;
            }
            std::thread::sleep(BETWEEN_LOOKS);
            if looks.recv().is_err() {
                return;
            }
        }
    };
    // Without this thread the pages show what the index knew.
    let _ = std::thread::Builder::new().name("history".into()).spawn(work);
    refreshed
}

fn tell_first(world: &mut World, refreshed: &Receiver<Result<Refreshed, String>>) {
    match refreshed.recv_timeout(PATIENCE) {
        Ok(refreshed) => tell(world, &refreshed),
        Err(RecvTimeoutError::Timeout) => world.note("reading kept runs; the pages show those that have been read"),
        Err(RecvTimeoutError::Disconnected) => {}
    }
}

fn tell(world: &mut World, refreshed: &Result<Refreshed, String>) {
    match refreshed {
        Ok(Refreshed { read, gone, skipped }) => {
            for skipped in skipped {
                world.note(&format!("warning: not in the history: {skipped}"));
            }
            if read + gone > 0 {
                world.note(&format!("history: {read} files read, {gone} gone"));
            }
        }
        Err(error) => world.note(&format!("warning: {error}")),
    }
}

/// Runs the check that was wished for to its end, which a page or a signal may ask for.
fn fulfil(world: &mut World, offered: &[Offered], wish: Wish, signals: &Abort) {
    let Wish { scenario, feed } = wish;
    let Some(Offered { name, path }) = offered.iter().find(|one| one.name == scenario) else {
        return feed.ended("not offered");
    };
    let abort = Abort::default();
    let asked = abort.clone();
    feed.on_stop(move |reason| asked.request(reason));
    (world.live, world.abort) = (Some(feed.clone()), Some(abort.clone()));
    let out = folder_of_check(Path::new(ARCHIVE), name, (world.now)());
    let over = AtomicBool::new(false);
    let code = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Some(reason) = signals.reason() {
                    return abort.request(&reason);
                }
                std::thread::sleep(STEP);
            }
        });
        let code = check(world, &args_of(path, out));
        over.store(true, Ordering::Relaxed);
        code
    });
    (world.live, world.abort) = (None, None);
    feed.ended(&ended(code));
}

fn args_of(scenario: &Path, out: PathBuf) -> CheckArgs {
    CheckArgs {
        scenarios: vec![scenario.to_owned()],
        judging: JudgingArgs { thresholds: None, baseline: Vec::new(), soft: false, format: StdoutFormat::Auto },
        load: LoadArgs::default(),
        max_duration: None,
        against: None,
        between_rounds: None,
        thresholds_from_base: false,
        publishing: PublishingArgs { publish: "none".to_owned(), publish_key: None, pr: None },
        live: None,
        exposure: ExposureArgs::default(),
        out,
        archive: None,
    }
}
