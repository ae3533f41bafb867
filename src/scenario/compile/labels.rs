//! Endpoints: the labels that everything is counted under, in the order in which the file names them.

use std::collections::HashMap;

use super::context::Context;
use super::{Checked, label_text};
use crate::document::Placed;
use crate::endpoint::EndpointRole;
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

    /// Pairs of labels that differ only by case or a slash at the end.
    pub fn look_alikes(&self) -> Vec<String> {
        let mut first: HashMap<String, &str> = HashMap::new();
        let mut warnings = Vec::new();
        for name in &self.names {
            let plain = name.to_lowercase().trim_end_matches('/').to_owned();
            match first.get(&plain) {
                Some(other) => {
                    warnings.push(format!("endpoints `{other}` and `{name}` differ only by case or a slash: they are counted apart"));
                }
                None => {
                    first.insert(plain, name);
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
