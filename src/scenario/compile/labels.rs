//! Endpoints: the labels that everything is counted under, in the order in which the file names them.

use std::collections::HashMap;

use unicode_security::skeleton;

use super::context::Context;
use super::{Checked, label_text};
use crate::document::Placed;
use crate::endpoint::EndpointRole;
use crate::redact::objection;
use crate::scenario::{Endpoint, Method};

/// Each endpoint has histograms of its own.
const MAX_ENDPOINTS: usize = 1000;
/// In characters.
const MAX_LABEL_LENGTH: usize = 200;

/// All labels so far.
#[derive(Debug, Default)]
pub struct Labels {
    names: Vec<String>,
    index: HashMap<String, usize>,
}

impl Labels {
    /// The index of an endpoint, new or known.
    pub fn intern(&mut self, context: &Context<'_>, method: Method, name: &Placed<String>) -> Checked<usize> {
        let label = format!("{} {}", method.name(), label_text(context.document, "name", name)?);
        let length = label.chars().count();
        if length > MAX_LABEL_LENGTH {
            let message = format!("the endpoint's name has {length} characters, at most {MAX_LABEL_LENGTH} are allowed");
            return Err(context.mistake_with_hint(name.place, message, "give the step a short `name`"));
        }
        refuse_secrets(context, &label, name)?;
        if let Some(&index) = self.index.get(&label) {
            return Ok(index);
        }
        if self.names.len() == MAX_ENDPOINTS {
            let message = format!("more than {MAX_ENDPOINTS} endpoints");
            let hint = "give steps that belong together one `name`, as `/api/products/:id`";
            return Err(context.mistake_with_hint(name.place, message, hint));
        }
        self.names.push(label.clone());
        self.index.insert(label, self.names.len() - 1);
        Ok(self.names.len() - 1)
    }

    /// Pairs of labels that differ only by case or a slash at the end, or that look the same to a reader.
    pub fn look_alikes(&self) -> Vec<String> {
        let mut first: HashMap<String, &str> = HashMap::new();
        let mut warnings = Vec::new();
        for name in &self.names {
            let plain = plain(name);
            match first.get(&as_seen(&plain)) {
                Some(other) if self::plain(other) == plain => {
                    warnings.push(format!("endpoints `{other}` and `{name}` differ only by case or a slash: they are counted apart"));
                }
                Some(other) => {
                    let (other, name) = (spelled_out(other), spelled_out(name));
                    warnings.push(format!("endpoints `{other}` and `{name}` look the same and are not: they are counted apart"));
                }
                None => {
                    first.insert(as_seen(&plain), name);
                }
            }
        }
        warnings
    }

    /// The endpoints with who asks them.
    pub fn into_endpoints(self, role: impl Fn(usize) -> EndpointRole) -> Vec<Endpoint> {
        self.names.into_iter().enumerate().map(|(index, name)| Endpoint { name, role: role(index) }).collect()
    }
}

/// A label stands in every report: a secret that was written out in one would be published with it.
fn refuse_secrets(context: &Context<'_>, label: &str, name: &Placed<String>) -> Checked<()> {
    let holds = |value: &String| objection(value).is_none() && label.contains(value.as_str());
    let Some(variable) = context.environment.iter().find(|variable| variable.value.as_ref().is_some_and(holds)) else { return Ok(()) };
    let message = format!("the endpoint's name holds the value of environment variable `{}`, and names are shown", variable.name);
    Err(context.mistake_with_hint(name.place, message, format!("write `${{env.{}}}`, or give the step another `name`", variable.name)))
}

fn plain(label: &str) -> String {
    label.to_lowercase().trim_end_matches('/').to_owned()
}

/// The same text for all labels that a reader cannot tell apart: composed or not, Latin or Cyrillic letters, with or without
/// characters that take no room.
fn as_seen(label: &str) -> String {
    let visible = |c: &char| {
        !c.is_control() && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    skeleton(&label.chars().filter(visible).collect::<String>()).collect::<String>().to_lowercase()
}

/// With the code points of what is not ASCII, by which a reader tells look-alikes apart.
fn spelled_out(label: &str) -> String {
    label.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}
