//! Where in the run a check was beyond what is allowed: its endpoint's own line over time, and the stretches beyond in
//! words. What a run keeps for whole phases only has no such line, which is said.

use maud::{Markup, html};

use super::finding::allowed;
use super::plot::{FOOT, Height, Plot, Scale, seconds_tick, stretch_name, unit_tick};
use crate::gate::{FailureKind, Finding, Metric, Rule, Unit};
use crate::report::figures;
use crate::report::html::grid::{Aid, Kind, grid, number};
use crate::report::html::overall::Overall;
use crate::report::html::text;
use crate::report::html::timeline::{RateStep, Stretch, answered, classes, rates, stretches};
use crate::report::sentences::metric;
use crate::run::{EndpointRole, EndpointRun, FailureClass, PhaseRun};
use crate::units::Percentile;

/// Steps of a line of counts: as many as a run keeps of latencies.
const STEPS: usize = 60;
/// Steps that are less than this apart (s) touch.
const TOUCHING: f64 = 1e-3;

/// One step of the run that the check is about.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    from: f64,
    to: f64,
    value: f64,
    /// What the value rests on.
    requests: f64,
    is_judged: bool,
}

/// The endpoint's line with what is beyond shaded, or why there is none; empty where nothing is allowed.
pub(in crate::report::html) fn within(overall: &Overall<'_>, finding: &Finding, id: &str) -> Markup {
    let own = Own::of(overall, finding);
    let Some((metric, allowed)) = own.asked() else { return html! {} };
    match own.steps(metric) {
        Ok(steps) => strip(&own, allowed, &steps, id),
        Err(why) => html! { p class="where" { strong { "Where in the run: " } "not known, because " (why) "." } },
    }
}

fn strip(own: &Own<'_>, allowed: f64, steps: &[Step], id: &str) -> Markup {
    let Own { overall, finding, .. } = *own;
    let end = overall.end;
    let (x, y) = (Scale::linear(0.0, end), scale(finding.unit, steps.iter().map(|step| step.value).chain([allowed])));
    let (x_ticks, y_ticks) = (x.time_ticks(4), y.ticks(3, |value| unit_tick(finding.unit, value)));
    let title = format!("{} {} over time", finding.endpoint, metric(finding));
    let told = told(finding, allowed, steps, end);
    let (height, zoom) = (Height::Low, None);
    let plot = Plot { id, title: &title, description: &told, height, x: &x, y: &y, x_ticks: &x_ticks, y_ticks: &y_ticks, zoom };
    let meant = || overall.run.phases.iter().filter(|phase| own.is_about(phase));
    let marks = html! {
        @for phase in meant() {
            @let (from, to) = (x.right(phase.at.as_secs_f64()), x.right((phase.at + phase.length).as_secs_f64().min(end)));
            rect class="phase judged" x=(from) y="0" width=((to - from).max(0)) height=(FOOT) {}
        }
        @for (from, to) in stretches_beyond(finding.rule, allowed, steps) {
            @let (from, to) = (x.right(from), x.right(to));
            rect class="over" x=(from) y="0" width=(to - from) height=(FOOT) {}
        }
        path class="line limit" d={ "M0 " (y.down(allowed)) "H" (FOOT) } {}
        path class="line own" d=(plot.line(with_gaps(steps).into_iter())) {}
    };
    let over = html! {
        @for phase in meant().take(1) {
            (stretch_name(&x, phase.at.as_secs_f64(), (phase.at + phase.length).as_secs_f64().min(end), &text(&phase.name)))
        }
    };
    html! {
        p class="where" { strong { "Where in the run: " } (text(&told)) @if y.is_log() { " (logarithmic)" } }
        (plot.around(&marks, &over))
        @if let Some(needed) = few(finding, steps) {
            p class="note" { "Where a step has fewer than " (needed) " requests, this is its slowest request." }
        }
    }
}

/// The values of the line; empty where there is none.
pub(in crate::report::html) fn step_values(overall: &Overall<'_>, finding: &Finding) -> Markup {
    let own = Own::of(overall, finding);
    own.asked().and_then(|(metric, _)| own.steps(metric).ok()).map_or_else(|| html! {}, |steps| table(finding, &steps))
}

fn table(finding: &Finding, steps: &[Step]) -> Markup {
    let row = |step: &Step| {
        html! {
            th scope="row" class="n" { (seconds_tick(step.from)) }
            (number(&figures::value(finding.unit, step.value), None))
            td { @if step.is_judged { "yes" } @else { "no" } }
        }
    };
    let columns = [("from", Kind::Number), (finding.metric.as_str(), Kind::Number), ("judged", Kind::Text)];
    let rows: Vec<Markup> = steps.iter().map(row).collect();
    let name = format!("{} {} step by step", finding.endpoint, metric(finding));
    grid(&name, &columns, &rows, Aid::Plain)
}

/// Steps that follow each other without a gap are one stretch (s).
fn stretches_beyond(rule: Rule, allowed: f64, steps: &[Step]) -> Vec<(f64, f64)> {
    let mut stretches: Vec<(f64, f64)> = Vec::new();
    for step in steps.iter().filter(|step| step.is_beyond(rule, allowed)) {
        match stretches.last_mut().filter(|last| step.from - last.1 < TOUCHING) {
            Some(last) => last.1 = step.to,
            None => stretches.push((step.from, step.to)),
        }
    }
    stretches
}

/// The values in the middle of their steps; nothing where steps without a value are left out.
fn with_gaps(steps: &[Step]) -> Vec<(f64, Option<f64>)> {
    let mut points = Vec::new();
    let mut end = f64::INFINITY;
    for step in steps {
        if step.from - end > TOUCHING {
            points.push((end, None));
        }
        points.push((f64::midpoint(step.from, step.to), Some(step.value)));
        end = step.to;
    }
    points
}

/// A share or a rate may be 0, and is read from 0.
fn scale(unit: Unit, values: impl Iterator<Item = f64> + Clone) -> Scale {
    if unit == Unit::Ms { Scale::fitted(values) } else { Scale::linear(0.0, values.fold(0.0, f64::max) * 1.08) }
}

/// How many requests a step needs for its percentile to be another than its slowest, where some have fewer.
fn few(finding: &Finding, steps: &[Step]) -> Option<u64> {
    let needed = finding.metric.parse::<Percentile>().ok()?.requests_needed().div_ceil(10);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let has_few = steps.iter().any(|step| step.is_judged && step.requests < needed as f64);
    has_few.then_some(needed)
}

impl Step {
    fn is_beyond(&self, rule: Rule, allowed: f64) -> bool {
        self.is_judged
            && match rule {
                Rule::Max | Rule::Rise => self.value > allowed,
                Rule::Min | Rule::Fall => self.value < allowed,
            }
    }
}

/// What a finding is about.
struct Own<'a> {
    overall: &'a Overall<'a>,
    finding: &'a Finding,
    endpoints: Vec<&'a EndpointRun>,
}

impl<'a> Own<'a> {
    fn of(overall: &'a Overall<'a>, finding: &'a Finding) -> Self {
        let is_own = |endpoint: &&EndpointRun| {
            if finding.endpoint == "total" { endpoint.role == EndpointRole::Task } else { endpoint.name == finding.endpoint }
        };
        Self { overall, finding, endpoints: overall.run.endpoints.iter().filter(is_own).collect() }
    }

    /// Its metric and what is allowed, where something was measured that can be held against it.
    fn asked(&self) -> Option<(Metric, f64)> {
        let metric = self.finding.metric.parse().ok()?;
        let is_there = self.finding.measured.is_some() && !self.endpoints.is_empty();
        allowed(self.finding).filter(|_| is_there).map(|allowed| (metric, allowed))
    }

    /// Whether the check is about this phase; those of `start` and `stop` are about all of them.
    fn is_about(&self, phase: &PhaseRun) -> bool {
        let is_lifecycle = self.endpoints.iter().all(|endpoint| endpoint.role == EndpointRole::Lifecycle);
        is_lifecycle || self.overall.is_judged_by(phase, self.finding)
    }

    /// The metric step by step, or why it is not known.
    fn steps(&self, metric: Metric) -> Result<Vec<Step>, &'static str> {
        let steps: Vec<Step> = match metric {
            Metric::Percentile(_) | Metric::Max | Metric::Mean | Metric::Failures(FailureKind::All) => self.of_slices(metric).collect(),
            Metric::Failures(FailureKind::Class(class)) => self.of_class(class)?.collect(),
            Metric::Throughput => self.of_answers().collect(),
            Metric::TimeToFirstByte(_) => return Err("the time to the first byte is kept for whole phases only"),
            Metric::Failures(FailureKind::StatusFamily(_) | FailureKind::Status(_)) => {
                return Err("answers by status are kept for whole phases only");
            }
        };
        if steps.len() < 2 {
            return Err("this run has no values over time");
        }
        if !steps.iter().any(|step| step.is_judged) {
            let begins = |phase: &&PhaseRun| phase.at.as_secs_f64() < self.overall.end;
            let began = self.overall.run.phases.iter().filter(|phase| self.is_about(phase)).any(|phase| begins(&phase));
            return Err(if began { "its phase is shorter than a step" } else { "the run ended before its phase began" });
        }
        Ok(steps)
    }

    fn of_slices(&self, metric: Metric) -> impl Iterator<Item = Step> {
        stretches(self.endpoints.iter().copied()).filter_map(move |stretch| {
            let (from, to) = (stretch.at, stretch.at + stretch.length);
            let middle = f64::midpoint(from, to);
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let requests = stretch.requests as f64;
            Some(Step { from, to, value: value(metric, &stretch)?, requests, is_judged: self.is_judged(middle, middle) })
        })
    }

    /// The share of failures of one class; nothing in steps without a request.
    fn of_class(&self, class: FailureClass) -> Result<impl Iterator<Item = Step>, &'static str> {
        let happened = self.endpoints.iter().flat_map(|endpoint| &endpoint.phases).any(|series| series.failures.of(class) > 0);
        let rates = self.rates();
        let of_class = classes(self.endpoints.iter().copied(), &rates).into_iter().find(|of| of.class == class);
        if happened && of_class.is_none() {
            return Err("this run does not know by the second which failures were of this class");
        }
        let failed = of_class.map_or_else(|| vec![0.0; rates.len()], |of| of.rates);
        let steps = rates.into_iter().zip(failed).filter(|(step, _)| step.requests > 0.0);
        Ok(steps.map(|(step, failed)| self.step(&step, failed / step.requests)))
    }

    /// What was answered as expected each second: of the whole scenario by when that was, where the run knows it, else by
    /// when it was due.
    fn of_answers(&self) -> impl Iterator<Item = Step> {
        let rates = self.rates();
        let answered = if self.finding.endpoint == "total" { answered(self.overall.run, &rates) } else { Vec::new() };
        let value = move |(index, step): (usize, RateStep)| {
            let value = answered.get(index).copied().unwrap_or(step.requests - step.failures);
            self.step(&step, value)
        };
        rates.into_iter().enumerate().map(value)
    }

    /// Also the last seconds in which nothing was asked, as far as they are whole.
    fn rates(&self) -> Vec<RateStep> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a run")]
        let seconds = self.overall.end as usize;
        rates(self.endpoints.iter().copied(), STEPS, seconds)
    }

    fn step(&self, of: &RateStep, value: f64) -> Step {
        let (from, to) = (of.at, of.at + of.length);
        Step { from, to, value, requests: of.requests * of.length, is_judged: self.is_judged(from, to) }
    }

    /// Whether this stretch is within a phase that the check is about.
    fn is_judged(&self, from: f64, to: f64) -> bool {
        let is_around = |phase: &&PhaseRun| phase.at.as_secs_f64() <= from && to <= (phase.at + phase.length).as_secs_f64();
        self.overall.run.phases.iter().find(is_around).is_some_and(|phase| self.is_about(phase))
    }
}

/// What can be read off a slice.
fn value(metric: Metric, stretch: &Stretch) -> Option<f64> {
    match metric {
        Metric::Percentile(percentile) => stretch.latency.percentile_ms(percentile),
        Metric::Max => stretch.latency.max_ms(),
        Metric::Mean => stretch.latency.mean_ms(),
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        _ => (stretch.requests > 0).then(|| stretch.failures as f64 / stretch.requests as f64),
    }
}

/// `above 133 ms in 32 of 60 steps, between 170 s and the end`
fn told(finding: &Finding, allowed: f64, steps: &[Step], end: f64) -> String {
    let judged: Vec<&Step> = steps.iter().filter(|step| step.is_judged).collect();
    let beyond: Vec<&Step> = judged.iter().copied().filter(|step| step.is_beyond(finding.rule, allowed)).collect();
    let side = if matches!(finding.rule, Rule::Max | Rule::Rise) { "above" } else { "below" };
    let limit = figures::value(finding.unit, allowed);
    let (Some(first), Some(last)) = (beyond.first(), beyond.last()) else {
        return format!("{side} {limit} in no single step");
    };
    let until = if last.to >= end - TOUCHING { "the end".to_owned() } else { seconds_tick(last.to) };
    let from = seconds_tick(first.from);
    if beyond.len() == judged.len() {
        return format!("{side} {limit} throughout, from {from} to {until}");
    }
    format!("{side} {limit} in {} of {} steps, between {from} and {until}", beyond.len(), judged.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::run::Run;

    fn drawn(run: &Run, finding: &Finding) -> String {
        within(&Overall::of(run, &[finding]), finding, "w").into_string()
    }

    #[test]
    fn where_a_check_was_beyond_its_limit_is_said_in_words() {
        let finding = samples::finding("GET /a", "p95", 320.0);
        let told = |rule: Rule, values: &[f64]| {
            let step = |(index, value): (u32, &f64)| {
                let from = f64::from(index) * 5.0;
                Step { from, to: from + 5.0, value: *value, requests: 50.0, is_judged: index > 0 }
            };
            let steps: Vec<Step> = (0..).zip(values).map(step).collect();
            super::told(&Finding { rule, ..finding.clone() }, 300.0, &steps, 25.0)
        };
        assert_eq!(told(Rule::Max, &[900.0, 310.0, 320.0, 330.0, 340.0]), "above 300 ms throughout, from 5 s to the end");
        assert_eq!(told(Rule::Max, &[900.0, 10.0, 320.0, 10.0, 340.0]), "above 300 ms in 2 of 4 steps, between 10 s and the end");
        assert_eq!(told(Rule::Rise, &[900.0, 310.0, 320.0, 10.0, 10.0]), "above 300 ms in 2 of 4 steps, between 5 s and 15 s");
        assert_eq!(told(Rule::Max, &[900.0, 10.0, 20.0, 10.0, 40.0]), "above 300 ms in no single step");
        assert_eq!(told(Rule::Min, &[10.0, 310.0, 20.0, 310.0, 340.0]), "below 300 ms in 1 of 4 steps, between 10 s and 15 s");
        let steps: Vec<Step> = (0..3)
            .map(|at| Step { from: 5.0 * f64::from(at), to: 5.0 * f64::from(at) + 5.0, value: 900.0, requests: 50.0, is_judged: true })
            .collect();
        let until = |end| super::told(&finding, 300.0, &steps, end);
        assert_eq!(until(40.0), "above 300 ms throughout, from 0 s to 15 s", "the run went on");
        assert_eq!(stretches_beyond(Rule::Max, 300.0, &steps), [(0.0, 15.0)]);
        assert_eq!(stretches_beyond(Rule::Max, 300.0, &[steps[0], steps[2]]), [(0.0, 5.0), (10.0, 15.0)]);
        assert_eq!(with_gaps(&[steps[0], steps[2]]), [(2.5, Some(900.0)), (5.0, None), (12.5, Some(900.0))]);
    }

    #[test]
    fn what_a_run_knows_by_the_step_is_drawn_and_for_the_rest_it_is_said_why_not() {
        let mut run = samples::run();
        let endpoint = run.endpoints.iter_mut().find(|endpoint| endpoint.role == EndpointRole::Task).unwrap();
        endpoint.per_second.classes = [((20, FailureClass::Status), 3)].into();
        let name = endpoint.name.clone();
        for metric in ["p50", "p95", "p99.9", "max", "mean", "failures", "failures.status", "failures.timeout", "throughput"] {
            let drawn = drawn(&run, &samples::finding(&name, metric, 320.0));
            assert!(drawn.contains("<svg") && !drawn.contains("not known"), "{metric}");
        }
        for (metric, why) in [("ttfb.p95", "the first byte"), ("failures.5xx", "by status"), ("failures.503", "by status")] {
            let drawn = drawn(&run, &samples::finding(&name, metric, 320.0));
            assert!(!drawn.contains("<svg") && drawn.contains("not known, because") && drawn.contains(why), "{drawn}");
        }
        assert_eq!(drawn(&run, &samples::finding("GET /unknown", "p95", 320.0)), "");
        for endpoint in &mut run.endpoints {
            endpoint.slices.truncate(1);
            endpoint.per_second.classes.clear();
        }
        assert!(drawn(&run, &samples::finding(&name, "max", 320.0)).contains("no values over time"));
        assert!(drawn(&run, &samples::finding(&name, "failures.status", 0.1)).contains("which failures were of this class"));
    }

    #[test]
    fn a_stall_is_where_too_little_was_handled_even_at_the_end() {
        let mut run = samples::run();
        for endpoint in &mut run.endpoints {
            endpoint.per_second.requests.resize(55);
            endpoint.per_second.failures.resize(55);
        }
        let mut finding = Finding { rule: Rule::Min, unit: Unit::PerSecond, limit: 60.0, ..samples::finding("total", "throughput", 90.0) };
        assert!(drawn(&run, &finding).contains("below 60/s in 5 of 50 steps, between 55 s and the end"), "{}", drawn(&run, &finding));
        finding.phase = Some("ramp-up".into());
        assert!(drawn(&run, &finding).contains("in no single step"));
    }

    #[test]
    fn a_phase_with_rules_of_its_own_is_not_shaded_for_the_others() {
        let mut run = samples::run();
        run.phases[0].measured = true;
        let pooled = samples::finding(&run.endpoints[0].name, "p95", 320.0);
        let own = Finding { phase: Some("ramp-up".into()), ..pooled.clone() };
        let steps = |findings: &[&Finding]| {
            let overall = Overall::of(&run, findings);
            let steps = Own::of(&overall, findings[0]).steps("p95".parse().unwrap()).unwrap();
            steps.iter().filter(|step| step.is_judged).count()
        };
        assert_eq!((steps(&[&pooled]), steps(&[&pooled, &own]), steps(&[&own, &pooled])), (30, 25, 5));
    }
}
