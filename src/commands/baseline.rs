//! `perfgate baseline`: the nightly job and the store that it keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::{World, exit_of_signal};
use super::error::CommandError;
use super::import::open_run;
use super::judging::{default_store, reach};
use super::measure::{find_target, load, load_beside, open_scenario};
use super::plan_words::counted;
use super::results::Results;
use super::side_by_side;
use super::surroundings::Surroundings;
use crate::baseline::{self, Admission, BaselineError, Branch, Drift, DriftSince, Entry, KeptRound, Source, Store, drifts};
use crate::cli::{BaselineVerb, RefreshArgs, StoreArgs};
use crate::exit::ExitCode;
use crate::load::Abort;
use crate::report::listing;
use crate::run::{EndpointRole, PhaseSelection, Round, Run};
use crate::scenario::Scenario;
use crate::units::{Percentile, format_count, format_millis, format_share};

pub fn baseline(world: &mut World, verb: &BaselineVerb) -> Result<ExitCode, CommandError> {
    match verb {
        BaselineVerb::Refresh(args) => refresh(world, args),
        BaselineVerb::List(args) => list(world, args),
        BaselineVerb::Show(args) => show(world, args),
        BaselineVerb::Add { runs, store } => add(world, runs, store),
        BaselineVerb::Pin { run, store } => {
            let mut store = Store::open_to_write(&folder_of(store)?)?;
            let id = store.pin(run)?;
            world.note(&format!("pinned {id}: it stays until it is unpinned"));
            Ok(ExitCode::Pass)
        }
        BaselineVerb::Unpin { run, store } => {
            let mut store = Store::open_to_write(&folder_of(store)?)?;
            let id = store.unpin(run)?;
            world.note(&format!("unpinned {id}"));
            Ok(ExitCode::Pass)
        }
        BaselineVerb::Prune { runs, store } => {
            let dropped = Store::open_to_write(&folder_of(store)?)?.prune(*runs)?;
            world.note(&format!("dropped {}", counted(dropped.len() as u64, "run")));
            Ok(ExitCode::Pass)
        }
    }
}

/// The nightly job.
pub fn refresh(world: &mut World, args: &RefreshArgs) -> Result<ExitCode, CommandError> {
    let mut scenarios = Vec::new();
    for path in &args.scenarios {
        let beside = args.against.as_ref().map(|other| side_by_side::open(world, path, other, &args.load)).transpose()?;
        scenarios.push((open_scenario(world, path, &args.load)?, beside));
    }
    if args.keep.is_some() && scenarios.len() > 1 {
        return Err(CommandError::Usage {
            text: "--keep names one folder, and a folder holds the runs of one scenario".to_owned(),
            hint: "refresh the scenarios one by one, or leave --keep away".to_owned(),
        });
    }
    let around = Surroundings::look(world)?;
    around.refuse_foreign_code(world)?;
    let keep = args.keep.as_deref().map(Keep::parse).transpose()?;
    let abort = world.abort_on_signals();
    let mut code = ExitCode::Pass;
    for (scenario, beside) in &scenarios {
        let folder = match &keep {
            Some(Keep::Folder(folder)) => folder.clone(),
            Some(Keep::Branch(_)) | None => default_store(&scenario.store_name()),
        };
        let mut store = Store::make(&folder)?;
        for source in sources(args, keep.as_ref())? {
            take_over(world, &source, &mut store, &scenario.store_name(), &around)?;
        }
        for _ in 0..args.repeat {
            code = code.worse(refresh_one(world, args, scenario, &mut store, &abort)?);
        }
        if let Some(beside) = beside {
            for _ in 0..args.rounds {
                code = code.worse(keep_round(world, args, [scenario, beside], &mut store, &abort)?);
            }
        }
        store.prune(args.runs)?;
        for unreadable in store.renew_digests()? {
            world.note(&format!("warning: {unreadable}"));
        }
        if let Some(Keep::Branch(branch)) = &keep {
            branch.keep(&scenario.store_name(), &folder).map_err(BaselineError::from)?;
            world.note(&format!("pushed to {}", branch.as_str()));
        }
        world.note(&format!("baseline of {} in {}: {}", scenario.name, folder.display(), counted(admitted(&store), "run")));
        for drift in drifts(store.entries()).iter().filter(|drift| drift.change() > 0.0) {
            world.note(&format!("warning: {}", sentence(drift)));
        }
    }
    Ok(code)
}

/// Where the runs are kept.
enum Keep {
    Folder(PathBuf),
    /// Pushed; a folder holds them on the way.
    Branch(Branch),
}

impl Keep {
    fn parse(text: &str) -> Result<Self, CommandError> {
        match text.strip_prefix("git:") {
            Some(branch) => Ok(Self::Branch(Branch::parse(branch).map_err(BaselineError::from)?)),
            None => Ok(Self::Folder(PathBuf::from(text))),
        }
    }
}

/// What is taken over before the new run: the source that is named, and the branch that will be replaced.
fn sources(args: &RefreshArgs, keep: Option<&Keep>) -> Result<Vec<Source>, CommandError> {
    let mut sources: Vec<Source> = args.baseline.iter().map(|text| Source::parse(text)).collect::<Result<_, _>>()?;
    if let Some(Keep::Branch(branch)) = keep {
        let source = Source::Git(branch.clone());
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    Ok(sources)
}

/// Takes the runs of another source into the store, those that are not there yet. The first time there are none.
fn take_over(world: &mut World, source: &Source, store: &mut Store, scenario: &str, around: &Surroundings) -> Result<(), CommandError> {
    let taken = match baseline::load(std::slice::from_ref(source), reach(scenario, around)) {
        // Without access nobody knows what there is: beginning anew would drop it.
        Err(error @ (BaselineError::NoArtifact { .. } | BaselineError::NotThere { .. })) if !matches!(source, Source::Address(_)) => {
            world.note(&format!("notice: {error}; a new one begins"));
            return Ok(());
        }
        taken => taken?,
    };
    for kept in &taken.runs {
        if !store.entries().iter().any(|entry| entry.started_at == kept.run.started_at) {
            let admission = store.admission(&kept.run);
            let is_admitted = matches!(admission, Admission::Admitted { .. });
            let id = store.admit(&kept.run, admission)?;
            if kept.pinned && is_admitted {
                store.pin(id.as_str())?;
            }
        }
    }
    for stored in &taken.rounds {
        if !store.rounds().iter().any(|known| known.round.started_at == stored.round.started_at) {
            let fit = || Admission::Admitted { note: None };
            store.keep_round(KeptRound::new(stored.round.clone(), [fit(), fit()]))?;
        }
    }
    Ok(())
}

/// Loads the build beside itself once, and keeps what its sides differ by.
fn keep_round(
    world: &mut World,
    args: &RefreshArgs,
    sides: [&Arc<Scenario>; 2],
    store: &mut Store,
    abort: &Abort,
) -> Result<ExitCode, CommandError> {
    let aborted = |reason: String| CommandError::Aborted { code: exit_of_signal(&reason).unwrap_or(ExitCode::NoVerdict), reason };
    if let Some(reason) = abort.reason() {
        return Err(aborted(reason));
    }
    let [scenario, beside] = sides;
    let results = Results::prepare(&args.out)?;
    results.clear()?;
    let (ours, theirs) = match &args.between_rounds {
        Some(command) => side_by_side::start_anew(command, [scenario, beside], &args.load, abort)?,
        None => (find_target(scenario, &args.load, abort)?, find_target(beside, &args.load, abort)?),
    };
    let restarts = side_by_side::restarts(args.between_rounds.as_deref());
    let (run, other) = load_beside(world, (scenario, ours), (beside, theirs), &args.load, &results, abort, restarts)?;
    results.write_run(&run)?;
    results.write_beside(1, &other)?;
    if let Some(reason) = run.aborted_by.clone().or_else(|| other.aborted_by.clone()) {
        return Err(aborted(reason));
    }
    let admissions = [&run, &other].map(|run| store.admission(run));
    let kept = KeptRound::new(Round::of(&run, &other, restarts), admissions);
    let (reason, id) = (kept.reason.clone(), store.keep_round(kept)?);
    world.note(&format!("kept round {id}"));
    Ok(match reason {
        Some(reason) => {
            world.note(&format!("rejected: {reason}"));
            ExitCode::NoVerdict
        }
        None => ExitCode::Pass,
    })
}

fn refresh_one(
    world: &mut World,
    args: &RefreshArgs,
    scenario: &Arc<Scenario>,
    store: &mut Store,
    abort: &Abort,
) -> Result<ExitCode, CommandError> {
    if let Some(reason) = abort.reason() {
        return Err(CommandError::Aborted { code: exit_of_signal(&reason).unwrap_or(ExitCode::NoVerdict), reason });
    }
    let results = Results::prepare(&args.out)?;
    results.clear()?;
    let endpoints = find_target(scenario, &args.load, abort)?;
    let run = load(world, scenario, endpoints, &args.load, &results, abort)?;
    results.write_run(&run)?;
    if let Some(reason) = &run.aborted_by {
        return Err(CommandError::Aborted { reason: reason.clone(), code: exit_of_signal(reason).unwrap_or(ExitCode::NoVerdict) });
    }
    let admission = store.admission(&run);
    let told = match &admission {
        Admission::Admitted { note } => note.as_ref().map(|note| format!("note: {note}")),
        Admission::Rejected { reason } => Some(format!("rejected: {reason}")),
    };
    let code = if matches!(admission, Admission::Rejected { .. }) { ExitCode::NoVerdict } else { ExitCode::Pass };
    let id = store.admit(&run, admission)?;
    world.note(&format!("kept {id}"));
    if let Some(told) = told {
        world.note(&told);
    }
    Ok(code)
}

/// Takes runs in that were made before, as far as they may be a baseline.
fn add(world: &mut World, paths: &[PathBuf], args: &StoreArgs) -> Result<ExitCode, CommandError> {
    let mut code = ExitCode::Pass;
    for path in paths {
        let run = open_run(world, path, args.scenario.clone())?;
        let folder = args.baseline.clone().unwrap_or_else(|| default_store(&run.scenario.store_name()));
        let mut store = Store::make(&folder)?;
        let admission = store.admission(&run);
        if let Admission::Rejected { reason } = &admission {
            world.note(&format!("rejected: {}: {reason}", path.display()));
            code = code.worse(ExitCode::NoVerdict);
        }
        let id = store.admit(&run, admission)?;
        world.note(&format!("kept {id} in {}", folder.display()));
    }
    Ok(code)
}

fn admitted(store: &Store) -> u64 {
    store.entries().iter().filter(|entry| entry.admitted).count() as u64
}

fn list(world: &mut World, args: &StoreArgs) -> Result<ExitCode, CommandError> {
    let store = Store::open(&folder_of(args)?)?;
    let row = |entry: &Entry| {
        vec![
            entry.id.to_string(),
            entry.started_at.strftime("%Y-%m-%d %H:%M").to_string(),
            format_count(entry.requests),
            state(entry).to_owned(),
            entry.commit.as_deref().map(|commit| commit.chars().take(7).collect()).unwrap_or_default(),
            entry.reason.clone().unwrap_or_default(),
        ]
    };
    let of_round = |kept: &KeptRound| {
        let state = if kept.admitted { "round" } else { "rejected round" };
        let started = kept.round.started_at.strftime("%Y-%m-%d %H:%M").to_string();
        vec![kept.id.to_string(), started, String::new(), state.to_owned(), String::new(), kept.reason.clone().unwrap_or_default()]
    };
    let rows: Vec<Vec<String>> = store.entries().iter().map(row).chain(store.rounds().iter().map(of_round)).collect();
    world.print(&listing(&["run", "started", "requests", "state", "commit", "why"], &rows));
    Ok(ExitCode::Pass)
}

fn state(entry: &Entry) -> &'static str {
    match (entry.admitted, entry.pinned) {
        (true, true) => "pinned",
        (true, false) => "kept",
        (false, _) => "rejected",
    }
}

/// What the newest runs measured, endpoint by endpoint: the median, and from where to where they spread.
fn show(world: &mut World, args: &StoreArgs) -> Result<ExitCode, CommandError> {
    let store = Store::open(&folder_of(args)?)?;
    let runs: Vec<Run> = store.load_runs()?.into_iter().map(|kept| kept.run).collect();
    let Some(newest) = runs.first() else {
        world.note("no runs yet: `perfgate baseline refresh SCENARIO` makes the first");
        return Ok(ExitCode::Pass);
    };
    world.note(&format!(
        "{} of {}, newest {}",
        counted(runs.len() as u64, "run"),
        newest.scenario.name,
        newest.started_at.strftime("%Y-%m-%d %H:%M")
    ));
    let judged = newest.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
    let rows: Vec<Vec<String>> = judged.map(|endpoint| shown(&runs, newest, &endpoint.name)).collect();
    world.print(&listing(&["endpoint", "requests", "p95", "p95 from .. to", "p99", "p99 from .. to", "failures"], &rows));
    show_drift(world, &store);
    Ok(ExitCode::Pass)
}

/// What is no longer where it was.
fn show_drift(world: &mut World, store: &Store) {
    let row = |drift: &Drift| {
        let Drift { endpoint, percentile, from, to, .. } = drift;
        vec![endpoint.clone(), percentile.to_string(), format_millis(*from), format_millis(*to), percent(drift), since(drift)]
    };
    let rows: Vec<Vec<String>> = drifts(store.entries()).iter().map(row).collect();
    if !rows.is_empty() {
        world.print(&format!("\n{}", listing(&["drift", "metric", "was", "is", "change", "since"], &rows)));
    }
    if !store.entries().iter().any(|entry| entry.pinned) {
        world.note("no run is pinned: a slow drift shows only against a pinned run (`perfgate baseline pin RUN`)");
    }
}

/// `p95 of GET /a drifted from 121 ms to 135 ms (+12 %) since the pinned run ..`
fn sentence(drift: &Drift) -> String {
    let Drift { endpoint, percentile, from, to, .. } = drift;
    format!(
        "{percentile} of {endpoint} drifted from {} to {} ({}) since {}",
        format_millis(*from),
        format_millis(*to),
        percent(drift),
        since(drift)
    )
}

fn percent(drift: &Drift) -> String {
    format!("{:+.0} %", drift.change() * 100.0)
}

fn since(drift: &Drift) -> String {
    match &drift.since {
        DriftSince::Pinned { runs: 1, newest } => format!("the pinned run {newest}"),
        DriftSince::Pinned { runs, newest } => format!("the {runs} pinned runs up to {newest}"),
        DriftSince::Run { id, started_at } => format!("run {id} of {}", started_at.strftime("%Y-%m-%d")),
    }
}

fn shown(runs: &[Run], newest: &Run, name: &str) -> Vec<String> {
    let summary = |run: &Run| {
        run.endpoints.iter().find(|endpoint| endpoint.name == name).map(|endpoint| run.summary(endpoint, PhaseSelection::Judged))
    };
    let spread = |percentile: Percentile| {
        let mut values: Vec<f64> = runs.iter().filter_map(|run| summary(run)?.percentile_ms(percentile)).collect();
        values.sort_by(f64::total_cmp);
        let text = |value: Option<&f64>| value.map_or("-".to_owned(), |value| format_millis(*value));
        [text(values.get(values.len() / 2)), format!("{} .. {}", text(values.first()), text(values.last()))]
    };
    let latest = summary(newest).unwrap_or_default();
    let mut row = vec![name.to_owned(), format_count(latest.counts.requests)];
    row.extend(spread(Percentile::P95));
    row.extend(spread(Percentile::P99));
    row.push(latest.counts.failure_rate().map_or("-".to_owned(), format_share));
    row
}

/// The store that is meant: the one named, or the only one there is.
fn folder_of(args: &StoreArgs) -> Result<PathBuf, CommandError> {
    if let Some(folder) = &args.baseline {
        return Ok(folder.clone());
    }
    if let Some(name) = &args.scenario {
        return Ok(default_store(name));
    }
    let parent = Path::new(".perfgate/baselines");
    let mut stores: Vec<PathBuf> = std::fs::read_dir(parent)
        .map(|entries| entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
        .unwrap_or_default();
    stores.sort();
    match stores.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(CommandError::Usage {
            text: format!("there is no baseline under {}", parent.display()),
            hint: "`perfgate baseline refresh SCENARIO` makes one; --baseline names another folder".to_owned(),
        }),
        several => Err(CommandError::Usage {
            text: format!("there are {} baselines under {}", several.len(), parent.display()),
            hint: "say which with --scenario NAME or --baseline DIR".to_owned(),
        }),
    }
}
