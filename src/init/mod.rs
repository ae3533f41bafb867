//! First files for a newcomer: a scenario drafted from what is there already, its thresholds, and a workflow. Pure: text
//! in, text out. A draft never holds a secret that its source held: `${env.NAME}` stands in its place.

mod bare;
mod draft;
mod formatting;
mod har;
mod locust;
mod openapi;
mod python;
mod sample;
mod secrets;
mod sendable;
mod thresholds;
mod workflow;
mod write;
mod yaml;

use std::path::Path;

use thiserror::Error;
use url::Host;

pub use self::bare::{placeholder, single_request};
pub use self::draft::Draft;
pub use self::har::from_har;
pub use self::locust::from_locust;
pub use self::openapi::from_openapi;
use crate::document::{Document, Mistake};
use crate::scenario::{Overrides, Scenario, ScenarioError, Surroundings, TargetError};

/// Why a source gives no draft.
#[derive(Debug, Error)]
pub enum InitError {
    #[error(transparent)]
    Mistake(#[from] Box<Mistake>),
    #[error("{file} is not JSON: {source}")]
    NotJson { file: String, source: serde_json::Error },
    #[error("{file} is not {expected}")]
    NotA { file: String, expected: &'static str, hint: &'static str },
    #[error("{file} has nothing to ask: {missing}")]
    Nothing { file: String, missing: &'static str, hint: &'static str },
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("what was drafted from {file} does not read: {source}")]
    Drafted { file: String, source: ScenarioError },
}

impl InitError {
    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::NotA { hint, .. } | Self::Nothing { hint, .. } => Some(hint),
            Self::NotJson { .. } => Some("is it whole? export it once more"),
            Self::Drafted { .. } => Some("please report it with the file, or with the part of it that the message names"),
            Self::Target(TargetError::NotAUrl(_) | TargetError::Scheme(_)) => Some("it begins with http:// or https://"),
            Self::Mistake(_) | Self::Target(_) => None,
        }
    }
}

/// A name of several words is not made longer than this.
const LONGEST_NAME: usize = 32;

/// What `init` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstFiles {
    pub scenario: String,
    pub thresholds: String,
    /// The workflow of the gate, and the one that measures the baseline.
    pub gate: String,
    pub nightly: String,
}

/// The files of a draft. The load is made long enough for its limits, as far as that is reasonable.
///
/// # Errors
/// [`InitError::Drafted`] where the scenario would not pass `validate`: a bug, told before anything is written.
pub fn first_files(draft: &mut Draft) -> Result<FirstFiles, InitError> {
    sendable::make_sendable(draft);
    let scenario = thresholds::fit_hold(draft)?;
    let limits = thresholds::thresholds_yaml(draft, &scenario);
    Ok(FirstFiles {
        scenario: write::scenario_yaml(draft),
        thresholds: limits,
        gate: workflow::gate_yaml(draft),
        nightly: workflow::nightly_yaml(draft),
    })
}

/// The draft as the program will read it.
fn read_back(draft: &Draft) -> Result<Scenario, InitError> {
    let document = Document::from_text(format!("{}.yaml", draft.name), write::scenario_yaml(&draft.without_tables()));
    // A number of enough digits goes wherever a value of the environment may stand.
    let surroundings = Surroundings { folder: Path::new("."), environment: &|_| Some("1000000".to_owned()) };
    Scenario::from_document(&document, &surroundings, &Overrides::default())
        .map_err(|source| InitError::Drafted { file: draft.source.clone(), source })
}

/// A name for files: lower case, words joined by `-`; `None` where nothing is left.
#[must_use]
pub fn slug(text: &str) -> Option<String> {
    let mut name = String::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !name.is_empty() {
            if name.len() + word.len() >= LONGEST_NAME {
                break;
            }
            name.push('-');
        }
        name.push_str(&word.to_ascii_lowercase());
    }
    name.truncate(2 * LONGEST_NAME);
    (!name.is_empty()).then_some(name)
}

/// The last part of a path: where a file lay is nobody's business in a repository.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The word of a host name that says what is served: `shop` of `staging.shop.example`.
#[must_use]
pub fn name_of_host(host: &str) -> Option<String> {
    const SAYING_NOTHING: [&str; 13] =
        ["www", "api", "staging", "stage", "stg", "test", "dev", "qa", "uat", "preprod", "app", "localhost", "sandbox"];
    let Ok(Host::Domain(host)) = Host::parse(host) else { return None };
    let labels: Vec<&str> = host.split('.').collect();
    let own = &labels[..labels.len().saturating_sub(1).max(1)];
    own.iter().find(|label| !SAYING_NOTHING.contains(label)).and_then(|label| slug(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_served() {
        for (host, name) in [
            ("staging.shop.example", Some("shop")),
            ("api.github.com", Some("github")),
            ("my-app.herokuapp.com", Some("my-app")),
            ("localhost", None),
            ("127.0.0.1", None),
            ("::1", None),
            ("shop", Some("shop")),
        ] {
            assert_eq!(name_of_host(host).as_deref(), name, "{host}");
        }
        assert_eq!(slug("GitHub v3 REST API").as_deref(), Some("github-v3-rest-api"));
        assert_eq!(slug("Shop API of the Example Company, version two").as_deref(), Some("shop-api-of-the-example-company"));
        assert_eq!(slug("../../etc"), Some("etc".into()));
        assert_eq!(slug("été ☃").as_deref(), Some("t"));
        assert_eq!(slug("///"), None);
    }
}
