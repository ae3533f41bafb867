//! The plan of a scenario in words: who does what when, about how many requests that makes, and whether these are enough
//! for its thresholds.

use std::time::Duration;

use crate::gate::{Metric, Rules, Subject, Thresholds, samples_needed};
use crate::plan::{Basis, EndpointForecast, Forecast, mean_pause, shares_of_tasks};
use crate::run::EndpointRole;
use crate::scenario::{Load, Model, Phase, Scenario, Shape, Task, UserKind};
use crate::units::{Rate, format_count, format_duration};

/// What an answer is taken to last; nobody has measured it yet.
const ANSWER: Duration = Duration::from_millis(100);
/// What a fast target may take.
const QUICK_ANSWER: Duration = Duration::from_millis(10);

/// `scenario checkout: 200 users for 2m30s, 5 endpoints`
#[must_use]
pub fn headline(scenario: &Scenario) -> String {
    let length = format_duration(scenario.load.duration());
    let endpoints = counted(scenario.endpoints.len() as u64, "endpoint");
    format!("scenario {}: {} for {length}, {endpoints}", scenario.name, amount(&scenario.load, scenario.load.peak()))
}

/// The plan, a line for each thing that is said; the thresholds say what is enough.
#[must_use]
pub fn plan_in_words(scenario: &Scenario, thresholds: Option<&Thresholds>) -> Vec<String> {
    let mut lines = vec![format!("  load: {}", phases(&scenario.load))];
    let all: u64 = scenario.kinds.iter().map(|kind| kind.weight).sum();
    for kind in &scenario.kinds {
        lines.extend(kind_in_words(kind, all));
    }
    lines.extend(requests(scenario, thresholds));
    lines.extend(one_at_a_time(scenario));
    lines.extend(never_pausing(scenario).map(|text| format!("  {text}")));
    if scenario.load.model == Model::Closed {
        lines.push(
            "  these users wait for their answers: a slower target is asked less often; `rate:` in place of `users:` sees it whole"
                .to_owned(),
        );
    }
    lines
}

/// What users without a pause come to, for somebody who thinks of 50 users as of 50 people; nothing for any other load.
#[must_use]
pub fn never_pausing(scenario: &Scenario) -> Option<String> {
    let users = scenario.load.peak();
    let is_so = Forecast::new(scenario, ANSWER).basis == Basis::Answers;
    let at = |cycle: Duration| format_count(two_digits(users / cycle.as_secs_f64()).max(1));
    is_so.then(|| {
        format!(
            "{} never pausing ask as fast as they are answered: about {} requests/s where an answer takes {}, {}/s where it takes {}; with `think: 1s` about {}/s",
            counted(rounded(users), "user"),
            at(ANSWER),
            format_duration(ANSWER),
            at(QUICK_ANSWER),
            format_duration(QUICK_ANSWER),
            at(ANSWER + Duration::from_secs(1)),
        )
    })
}

/// How long `check --each` would take; nothing where there is one endpoint.
fn one_at_a_time(scenario: &Scenario) -> Option<String> {
    let count = scenario.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task).count();
    let each = scenario.load.duration();
    let all = each.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX));
    let text = || {
        format!("  one endpoint at a time (`check --each`): {count} loads of {}, {} in all", format_duration(each), format_duration(all))
    };
    (count > 1).then(text)
}

/// `1 endpoint`, `2 endpoints`
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{} {noun}s", format_count(count)) }
}

fn amount(load: &Load, value: f64) -> String {
    match load.model {
        Model::Closed => counted(rounded(value), "user"),
        Model::Open { .. } => Rate::per_second(value).map_or_else(String::new, |rate| format!("{rate} task starts")),
    }
}

fn phases(load: &Load) -> String {
    let words = |phase: &Phase| {
        let length = format_duration(phase.length);
        let shape = match &phase.shape {
            Shape::Constant(value) => format!("{} for {length}", amount(load, *value)),
            Shape::Ramp(from, to) => format!("{} to {} in {length}", number(*from), amount(load, *to)),
            Shape::Steps(values) => {
                let (last, before) = values.split_last().map_or((0.0, &values[..]), |(last, before)| (*last, before));
                let before: Vec<String> = before.iter().map(|value| number(*value)).collect();
                format!("{}, then {} in {length}", before.join(", "), amount(load, last))
            }
        };
        let judged = if phase.measured { "" } else { " (not judged)" };
        format!("{} {shape}{judged}", phase.name)
    };
    load.phases.iter().map(words).collect::<Vec<_>>().join("; ")
}

fn kind_in_words(kind: &UserKind, all: u64) -> Vec<String> {
    let mut lines = Vec::new();
    let once = |steps: usize, when: &str| format!("{} {when}", counted(steps as u64, "request"));
    let mut lifecycle = Vec::new();
    if !kind.start.is_empty() {
        lifecycle.push(once(kind.start.len(), "at its start"));
    }
    if !kind.stop.is_empty() {
        lifecycle.push(once(kind.stop.len(), "at its end"));
    }
    let share = share(kind.weight, all);
    match (&kind.name, lifecycle.is_empty()) {
        (Some(name), true) => lines.push(format!("  users: {name}, {share}")),
        (Some(name), false) => lines.push(format!("  users: {name}, {share}; each {}", lifecycle.join(", "))),
        (None, true) => {}
        (None, false) => lines.push(format!("  users: each {}", lifecycle.join(", "))),
    }
    let shares = shares_of_tasks(kind);
    let tasks: Vec<String> = shares.iter().map(|(task, share)| task_in_words(task, (shares.len() > 1).then_some(*share))).collect();
    lines.push(format!("  mix: {}", tasks.join("; ")));
    lines
}

/// `browse 75 % (2 requests, pauses 4s)`
fn task_in_words(task: &Task, share: Option<f64>) -> String {
    let pauses: Duration = task.steps.iter().map(|step| step.think).chain([task.think]).flatten().map(mean_pause).sum();
    let mut details = vec![counted(task.steps.len() as u64, "request")];
    if pauses > Duration::ZERO {
        details.push(format!("pauses {}", format_duration(pauses)));
    }
    if let Some(pacing) = task.pacing {
        details.push(format!("every {}", format_duration(pacing)));
    }
    let share = share.map(|share| format!(" {}", percent(share))).unwrap_or_default();
    format!("{}{share} ({})", task.name, details.join(", "))
}

fn requests(scenario: &Scenario, thresholds: Option<&Thresholds>) -> Vec<String> {
    let forecast = Forecast::new(scenario, ANSWER);
    let basis = match forecast.basis {
        Basis::Schedule => "as scheduled".to_owned(),
        Basis::PausesAndAnswers => format!("where an answer takes {}", format_duration(ANSWER)),
        Basis::Answers => {
            format!("where an answer takes {}", format_duration(ANSWER))
        }
    };
    let mut lines = vec![format!("  requests in judged phases, {basis}:")];
    let mut factor = 1.0_f64;
    let mut add = |subject: Subject<'_>, asked: &EndpointForecast| {
        for scope in scopes(scenario, thresholds) {
            let count = asked.requests(|phase| scope.phases.contains(&phase));
            let needs = thresholds.map(|thresholds| needs(thresholds, subject, scope.name)).unwrap_or_default();
            if subject == Subject::Total && needs.is_empty() {
                continue;
            }
            let missing: Vec<&(String, u64)> = needs.iter().filter(|(_, needed)| count < as_float(*needed)).collect();
            factor = missing.iter().map(|(_, needed)| as_float(*needed) / count.max(0.1)).fold(factor, f64::max);
            lines.push(format!("    {}{}: {}{}", subject.name(), scope.suffix(), about(count, asked), verdict(&needs, &missing)));
        }
    };
    let judged = scenario.endpoints.iter().zip(&forecast.endpoints).filter(|(endpoint, _)| endpoint.role == EndpointRole::Task);
    for (endpoint, asked) in judged {
        add(Subject::Endpoint(&endpoint.name), asked);
    }
    add(Subject::Total, &forecast.total());
    if factor > 1.0 {
        lines.push(format!(
            "  too few requests make no verdict (exit 3): {} as long a `hold`, or as much load, would do; or judge a lower percentile there",
            times(factor)
        ));
    }
    lines
}

/// Phases whose requests are judged together.
struct Scope<'a> {
    name: Option<&'a str>,
    phases: Vec<usize>,
}

impl Scope<'_> {
    fn suffix(&self) -> String {
        self.name.map(|name| format!(" in {name}")).unwrap_or_default()
    }
}

/// The judged phases that are pooled, and each one with rules of its own.
fn scopes<'a>(scenario: &'a Scenario, thresholds: Option<&Thresholds>) -> Vec<Scope<'a>> {
    let named = thresholds.map(Thresholds::named_phases).unwrap_or_default();
    let judged = || scenario.load.phases.iter().enumerate().filter(|(_, phase)| phase.measured);
    let is_named = |phase: &Phase| named.contains(&phase.name.as_str());
    let pooled = Scope { name: None, phases: judged().filter(|(_, phase)| !is_named(phase)).map(|(index, _)| index).collect() };
    let own = judged().filter(|(_, phase)| is_named(phase)).map(|(index, phase)| Scope { name: Some(&phase.name), phases: vec![index] });
    std::iter::once(pooled).filter(|pooled| !pooled.phases.is_empty()).chain(own).collect()
}

/// The metrics that are judged, with the requests that each needs.
fn needs(thresholds: &Thresholds, subject: Subject<'_>, phase: Option<&str>) -> Vec<(String, u64)> {
    let needed = |metric: Metric, rules: &Rules| match metric {
        Metric::Max | Metric::Throughput => None,
        // Where none may fail, the first request decides.
        Metric::Failures(_) if rules.max == Some(0.0) => Some(1),
        metric => Some(samples_needed(metric)),
    };
    let rules = thresholds.rules(subject, phase);
    rules.into_iter().filter_map(|(metric, rules)| Some((metric.title(), needed(metric, &rules)?))).collect()
}

/// `about 90 requests`
fn about(count: f64, asked: &EndpointForecast) -> String {
    let count = two_digits(count);
    let at_most = if asked.is_conditional { ", more or fewer by its `when` or `foreach`" } else { "" };
    format!("about {}{at_most}", counted(count, "request"))
}

fn verdict(needs: &[(String, u64)], missing: &[&(String, u64)]) -> String {
    let list = |needs: &[&(String, u64)]| {
        needs.iter().map(|(metric, needed)| format!("{metric} needs {}", format_count(*needed))).collect::<Vec<_>>().join(", ")
    };
    match (needs.iter().max_by_key(|(_, needed)| *needed), missing.is_empty()) {
        (None, _) => String::new(),
        (Some((metric, _)), true) => format!(", enough for {metric}"),
        (Some(_), false) => format!("; {}", list(missing)),
    }
}

/// An estimate has two digits that mean something.
fn two_digits(count: f64) -> u64 {
    let rounded = rounded(count);
    let scale = 10_u64.pow(rounded.checked_ilog10().unwrap_or(0).saturating_sub(1));
    (rounded + scale / 2) / scale * scale
}

fn times(factor: f64) -> String {
    if factor < 10.0 {
        format!("{:.1} times", (factor * 10.0).ceil() / 10.0)
    } else {
        format!("{} times", format_count(rounded(factor.ceil())))
    }
}

fn share(part: u64, all: u64) -> String {
    percent(as_float(part) / as_float(all.max(1)))
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 || percent.fract() < 0.05 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format_count(rounded(value)) } else { format!("{value:.1}") }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are positive and far below 2^63")]
fn rounded(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn as_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;
    use crate::scenario::{Overrides, Surroundings};

    fn words(scenario: &str, thresholds: &str) -> String {
        let text = format!("version: 1\nname: s\ntarget: http://127.0.0.1\n{scenario}");
        let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
        let scenario = Scenario::from_document(&Document::from_text("s.yaml", &text), &surroundings, &Overrides::default()).unwrap();
        let thresholds = Document::from_text("t.yaml", format!("version: 1\nscenario: s\n{thresholds}"));
        plan_in_words(&scenario, Some(&Thresholds::from_document(&thresholds).unwrap())).join("\n")
    }

    #[test]
    fn a_plan_says_whether_there_will_be_enough_requests() {
        let text = words(
            "load: {rate: 30/s, ramp: 10s, hold: 60s}\ntasks:\n  - {name: browse, weight: 19, steps: [{get: /products}]}\n  - {name: buy, steps: [{post: /orders}]}\n",
            "defaults: {p95: 300ms, p99: 800ms}\n",
        );
        assert_eq!(
            text,
            "  load: ramp-up 0 to 30/s task starts in 10s (not judged); hold 30/s task starts for 1m\n  \
               mix: browse 95 % (1 request); buy 5 % (1 request)\n  \
               requests in judged phases, as scheduled:\n    \
                 GET /products: about 1,700 requests, enough for p99\n    \
                 POST /orders: about 90 requests; p95 needs 200, p99 needs 1,000\n  \
               too few requests make no verdict (exit 3): 12 times as long a `hold`, or as much load, would do; or judge a lower percentile there\n  \
               one endpoint at a time (`check --each`): 2 loads of 1m10s, 2m20s in all"
        );
    }

    #[test]
    fn a_closed_plan_says_what_it_assumes() {
        let text = words(
            "load: {users: 10, hold: 2m}\nthink: 900ms\nusers:\n  a: {weight: 3, start: [{post: /in}], tasks: [{steps: [{get: /x, when: \"1\"}]}]}\n  b: {tasks: [{pacing: 5s, steps: [{get: /y}]}]}\n",
            "defaults: {p50: 300ms}\n",
        );
        for part in [
            "users: a, 75 %; each 1 request at its start",
            "users: b, 25 %",
            "where an answer takes 100ms:",
            "GET /x: about 900 requests, more or fewer by its `when` or `foreach`, enough for p50",
            "GET /y: about 60 requests, enough for p50",
            "`rate:` in place of `users:` sees it whole",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn a_phase_with_rules_of_its_own_is_counted_alone() {
        let text = words(
            "load: {phases: [{name: calm, for: 60s, rate: 10/s}, {name: spike, for: 10s, rate: 50/s}]}\ntasks: [{steps: [{get: /x}]}]\n",
            "defaults: {p95: 300ms}\nphases: {spike: {defaults: {p99: 2s}}}\n",
        );
        assert!(
            text.contains("GET /x: about 600 requests, enough for p95\n    GET /x in spike: about 500 requests; p99 needs 1,000\n"),
            "{text}"
        );
    }

    #[test]
    fn failure_rates_means_and_the_total_need_requests_too() {
        let scenario = "load: {rate: 1/s, hold: 10s}\ntasks: [{steps: [{get: /x}, {get: /y}]}]\n";
        for (thresholds, said) in [
            ("defaults: {failures: 1%}", "GET /x: about 10 requests; failure rate needs 20\n"),
            ("defaults: {failures: 1%}", "2.0 times as long a `hold`"),
            ("defaults: {failures: 0%}", "GET /x: about 10 requests, enough for failure rate\n"),
            ("defaults: {failures.5xx: 1%, mean: 1s}", "GET /y: about 10 requests; mean needs 30, failure rate (5xx) needs 20\n"),
            ("defaults: {max: 1s}", "GET /x: about 10 requests\n"),
            ("total: {p50: 1s, failures: 1%}", "total: about 20 requests, enough for failure rate\n"),
            ("total: {p95: 1s}", "GET /x: about 10 requests\n    GET /y: about 10 requests\n    total: about 20 requests; p95 needs 200"),
        ] {
            let text = format!("{}\n", words(scenario, thresholds));
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert!(!words(scenario, "defaults: {p50: 1s}").contains("total"));
    }

    #[test]
    fn estimates_have_two_digits_and_nouns_their_number() {
        for (count, written) in [(0.4, 0), (9.6, 10), (94.4, 94), (1_234.0, 1_200), (17_653.0, 18_000)] {
            assert_eq!(two_digits(count), written);
        }
        assert_eq!((counted(1, "endpoint"), counted(2000, "user")), ("1 endpoint".to_owned(), "2,000 users".to_owned()));
    }
}
