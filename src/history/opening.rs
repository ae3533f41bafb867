//! From a path to an index that can be relied on: nothing behind a link is opened, and a database whose tables are not those
//! of this version is made anew. The path may come with a repository that anybody wrote. What the tables hold is not known here.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior, ffi};
use thiserror::Error;

use super::Opening;
use crate::files::{FileError, check_no_link};

/// Counts up with the tables and with what is put into them: an index of another version is made anew.
const VERSION: i64 = 3;
const TABLES: &str = "
CREATE TABLE file (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, run INTEGER, why TEXT) WITHOUT ROWID;
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
CREATE INDEX run_pinned ON run (pinned, scenario, started_us DESC) WHERE pinned = 1;
CREATE INDEX file_why ON file (path) WHERE why IS NOT NULL;
CREATE TABLE figures (
    run INTEGER NOT NULL, place INTEGER NOT NULL, endpoint TEXT NOT NULL, requests INTEGER NOT NULL, failures INTEGER NOT NULL,
    p95 REAL, p99 REAL, PRIMARY KEY (run, place)) WITHOUT ROWID;
";
/// The database and what SQLite keeps beside it.
const ENDS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Why a file cannot hold the index.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    #[error(transparent)]
    Place(#[from] FileError),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// The index in this file, made where it is missing, and made anew where it is not one; that is told.
pub(super) fn open(file: &Path, opening: Opening) -> Result<(Connection, Option<String>), OpenError> {
    let file = &own_place(file)?;
    if opening == Opening::Anew {
        remove(file);
    }
    match connect(file).and_then(prepared) {
        Ok(connection) => Ok((connection, None)),
        Err(error) if is_damage(&error) => {
            remove(file);
            let told = format!("{} was no index of the history any more and is made anew: {error}", file.display());
            Ok((connect(file).and_then(prepared)?, Some(told)))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn in_memory() -> Result<Connection, rusqlite::Error> {
    prepared(Connection::open_in_memory()?)
}

/// The file by its real name, where neither it nor its folder is a link: SQLite would follow it and write what stands there.
fn own_place(file: &Path) -> Result<PathBuf, FileError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    check_no_link(folder)?;
    // Where it cannot be made, opening tells why.
    let _ = fs::create_dir_all(folder);
    for end in ENDS {
        check_no_link(&beside(file, end))?;
    }
    // A link further up is the user's own way to this folder.
    let real = fs::canonicalize(folder).ok().zip(file.file_name()).map(|(folder, name)| folder.join(name));
    Ok(real.unwrap_or_else(|| file.to_owned()))
}

fn connect(file: &Path) -> Result<Connection, rusqlite::Error> {
    Connection::open_with_flags(file, OpenFlags::default() | OpenFlags::SQLITE_OPEN_NOFOLLOW)
}

fn prepared(mut connection: Connection) -> Result<Connection, rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(5))?;
    // What is lost with the power is read again from the files.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")?;
    // Another program may serve the same folders: who is to write knows so from the begin.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    let change = connection.transaction()?;
    let (version, tables) = (version(&change)?, schema(&change)?);
    if version == 0 && tables.is_empty() {
        change.execute_batch(TABLES)?;
        change.execute_batch(&format!("PRAGMA user_version = {VERSION}"))?;
    } else if version != VERSION || tables != own_schema()? {
        return Err(damage("its tables are not those of this version"));
    }
    change.commit()?;
    let whole: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if whole == "ok" { Ok(connection) } else { Err(damage(&whole)) }
}

fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Everything that a database has beside rows: a trigger or a view that somebody added would change what is put down.
fn schema(connection: &Connection) -> Result<Vec<[Option<String>; 4]>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name, sql")?;
    statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?.collect()
}

fn own_schema() -> Result<Vec<[Option<String>; 4]>, rusqlite::Error> {
    let own = Connection::open_in_memory()?;
    own.execute_batch(TABLES)?;
    schema(&own)
}

fn damage(what: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what.to_owned()))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// What is not there need not go.
fn remove(file: &Path) {
    for end in ENDS {
        let _ = fs::remove_file(beside(file, end));
    }
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}
