//! k6's end-of-test summaries: `--summary-export`, the object that `handleSummary` gets, and the machine-readable one.
//! Percentiles without samples; whether `true` means crossed or kept depends on which of them it is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Beside;
use crate::import::ImportOptions;
use crate::import::error::ImportError;
use crate::import::input::{Head, Input};
use crate::import::reading::{Latency, Reading, Stated, imported};
use crate::run::{Exactness, FailureClass, FailureDetail, Imported, Measure, PhaseSeries, StatedLatency};
use crate::units::Percentile;

/// All requests together: k6 gives counts by name only where a threshold asks for them.
const ALL: &str = "all requests";

#[derive(Deserialize)]
struct Document {
    metrics: Option<Map<String, Value>>,
    state: Option<Value>,
    results: Option<Results>,
    config: Option<Value>,
}

#[derive(Deserialize)]
struct Results {
    metrics: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    values: Map<String, Value>,
}

/// Which of the summaries, and so what its words mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Export,
    Handle,
    MachineReadable,
}

pub(in crate::import) fn recognises(head: &Head) -> bool {
    let has = |key: &str| head.keys.contains(key);
    (has("metrics") && has("root_group")) || (has("version") && has("results") && has("config"))
}

pub(in crate::import) fn read(mut input: Input, _: &ImportOptions) -> Result<Reading, ImportError> {
    let document: Document = input.document()?;
    let form = match &document {
        Document { results: Some(_), .. } => Form::MachineReadable,
        Document { state: Some(_), .. } => Form::Handle,
        _ => Form::Export,
    };
    let metrics = metrics_of(document.metrics, document.results, form);
    let Some(requests) = metrics.count("http_reqs", &["count"]) else { return Err(ImportError::Empty { path: input.path().to_owned() }) };
    let Some(failed) = metrics.failed("http_req_failed") else {
        return Err(ImportError::document(input.path(), "the summary has no `http_req_failed`: it can't be told how many requests failed"));
    };
    if failed > requests {
        return Err(ImportError::document(input.path(), format!("{failed} requests failed of {requests}: is the file mixed up?")));
    }
    let mut about = imported("k6", form.name(), Measure::ServiceWithoutConnect, Exactness::Summary);
    about.failures = FailureDetail::Count;
    let expected = metrics.latency("http_req_duration{expected_response:true}", requests - failed);
    let of_all = metrics.latency("http_req_duration", requests);
    about.failures_in_latency = expected.is_none();
    let mut endpoints = vec![Stated { label: ALL.into(), counts: counts(requests, failed), latency: figures(expected.or(of_all)) }];
    endpoints.extend(metrics.by_name(&mut about));
    tell(&metrics, form, &endpoints, &mut about);
    // Every request is in the first, whatever else is named.
    if endpoints.len() > 1
        && let Latency::Figures(latency) = &endpoints[0].latency
    {
        about.total = Some(crate::run::StatedTotal { counts: endpoints[0].counts.clone(), latency: latency.clone() });
    }
    let mut beside = Beside {
        iterations: metrics.number("iterations", "count"),
        dropped: metrics.number("dropped_iterations", "count"),
        ..Beside::default()
    };
    (beside.failed_checks, beside.checks) =
        (metrics.number("checks", "fails"), metrics.number("checks", "passes") + metrics.number("checks", "fails"));
    let problems = beside.tell(&mut about);
    let length = length(&metrics, document.state.as_ref(), document.config.as_ref());
    Ok(Reading { problems, ..Reading::of_summary(about, length, endpoints) })
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Export => "summary export",
            Self::Handle => "handleSummary data",
            Self::MachineReadable => "machine-readable summary",
        }
    }
}

/// The values of every metric, and its thresholds where the form has them.
struct Metrics {
    values: BTreeMap<String, Map<String, Value>>,
    crossed: Vec<String>,
}

fn metrics_of(metrics: Option<Map<String, Value>>, results: Option<Results>, form: Form) -> Metrics {
    if let Some(results) = results {
        let values = results.metrics.into_iter().map(|Named { name, values }| (name, values)).collect();
        return Metrics { values, crossed: Vec::new() };
    }
    let (mut values, mut crossed) = (BTreeMap::new(), Vec::new());
    for (name, metric) in metrics.unwrap_or_default() {
        let Value::Object(mut metric) = metric else { continue };
        for (expression, state) in metric.get("thresholds").and_then(Value::as_object).into_iter().flatten() {
            // In an export `true` is a threshold that was crossed, elsewhere `ok: true` one that was kept.
            let is_crossed = match form {
                Form::Export => state.as_bool() == Some(true),
                Form::Handle | Form::MachineReadable => state.get("ok").and_then(Value::as_bool) == Some(false),
            };
            if is_crossed {
                crossed.push(format!("{name} {expression}"));
            }
        }
        let inner = if form == Form::Handle { metric.remove("values") } else { Some(Value::Object(metric)) };
        if let Some(Value::Object(inner)) = inner {
            values.insert(name, inner);
        }
    }
    Metrics { values, crossed }
}

impl Metrics {
    fn number(&self, metric: &str, key: &str) -> f64 {
        self.value(metric, key).unwrap_or(0.0)
    }

    fn value(&self, metric: &str, key: &str) -> Option<f64> {
        self.values.get(metric)?.get(key)?.as_f64().filter(|value| value.is_finite() && *value >= 0.0)
    }

    fn count(&self, metric: &str, keys: &[&str]) -> Option<u64> {
        keys.iter().find_map(|key| self.value(metric, key)).map(whole)
    }

    /// Of `http_req_failed` the requests that `pass` are those that failed; the machine-readable form calls them `matches`.
    fn failed(&self, metric: &str) -> Option<u64> {
        self.count(metric, &["passes", "matches"])
    }

    fn latency(&self, metric: &str, samples: u64) -> Option<StatedLatency> {
        let values = self.values.get(metric)?;
        let mut latency = StatedLatency { samples, ..StatedLatency::default() };
        for (key, value) in values {
            let Some(millis) = value.as_f64().filter(|value| value.is_finite() && *value >= 0.0) else { continue };
            match key.as_str() {
                "med" => drop(latency.percentiles.insert(Percentile::P50, millis)),
                "max" => latency.max = Some(millis),
                "avg" => latency.mean = Some(millis),
                _ => {
                    let number = key.strip_prefix("p(").and_then(|key| key.strip_suffix(')'));
                    if let Some(percentile) = number.and_then(|number| format!("p{number}").parse().ok()) {
                        latency.percentiles.insert(percentile, millis);
                    }
                }
            }
        }
        Some(latency)
    }

    /// The names whose requests, failures and durations are all there; the others are told of.
    fn by_name(&self, about: &mut Imported) -> Vec<Stated> {
        let mut endpoints = Vec::new();
        for metric in self.values.keys() {
            let Some(tag) = metric.strip_prefix("http_req_duration{").and_then(|rest| rest.strip_suffix('}')) else { continue };
            let Some(name) = tag.strip_prefix("name:") else { continue };
            let requests = self.count(&format!("http_reqs{{{tag}}}"), &["count"]);
            let failed = self.failed(&format!("http_req_failed{{{tag}}}"));
            let (Some(requests), Some(failed)) = (requests, failed) else {
                let text = format!(
                    "`{name}` is left out: beside its duration the summary does not have its `http_reqs{{{tag}}}` and `http_req_failed{{{tag}}}`; with `--out json` every name is there"
                );
                about.notes.push(text);
                continue;
            };
            about.failures_in_latency |= failed > 0;
            endpoints.push(Stated {
                label: name.to_owned(),
                counts: counts(requests, failed.min(requests)),
                latency: figures(self.latency(metric, requests)),
            });
        }
        endpoints
    }
}

fn figures(latency: Option<StatedLatency>) -> Latency {
    latency.map_or(Latency::Unknown, Latency::Figures)
}

fn counts(requests: u64, failed: u64) -> PhaseSeries {
    let mut counts = PhaseSeries { requests, ok: requests - failed, ..PhaseSeries::default() };
    counts.failures.add(FailureClass::Check, failed);
    if failed > 0 {
        counts.add_cause("failed by k6's rules", failed);
    }
    counts
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "finite, not negative, and cut at what a run can hold")]
fn whole(value: f64) -> u64 {
    value.min(1e12).round() as u64
}

fn tell(metrics: &Metrics, form: Form, endpoints: &[Stated], about: &mut Imported) {
    if !metrics.crossed.is_empty() {
        about.notes.push(format!("k6's own thresholds that were crossed: {}", metrics.crossed.join(", ")));
    }
    let has_p99 = endpoints
        .iter()
        .any(|endpoint| matches!(&endpoint.latency, Latency::Figures(figures) if figures.percentiles.contains_key(&Percentile::P99)));
    if !has_p99 {
        let cure = match form {
            Form::MachineReadable => "this summary never has it; import `--out json=FILE`",
            Form::Export | Form::Handle => {
                "ask k6 for it with `summaryTrendStats: ['avg', 'med', 'max', 'p(95)', 'p(99)']`, or import `--out json=FILE`"
            }
        };
        about.notes.push(format!("p99 is not in the summary: {cure}"));
    }
}

fn length(metrics: &Metrics, state: Option<&Value>, config: Option<&Value>) -> Duration {
    let millis = state.and_then(|state| state.get("testRunDurationMs")).and_then(Value::as_f64);
    let stated = config.and_then(|config| config.get("duration")).and_then(Value::as_f64);
    let from_rate = metrics.value("http_reqs", "rate").filter(|rate| *rate > 0.0).map(|rate| metrics.number("http_reqs", "count") / rate);
    let seconds = millis.map(|millis| millis / 1000.0).or(stated).or(from_rate).unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
}
