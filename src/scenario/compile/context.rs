//! What the steps of a scenario refer to: data sets, variables, environment; and what goes for all of them.

use super::Checked;
use super::local_file::LocalFiles;
use crate::document::{Document, Mistake, Place, Placed};
use crate::redact::objection;
use crate::scenario::{DataSet, Target};

/// The pipeline's own keys: no scenario may send them anywhere.
const FORBIDDEN_VARIABLES: [&str; 4] = ["GITHUB_TOKEN", "GH_TOKEN", "CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD"];
const FORBIDDEN_PREFIX: &str = "ACTIONS_";

/// Everything that a step may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    pub document: &'a Document,
    pub files: LocalFiles<'a>,
    pub environment: &'a [EnvironmentVariable],
    pub data: &'a [DataSet],
    /// By slot.
    pub variables: &'a [String],
    pub base_path: &'a str,
    /// Of the target as written and as overridden: what a step's absolute URL may begin with.
    pub own_targets: &'a [Target],
}

/// A declared environment variable.
#[derive(Clone)]
pub struct EnvironmentVariable {
    pub name: String,
    /// `None` where it is not set, or empty.
    pub value: Option<String>,
}

/// Without the value: it is a secret.
impl std::fmt::Debug for EnvironmentVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvironmentVariable").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Context<'_> {
    pub fn mistake(&self, place: Place, message: impl Into<String>) -> Box<Mistake> {
        self.document.mistake(place, message).into()
    }

    /// The slot of a variable that a step sets.
    pub fn slot(&self, name: &Placed<String>) -> Checked<usize> {
        let slot = self.variables.iter().position(|variable| *variable == name.value);
        slot.ok_or_else(|| self.mistake(name.place, format!("nothing is saved as `{}`", name.value)))
    }

    pub fn mistake_with_hint(&self, place: Place, message: impl Into<String>, hint: impl Into<String>) -> Box<Mistake> {
        self.document.mistake(place, message).with_hint(hint).into()
    }
}

/// Reads the declared environment variables.
pub fn read_environment(
    document: &Document,
    declared: &[Placed<String>],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Checked<Vec<EnvironmentVariable>> {
    let mut variables: Vec<EnvironmentVariable> = Vec::new();
    for Placed { value: name, place } in declared {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(document.mistake(*place, format!("`{name}` is not the name of an environment variable")).into());
        }
        if FORBIDDEN_VARIABLES.contains(&name.as_str()) || name.starts_with(FORBIDDEN_PREFIX) {
            let mistake = document.mistake(*place, format!("environment variable `{name}` is not allowed in scenarios"));
            return Err(mistake.with_hint("it is a key to the pipeline itself, and a scenario would send it away").into());
        }
        if variables.iter().any(|variable| variable.name == *name) {
            return Err(document.mistake(*place, format!("environment variable `{name}` stands here twice")).into());
        }
        let value = environment(name).filter(|value| !value.is_empty());
        variables.push(EnvironmentVariable { name: name.clone(), value });
    }
    Ok(variables)
}

/// The same variables with their names in place of their values: for the hash, which must not depend on a secret.
pub fn without_values(variables: &[EnvironmentVariable]) -> Vec<EnvironmentVariable> {
    let placeholder = |variable: &EnvironmentVariable| variable.value.as_ref().map(|_| format!("\u{f8ff}env.{}\u{f8ff}", variable.name));
    variables.iter().map(|variable| EnvironmentVariable { value: placeholder(variable), ..variable.clone() }).collect()
}

/// The values that are blanked wherever they would be shown, and a warning for each that is too weak for it.
pub fn secrets(variables: &[EnvironmentVariable]) -> (Vec<String>, Vec<String>) {
    let set = || variables.iter().filter_map(|variable| variable.value.as_ref().map(|value| (&variable.name, value)));
    let secrets = set().filter(|(_, value)| objection(value).is_none()).map(|(_, value)| value.clone()).collect();
    let too_weak = set().filter_map(|(name, value)| {
        Some(format!("environment variable `{name}` {}: it is not blanked where it is shown", objection(value)?))
    });
    (secrets, too_weak.collect())
}
