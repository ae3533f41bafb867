//! `perfgate serve`: kept runs in a browser until it is interrupted, and the runs that somebody begins there, one at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::archive::folder_of_check;
use super::check::check;
use super::context::World;
use super::error::CommandError;
use super::live::{reach, warn_of_others};
use super::measure::open_scenario;
use super::surroundings::Surroundings;
use crate::cli::{CheckArgs, ExposureArgs, JudgingArgs, LoadArgs, PublishingArgs, ServeArgs, StdoutFormat};
use crate::dashboard::{CLOSING, Content, Dashboard, Runs, Upkeep, Wish, Wished};
use crate::exit::ExitCode;
use crate::history::{History, Opening, Refreshed, index_name};
use crate::load::{Abort, DRAIN_AT_ABORT};
use crate::run::RUN_FILE_NAME;

/// Where results lie without another word.
const FOLDERS: [&str; 2] = ["perfgate-out", ".perfgate"];
/// Where the runs go that are begun from a page.
const ARCHIVE: &str = ".perfgate/history";
/// Where indexes lie, and the one of [`FOLDERS`].
const INDEXES: &str = ".perfgate";
const INDEX: &str = "history.sqlite";
/// So long the first page waits for the first look through the folders.
const PATIENCE: Duration = Duration::from_secs(2);
/// Signals are looked for this often.
const STEP: Duration = Duration::from_millis(50);
/// So long it may take from a signal to the end, and what of it is left to write what was measured.
const END: Duration = Duration::from_secs(2);
const TO_WRITE: Duration = Duration::from_millis(150);

const _: () = assert!(STEP.as_millis() + DRAIN_AT_ABORT.as_millis() + TO_WRITE.as_millis() + CLOSING.as_millis() <= END.as_millis());

/// What was typed for one scenario, and what the scenario calls itself.
struct Offered {
    name: String,
    path: PathBuf,
}

pub fn serve(world: &mut World, args: &ServeArgs) -> Result<ExitCode, CommandError> {
    let offered = offered(world, &args.allow_run)?;
    let opening = if args.reindex { Opening::Anew } else { Opening::AsItWas };
    let folders = folders(args);
    for folder in args.folders.iter().filter(|folder| !folder.exists()) {
        world
            .note(&format!("warning: {}: there is no such folder; it is looked for again with each look at the history", folder.display()));
    }
    let (history, told) = History::open(Some(index_of(args, &folders)), folders, opening)?;
    if let Some(told) = told {
        world.note(&format!("warning: {told}"));
    }
    let history = Arc::new(history);
    let (upkeep, due) = Upkeep::new();
    let (wishing, wishes) = channel();
    let runs = Runs::on_request(offered.iter().map(|one| one.name.clone()).collect(), wishing);
    let signals = world.abort_on_signals();
    let refreshed = keep_up(Arc::clone(&history), due);
    tell_first(world, &refreshed);
    let content = Content { runs, history: Some(history), upkeep: Some(upkeep.clone()) };
    let dashboard = Dashboard::open(args.bind, reach(args.exposure), content)?;
    warn_of_others(world, args.bind);
    world.print(&format!("{}\n", dashboard.url()));
    world.note("this address opens once; Ctrl-C ends it");
    while signals.reason().is_none() {
        for refreshed in refreshed.try_iter() {
            tell(world, &refreshed);
        }
        if let Ok(wish) = wishes.recv_timeout(STEP) {
            fulfil(world, &offered, wish, &signals);
            upkeep.wish();
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

/// Other folders have other indexes, so that two programs at the same place do not forget each other's runs.
fn index_of(args: &ServeArgs, folders: &[PathBuf]) -> PathBuf {
    let name = if args.folders.is_empty() { INDEX.to_owned() } else { index_name(folders) };
    Path::new(INDEXES).join(name)
}

/// Brings the index up to date once, and again whenever somebody wishes for it, until nobody can any more.
fn keep_up(history: Arc<History>, due: Wished) -> Receiver<Result<Refreshed, String>> {
    let (sender, refreshed) = channel();
    let work = move || {
        loop {
            if sender.send(history.refresh().map_err(|error| error.to_string())).is_err() {
                return;
            }
            if !due.done() {
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
        return feed.ended(ExitCode::Usage);
    };
    let abort = Abort::default();
    let asked = abort.clone();
    feed.on_stop(move |reason| asked.request(reason));
    (world.live, world.abort) = (Some(feed.clone()), Some(abort.clone()));
    let out = folder_of_check(Path::new(ARCHIVE), name, (world.now)());
    let run = out.join(RUN_FILE_NAME);
    let code = handing_on(signals, &abort, || check(world, &args_of(path, out)));
    (world.live, world.abort) = (None, None);
    if run.is_file() {
        feed.kept_as(run);
    }
    feed.ended(code);
}

/// Hands a signal on to what is being done, for as long as it is done; also where that ends in a panic.
fn handing_on<T>(signals: &Abort, abort: &Abort, act: impl FnOnce() -> T) -> T {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Some(reason) = signals.reason() {
                    return abort.request(&reason);
                }
                std::thread::sleep(STEP);
            }
        });
        let _over = Over(&over);
        act()
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_not_waited_for_and_a_signal_is_handed_on() {
        let (signals, abort) = (Abort::default(), Abort::default());
        let panicked = std::panic::catch_unwind(|| handing_on(&Abort::default(), &Abort::default(), || panic!("a bug")));
        assert!(panicked.is_err());
        signals.request("SIGTERM");
        let reason = handing_on(&signals, &abort, || {
            while abort.reason().is_none() {
                std::thread::sleep(STEP);
            }
            abort.reason()
        });
        assert_eq!(reason.as_deref(), Some("SIGTERM"));
    }
}
