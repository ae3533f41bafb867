//! Two versions of the same thresholds side by side: what got looser, which a reviewer must see, and what stricter; and
//! where in the file a check stands. Effective rules are compared, so it does not matter how a limit came to hold.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules::{Layer, Rules, Term};
use super::thresholds::{BaselinePolicy, layer_of};
use super::wording::{changes_apart, told_apart, value_text};
use super::{Metric, Subject, Thresholds, Unit, Waiver};
use crate::document::Place;

/// Stands for every endpoint without rules of its own. No label is empty.
const EVERY_ENDPOINT: &str = "";

/// One difference between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    pub direction: Direction,
    /// `p95 of GET /orders: max 250 ms -> 400 ms`
    pub text: String,
    /// Where it stands in the newer version; line 0 where it is gone.
    pub place: Place,
}

/// Whether a release passes more easily.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Looser,
    Stricter,
}

/// A limit of one term before and after, in the metric's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    metric: Metric,
    term: Term,
    from: Option<f64>,
    to: Option<f64>,
}

/// What `head` changes of `base`, what got looser first.
#[must_use]
pub fn compare(base: &Thresholds, head: &Thresholds) -> Vec<Alteration> {
    let mut alterations = rules(base, head);
    alterations.extend(settings(base, head));
    alterations.extend(waivers(base, head));
    alterations.sort_by_key(|alteration| alteration.direction);
    alterations
}

impl Thresholds {
    /// Where the narrowest word on a metric stands; line 0 where nothing is said.
    #[must_use]
    pub fn place_of(&self, subject: Subject<'_>, phase: Option<&str>, metric: Metric) -> Place {
        let phase = phase.and_then(|name| self.phases.iter().find(|phase| phase.name.value == name));
        let layers: [Option<&Layer>; 4] = match subject {
            Subject::Total => [phase.map(|phase| &phase.total), Some(&self.total), None, None],
            Subject::Endpoint(name) => [
                phase.and_then(|phase| layer_of(&phase.endpoints, name)),
                phase.map(|phase| &phase.defaults),
                layer_of(&self.endpoints, name),
                Some(&self.defaults),
            ],
        };
        layers.into_iter().flatten().find_map(|layer| layer.get(&metric)).map_or_else(Place::default, |placed| placed.place)
    }
}

fn rules(base: &Thresholds, head: &Thresholds) -> Vec<Alteration> {
    let names = union(base.named_endpoints(), head.named_endpoints());
    let phases: Vec<Option<&str>> =
        std::iter::once(None).chain(union(base.named_phases(), head.named_phases()).into_iter().map(Some)).collect();
    let subjects = [Subject::Endpoint(EVERY_ENDPOINT), Subject::Total].into_iter().chain(names.into_iter().map(Subject::Endpoint));
    let mut alterations = Vec::new();
    for subject in subjects {
        for phase in &phases {
            // What changed for all of them has been said where it changed.
            let mut said = Vec::new();
            if phase.is_some() {
                said.extend(steps(base, head, subject, None));
            }
            if subject != Subject::Total && subject != Subject::Endpoint(EVERY_ENDPOINT) {
                said.extend(steps(base, head, Subject::Endpoint(EVERY_ENDPOINT), *phase));
            }
            let new = steps(base, head, subject, *phase).into_iter().filter(|step| !said.contains(step));
            alterations.extend(new.map(|step| Alteration {
                direction: step.direction(),
                text: step.text(subject, *phase),
                place: head.place_of(subject, *phase, step.metric),
            }));
        }
    }
    alterations
}

fn steps(base: &Thresholds, head: &Thresholds, subject: Subject<'_>, phase: Option<&str>) -> Vec<Step> {
    let before: BTreeMap<Metric, Rules> = base.rules(subject, phase).into_iter().collect();
    let after: BTreeMap<Metric, Rules> = head.rules(subject, phase).into_iter().collect();
    let metrics = union(before.keys().copied().collect(), after.keys().copied().collect());
    let of = |metric: Metric| {
        let value = move |rules: &BTreeMap<Metric, Rules>, term| rules.get(&metric).and_then(|rules| term_of(rules, term));
        let (before, after) = (&before, &after);
        Term::ALL.into_iter().map(move |term| Step { metric, term, from: value(before, term), to: value(after, term) })
    };
    metrics.into_iter().flat_map(of).filter(|step| step.from != step.to).collect()
}

const fn term_of(rules: &Rules, term: Term) -> Option<f64> {
    match term {
        Term::Max => rules.max,
        Term::Min => rules.min,
        Term::Warn => rules.warn,
        Term::Rise => rules.rise,
        Term::Fall => rules.fall,
        Term::AtLeast => rules.at_least,
        Term::MustDetect => rules.must_detect,
    }
}

impl Step {
    fn direction(&self) -> Direction {
        let lower_limit = self.term == Term::Min || (self.term == Term::Warn && self.metric.unit() == Unit::PerSecond);
        // A change counts only from `at_least` on: without it every one does.
        let absent = if self.term == Term::AtLeast || lower_limit { f64::NEG_INFINITY } else { f64::INFINITY };
        let (from, to) = (self.from.unwrap_or(absent), self.to.unwrap_or(absent));
        if (to > from) == lower_limit { Direction::Stricter } else { Direction::Looser }
    }

    fn text(&self, subject: Subject<'_>, phase: Option<&str>) -> String {
        let Self { metric, term, from, to } = *self;
        let whose = match subject {
            Subject::Endpoint(EVERY_ENDPOINT) => "every endpoint",
            Subject::Endpoint(name) => name,
            Subject::Total => "the whole scenario",
        };
        let phase = phase.map(|phase| format!(" in {phase}")).unwrap_or_default();
        let one = |value| if is_change(term) { changes_apart(metric.unit(), value, value).0 } else { value_text(metric.unit(), value) };
        let (from, to) = match (from, to) {
            (Some(from), Some(to)) if is_change(term) => changes_apart(metric.unit(), from, to),
            (Some(from), Some(to)) => told_apart(metric.unit(), from, to),
            (from, to) => (from.map_or("none".into(), one), to.map_or("none".into(), one)),
        };
        format!("{metric} of {whose}{phase}: {} {from} -> {to}", term.name())
    }
}

const fn is_change(term: Term) -> bool {
    matches!(term, Term::Rise | Term::Fall | Term::MustDetect)
}

fn settings(base: &Thresholds, head: &Thresholds) -> Vec<Alteration> {
    let (before, after) = (base.gate(), head.gate());
    let word = |policy| if policy == BaselinePolicy::Fail { "fail" } else { "warn" };
    let mut alterations = Vec::new();
    for (name, from, to) in [("missing", before.missing, after.missing), ("other", before.other, after.other)] {
        if from != to {
            let direction = if to == BaselinePolicy::Warn { Direction::Looser } else { Direction::Stricter };
            alterations.push(alteration(direction, format!("gate.baseline.{name}: {} -> {}", word(from), word(to))));
        }
    }
    if before.max_age != after.max_age {
        let looser = after.max_age.is_none_or(|after| before.max_age.is_some_and(|before| after > before));
        let days = |age: Option<std::time::Duration>| age.map_or("none".into(), crate::units::format_duration);
        let direction = if looser { Direction::Looser } else { Direction::Stricter };
        alterations.push(alteration(direction, format!("gate.baseline.max_age: {} -> {}", days(before.max_age), days(after.max_age))));
    }
    if before.pinned != after.pinned {
        // What the other run measured is not known here: a reviewer has to look.
        let name = |pinned: &Option<String>| pinned.clone().unwrap_or_else(|| "none".into());
        alterations
            .push(alteration(Direction::Looser, format!("gate.baseline.pinned: {} -> {}", name(&before.pinned), name(&after.pinned))));
    }
    alterations
}

fn waivers(base: &Thresholds, head: &Thresholds) -> Vec<Alteration> {
    let same = |one: &Waiver, other: &Waiver| one.endpoint.value == other.endpoint.value && one.metric.value == other.metric.value;
    let name = |waiver: &Waiver| format!("{} of {}", waiver.metric.value, waiver.endpoint.value);
    let accepted =
        |waiver: &Waiver| waiver.accepts.map_or_else(|| "anything".to_owned(), |limit| value_text(waiver.metric.value.unit(), limit));
    let mut alterations = Vec::new();
    for waiver in head.waivers() {
        let text = match base.waivers().iter().find(|known| same(known, waiver)) {
            None => format!("{} is waived until {}: {} accepted", name(waiver), waiver.until, accepted(waiver)),
            Some(known) if known.until == waiver.until && known.accepts == waiver.accepts => continue,
            Some(known) => format!(
                "waiver for {}: {} until {} -> {} until {}",
                name(waiver),
                accepted(known),
                known.until,
                accepted(waiver),
                waiver.until
            ),
        };
        alterations.push(Alteration { direction: Direction::Looser, text, place: waiver.endpoint.place });
    }
    let gone = base.waivers().iter().filter(|known| !head.waivers().iter().any(|waiver| same(known, waiver)));
    alterations.extend(gone.map(|known| alteration(Direction::Stricter, format!("{} is not waived any more", name(known)))));
    alterations
}

fn alteration(direction: Direction, text: String) -> Alteration {
    Alteration { direction, text, place: Place::default() }
}

/// What is in either, each once, in the order of the first.
fn union<T: PartialEq + Copy>(one: Vec<T>, other: Vec<T>) -> Vec<T> {
    let new: Vec<T> = other.into_iter().filter(|item| !one.contains(item)).collect();
    one.into_iter().chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn thresholds(rest: &str) -> Thresholds {
        Thresholds::from_document(&Document::from_text("t.yaml", format!("version: 1\nscenario: s\n{rest}\n"))).unwrap()
    }

    fn compared(base: &str, head: &str) -> Vec<(Direction, String, usize)> {
        let alterations = compare(&thresholds(base), &thresholds(head));
        alterations.into_iter().map(|Alteration { direction, text, place }| (direction, text, place.line)).collect()
    }

    const BASE: &str =
        "defaults: {p95: {max: 250ms, rise: 10%}, failures: 1%}\nendpoints:\n  GET /a: {p95: 100ms}\ntotal: {throughput: 150/s}";

    #[test]
    fn every_way_to_loosen_is_seen_where_it_stands() {
        let looser = |head: &str, text: &str, line: usize| {
            let found = compared(BASE, head);
            assert_eq!(found, [(Direction::Looser, text.to_owned(), line)], "{head}");
        };
        looser(&BASE.replace("max: 250ms", "max: 400ms"), "p95 of every endpoint: max 250 ms -> 400 ms", 3);
        looser(&BASE.replace("rise: 10%", "rise: 15%"), "p95 of every endpoint: rise +10 % -> +15 %", 3);
        looser(&BASE.replace("rise: 10%", "rise: 10%, at_least: 50ms"), "p95 of every endpoint: at_least none -> 50.0 ms", 3);
        looser(&BASE.replace("failures: 1%", "failures: 5%"), "failures of every endpoint: max 1 % -> 5 %", 3);
        looser(&BASE.replace(", failures: 1%", ""), "failures of every endpoint: max 1 % -> none", 0);
        looser(&BASE.replace("p95: 100ms", "p95: 120ms"), "p95 of GET /a: max 100 ms -> 120 ms", 5);
        looser(&BASE.replace("GET /a: {p95: 100ms}", "GET /a: {p95: 100ms, failures: off}"), "failures of GET /a: max 1 % -> none", 5);
        looser(&BASE.replace("\n  GET /a: {p95: 100ms}", " {}"), "p95 of GET /a: max 100 ms -> 250 ms", 3);
        looser(&BASE.replace("150/s", "100/s"), "throughput of the whole scenario: min 150/s -> 100/s", 6);
        looser(
            &format!("{BASE}\nphases: {{spike: {{defaults: {{failures: 9%}}}}}}"),
            "failures of every endpoint in spike: max 1 % -> 9 %",
            7,
        );
        looser(
            &format!("{BASE}\nwaivers:\n  - {{endpoint: GET /a, metric: p95, until: 2027-01-31, reason: x}}"),
            "p95 of GET /a is waived until 2027-01-31: anything accepted",
            8,
        );
        let failing = format!("{BASE}\ngate: {{baseline: {{missing: fail, max_age: 14d}}}}");
        let found = compared(&failing, BASE);
        let texts: Vec<&str> = found.iter().map(|(_, text, _)| text.as_str()).collect();
        assert_eq!(texts, ["gate.baseline.missing: fail -> warn", "gate.baseline.max_age: 336h -> none"]);
    }

    #[test]
    fn what_got_stricter_comes_after_and_the_same_says_nothing() {
        assert_eq!(compared(BASE, BASE), []);
        let found = compared(BASE, &BASE.replace("max: 250ms", "max: 200ms").replace("150/s", "100/s"));
        let directions: Vec<Direction> = found.iter().map(|(direction, ..)| *direction).collect();
        assert_eq!(directions, [Direction::Looser, Direction::Stricter]);
        assert_eq!(compared(BASE, &BASE.replace("failures: 1%", "failures: 1%, p99: 1s"))[0].0, Direction::Stricter);
    }

    #[test]
    fn a_check_is_found_where_its_narrowest_word_stands() {
        let thresholds = thresholds(&format!("{BASE}\nphases:\n  spike: {{endpoints: {{GET /a: {{p95: 1s}}}}}}"));
        let line = |subject, phase, metric: &str| thresholds.place_of(subject, phase, metric.parse().unwrap()).line;
        assert_eq!(line(Subject::Endpoint("GET /a"), None, "p95"), 5);
        assert_eq!(line(Subject::Endpoint("GET /a"), Some("spike"), "p95"), 8);
        assert_eq!(line(Subject::Endpoint("GET /b"), Some("spike"), "p95"), 3);
        assert_eq!(line(Subject::Total, None, "throughput"), 6);
        assert_eq!(line(Subject::Total, None, "p95"), 0);
    }
}
