//! The store that is one run's file. Who names it wants it: where it is missing, that is an error.

use std::path::Path;

use super::{BaselineError, read_if_exists};
use crate::run::{BaselineRun, RUN_FILE_CAP, read_run};

/// The run at `path`, under the file's name without its extension.
pub(super) fn load(path: &Path) -> Result<BaselineRun, BaselineError> {
    let bytes = read_if_exists(path, RUN_FILE_CAP)?.ok_or_else(|| BaselineError::NotFound { path: path.to_owned() })?;
    let run = read_run(&bytes).map_err(|source| BaselineError::CorruptRun { path: path.to_owned(), source })?;
    let id = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(BaselineRun { id, pinned: false, run })
}
