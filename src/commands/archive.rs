//! An archive of checks: for each a folder with its run and its verdict, below its scenario's, so that none replaces another.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::CommandError;
use crate::files::write_atomically;
use crate::report::{ColorChoice, Context, Format, Look, Subject, render};
use crate::run::{RUN_FILE_NAME, Run, beside_run_file_name, earlier_run_file_name, save_run};

/// Keeps a run and its verdict below `archive`, with the other loads that it was judged with.
///
/// # Errors
/// [`CommandError::NotWritten`].
pub fn archive(archive: &Path, subject: &Subject<'_>, context: &Context<'_>) -> Result<(), CommandError> {
    let folder = folder_of_check(archive, &subject.run.scenario.name, subject.run.started_at);
    let save = |name: String, run: &Run| save_run(&folder.join(name), run).map_err(CommandError::NotWritten);
    (1..).zip(&context.earlier).try_for_each(|(number, run)| save(earlier_run_file_name(number), run))?;
    (1..).zip(context.beside).try_for_each(|(number, run)| save(beside_run_file_name(number), run))?;
    save(RUN_FILE_NAME.to_owned(), subject.run)?;
    let verdict = render(Format::Json, subject, Look { width: 80, color: ColorChoice::Never })?;
    write_atomically(&folder.join(Format::Json.file_name().unwrap_or("verdict.json")), verdict.as_bytes()).map_err(CommandError::NotWritten)
}

/// `ARCHIVE/shop/20261120T120000.250Z`: sorted by name is sorted by time.
#[must_use]
pub fn folder_of_check(archive: &Path, scenario: &str, at: Timestamp) -> PathBuf {
    archive.join(scenario).join(at.strftime("%Y%m%dT%H%M%S%.3fZ").to_string())
}
