//! Every load that the verdict rests on, where there were several: the page shows figures and charts of the last one alone.

use maud::{Markup, html};

use super::grid::{Aid, Kind, grid, number};
use super::text;
use crate::report::figures::{NONE, rate};
use crate::report::{Context, Subject};
use crate::run::{PhaseSelection, Run};
use crate::units::{Percentile, format_count, format_millis, format_share};

/// That there were others, and how they belong together. `None` where the page shows all that was judged.
pub(super) fn told(subject: &Subject<'_>, context: &Context<'_>) -> Option<String> {
    let Subject { verdict, run, .. } = subject;
    let begun = run.started_at.strftime("%H:%M:%S UTC");
    let last = format!("figures and charts of the run are those of the last, begun at {begun}");
    match (context.beside, verdict.run.loads) {
        ([.., other], _) if context.beside.len() > 1 => Some(format!(
            "loaded {} times beside {}; each check is judged over all of these rounds, {last}",
            format_count(context.beside.len() as u64),
            other.target
        )),
        ([other], _) => Some(format!("loaded beside {}", other.target)),
        ([], loads) if loads > 1 => {
            Some(format!("loaded {} times; each check is judged over all of these loads, {last}", format_count(loads)))
        }
        _ => None,
    }
}

/// Each load in a row, in the order in which they began; empty where there is only one.
pub(super) fn table(run: &Run, context: &Context<'_>) -> Option<Markup> {
    let mut loads: Vec<&Run> = context.earlier.iter().copied().chain(context.beside).chain([run]).collect();
    if loads.len() < 2 {
        return None;
    }
    loads.sort_by_key(|load| load.started_at);
    let rows: Vec<Markup> = loads.iter().map(|load| row(load, std::ptr::eq(*load, run))).collect();
    let columns = [
        ("begun (UTC)", Kind::Text),
        ("target", Kind::Text),
        ("requests", Kind::Number),
        ("throughput", Kind::Number),
        ("p50", Kind::Number),
        ("p95", Kind::Number),
        ("p99", Kind::Number),
        ("failed", Kind::Number),
    ];
    Some(html! {
        p class="note" { "All tasks in the judged phases of each load." }
        (grid("Loads", &columns, &rows, Aid::Plain))
    })
}

fn row(load: &Run, is_shown: bool) -> Markup {
    let total = load.total(PhaseSelection::Judged);
    let millis = |percentile| number(&total.percentile_ms(percentile).map_or_else(|| NONE.into(), format_millis), None);
    let seconds = load.duration_of(PhaseSelection::Judged).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let throughput = (seconds > 0.0).then(|| rate(total.counts.ok as f64 / seconds));
    html! {
        th scope="row" {
            (load.started_at.strftime("%Y-%m-%d %H:%M:%S").to_string())
            @if is_shown { " (this page)" }
            @if !load.complete { " (incomplete)" }
        }
        td { (text(&load.target)) }
        (number(&format_count(total.counts.requests), None))
        (number(&throughput.unwrap_or_else(|| NONE.into()), None))
        (millis(Percentile::P50))
        (millis(Percentile::P95))
        (millis(Percentile::P99))
        (number(&total.counts.failure_rate().map_or_else(|| NONE.into(), format_share), None))
    }
}
