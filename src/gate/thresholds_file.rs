//! The threshold file, version 1, as typed, and its JSON Schema. What it means is in `thresholds_reader.rs`.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, de};

use super::rules::Term;
use crate::document::{Placed, Scalar, Written};

/// The limits that a release must keep, for one scenario.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "perfgate thresholds, version 1")]
pub(super) struct ThresholdsFile {
    /// Always 1.
    #[schemars(extend("const" = 1))]
    pub(super) version: Placed<Scalar>,
    /// The name of the scenario that they are for; `*` fits every one.
    #[schemars(with = "String")]
    pub(super) scenario: Placed<String>,
    /// For every endpoint that the scenario declares.
    pub(super) defaults: Option<MetricsFile>,
    /// By endpoint (`GET /path`); what is not said is inherited from `defaults`.
    pub(super) endpoints: Option<PlacedMap<MetricsFile>>,
    /// For all endpoints together.
    pub(super) total: Option<MetricsFile>,
    /// Phases that are judged by their own rules over what holds for all.
    pub(super) phases: Option<PlacedMap<PhaseFile>>,
    #[serde(default, deserialize_with = "present")]
    #[schemars(skip)]
    pub(super) probes: Option<Placed<IgnoredAny>>,
    /// How the gate works.
    pub(super) gate: Option<GateFile>,
    /// Breaches that are accepted for some time.
    pub(super) waivers: Option<Vec<Placed<WaiverFile>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PhaseFile {
    pub(super) defaults: Option<MetricsFile>,
    pub(super) endpoints: Option<PlacedMap<MetricsFile>>,
    pub(super) total: Option<MetricsFile>,
}

/// The rules of one metric in the long form.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesFile {
    /// Red above this: `300ms`, `1%`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) max: Option<Placed<Scalar>>,
    /// Red below this: `150/s`.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) min: Option<Placed<Scalar>>,
    /// A warning beyond this.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) warn: Option<Placed<Scalar>>,
    /// Red when it rose by more than this against the baseline; failure rates in percentage points.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) rise: Option<Placed<Scalar>>,
    /// Red when it fell by more than this against the baseline.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) fall: Option<Placed<Scalar>>,
    /// A rise or fall of less than this is none.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) at_least: Option<Placed<Scalar>>,
    /// The change that must be seen if it is there.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) must_detect: Option<Placed<Scalar>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateFile {
    pub(super) baseline: Option<BaselineFile>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BaselineFile {
    /// Where there are too few runs to compare with.
    pub(super) missing: Option<PolicyFile>,
    /// Where the runs there are were made with another scenario or elsewhere.
    pub(super) other: Option<PolicyFile>,
    /// Most runs that are compared with: 3 to 1000, without it 10.
    #[schemars(with = "Option<u64>")]
    pub(super) runs: Option<Placed<u64>>,
    /// Older runs are left out: `14d`.
    #[schemars(with = "Option<String>")]
    pub(super) max_age: Option<Placed<String>>,
    /// Compare with the run that is pinned under this name.
    pub(super) pinned: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum PolicyFile {
    Warn,
    Fail,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WaiverFile {
    /// `METHOD name`, or `total`.
    #[schemars(with = "String")]
    pub(super) endpoint: Placed<String>,
    #[schemars(with = "String")]
    pub(super) metric: Placed<String>,
    /// What is accepted; without it anything is.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) max: Option<Placed<Scalar>>,
    /// What is accepted of a throughput.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    pub(super) min: Option<Placed<Scalar>>,
    /// The last day, UTC: `2026-12-31`.
    #[schemars(with = "String")]
    pub(super) until: Placed<String>,
    #[schemars(with = "String")]
    pub(super) reason: Placed<String>,
    pub(super) issue: Option<String>,
}

impl RulesFile {
    /// What is said, by term.
    pub(super) fn terms(&self) -> impl Iterator<Item = (Term, &Placed<Scalar>)> {
        let Self { max, min, warn, rise, fall, at_least, must_detect } = self;
        let terms = [
            (Term::Max, max),
            (Term::Min, min),
            (Term::Warn, warn),
            (Term::Rise, rise),
            (Term::Fall, fall),
            (Term::AtLeast, at_least),
            (Term::MustDetect, must_detect),
        ];
        terms.into_iter().filter_map(|(term, written)| Some((term, written.as_ref()?)))
    }
}

/// Metrics by name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct MetricsFile(pub(super) PlacedMap<Placed<Written<RulesFile>>>);

/// A mapping whose keys are the user's own, with their places, in the order of the file.
#[derive(Debug)]
pub(super) struct PlacedMap<V>(pub(super) Vec<(Placed<String>, V)>);

/// A key without a value is not a key that was left out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for PlacedMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PlacedMapVisitor(PhantomData))
    }
}

struct PlacedMapVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for PlacedMapVisitor<V> {
    type Value = PlacedMap<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(Placed<String>, V)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<Placed<String>, V>()? {
            if entries.iter().any(|(known, _)| known.value == key.value) {
                return Err(de::Error::custom(format!("key `{}` stands here twice", key.value)));
            }
            entries.push((key, value));
        }
        Ok(PlacedMap(entries))
    }
}

impl<V: JsonSchema> JsonSchema for PlacedMap<V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Map_of_{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<V>()})
    }
}

impl JsonSchema for MetricsFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Metrics".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let percentile = r"p\d{1,2}(\.\d+)?";
        let failures = r"failures(\.(dns|connect|tls|timeout|reset|protocol|too_large|status|check|4xx|5xx|[1-5]\d\d))?";
        json_schema!({
            "description": "Limits by metric: p50, p75, p90, p95, p99, p99.9, max, mean, ttfb.p95, failures, failures.timeout, failures.5xx, \
                throughput, ..; a bare value is `max`, of throughput `min`; `off` switches an inherited check off.",
            "type": "object",
            "propertyNames": {"pattern": format!("^({percentile}|max|mean|ttfb\\.{percentile}|{failures}|throughput)$")},
            "additionalProperties": {"anyOf": [{"type": "string"}, generator.subschema_for::<RulesFile>()]},
        })
    }
}
