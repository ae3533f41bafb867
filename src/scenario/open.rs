//! Opening a scenario: from a path or a document to the checked scenario, and its JSON Schema.

use std::path::Path;

use super::compile::{Surroundings, compile};
use super::file::ScenarioFile;
use super::{Overrides, Scenario, ScenarioError};
use crate::document::{Document, Placed};

impl Scenario {
    /// Reads a scenario file and what it names.
    ///
    /// # Errors
    /// [`ScenarioError`]: the file, or a file that it names, cannot be read; something in it is wrong; an override does not fit.
    pub fn open(path: &Path, overrides: &Overrides, environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ScenarioError> {
        let document = Document::open(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::from_document(&document, &Surroundings { folder, environment }, overrides)
    }

    /// Reads a scenario that is in memory already.
    ///
    /// # Errors
    /// As [`Scenario::open`].
    pub fn from_document(document: &Document, surroundings: &Surroundings<'_>, overrides: &Overrides) -> Result<Self, ScenarioError> {
        compile(document, surroundings, overrides)
    }

    /// The target that the file itself names, whatever an override says; `None` where it names none.
    ///
    /// # Errors
    /// As [`Scenario::open`].
    pub fn target_of_file(document: &Document) -> Result<Option<String>, ScenarioError> {
        let file: ScenarioFile = document.parse()?;
        Ok(file.target.map(|Placed { value, .. }| value))
    }

    /// The JSON Schema of the scenario file, for editors.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(ScenarioFile).to_value()
    }
}
