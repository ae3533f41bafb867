//! Where in the run a check was beyond what is allowed: its endpoint's own line over time, and the stretches beyond in
//! words. For percentiles and failure rates; what else is judged has no line of its own.

use maud::{Markup, html};

use super::finding::allowed;
use super::plot::{FOOT, Height, Plot, Scale, percent, seconds_tick, unit_tick};
use crate::gate::{Finding, Rule};
use crate::report::figures;
use crate::report::html::text;
use crate::report::html::timeline::{Moment, PERCENTILES, Timeline, end_of};
use crate::report::sentences::metric;
use crate::run::{EndpointRole, EndpointRun, PhaseRun, Run};

/// One step of the run that the check is about.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    from: f64,
    to: f64,
    value: f64,
    is_judged: bool,
}

/// The endpoint's line with what is beyond shaded; empty where the metric has no line or nothing is allowed.
pub(in crate::report::html) fn within(run: &Run, finding: &Finding, id: &str) -> Markup {
    let (Some(allowed), Rule::Max | Rule::Rise) = (allowed(finding), finding.rule) else { return html! {} };
    let steps = steps(run, finding);
    if steps.len() < 2 {
        return html! {};
    }
    let end = end_of(run);
    let (x, y) = (Scale::linear(0.0, end), Scale::fitted(steps.iter().map(|step| step.value).chain([allowed])));
    let (x_ticks, y_ticks) = (x.ticks(4, seconds_tick), y.ticks(3, |value| unit_tick(finding.unit, value)));
    let title = format!("{} {} over time", finding.endpoint, metric(finding));
    let told = told(finding, allowed, &steps, end);
    let (height, zoom) = (Height::Low, None);
    let plot = Plot { id, title: &title, description: &told, height, x: &x, y: &y, x_ticks: &x_ticks, y_ticks: &y_ticks, zoom };
    let marks = html! {
        @for phase in run.phases.iter().filter(|phase| is_meant(phase, finding)) {
            @let (from, to) = (x.right(phase.at.as_secs_f64()), x.right((phase.at + phase.length).as_secs_f64().min(end)));
            rect class="phase judged" x=(from) y="0" width=((to - from).max(0)) height=(FOOT) {}
        }
        @for step in steps.iter().filter(|step| step.is_beyond(allowed)) {
            @let (from, to) = (x.right(step.from), x.right(step.to));
            rect class="over" x=(from) y="0" width=(to - from) height=(FOOT) {}
        }
        path class="line limit" d={ "M0 " (y.down(allowed)) "H" (FOOT) } {}
        path class="line own" d=(plot.line(steps.iter().map(|step| (f64::midpoint(step.from, step.to), Some(step.value))))) {}
    };
    let over = html! {
        @for (from, phase) in run.phases.iter().filter(|phase| is_meant(phase, finding)).map(|phase| (phase.at.as_secs_f64(), phase)).take(1) {
            svg class="name" x=(percent(x.right(from))) y="0" width="100%" height="16" { text x="4" y="12" { (text(&phase.name)) } }
        }
    };
    html! { p class="where" { strong { "Where in the run: " } (text(&told)) } (plot.around(&marks, &over)) }
}

impl Step {
    fn is_beyond(&self, allowed: f64) -> bool {
        self.is_judged && self.value > allowed
    }
}

/// Whether the check is about this phase.
fn is_meant(phase: &PhaseRun, finding: &Finding) -> bool {
    finding.phase.as_ref().map_or(phase.measured, |name| *name == phase.name)
}

fn steps(run: &Run, finding: &Finding) -> Vec<Step> {
    let is_own = |endpoint: &&EndpointRun| {
        if finding.endpoint == "total" { endpoint.role == EndpointRole::Task } else { endpoint.name == finding.endpoint }
    };
    let Some(line) = Line::of(&finding.metric) else { return Vec::new() };
    let meant = |at: f64| {
        let within = |phase: &&PhaseRun| phase.at.as_secs_f64() <= at && at < (phase.at + phase.length).as_secs_f64();
        run.phases.iter().find(within).is_some_and(|phase| is_meant(phase, finding))
    };
    let step = |moment: &Moment| {
        let (from, to) = (moment.at, moment.at + moment.length);
        Some(Step { from, to, value: line.value(moment)?, is_judged: meant(f64::midpoint(from, to)) })
    };
    Timeline::of(run.endpoints.iter().filter(is_own)).moments.iter().filter_map(step).collect()
}

/// What can be read off a moment.
#[derive(Debug, Clone, Copy)]
enum Line {
    Failures,
    /// By its place among [`PERCENTILES`].
    Percentile(usize),
}

impl Line {
    fn of(metric: &str) -> Option<Self> {
        if metric == "failures" {
            return Some(Self::Failures);
        }
        PERCENTILES.iter().position(|percentile| percentile.to_string() == metric).map(Self::Percentile)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn value(self, moment: &Moment) -> Option<f64> {
        match self {
            Self::Failures => (moment.requests > 0).then(|| moment.failures as f64 / moment.requests as f64),
            Self::Percentile(index) => moment.latency[index],
        }
    }
}

/// `above 133 ms in 32 of 60 steps, from 170 s to the end`
fn told(finding: &Finding, allowed: f64, steps: &[Step], end: f64) -> String {
    let judged: Vec<&Step> = steps.iter().filter(|step| step.is_judged).collect();
    let beyond: Vec<&Step> = judged.iter().copied().filter(|step| step.is_beyond(allowed)).collect();
    let limit = figures::value(finding.unit, allowed);
    let (Some(first), Some(last)) = (beyond.first(), beyond.last()) else {
        return format!("above {limit} in no single step");
    };
    if beyond.len() == judged.len() {
        return format!("above {limit} all the time");
    }
    let until = if last.to >= end.min(judged.last().map_or(end, |step| step.to)) { "the end".to_owned() } else { seconds_tick(last.to) };
    format!("above {limit} in {} of {} steps, between {} and {until}", beyond.len(), judged.len(), seconds_tick(first.from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn where_a_check_was_beyond_its_limit_is_said_in_words() {
        let finding = samples::finding("GET /a", "p95", 320.0);
        let told = |values: &[f64]| {
            let step = |(index, value): (u32, &f64)| {
                let from = f64::from(index) * 5.0;
                Step { from, to: from + 5.0, value: *value, is_judged: index > 0 }
            };
            let steps: Vec<Step> = (0..).zip(values).map(step).collect();
            super::told(&finding, 300.0, &steps, 25.0)
        };
        assert_eq!(told(&[900.0, 310.0, 320.0, 330.0, 340.0]), "above 300 ms all the time");
        assert_eq!(told(&[900.0, 10.0, 320.0, 10.0, 340.0]), "above 300 ms in 2 of 4 steps, between 10 s and the end");
        assert_eq!(told(&[900.0, 310.0, 320.0, 10.0, 10.0]), "above 300 ms in 2 of 4 steps, between 5 s and 15 s");
        assert_eq!(told(&[900.0, 10.0, 20.0, 10.0, 40.0]), "above 300 ms in no single step");
    }

    #[test]
    fn only_a_metric_with_a_line_of_its_own_has_a_picture() {
        let run = samples::run();
        let name = run.endpoints.iter().find(|endpoint| endpoint.role == EndpointRole::Task).unwrap().name.clone();
        for (metric, is_drawn) in [("p95", true), ("failures", true), ("p99.9", false), ("failures.timeout", false), ("max", false)] {
            assert_eq!(!within(&run, &samples::finding(&name, metric, 320.0), "w").into_string().is_empty(), is_drawn, "{metric}");
        }
        assert_eq!(within(&run, &samples::finding("GET /unknown", "p95", 320.0), "w").into_string(), "");
    }
}
