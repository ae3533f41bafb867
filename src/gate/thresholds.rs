//! The Thresholds as meant: valid limits for every endpoint, what narrower places inherit, the gate's own settings
//! and the waivers. How they are written is in `thresholds_file.rs`.

use std::path::Path;
use std::time::Duration;

use jiff::civil::Date;

use super::rules::{Layer, Rules, rules_of_layers};
use super::{Metric, Subject, thresholds_file, thresholds_reader};
use crate::document::{Document, DocumentError, Mistake, Placed};
use crate::run::{Ask, Quantity};

/// A threshold file that could not be read or understood.
pub type ThresholdsError = DocumentError;

/// All limits of one threshold file.
#[derive(Debug, Clone)]
pub struct Thresholds {
    pub(super) document: Document,
    pub(super) hash: String,
    pub(super) scenario: Placed<String>,
    pub(super) defaults: Layer,
    pub(super) endpoints: Vec<EndpointLayer>,
    pub(super) total: Layer,
    pub(super) phases: Vec<PhaseThresholds>,
    pub(super) gate: GateSettings,
    pub(super) waivers: Vec<Waiver>,
}

/// What is said of one endpoint.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EndpointLayer {
    pub(super) name: Placed<String>,
    pub(super) layer: Layer,
}

/// What is said of one phase, over what holds for all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PhaseThresholds {
    pub(super) name: Placed<String>,
    pub(super) defaults: Layer,
    pub(super) endpoints: Vec<EndpointLayer>,
    pub(super) total: Layer,
}

/// How the gate uses its baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateSettings {
    /// Where there are too few runs to compare with.
    pub missing: BaselinePolicy,
    /// Where the runs there are were made with another scenario or elsewhere.
    pub other: BaselinePolicy,
    /// Most runs that are compared with, newest first.
    pub runs: usize,
    /// Older runs are left out, unless they are pinned.
    pub max_age: Option<Duration>,
    /// Only the run that is pinned under this name is compared with.
    pub pinned: Option<String>,
}

/// What follows where nothing can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselinePolicy {
    /// Relative rules are skipped, with a warning.
    Warn,
    /// The baseline is unusable: an error.
    Fail,
}

/// A breach that is accepted for some time.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiver {
    pub endpoint: Placed<String>,
    pub metric: Placed<Metric>,
    /// What is accepted, in the metric's unit: an upper limit, for throughput a lower one; `None` accepts anything.
    pub accepts: Option<f64>,
    /// The last day (UTC) on which it holds.
    pub until: Date,
    pub reason: String,
    pub issue: Option<String>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self { missing: BaselinePolicy::Warn, other: BaselinePolicy::Warn, runs: 10, max_age: None, pinned: None }
    }
}

impl Thresholds {
    /// Reads a threshold file.
    ///
    /// # Errors
    /// [`ThresholdsError`] where it cannot be read, or says something that can't be meant.
    pub fn open(path: &Path) -> Result<Self, ThresholdsError> {
        Ok(Self::from_document(&Document::open(path)?)?)
    }

    /// Reads a document that is in memory already.
    ///
    /// # Errors
    /// A [`Mistake`] with file, line and column.
    pub fn from_document(document: &Document) -> Result<Self, Box<Mistake>> {
        thresholds_reader::read(document)
    }

    /// The JSON Schema of the file, for editors.
    #[must_use]
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(thresholds_file::ThresholdsFile)
    }

    /// The name that messages call the file by.
    #[must_use]
    pub fn file(&self) -> &str {
        self.document.name()
    }

    /// `sha256:..` of the file's bytes.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The scenario that they are for; `*` fits every one.
    #[must_use]
    pub fn scenario(&self) -> &str {
        &self.scenario.value
    }

    #[must_use]
    pub fn gate(&self) -> &GateSettings {
        &self.gate
    }

    #[must_use]
    pub fn waivers(&self) -> &[Waiver] {
        &self.waivers
    }

    /// The phases with rules of their own; the other judged phases are pooled.
    #[must_use]
    pub fn named_phases(&self) -> Vec<&str> {
        self.phases.iter().map(|phase| phase.name.value.as_str()).collect()
    }

    /// The endpoints with rules of their own, in any phase, each once.
    #[must_use]
    pub fn named_endpoints(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for endpoint in self.endpoints.iter().chain(self.phases.iter().flat_map(|phase| &phase.endpoints)) {
            if !names.contains(&endpoint.name.value.as_str()) {
                names.push(&endpoint.name.value);
            }
        }
        names
    }

    /// What holds for a subject in one phase, or in the pooled phases (`None`): the metrics that have a check.
    #[must_use]
    pub fn rules(&self, subject: Subject<'_>, phase: Option<&str>) -> Vec<(Metric, Rules)> {
        let phase = phase.and_then(|name| self.phases.iter().find(|phase| phase.name.value == name));
        let layers: Vec<&Layer> = match subject {
            Subject::Total => [Some(&self.total), phase.map(|phase| &phase.total)].into_iter().flatten().collect(),
            Subject::Endpoint(name) => [
                Some(&self.defaults),
                layer_of(&self.endpoints, name),
                phase.map(|phase| &phase.defaults),
                phase.and_then(|phase| layer_of(&phase.endpoints, name)),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        rules_of_layers(&layers)
    }

    /// What a judgement by them needs to know of each run that it compares with.
    #[must_use]
    pub fn ask(&self) -> Ask {
        let named = self.named_phases();
        let phases = || named.iter().copied().map(Some).chain([None]);
        // An endpoint that nothing is said of has the defaults.
        let endpoints = self.named_endpoints().into_iter().chain([""]).map(Subject::Endpoint);
        let subjects: Vec<Subject<'_>> = endpoints.chain([Subject::Total]).collect();
        let rules = subjects.iter().flat_map(|&subject| phases().flat_map(move |phase| self.rules(subject, phase)));
        let quantities: Vec<Quantity> = rules.filter_map(|(metric, _)| metric.quantity()).collect();
        Ask::of(quantities, &named)
    }
}

/// What is said of the endpoint of this name.
pub(super) fn layer_of<'a>(endpoints: &'a [EndpointLayer], name: &str) -> Option<&'a Layer> {
    endpoints.iter().find(|endpoint| endpoint.name.value == name).map(|endpoint| &endpoint.layer)
}
