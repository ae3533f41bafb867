//! The summary of a GitHub step: Markdown at the end of the file that the runner names.

use std::path::Path;

use super::{Posted, PublishError};
use crate::files::append;

/// Adds the text to the step's summary.
///
/// # Errors
/// [`PublishError::File`].
pub fn post(file: &Path, text: &str) -> Result<Posted, PublishError> {
    append(file, format!("{text}\n").as_bytes())?;
    Ok(Posted::Done { address: None })
}
