//! The outputs of a GitHub step, in the file that the runner names. A value that holds a line end cannot bring an
//! output of its own.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::path::Path;

use super::PublishError;
use crate::files::append;

/// Adds outputs to the step's file.
///
/// # Errors
/// [`PublishError::File`].
pub fn post(file: &Path, outputs: &[(&str, String)]) -> Result<(), PublishError> {
    let random = || RandomState::new().hash_one(std::process::id());
    let text = written(outputs, &format!("perfgate_{:016x}{:016x}", random(), random()));
    Ok(append(file, text.as_bytes())?)
}

/// The outputs between delimiters that nobody could know.
fn written(outputs: &[(&str, String)], delimiter: &str) -> String {
    let fits = |(_, value): &&(&str, String)| !value.contains(delimiter);
    let lines = outputs.iter().filter(fits).flat_map(|(name, value)| [name, "<<", delimiter, "\n", value.as_str(), "\n", delimiter, "\n"]);
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_bring_another_output() {
        let outputs =
            [("outcome", "pass".to_owned()), ("report-path", "a\nEOF\nexit-code=0".to_owned()), ("comment-url", "x D y".to_owned())];
        assert_eq!(written(&outputs, "D"), "outcome<<D\npass\nD\nreport-path<<D\na\nEOF\nexit-code=0\nD\n");
    }
}
