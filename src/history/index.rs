//! What is put into the index and what is asked of it, as SQLite has it. Where it lies, which files there are and what a run
//! is, is not known here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use sha2::{Digest as _, Sha256};

use super::Opening;
use super::entry::{EndpointFigures, KeptRun};
use super::files::{Known, RunFile};
use super::opening::{self, OpenError};
use crate::run::Run;

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

/// Runs that can be compared with each other: they sent the same, from the same kind of machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub scenario: String,
    pub hash: String,
    pub fingerprint: String,
    /// How many of the newest runs are of it, and when the newest began.
    pub runs: u64,
    pub newest: Timestamp,
}

impl Group {
    /// Names it in an address.
    #[must_use]
    pub fn id(&self) -> String {
        let hash = <[u8; 32]>::from(Sha256::digest(format!("{}\n{}\n{}", self.scenario, self.hash, self.fingerprint)));
        let short = hash.iter().take(6).fold(0_u64, |short, byte| (short << 8) | u64::from(*byte));
        format!("{short:012x}")
    }
}

/// How the endpoints of comparable runs changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trend {
    /// All groups among the newest runs, the one with the newest run first.
    pub groups: Vec<Group>,
    /// Which of them is shown.
    pub shown: Option<usize>,
    /// Its runs, oldest first.
    pub runs: Vec<TrendRun>,
    /// The runs of its newest pinned release, shown among the others or not.
    pub pinned: Vec<TrendRun>,
}

/// A file that should be a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub path: PathBuf,
    pub why: String,
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index(Connection);

impl Index {
    /// The index in this file; and what is worth telling of how it was opened.
    pub(super) fn open(file: &Path, opening: Opening) -> Result<(Self, Option<String>), OpenError> {
        opening::open(file, opening).map(|(connection, told)| (Self(connection), told))
    }

    pub(super) fn in_memory() -> Result<Self, rusqlite::Error> {
        opening::in_memory().map(Self)
    }

    /// The files that it was made of.
    pub(super) fn known(&self) -> Result<Known, rusqlite::Error> {
        let mut statement = self.0.prepare("SELECT path, stamp FROM file")?;
        statement.query_map([], |row| Ok((PathBuf::from(row.get::<_, String>(0)?), row.get(1)?)))?.collect()
    }

    /// Forgets files that are gone, and runs that came from no file. A run that lies elsewhere too is read again from there.
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
        change.execute("DELETE FROM run WHERE NOT EXISTS (SELECT 1 FROM file WHERE file.path = run.path AND file.run = run.id)", [])?;
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
            let text = "INSERT OR REPLACE INTO file (path, stamp, run, why) VALUES (?1, ?2, ?3, ?4)";
            change.execute(text, params![path, file.stamp, now, read.as_ref().err()])?;
            if let Ok((run, figures)) = read {
                put_run(&change, &run, &figures)?;
            }
        }
        change.commit()
    }

    /// These files are of pinned runs, and no others. Where another file speaks for a pinned run, its own is read again.
    pub(super) fn pin(&mut self, files: &BTreeSet<PathBuf>) -> Result<(), rusqlite::Error> {
        let change = self.0.transaction()?;
        change.execute("UPDATE run SET pinned = 0 WHERE pinned = 1", [])?;
        for path in files {
            change.execute("UPDATE run SET pinned = 1 WHERE path = ?1", [path.to_string_lossy()])?;
        }
        for path in files {
            let text = "UPDATE file SET stamp = '' WHERE path = ?1 AND run IN (SELECT id FROM run WHERE pinned = 0)";
            change.execute(text, [path.to_string_lossy()])?;
        }
        change.commit()
    }

    /// Files that hold no run, each with the reason: the first of them, and how many there are.
    pub(super) fn unreadable(&self, most: u64) -> Result<(Vec<Unreadable>, u64), rusqlite::Error> {
        let count: i64 = self.0.query_row("SELECT count(*) FROM file WHERE why IS NOT NULL", [], |row| row.get(0))?;
        let mut statement = self.0.prepare("SELECT path, why FROM file WHERE why IS NOT NULL ORDER BY path LIMIT ?1")?;
        let unreadable = |row: &Row<'_>| Ok(Unreadable { path: PathBuf::from(row.get::<_, String>(0)?), why: row.get(1)? });
        Ok((statement.query_map([number(most)], unreadable)?.collect::<Result<_, _>>()?, unsigned(count)))
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

    pub(super) fn id_of_file(&self, file: &Path) -> Result<Option<u64>, rusqlite::Error> {
        let text = "SELECT run FROM file WHERE path = ?1";
        let id: Option<Option<i64>> = self.0.query_row(text, [file.to_string_lossy()], |row| row.get(0)).optional()?;
        Ok(id.flatten().map(unsigned))
    }

    /// The files of runs of the same scenario on the same class of machine that began between these times.
    pub(super) fn files_like(&self, run: &Run, (oldest, newest): (Timestamp, Timestamp)) -> Result<Vec<PathBuf>, rusqlite::Error> {
        let text = "SELECT file.path FROM run JOIN file ON file.run = run.id
            WHERE run.scenario = ?1 AND run.started_us BETWEEN ?2 AND ?3 AND run.hash = ?4 AND run.fingerprint = ?5 LIMIT 1000";
        let mut statement = self.0.prepare(text)?;
        let (scenario, machine) = (&run.scenario, run.environment.fingerprint());
        let values = params![scenario.name, oldest.as_microsecond(), newest.as_microsecond(), scenario.hash, machine];
        statement.query_map(values, |row| Ok(PathBuf::from(row.get::<_, String>(0)?)))?.collect()
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

    /// Groups of comparable runs among the newest `looked_at` whole ones that fit, the one with the newest run first. A run that
    /// is dated after `latest` is passed over: one wrong clock would decide what all others are compared with.
    pub(super) fn groups(&self, filter: &Filter, looked_at: u64, latest: Timestamp) -> Result<Vec<Group>, rusqlite::Error> {
        let (condition, mut values) = condition(filter);
        let and = if condition.is_empty() { " WHERE" } else { " AND" };
        values.extend([Value::Integer(latest.as_microsecond()), Value::Integer(number(looked_at))]);
        let text = format!(
            "SELECT scenario, hash, fingerprint, count(*), max(started_us) AS newest FROM
                (SELECT scenario, hash, fingerprint, started_us FROM run{condition}{and} started_us <= ? AND complete = 1
                 ORDER BY started_us DESC, id LIMIT ?)
             GROUP BY scenario, hash, fingerprint ORDER BY newest DESC"
        );
        let mut statement = self.0.prepare(&text)?;
        let group = |row: &Row<'_>| {
            Ok(Group {
                scenario: row.get(0)?,
                hash: row.get(1)?,
                fingerprint: row.get(2)?,
                runs: unsigned(row.get(3)?),
                newest: Timestamp::from_microsecond(row.get(4)?).unwrap_or(Timestamp::UNIX_EPOCH),
            })
        };
        statement.query_map(params_from_iter(&values), group)?.collect()
    }

    /// The newest whole runs of a group that fit, oldest first.
    pub(super) fn runs_of(&self, group: &Group, filter: &Filter, most: u64, latest: Timestamp) -> Result<Vec<TrendRun>, rusqlite::Error> {
        let (condition, mut values) = condition(filter);
        let and = if condition.is_empty() { " WHERE" } else { " AND" };
        values.extend([Value::Integer(latest.as_microsecond())]);
        values.extend([&group.scenario, &group.hash, &group.fingerprint].map(|text| Value::Text(text.clone())));
        values.push(Value::Integer(number(most)));
        let text = format!(
            "SELECT {COLUMNS} FROM run{condition}{and} started_us <= ? AND complete = 1 AND scenario = ? AND hash = ? AND fingerprint = ?
             ORDER BY started_us DESC, id LIMIT ?"
        );
        let mut runs = self.with_endpoints(&text, &values)?;
        runs.reverse();
        Ok(runs)
    }

    /// The runs of the release that was pinned last in a group, however old they are and whatever else is asked for.
    pub(super) fn pinned_of(&self, group: &Group, most: u64, latest: Timestamp) -> Result<Vec<TrendRun>, rusqlite::Error> {
        let texts = [&group.scenario, &group.hash, &group.fingerprint].map(|text| Value::Text(text.clone()));
        let values: Vec<Value> = texts.into_iter().chain([Value::Integer(latest.as_microsecond()), Value::Integer(number(most))]).collect();
        let text = format!(
            "SELECT {COLUMNS} FROM run WHERE pinned = 1 AND scenario = ? AND hash = ? AND fingerprint = ? AND started_us <= ?
             ORDER BY started_us DESC, id LIMIT ?"
        );
        let mut runs = self.with_endpoints(&text, &values)?;
        let release = runs.first().map(|(run, _)| run.commit.clone());
        runs.retain(|(run, _)| Some(&run.commit) == release.as_ref());
        Ok(runs)
    }

    fn with_endpoints(&self, text: &str, values: &[Value]) -> Result<Vec<TrendRun>, rusqlite::Error> {
        let mut statement = self.0.prepare(text)?;
        let runs: Vec<KeptRun> = statement.query_map(params_from_iter(values), kept)?.collect::<Result<_, _>>()?;
        runs.into_iter().map(|run| Ok((run.clone(), self.endpoints(run.id)?))).collect()
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
        .query_row("SELECT path, verdict, pinned FROM run WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let path = run.path.to_string_lossy();
    if let Some((other, verdict, pinned)) = other
        && other != path
        && (pinned, verdict.is_some()) >= (run.pinned, run.verdict.is_some())
    {
        // The same run from another file that says as much: for a pinned one only its store speaks.
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

/// As SQLite holds it; ids and counts are far below 2^63.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
