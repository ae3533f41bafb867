//! How a scenario's endpoints changed over its runs: a chart for each, with the level of the pinned run, and where a
//! percentile stepped to another level.

use jiff::Timestamp;
use maud::{Markup, html};

use super::history_page::when;
use crate::history::{EndpointFigures, Filter, History, HistoryError, KeptRun, TrendRun};
use crate::report::page_parts::{Level, Line, Lines, Mark, Unit, line};
use crate::stats::change_point;
use crate::units::{format_count, format_millis, format_share};

/// So many runs are shown, and so many endpoints.
const RUNS: u64 = 120;
const ENDPOINTS: usize = 24;
/// Dates below a chart.
const DATES: usize = 5;

/// One percentile of an endpoint.
type Percentile = (&'static str, fn(&EndpointFigures) -> Option<f64>);
const P95: Percentile = ("p95", |figures| figures.p95_ms);
const P99: Percentile = ("p99", |figures| figures.p99_ms);

pub(super) fn charts(history: &History, filter: &Filter) -> Result<Markup, HistoryError> {
    let (runs, left_out) = history.trend(filter, RUNS, Timestamp::now())?;
    let runs: Vec<TrendRun> = runs.into_iter().filter(|(run, _)| run.complete).collect();
    let Some((newest, endpoints)) = runs.last().filter(|_| runs.len() > 1) else {
        return Ok(html! { p class="note" { "Two comparable runs of a scenario make a trend." } });
    };
    let drawn = endpoints.iter().take(ENDPOINTS);
    Ok(html! {
        h2 { "Trend of " (line(&newest.scenario)) }
        p class="note" {
            "The newest " (format_count(runs.len() as u64)) " comparable runs, oldest on the left."
            @if left_out > 0 { " " (format_count(left_out as u64)) " others sent something else or came from another kind of machine." }
            @if endpoints.len() > ENDPOINTS { " The first " (ENDPOINTS) " of " (endpoints.len()) " endpoints." }
        }
        div class="trends" { @for (index, endpoint) in drawn.enumerate() { (chart(&runs, &endpoint.endpoint, index, endpoints.len())) } }
    })
}

#[expect(clippy::cast_precision_loss, reason = "at most as many as are shown")]
fn chart(runs: &[TrendRun], endpoint: &str, index: usize, endpoints: usize) -> Markup {
    let values = |of: Percentile| -> Vec<Option<f64>> {
        runs.iter()
            .map(|(_, figures)| figures.iter().find(|figures| figures.endpoint == endpoint).and_then(of.1).filter(|value| *value > 0.0))
            .collect()
    };
    let one_line = |of: Percentile| Line { class: of.0, name: of.0, points: (0_u32..).map(f64::from).zip(values(of)).collect() };
    let steps: Vec<Mark> = [P95, P99].into_iter().filter_map(|of| step(runs, &values(of), of.0, 2 * endpoints)).collect();
    let id = format!("t{index}");
    let chart = Lines {
        id: &id,
        title: endpoint,
        note: "",
        unit: Unit::Millis,
        from: -0.5,
        to: runs.len() as f64 - 0.5,
        ticks: Some(dates(runs)),
        lines: vec![one_line(P95), one_line(P99)],
        shades: Vec::new(),
        levels: pinned(runs, &values(P95)).into_iter().collect(),
        marks: steps.clone(),
        dotted: true,
    };
    html! { div { (chart.draw()) @for step in &steps { p class="note" { (step.text) } } } }
}

/// Where this percentile stepped to another level, if it did.
#[expect(clippy::cast_precision_loss, reason = "at most as many as are shown")]
fn step(runs: &[TrendRun], values: &[Option<f64>], name: &str, metrics: usize) -> Option<Mark> {
    let logs: Vec<f64> = values.iter().map(|value| value.map_or(f64::NAN, f64::ln)).collect();
    let point = change_point(&logs, metrics)?;
    let (from, to) = (point.shift.from.exp(), point.shift.to.exp());
    let change = point.shift.change();
    let signed = if change >= 0.0 { format!("+{}", format_share(change)) } else { format!("-{}", format_share(-change)) };
    let text = format!(
        "{name} stepped from {} to {} ({signed}) with the run of {}",
        format_millis(from),
        format_millis(to),
        when(&runs[point.at].0)
    );
    Some(Mark { at: point.at as f64 - 0.5, text })
}

/// The level of the newest pinned release.
#[expect(clippy::cast_precision_loss, reason = "at most as many as are shown")]
fn pinned(runs: &[TrendRun], p95: &[Option<f64>]) -> Option<Level> {
    let newest: &KeptRun = runs.iter().rev().map(|(run, _)| run).find(|run| run.pinned)?;
    let same = runs.iter().zip(p95).filter(|((run, _), _)| run.pinned && run.commit == newest.commit);
    let logs: Vec<f64> = same.filter_map(|(_, value)| value.map(f64::ln)).collect();
    let value = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
    value.is_finite().then(|| Level { value, text: format!("p95 of the pinned release {}", format_millis(value)) })
}

#[expect(clippy::cast_precision_loss, reason = "at most as many as are shown")]
fn dates(runs: &[TrendRun]) -> Vec<(f64, String)> {
    let every = runs.len().div_ceil(DATES).max(1);
    let date = |(index, (run, _)): (usize, &TrendRun)| (index as f64, run.started_at.strftime("%m-%d").to_string());
    runs.iter().enumerate().step_by(every).map(date).collect()
}
