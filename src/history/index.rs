//! The index as SQLite has it: its tables, what is put into them and what is asked of them. Which files there are and what
//! a run is, is not known here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::Opening;
use super::entry::{EndpointFigures, KeptRun};
use super::files::{Known, RunFile};

/// Counts up with the tables: an index of another version is made anew.
const VERSION: i64 = 1;
const TABLES: &str = "
CREATE TABLE file (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, run INTEGER) WITHOUT ROWID;
CREATE INDEX file_run ON file (run);
CREATE TABLE run (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, verdict TEXT, outcome TEXT NOT NULL, scenario TEXT NOT NULL, hash TEXT NOT NULL,
    fingerprint TEXT NOT NULL, target TEXT NOT NULL, branch TEXT, commit_id TEXT, started_us INTEGER NOT NULL, complete INTEGER NOT NULL,
    pinned INTEGER NOT NULL, requests INTEGER NOT NULL, failures INTEGER NOT NULL, p95 REAL, p99 REAL);
CREATE INDEX run_time ON run (started_us DESC, id);
CREATE INDEX run_scenario ON run (scenario, started_us DESC, id);
CREATE INDEX run_branch ON run (branch, started_us DESC, id);
CREATE INDEX run_outcome ON run (outcome, started_us DESC, id);
CREATE INDEX run_path ON run (path);
CREATE TABLE figures (
    run INTEGER NOT NULL, place INTEGER NOT NULL, endpoint TEXT NOT NULL, requests INTEGER NOT NULL, failures INTEGER NOT NULL,
    p95 REAL, p99 REAL, PRIMARY KEY (run, place)) WITHOUT ROWID;
";
const COLUMNS: &str = "id, path, verdict, outcome, scenario, hash, fingerprint, target, branch, commit_id, started_us, complete, pinned, requests, failures, p95, p99";

/// Which runs are meant; what is empty fits every run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub scenario: Option<String>,
    pub branch: Option<String>,
    pub outcome: Option<String>,
}

/// What the kept runs can be filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    pub scenarios: Vec<String>,
    pub branches: Vec<String>,
    pub outcomes: Vec<String>,
}

/// A run with its endpoints.
pub type TrendRun = (KeptRun, Vec<EndpointFigures>);

/// An open index.
#[derive(Debug)]
pub(super) struct Index(Connection);

impl Index {
    /// The index in this file, made where it is missing, and made anew where it is not one; that is told.
    pub(super) fn open(file: &Path, opening: Opening) -> Result<(Self, Option<String>), rusqlite::Error> {
        if let Some(folder) = file.parent() {
            // Where it cannot be made, opening tells why.
            let _ = std::fs::create_dir_all(folder);
        }
        if opening == Opening::Anew {
            remove(file);
        }
        match Self::prepared(Connection::open(file)?) {
            Ok(index) => Ok((index, None)),
            Err(error) if is_damage(&error) => {
                remove(file);
                let told = format!("{} was no index of the history any more and is made anew: {error}", file.display());
                Ok((Self::prepared(Connection::open(file)?)?, Some(told)))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn in_memory() -> Result<Self, rusqlite::Error> {
        Self::prepared(Connection::open_in_memory()?)
    }

    fn prepared(connection: Connection) -> Result<Self, rusqlite::Error> {
        connection.busy_timeout(Duration::from_secs(5))?;
        // What is lost with the power is read again from the files.
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF;")?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version != VERSION {
            connection.execute_batch("DROP TABLE IF EXISTS file; DROP TABLE IF EXISTS run; DROP TABLE IF EXISTS figures;")?;
            connection.execute_batch(TABLES)?;
            connection.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
        }
        let whole: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if whole != "ok" {
            return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(whole)));
        }
        Ok(Self(connection))
    }

    /// The files that it was made of.
    pub(super) fn known(&self) -> Result<Known, rusqlite::Error> {
        let mut statement = self.0.prepare("SELECT path, stamp FROM file")?;
        statement.query_map([], |row| Ok((PathBuf::from(row.get::<_, String>(0)?), row.get(1)?)))?.collect()
    }

    /// Forgets files that are gone. A run that lies elsewhere too is read again from there.
    pub(super) fn forget(&mut self, files: &[PathBuf]) -> Result<(), rusqlite::Error> {
        let change = self.0.transaction()?;
        for path in files.iter().map(|path| path.to_string_lossy()) {
            let run: Option<Option<i64>> =
                change.query_row("SELECT run FROM file WHERE path = ?1", [&path], |row| row.get(0)).optional()?;
            change.execute("DELETE FROM file WHERE path = ?1", [&path])?;
            if let Some(Some(run)) = run {
                drop_run(&change, run, &path)?;
            }
        }
        change.commit()
    }

    /// Puts down what files hold, also that they hold no run.
    pub(super) fn put(&mut self, read: Vec<(&RunFile, Result<TrendRun, String>)>) -> Result<(), rusqlite::Error> {
        let change = self.0.transaction()?;
        for (file, read) in read {
            let path = file.path.to_string_lossy();
            let before: Option<Option<i64>> =
                change.query_row("SELECT run FROM file WHERE path = ?1", [&path], |row| row.get(0)).optional()?;
            let now = read.as_ref().ok().map(|(run, _)| number(run.id));
            if let Some(Some(before)) = before.filter(|before| *before != now) {
                drop_run(&change, before, &path)?;
            }
            change.execute("INSERT OR REPLACE INTO file (path, stamp, run) VALUES (?1, ?2, ?3)", params![path, file.stamp, now])?;
            if let Ok((run, figures)) = read {
                put_run(&change, &run, &figures)?;
            }
        }
        change.commit()
    }

    /// These files are of pinned runs, and no others.
    pub(super) fn pin(&mut self, files: &BTreeSet<PathBuf>) -> Result<(), rusqlite::Error> {
        let change = self.0.transaction()?;
        change.execute("UPDATE run SET pinned = 0 WHERE pinned = 1", [])?;
        for path in files {
            change.execute("UPDATE run SET pinned = 1 WHERE id = (SELECT run FROM file WHERE path = ?1)", [path.to_string_lossy()])?;
        }
        change.commit()
    }

    pub(super) fn runs(&self, filter: &Filter, skip: u64, most: u64) -> Result<(Vec<KeptRun>, u64), rusqlite::Error> {
        let (condition, mut values) = condition(filter);
        let count: i64 = self.0.query_row(&format!("SELECT count(*) FROM run{condition}"), params_from_iter(&values), |row| row.get(0))?;
        values.extend([Value::Integer(number(most)), Value::Integer(number(skip))]);
        let text = format!("SELECT {COLUMNS} FROM run{condition} ORDER BY started_us DESC, id LIMIT ? OFFSET ?");
        let mut statement = self.0.prepare(&text)?;
        let runs = statement.query_map(params_from_iter(&values), kept)?.collect::<Result<_, _>>()?;
        Ok((runs, unsigned(count)))
    }

    pub(super) fn run(&self, id: u64) -> Result<Option<KeptRun>, rusqlite::Error> {
        self.0.query_row(&format!("SELECT {COLUMNS} FROM run WHERE id = ?1"), [number(id)], kept).optional()
    }

    pub(super) fn endpoints(&self, id: u64) -> Result<Vec<EndpointFigures>, rusqlite::Error> {
        let mut statement = self.0.prepare("SELECT endpoint, requests, failures, p95, p99 FROM figures WHERE run = ?1 ORDER BY place")?;
        let figures = |row: &Row<'_>| {
            Ok(EndpointFigures {
                endpoint: row.get(0)?,
                requests: unsigned(row.get(1)?),
                failures: unsigned(row.get(2)?),
                p95_ms: row.get(3)?,
                p99_ms: row.get(4)?,
            })
        };
        statement.query_map([number(id)], figures)?.collect()
    }

    pub(super) fn trend(&self, filter: &Filter, most: u64) -> Result<(Vec<TrendRun>, usize), rusqlite::Error> {
        let (runs, _) = self.runs(filter, 0, most)?;
        let looked_at = runs.len();
        let Some(newest) = runs.first().map(|run| (run.scenario.clone(), run.hash.clone(), run.fingerprint.clone())) else {
            return Ok((Vec::new(), 0));
        };
        let comparable =
            runs.into_iter().rev().filter(|run| (&run.scenario, &run.hash, &run.fingerprint) == (&newest.0, &newest.1, &newest.2));
        let trend: Vec<TrendRun> =
            comparable.map(|run| Ok((run.clone(), self.endpoints(run.id)?))).collect::<Result<_, rusqlite::Error>>()?;
        let left_out = looked_at - trend.len();
        Ok((trend, left_out))
    }

    pub(super) fn choices(&self) -> Result<Choices, rusqlite::Error> {
        // One step in the index for each value, however many runs have it.
        let values = |column: &str| {
            let text = format!(
                "WITH RECURSIVE value(it) AS (SELECT min({column}) FROM run UNION ALL SELECT (SELECT min({column}) FROM run WHERE {column} > it) FROM value WHERE it IS NOT NULL) SELECT it FROM value WHERE it IS NOT NULL"
            );
            self.0.prepare(&text)?.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
        };
        Ok(Choices { scenarios: values("scenario")?, branches: values("branch")?, outcomes: values("outcome")? })
    }
}

fn put_run(change: &Connection, run: &KeptRun, figures: &[EndpointFigures]) -> Result<(), rusqlite::Error> {
    let id = number(run.id);
    let other: Option<(String, Option<String>, bool)> = change
        .query_row("SELECT path, verdict, complete FROM run WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let path = run.path.to_string_lossy();
    if let Some((other, verdict, complete)) = other
        && other != path
        && (complete, verdict.is_some()) >= (run.complete, run.verdict.is_some())
    {
        // The same run from another file that says as much.
        return Ok(());
    }
    let verdict = run.verdict.as_ref().map(|path| path.to_string_lossy());
    change.execute(
        &format!(
            "INSERT OR REPLACE INTO run ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
        ),
        params![
            id,
            path,
            verdict,
            run.outcome,
            run.scenario,
            run.hash,
            run.fingerprint,
            run.target,
            run.branch,
            run.commit,
            run.started_at.as_microsecond(),
            run.complete,
            run.pinned,
            number(run.requests),
            number(run.failures),
            run.p95_ms,
            run.p99_ms
        ],
    )?;
    change.execute("DELETE FROM figures WHERE run = ?1", [id])?;
    let mut statement =
        change.prepare("INSERT INTO figures (run, place, endpoint, requests, failures, p95, p99) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for (place, figures) in (0_i64..).zip(figures) {
        let EndpointFigures { endpoint, requests, failures, p95_ms, p99_ms } = figures;
        statement.execute(params![id, place, endpoint, number(*requests), number(*failures), p95_ms, p99_ms])?;
    }
    Ok(())
}

/// Forgets a run that was read from this file; another file of it is read again next.
fn drop_run(change: &Connection, run: i64, path: &str) -> Result<(), rusqlite::Error> {
    if change.execute("DELETE FROM run WHERE id = ?1 AND path = ?2", params![run, path])? > 0 {
        change.execute("DELETE FROM figures WHERE run = ?1", [run])?;
        change.execute("UPDATE file SET stamp = '' WHERE run = ?1", [run])?;
    }
    Ok(())
}

fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let Filter { scenario, branch, outcome } = filter;
    let columns = [("scenario", scenario), ("branch", branch), ("outcome", outcome)];
    let asked: Vec<(&str, &String)> = columns.into_iter().filter_map(|(column, value)| Some((column, value.as_ref()?))).collect();
    let conditions: Vec<String> = asked.iter().map(|(column, _)| format!("{column} = ?")).collect();
    let text = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    (text, asked.into_iter().map(|(_, value)| Value::Text(value.clone())).collect())
}

fn kept(row: &Row<'_>) -> Result<KeptRun, rusqlite::Error> {
    Ok(KeptRun {
        id: unsigned(row.get(0)?),
        path: PathBuf::from(row.get::<_, String>(1)?),
        verdict: row.get::<_, Option<String>>(2)?.map(PathBuf::from),
        outcome: row.get(3)?,
        scenario: row.get(4)?,
        hash: row.get(5)?,
        fingerprint: row.get(6)?,
        target: row.get(7)?,
        branch: row.get(8)?,
        commit: row.get(9)?,
        started_at: Timestamp::from_microsecond(row.get(10)?).unwrap_or(Timestamp::UNIX_EPOCH),
        complete: row.get(11)?,
        pinned: row.get(12)?,
        requests: unsigned(row.get(13)?),
        failures: unsigned(row.get(14)?),
        p95_ms: row.get(15)?,
        p99_ms: row.get(16)?,
    })
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// The index and what SQLite keeps beside it. What is not there need not go.
fn remove(file: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        let _ = std::fs::remove_file(name);
    }
}

/// As SQLite holds it; ids and counts are far below 2^63.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
