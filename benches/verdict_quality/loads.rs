//! A closed load beside an open one: the regression is in the simulated server, so that slower answers also change the
//! load, where they do.

use super::bank::{self, Pairs, Sittings};
use super::cell::{Design, gates};
use super::effects::Noise;
use super::gate::{Past, RELAXED, ROUND_SECONDS, Rounds, STRICT, Source, Truth};
use super::model::{ENDPOINTS, metrics};
use super::quality::SITTING_SECONDS;
use super::simulate::{Arrivals, System};
use super::table::{Table, percent};

/// As many requests per second as the open load sends, as long as nothing is slower.
const CLOSED: Arrivals = Arrivals::Closed { users: 64, think: 0.1 };
const NOISE: Noise = Noise::of(0.03);
/// The endpoint that becomes slower where one does, and the metric that is shown: p95 of 100 requests per second.
const SLOW_ENDPOINT: usize = 1;
/// Servers of a target that has little to spare.
const FEW_SERVERS: usize = 21;

/// What becomes of the server.
struct Change {
    name: &'static str,
    servers: usize,
    of: fn(System) -> System,
}

const CHANGES: [Change; 6] = [
    Change { name: "none", servers: 40, of: |system| system },
    Change {
        name: "service +20 % of one endpoint",
        servers: 40,
        of: |mut system| {
            system.slower[SLOW_ENDPOINT] = 1.2;
            system
        },
    },
    Change { name: "service +10 % of all", servers: 40, of: |system| System { slower: [1.1; ENDPOINTS], ..system } },
    Change { name: "pauses three times as often", servers: 40, of: |system| System { pause_every: system.pause_every / 3.0, ..system } },
    Change { name: "busy server: none", servers: FEW_SERVERS, of: |system| system },
    Change { name: "busy server: service +10 % of all", servers: FEW_SERVERS, of: |system| System { slower: [1.1; ENDPOINTS], ..system } },
];

/// Percent of the gates that fail, and what they see.
pub fn table(sittings: usize, pairs: usize, gate_count: usize) -> Table {
    let about =
        "Noise 3 %; shown are the requests per second and the rise of p95 and p99 of the endpoint with 100/s (median of the sittings).";
    let header = [
        "change in the server",
        "load",
        "requests/s before, after",
        "p95",
        "p99",
        "history, 10/20: fails, passes",
        "side by side, 5/15: fails, passes",
    ];
    let mut table = Table::new("A closed load beside an open one", about, &header);
    for change in &CHANGES {
        for (load, arrivals) in [("open", Arrivals::Open), ("closed", CLOSED)] {
            let old = System { arrivals, servers: change.servers, ..System::default() };
            let new = (change.of)(old);
            let sat = [&old, &new].map(|system| sit(system, sittings));
            let paired: [Pairs; 2] = [&old, &new].map(|side| bank::pairs([&old, side], pairs, ROUND_SECONDS, 2));
            let source = Source { banks: [&sat[0], &sat[1]], past: Past::USUAL };
            let history = Design::History { source, seconds: SITTING_SECONDS };
            let side_by_side = Design::SideBySide { banks: [&paired[0], &paired[1]], how: Rounds::FULL };
            let failed = [(history, RELAXED), (side_by_side, STRICT)]
                .map(|(design, allowance)| gates(design, &NOISE, allowance, Truth::Same, gate_count))
                .map(|cell| format!("{}, {}", percent(cell.failed), percent(cell.passed)));
            let rates = sat.each_ref().map(requests_per_second);
            let cells = [change.name.to_owned(), load.to_owned(), format!("{:.0}, {:.0}", rates[0], rates[1])];
            table.row(cells.into_iter().chain(rises(&sat)).chain(failed));
        }
    }
    table
}

fn sit(system: &System, count: usize) -> Sittings {
    bank::sittings(system, count, &[SITTING_SECONDS], 1).pop().unwrap_or_default()
}

/// Of the endpoints that have a p95 among the metrics: all but the rarest.
#[expect(clippy::cast_precision_loss, reason = "requests of minutes")]
fn requests_per_second(sittings: &Sittings) -> f64 {
    let metrics = metrics();
    let first_of_endpoint = |index: usize| index == 0 || metrics[index].endpoint != metrics[index - 1].endpoint;
    let count = |sitting: &Vec<bank::Measured>| -> u64 {
        sitting.iter().enumerate().filter(|(index, _)| first_of_endpoint(*index)).map(|(_, measured)| measured.request_count).sum()
    };
    sittings.iter().map(count).sum::<u64>() as f64 / sittings.len() as f64 / f64::from(SITTING_SECONDS)
}

/// How much higher the percentiles of [`SLOW_ENDPOINT`] are.
fn rises([old, new]: &[Sittings; 2]) -> Vec<String> {
    let shown =
        metrics().iter().enumerate().filter(|(_, metric)| metric.endpoint == SLOW_ENDPOINT).map(|(index, _)| index).collect::<Vec<_>>();
    let rise = |metric: usize| median(new, metric) - median(old, metric);
    shown.into_iter().map(|metric| format!("{:+.1} %", 100.0 * rise(metric).exp_m1())).collect()
}

fn median(sittings: &Sittings, metric: usize) -> f64 {
    let mut logs: Vec<f64> = sittings.iter().map(|sitting| sitting[metric].estimate.log).collect();
    logs.sort_by(f64::total_cmp);
    logs.get(logs.len() / 2).copied().unwrap_or(f64::NAN)
}
