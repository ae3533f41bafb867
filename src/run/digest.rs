//! The Digest: of a run, what later runs need to know to be compared with it. Small, and made of nothing but the run, so
//! that whoever decides need not read the run itself. Where a digest is kept is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::{Figures, Likeness, Measurement, PhaseSelection, PhaseSeries, Quantity, Run};
use crate::parallel::on_all_cores;
use crate::stats::Estimate;
use crate::units::Percentile;

/// Measured values are kept in millionths: nanoseconds for a latency.
const VALUE_PARTS: f64 = 1e6;
/// Logarithms are kept in parts of so much: no more than a billionth of a value.
const LOG_PARTS: f64 = 1e9;

/// What is to be told of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    quantities: BTreeSet<Quantity>,
    /// Each a choice of phases that have figures of their own, so that the others are pooled.
    named: Vec<Vec<String>>,
}

/// What later runs need to know of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Digest {
    pub started_at: Timestamp,
    pub complete: bool,
    /// The CI job that made it.
    pub job: Option<String>,
    pub likeness: Likeness,
    /// The names of the judged phases, in order.
    pub phases: Vec<String>,
    pub parts: Vec<Part>,
}

/// One endpoint, or all of them, over some phases.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// `None` is all task endpoints together.
    pub endpoint: Option<String>,
    /// Places in [`Digest::phases`], ascending.
    pub phases: Vec<usize>,
    pub gist: Gist,
}

/// Figures without their distributions.
#[derive(Debug, Clone, PartialEq)]
pub struct Gist {
    /// Counts alone: it has no times and no causes.
    pub counts: PhaseSeries,
    pub length: Duration,
    pub gauges: BTreeMap<Quantity, Gauge>,
}

/// One quantity: its value, and where it has one, its logarithm with its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gauge {
    pub measurement: Measurement,
    pub estimate: Option<Estimate>,
}

/// A gauge in whole numbers: value, samples, logarithm with its errors; `None` in place of what it has not.
pub type GaugeParts = (Option<i64>, u64, Option<[i64; 3]>);

impl Ask {
    /// These quantities, and those that every comparison needs, where the phases named have figures of their own.
    #[must_use]
    pub fn of(quantities: impl IntoIterator<Item = Quantity>, named: &[&str]) -> Self {
        let always = [Quantity::Percentile(Percentile::P95), Quantity::Mean];
        let named = named.iter().map(|&name| name.to_owned()).collect();
        Self { quantities: quantities.into_iter().chain(always).collect(), named: vec![named] }
    }

    /// What thresholds usually ask of such a run: each judged phase alone, and all the others without it.
    #[must_use]
    pub fn usual(run: &Run) -> Self {
        let judged = judged_names(run);
        let named = std::iter::once(judged.clone()).chain(judged.into_iter().map(|name| vec![name])).collect();
        let percentiles = Percentile::ALL.into_iter().map(Quantity::Percentile);
        Self { quantities: percentiles.chain([Quantity::Mean, Quantity::Max, Quantity::Throughput]).collect(), named }
    }

    pub(super) fn quantities(&self) -> impl Iterator<Item = &Quantity> {
        self.quantities.iter()
    }

    /// The choices of judged phases that it asks for, all of them together first.
    pub(super) fn choices(&self, judged: &[String]) -> BTreeSet<Vec<usize>> {
        let mut choices = BTreeSet::from([(0..judged.len()).collect::<Vec<usize>>()]);
        for named in &self.named {
            let is_named = |at: &usize| named.contains(&judged[*at]);
            choices.extend((0..judged.len()).filter(is_named).map(|at| vec![at]));
            choices.insert((0..judged.len()).filter(|at| !is_named(at)).collect());
        }
        choices.retain(|choice| !choice.is_empty());
        choices
    }
}

impl Digest {
    /// Makes it of a run.
    #[must_use]
    pub fn of(run: &Run, ask: &Ask) -> Self {
        let phases = judged_names(run);
        let mut parts = Vec::new();
        for choice in ask.choices(&phases) {
            let others = without_chosen(run, &choice);
            let selection = PhaseSelection::JudgedWithout(&others);
            let length = run.duration_of(selection);
            // All together take longest: whoever begins with them is not waited for at the end.
            let all_together = run.endpoints.len();
            let places: Vec<usize> = std::iter::once(all_together).chain(0..all_together).collect();
            let part = |&place: &usize| {
                let endpoint = run.endpoints.get(place);
                Part {
                    endpoint: endpoint.map(|endpoint| endpoint.name.clone()),
                    phases: choice.clone(),
                    gist: Gist::of(&Figures::over(run, endpoint, selection), length, &ask.quantities),
                }
            };
            let mut of_choice = on_all_cores(&places, part);
            of_choice.rotate_left(1);
            parts.extend(of_choice);
        }
        Self {
            started_at: run.started_at,
            complete: run.complete,
            job: run.environment.job.clone(),
            likeness: Likeness::of(run),
            phases,
            parts,
        }
    }

    /// Whether it holds all that is asked.
    #[must_use]
    pub fn answers(&self, ask: &Ask) -> bool {
        let has = |part: &Part| ask.quantities.iter().all(|quantity| part.gist.gauges.contains_key(quantity));
        let parts: BTreeSet<(Option<&str>, &[usize])> = self.parts.iter().map(Part::place).collect();
        let endpoints: BTreeSet<Option<&str>> = parts.iter().map(|(endpoint, _)| *endpoint).chain([None]).collect();
        let choices = ask.choices(&self.phases);
        let is_told = |endpoint: Option<&str>| choices.iter().all(|choice| parts.contains(&(endpoint, choice.as_slice())));
        endpoints.into_iter().all(is_told) && self.parts.iter().all(has)
    }

    /// What an endpoint, or all of them (`None`), did over the judged phases that are chosen by name; `None` where it is not known.
    #[must_use]
    pub fn gist(&self, endpoint: Option<&str>, is_chosen: impl Fn(&str) -> bool) -> Option<&Gist> {
        let chosen: Vec<usize> = (0..self.phases.len()).filter(|&at| is_chosen(&self.phases[at])).collect();
        self.parts.iter().find(|part| part.endpoint.as_deref() == endpoint && part.phases == chosen).map(|part| &part.gist)
    }

    /// Whether it says the same as another one of all that the other holds, but for what two machines' arithmetic differs by.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let head = |of: &Self| (of.started_at, of.complete, of.job.clone(), of.likeness.clone(), of.phases.clone());
        let known: BTreeMap<_, &Part> = self.parts.iter().map(|part| (part.place(), part)).collect();
        let same = |part: &Part| known.get(&part.place()).is_some_and(|known| known.gist.agrees_with(&part.gist));
        let endpoints = |of: &Self| of.parts.iter().map(|part| part.endpoint.clone()).collect::<BTreeSet<_>>();
        head(self) == head(other) && endpoints(self) == endpoints(other) && other.parts.iter().all(same)
    }
}

impl Part {
    /// What tells it from the others of a digest.
    fn place(&self) -> (Option<&str>, &[usize]) {
        (self.endpoint.as_deref(), &self.phases)
    }
}

impl Gist {
    /// Keeps of figures what is asked, rounded as far as it is kept in a file too: read or made anew, it is the same.
    fn of(figures: &Figures, length: Duration, quantities: &BTreeSet<Quantity>) -> Self {
        let PhaseSeries { requests, ok, unfinished, failures, statuses, bytes, .. } = figures.summary.counts.clone();
        let counts = PhaseSeries { requests, ok, unfinished, failures, statuses, bytes, ..PhaseSeries::default() };
        let gauge = |&quantity: &Quantity| (quantity, Gauge::of(figures, quantity));
        Self { counts, length, gauges: quantities.iter().map(gauge).collect() }
    }

    fn agrees_with(&self, other: &Self) -> bool {
        let same = |(quantity, gauge): (&Quantity, &Gauge)| other.gauges.get(quantity).is_none_or(|known| gauge.agrees_with(known));
        self.counts == other.counts && self.length == other.length && self.gauges.iter().all(same)
    }
}

impl Gauge {
    fn of(figures: &Figures, quantity: Quantity) -> Self {
        let Measurement { value, samples } = figures.measure(quantity);
        let value = value.map(|value| rounded(value, VALUE_PARTS)).filter(|value| value.is_finite());
        Self { measurement: Measurement { value, samples }, estimate: figures.estimate(quantity) }
    }

    /// As whole numbers for a file: value, samples, logarithm, its errors. `None` in place of what it has not.
    #[must_use]
    pub fn parts(&self) -> GaugeParts {
        let Measurement { value, samples } = self.measurement;
        (value.map(|value| whole(value, VALUE_PARTS)), samples, self.estimate.map(to_log_parts))
    }

    /// From its parts.
    #[must_use]
    pub fn from_parts((value, samples, logs): GaugeParts) -> Self {
        let value = value.map(|value| of_whole(value, VALUE_PARTS));
        Self { measurement: Measurement { value, samples }, estimate: logs.map(of_log_parts) }
    }

    fn agrees_with(&self, other: &Self) -> bool {
        let near = |one: f64, other: f64| (one - other).abs() <= 1e-6 * one.abs().max(1.0);
        let values = match (self.measurement.value, other.measurement.value) {
            (Some(one), Some(other)) => near(one, other),
            (one, other) => one == other,
        };
        let estimates = match (self.estimate, other.estimate) {
            (Some(one), Some(other)) => near(one.log, other.log) && near(one.low, other.low) && near(one.up, other.up),
            (one, other) => one == other,
        };
        values && estimates && self.measurement.samples == other.measurement.samples
    }
}

/// An estimate as whole numbers for a file: its logarithm, and its errors downwards and upwards.
#[must_use]
pub fn to_log_parts(Estimate { log, low, up }: Estimate) -> [i64; 3] {
    [log, low, up].map(|number| whole(number, LOG_PARTS))
}

/// From its parts.
#[must_use]
pub fn of_log_parts(parts: [i64; 3]) -> Estimate {
    let [log, low, up] = parts.map(|number| of_whole(number, LOG_PARTS));
    Estimate { log, low, up }
}

/// An estimate as it is kept.
pub(super) fn kept(Estimate { log, low, up }: Estimate) -> Estimate {
    let [log, low, up] = [log, low, up].map(|number| rounded(number, LOG_PARTS));
    Estimate { log, low, up }
}

pub(super) fn is_number(Estimate { log, low, up }: &Estimate) -> bool {
    [log, low, up].iter().all(|number| number.is_finite())
}

fn rounded(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

#[expect(clippy::cast_possible_truncation, reason = "a time in nanoseconds, or a logarithm in billionths")]
fn whole(number: f64, parts: f64) -> i64 {
    (number * parts).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "as above")]
fn of_whole(number: i64, parts: f64) -> f64 {
    number as f64 / parts
}

pub(super) fn judged_names(run: &Run) -> Vec<String> {
    run.phases.iter().filter(|phase| phase.measured).map(|phase| phase.name.clone()).collect()
}

/// Places, in the run, of the judged phases that are not chosen.
pub(super) fn without_chosen(run: &Run, chosen: &[usize]) -> Vec<usize> {
    let judged = run.phases.iter().enumerate().filter(|(_, phase)| phase.measured).map(|(at, _)| at);
    judged.enumerate().filter(|(number, _)| !chosen.contains(number)).map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples::checkout_run;

    #[test]
    fn a_digest_says_of_every_endpoint_what_the_run_says() {
        let run = checkout_run();
        let digest = Digest::of(&run, &Ask::usual(&run));
        for endpoint in &run.endpoints {
            let summary = run.summary(endpoint, PhaseSelection::Judged);
            let gist = digest.gist(Some(&endpoint.name), |_| true).unwrap();
            assert_eq!((gist.counts.requests, gist.counts.ok, gist.counts.bytes), {
                let counts = &summary.counts;
                (counts.requests, counts.ok, counts.bytes)
            });
            for percentile in Percentile::ALL {
                let measured = gist.gauges[&Quantity::Percentile(percentile)].measurement.value;
                assert_eq!(measured, summary.percentile_ms(percentile), "{} {percentile}", endpoint.name);
            }
        }
        assert!(digest.gist(Some("GET /nothing"), |_| true).is_none());
    }

    #[test]
    fn a_digest_knows_what_it_lacks() {
        let run = checkout_run();
        let digest = Digest::of(&run, &Ask::usual(&run));
        let judged = judged_names(&run);
        let names: Vec<&str> = judged.iter().map(String::as_str).collect();
        assert!(digest.answers(&Ask::of([Quantity::Percentile(Percentile::P99)], &[])));
        assert!(digest.answers(&Ask::of([Quantity::Throughput], &names)));
        assert!(!digest.answers(&Ask::of([Quantity::TimeToFirstByte(Percentile::P95)], &[])));
        assert!(!digest.answers(&Ask::of(["p85".parse().unwrap()], &[])));
    }

    #[test]
    fn what_is_kept_is_what_was_made() {
        let run = checkout_run();
        for part in Digest::of(&run, &Ask::usual(&run)).parts {
            for gauge in part.gist.gauges.into_values() {
                assert_eq!(Gauge::from_parts(gauge.parts()), gauge);
            }
        }
    }

    #[test]
    fn a_digest_of_another_run_does_not_agree() {
        let run = checkout_run();
        let digest = Digest::of(&run, &Ask::usual(&run));
        assert!(digest.agrees_with(&Digest::of(&run, &Ask::of([], &[]))));
        let mut slower = digest.clone();
        let gauges = slower.parts.iter_mut().flat_map(|part| part.gist.gauges.values_mut());
        gauges.filter_map(|gauge| gauge.estimate.as_mut()).for_each(|estimate| estimate.log += 0.01);
        assert!(!slower.agrees_with(&digest));
        let mut fewer = digest.clone();
        fewer.parts.retain(|part| part.endpoint != digest.parts[0].endpoint);
        assert!(!fewer.agrees_with(&digest));
        // One endpoint is left out of one choice of phases only.
        let mut run = run;
        run.phases.iter_mut().for_each(|phase| phase.measured = true);
        let digest = Digest::of(&run, &Ask::usual(&run));
        let at = digest.parts.iter().position(|part| part.endpoint.is_some() && part.phases != digest.parts[0].phases).unwrap();
        let mut partly = digest.clone();
        partly.parts.remove(at);
        assert!(!partly.agrees_with(&digest) && !partly.answers(&Ask::usual(&run)));
    }
}
