//! How a scenario's endpoints changed over its runs: a chart for each, with the level of the pinned run, and where a
//! percentile stepped to another level.

use jiff::Timestamp;
use maud::{Markup, html};

use super::history_page::when;
use super::query::at_group;
use crate::history::{EndpointFigures, Filter, Group, History, HistoryError, Trend, TrendRun};
use crate::report::page_parts::{Aid, Kind, Level, Line, Lines, Mark, Unit, grid, line, number};
use crate::stats::change_point;
use crate::units::{format_count, format_millis, format_share};

/// So many runs are shown, and so many endpoints.
const RUNS: u64 = 120;
const ENDPOINTS: usize = 24;
/// Dates below a chart, and groups of other runs above all of them.
const DATES: usize = 5;
const GROUPS: usize = 8;

/// One percentile of an endpoint.
type Percentile = (&'static str, fn(&EndpointFigures) -> Option<f64>);
const P95: Percentile = ("p95", |figures| figures.p95_ms);
const P99: Percentile = ("p99", |figures| figures.p99_ms);

pub(super) fn charts(history: &History, filter: &Filter, group: Option<&str>) -> Result<Markup, HistoryError> {
    let trend = history.trend(filter, group, RUNS, Timestamp::now())?;
    let Some(shown) = trend.shown.and_then(|at| trend.groups.get(at)) else {
        return Ok(html! { p class="note" { "Two comparable runs of a scenario make a trend." } });
    };
    let endpoints = trend.runs.last().filter(|_| trend.runs.len() > 1).map_or(&[][..], |(_, endpoints)| endpoints);
    let drawn = endpoints.iter().take(ENDPOINTS);
    Ok(html! {
        h2 { "Trend of " (line(&shown.scenario)) }
        p class="note" {
            @if endpoints.is_empty() { "Two comparable runs of a scenario make a trend." }
            @else { "The newest " (format_count(trend.runs.len() as u64)) " comparable runs, oldest on the left; times in UTC." }
            @if endpoints.len() > ENDPOINTS { " The first " (ENDPOINTS) " of " (endpoints.len()) " endpoints." }
        }
        (others(&trend, shown, filter))
        div class="trends" { @for (index, endpoint) in drawn.enumerate() { (chart(&trend, &endpoint.endpoint, index, endpoints.len())) } }
    })
}

/// The runs that are not shown, why, and the way to them.
fn others(trend: &Trend, shown: &Group, filter: &Filter) -> Markup {
    let others: Vec<&Group> = trend.groups.iter().filter(|group| *group != shown).collect();
    let left_out: u64 = others.iter().map(|group| group.runs).sum();
    let why = |group: &Group| match (group.hash == shown.hash, group.fingerprint == shown.fingerprint) {
        (true, _) => format!("from another kind of machine: {}", group.fingerprint),
        (false, true) => "sent something else".to_owned(),
        (false, false) => format!("sent something else, from another kind of machine: {}", group.fingerprint),
    };
    html! { @if left_out > 0 {
        p class="note" {
            "Left out " @if left_out == 1 { "is 1 run" } @else { "are " (format_count(left_out)) " runs" } " that cannot be compared with them:"
        }
        ul class="note groups" { @for group in others.iter().take(GROUPS) { li {
            a href=(at_group(filter, group)) { (format_count(group.runs)) @if group.runs == 1 { " run" } @else { " runs" } }
            " until " (day(group.newest)) ", " (line(&why(group)))
        } } }
        @if others.len() > GROUPS { p class="note" { "and " (others.len() - GROUPS) " more groups." } }
    } }
}

#[expect(clippy::cast_precision_loss, reason = "at most as many as are shown")]
fn chart(trend: &Trend, endpoint: &str, index: usize, endpoints: usize) -> Markup {
    let runs = &trend.runs;
    let values = |of: Percentile| -> Vec<Option<f64>> { runs.iter().map(|run| value(run, endpoint, of)).collect() };
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
        levels: [P95, P99].into_iter().filter_map(|of| pinned(&trend.pinned, endpoint, of)).collect(),
        marks: steps.clone(),
        dotted: true,
    };
    html! {
        div data-trend {
            (chart.draw())
            @for step in &steps { p class="note" { (step.text) } }
            (table(runs, endpoint))
        }
    }
}

/// What the dots say, and the way to each run, for who cannot point at them.
fn table(runs: &[TrendRun], endpoint: &str) -> Markup {
    let cell = |run: &TrendRun, of: Percentile| match value(run, endpoint, of) {
        Some(value) => number(&format_millis(value), Some(value)),
        None => number("-", None),
    };
    let row = |run: &TrendRun| {
        html! { th scope="row" { a href={ "/runs/" (run.0.id) } { (when(&run.0)) } } (cell(run, P95)) (cell(run, P99)) }
    };
    let columns = [("run", Kind::Text), ("p95", Kind::Number), ("p99", Kind::Number)];
    let rows: Vec<Markup> = runs.iter().map(row).collect();
    html! { details class="values" { summary { "Values and runs" } (grid(&format!("Values of {endpoint}"), &columns, &rows, Aid::Plain)) } }
}

fn value((_, figures): &TrendRun, endpoint: &str, of: Percentile) -> Option<f64> {
    figures.iter().find(|figures| figures.endpoint == endpoint).and_then(of.1).filter(|value| *value > 0.0)
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
#[expect(clippy::cast_precision_loss, reason = "at most as many as are pinned")]
fn pinned(runs: &[TrendRun], endpoint: &str, of: Percentile) -> Option<Level> {
    let logs: Vec<f64> = runs.iter().filter_map(|run| value(run, endpoint, of).map(f64::ln)).collect();
    let value = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
    value.is_finite().then(|| Level { value, text: format!("{} of the pinned release {}", of.0, format_millis(value)) })
}

/// Some days below a chart, with the time where a day has several runs.
#[expect(clippy::cast_precision_loss, reason = "at most as many as are shown")]
fn dates(runs: &[TrendRun]) -> Vec<(f64, String)> {
    let every = runs.len().div_ceil(DATES).max(1);
    let named: Vec<(usize, Timestamp)> = runs.iter().map(|(run, _)| run.started_at).enumerate().step_by(every).collect();
    let repeats = named.windows(2).any(|pair| day(pair[0].1) == day(pair[1].1));
    let form = if repeats { "%m-%d %H:%M" } else { "%m-%d" };
    named.into_iter().map(|(index, at)| (index as f64, at.strftime(form).to_string())).collect()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::samples::history;

    #[test]
    fn days_that_repeat_are_told_apart_by_the_time() {
        let filter = Filter { scenario: Some("shop 3".into()), ..Filter::default() };
        let runs = |count| history(count).trend(&filter, None, RUNS, Timestamp::now()).unwrap().runs;
        let labels = |count| dates(&runs(count)).into_iter().map(|date| date.1).collect::<Vec<_>>();
        assert_eq!(labels(10), ["01-01 12:03", "01-01 12:08"]);
        let of_600: std::collections::BTreeSet<String> = labels(600).into_iter().collect();
        assert_eq!(of_600.len(), labels(600).len());
    }
}
