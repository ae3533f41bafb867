//! What each endpoint of a run did, row by row: the table of a run that was not judged.

use super::figures::{NONE, rate};
use super::table::{Cell, Column, Table};
use crate::run::{EndpointRole, EndpointRun, PhaseSelection, Run, Summary, TaskRun};
use crate::units::{Percentile, format_count, format_millis, format_share};

/// One row for each task endpoint in the scenario's order and then for all of them, over the judged phases; then those
/// of `start` and `stop` over the whole run, as they are mostly asked before and after.
pub(super) fn endpoints(run: &Run) -> Table {
    let columns = vec![
        Column::label("endpoint"),
        Column::number("requests", 0),
        Column::number("failures", 0),
        Column::number("p50", 2),
        Column::number("p95", 0),
        Column::number("p99", 1),
        Column::number("max", 3),
        Column::number("throughput", 4),
    ];
    let of = |role| run.endpoints.iter().filter(move |endpoint| endpoint.role == role).map(|endpoint| row(run, endpoint));
    let mut rows: Vec<Vec<Cell>> = of(EndpointRole::Task).collect();
    rows.push(cells(Cell::Text("all tasks".into()), &run.total(PhaseSelection::Judged), seconds(run, PhaseSelection::Judged)));
    rows.extend(of(EndpointRole::Lifecycle));
    Table { columns, rows }
}

/// What the table leaves out or counts otherwise, one line each.
pub(super) fn remarks(run: &Run) -> Vec<String> {
    let imported = run.imported.iter().flat_map(|imported| {
        std::iter::once(format!("measured by {}", imported.description())).chain(imported.warnings.iter().chain(&imported.notes).cloned())
    });
    let named = |role| {
        run.endpoints.iter().filter(|endpoint| endpoint.role == role).map(|endpoint| endpoint.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let lines =
        [("start and stop, over the whole run", named(EndpointRole::Lifecycle)), ("left out by tags", named(EndpointRole::Excluded))];
    let lines = lines.into_iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("{what}: {names}"));
    imported.chain(mixes(run)).chain(endless(run)).chain(lines).collect()
}

/// Requests of which nobody knows how long they took, but that it was more than can be told.
fn endless(run: &Run) -> impl Iterator<Item = String> + '_ {
    let count = |endpoint: &EndpointRun| run.summary(endpoint, PhaseSelection::Whole).latency.count_at_the_end();
    let endless = run.endpoints.iter().map(move |endpoint| (endpoint, count(endpoint))).filter(|(_, count)| *count > 0);
    endless.map(|(endpoint, count)| format!("{}: {} of its requests took 1 h or longer", endpoint.name, format_count(count)))
}

/// What each kind of user did beside what it was asked for: `mix: browse 75.1 % (asked 75 %), buy 24.9 % (asked 25 %)`.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn mixes(run: &Run) -> Vec<String> {
    let mut kinds: Vec<&Option<String>> = run.tasks.iter().map(|task| &task.users).collect();
    kinds.dedup();
    let line = |users: &Option<String>| {
        let tasks: Vec<&TaskRun> = run.tasks.iter().filter(|task| task.users == *users).collect();
        // Shares are of all the kind's starts, phase by phase: a phase may have a mix of its own.
        let of_phase = |phase: usize| tasks.iter().map(|task| task.phases[phase].starts).sum::<u64>();
        let total: u64 = (0..run.phases.len()).map(of_phase).sum();
        if total == 0 || tasks.len() < 2 {
            return None;
        }
        let share = |task: &&TaskRun| {
            let starts: u64 = task.phases.iter().map(|share| share.starts).sum();
            let asked: f64 = task.phases.iter().enumerate().map(|(phase, share)| share.asked * of_phase(phase) as f64).sum();
            let (actual, asked) = (format_share(starts as f64 / total as f64), format_share(asked / total as f64));
            format!("{} {actual} (asked {asked})", task.name)
        };
        let shares: Vec<String> = tasks.iter().map(share).collect();
        let whose = users.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        Some(format!("mix{whose}, {} task starts: {}", format_count(total), shares.join(", ")))
    };
    kinds.into_iter().filter_map(line).collect()
}

fn row(run: &Run, endpoint: &EndpointRun) -> Vec<Cell> {
    let selection = if endpoint.role == EndpointRole::Task { PhaseSelection::Judged } else { PhaseSelection::Whole };
    cells(Cell::Label(endpoint.name.clone()), &run.summary(endpoint, selection), seconds(run, selection))
}

fn seconds(run: &Run, selection: PhaseSelection<'_>) -> f64 {
    run.duration_of(selection).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn cells(name: Cell, summary: &Summary, seconds: f64) -> Vec<Cell> {
    let counts = &summary.counts;
    let millis = |millis: Option<f64>| Cell::Text(millis.map_or_else(|| NONE.into(), format_millis));
    let failed = counts.failures.total();
    let failures = match counts.failure_rate() {
        Some(share) if failed > 0 => format!("{} ({})", format_count(failed), format_share(share)),
        _ => format_count(failed),
    };
    let throughput = if seconds > 0.0 { rate(counts.ok as f64 / seconds) } else { NONE.into() };
    vec![
        name,
        Cell::Text(format_count(counts.requests)),
        Cell::Text(failures),
        millis(summary.percentile_ms(Percentile::P50)),
        millis(summary.percentile_ms(Percentile::P95)),
        millis(summary.percentile_ms(Percentile::P99)),
        millis(summary.max_ms()),
        Cell::Text(throughput),
    ]
}

#[cfg(test)]
mod tests {
    use crate::report::samples;
    use crate::run::{TaskRun, TaskShare};

    #[test]
    fn the_mix_is_shown_beside_what_was_asked_for() {
        let mut run = samples::run();
        let task = |name: &str, asked, starts: [u64; 2]| TaskRun {
            users: None,
            name: name.into(),
            phases: starts.map(|starts| TaskShare { asked, starts }).to_vec(),
        };
        run.tasks = vec![task("browse", 0.75, [0, 749]), task("buy", 0.25, [0, 251])];
        let lines = super::remarks(&run);
        assert_eq!(lines[0], "mix, 1,000 task starts: browse 74.9 % (asked 75 %), buy 25.1 % (asked 25 %)");
        run.tasks.truncate(1);
        assert!(!super::remarks(&run).iter().any(|line| line.starts_with("mix")), "one task is no mix");
    }
}
