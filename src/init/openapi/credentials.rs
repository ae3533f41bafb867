//! Who asks: the security schemes of a description as credentials, whose secrets come from the environment.

use serde_json::Value;

use super::{Operation, Reader};
use crate::init::draft::{Draft, DraftAuth, DraftTask, literal};
use crate::init::secrets::variable_name;

/// How a request shows who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Auth(DraftAuth),
    Header(String, String),
    Query(String, String),
}

impl<'a> Reader<'a> {
    /// The first way in that a scenario can go.
    pub fn credentials(&mut self, operation: &Operation<'a>) -> Vec<Credential> {
        let root = self.root;
        let Some(ways) = operation.value.get("security").or_else(|| root.get("security")).and_then(Value::as_array) else {
            return Vec::new();
        };
        let is_open = |way: &&Value| way.as_object().is_some_and(serde_json::Map::is_empty);
        if ways.iter().any(|way| is_open(&way)) {
            return Vec::new();
        }
        ways.first().and_then(Value::as_object).into_iter().flatten().filter_map(|(name, _)| self.credential(name)).collect()
    }

    fn credential(&mut self, name: &str) -> Option<Credential> {
        let root = self.root;
        let scheme = self.sampler.resolve(root["components"]["securitySchemes"].get(name)?)?;
        let variable = |suffix: &str| format!("STAGING_{}", with_suffix(&variable_name(name), suffix));
        match (scheme["type"].as_str()?, scheme["scheme"].as_str().unwrap_or_default().to_ascii_lowercase().as_str()) {
            ("http", "basic") => Some(Credential::Auth(DraftAuth::Basic {
                username: self.draft.env(&variable("USERNAME")),
                password: self.draft.env(&variable("PASSWORD")),
            })),
            ("http" | "oauth2" | "openIdConnect", _) => Some(Credential::Auth(DraftAuth::Bearer(self.draft.env(&variable("TOKEN"))))),
            ("apiKey", _) => {
                let key = scheme["name"].as_str()?.to_owned();
                let value = self.draft.env(&variable("KEY"));
                Some(match scheme["in"].as_str()? {
                    "query" => Credential::Query(key, value),
                    "cookie" => Credential::Header("cookie".to_owned(), format!("{}={value}", literal(&key))),
                    _ => Credential::Header(key.to_ascii_lowercase(), value),
                })
            }
            _ => {
                let note = format!("security scheme `{name}` is not drafted: a client certificate stands under `tls`");
                if !self.draft.notes.contains(&note) {
                    self.draft.notes.push(note);
                }
                None
            }
        }
    }
}

/// A token that every request carries is written once.
pub fn hoist_bearer(draft: &mut Draft, tasks: &mut [DraftTask]) {
    let mut steps = tasks.iter().flat_map(|task| &task.steps);
    let Some(DraftAuth::Bearer(token)) = steps.next().and_then(|step| step.auth.clone()) else { return };
    if tasks.len() > 1 && steps.all(|step| step.auth == Some(DraftAuth::Bearer(token.clone()))) {
        draft.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        tasks.iter_mut().flat_map(|task| &mut task.steps).for_each(|step| step.auth = None);
    }
}

/// A name that does not say its suffix twice: `API_KEY`, not `API_KEY_KEY`.
fn with_suffix(name: &str, suffix: &str) -> String {
    if name.ends_with(suffix) { name.to_owned() } else { format!("{name}_{suffix}") }
}
