//! An archive of checks: for each a folder with its run and its verdict, below its scenario's, so that none replaces another.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::CommandError;
use crate::files::write_atomically;
use crate::report::{ColorChoice, Format, Look, Subject, render};
use crate::run::{RUN_FILE_NAME, save_run};

/// Keeps a run and its verdict below `archive`.
///
/// # Errors
/// [`CommandError::NotWritten`].
pub fn archive(archive: &Path, subject: &Subject<'_>) -> Result<(), CommandError> {
    let folder = folder_of_check(archive, &subject.run.scenario.name, subject.run.started_at);
    save_run(&folder.join(RUN_FILE_NAME), subject.run).map_err(CommandError::NotWritten)?;
    let verdict = render(Format::Json, subject, Look { width: 80, color: ColorChoice::Never })?;
    write_atomically(&folder.join(Format::Json.file_name().unwrap_or("verdict.json")), verdict.as_bytes()).map_err(CommandError::NotWritten)
}

/// `ARCHIVE/shop/20261120T120000.250Z`: sorted by name is sorted by time.
#[must_use]
pub fn folder_of_check(archive: &Path, scenario: &str, at: Timestamp) -> PathBuf {
    archive.join(scenario).join(at.strftime("%Y%m%dT%H%M%S%.3fZ").to_string())
}
