//! The store that is one run's file. Who names it wants it: where it is missing, that is an error.

use std::path::Path;

use super::kept::{Kept, KeptError};
use super::{BaselineError, read_if_exists};
use crate::run::RUN_FILE_CAP;

/// What is made of the run at `path`, under the file's name without its extension.
pub(super) fn load<T>(path: &Path, make: &impl Fn(Kept<'_>) -> Result<T, KeptError>) -> Result<T, BaselineError> {
    let file = read_if_exists(path, RUN_FILE_CAP)?.ok_or_else(|| BaselineError::NotFound { path: path.to_owned() })?;
    let id = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let kept = Kept { id: &id, entry: None, file: &file, place: (0, 1) };
    make(kept).map_err(|source| BaselineError::CorruptRun { path: path.to_owned(), source })
}
