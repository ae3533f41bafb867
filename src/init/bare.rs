//! Drafts from nothing, or from one URL.

use url::Url;

use super::draft::{Draft, DraftKind, DraftStep, DraftTask, literal};
use super::secrets::Secrets;
use super::{InitError, name_of_host};
use crate::scenario::{Method, Target, TargetError};

/// The first lines of a newcomer.
#[must_use]
pub fn placeholder(name: &str, target: Option<&str>) -> Draft {
    let mut draft = Draft::new(name.to_owned(), "nothing", target.map_or_else(|| format!("https://staging.{name}.example"), str::to_owned));
    draft.kinds = vec![of_step(DraftStep::new(Method::Get, "/api/products"))];
    draft
}

/// One URL, asked again and again.
///
/// # Errors
/// [`InitError::Target`] where the text is no URL that can be loaded.
pub fn single_request(url: &str, name: Option<&str>, folder: &str) -> Result<Draft, InitError> {
    let url = url.trim();
    let (origin, _) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let target: Target = origin.parse()?;
    let parsed = Url::parse(url).map_err(TargetError::NotAUrl)?;
    let name = name.map(str::to_owned).or_else(|| name_of_host(&target.host)).unwrap_or_else(|| folder.to_owned());
    let mut draft = Draft::new(name, url, target.origin());
    let mut secrets = Secrets::default();
    let mut step = DraftStep::new(Method::Get, literal(parsed.path()));
    step.query = parsed.query_pairs().map(|(name, value)| (name.to_string(), secrets.value(&name, &value))).collect();
    draft.env = secrets.into_names();
    draft.kinds = vec![of_step(step)];
    Ok(draft)
}

fn of_step(step: DraftStep) -> DraftKind {
    let task = DraftTask { weight: 1.0, steps: vec![step], ..DraftTask::default() };
    DraftKind { weight: 1.0, tasks: vec![task], ..DraftKind::default() }
}
