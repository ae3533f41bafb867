//! The percentiles that are reported, against what the target logged itself. What lies between is the way there and back.

use crate::program::Perfgate;
use crate::table::{Chapter, Spread, figure, spread};
use crate::target::{Kind, Target};
use crate::{Failure, Options, progress};

const ABOUT: &str = "Service times are drawn (log-normal around 8 ms, p99 at 26 ms); the target logs the time from having read a request \
to having written its answer. Open load of 2,000/s and 5,000/s. Medians of the rounds. Goal: within 0.3 ms and 1 %.";

/// Starts a second.
const RATES: [u32; 2] = [2000, 5000];
const PERCENTILES: [&str; 3] = ["p50", "p95", "p99"];

/// One percentile at one rate, in ms, by round.
#[derive(Debug, Default)]
struct Pairs {
    reported: Vec<f64>,
    logged: Vec<f64>,
}

pub fn measure(options: &Options) -> Result<Chapter, Failure> {
    let header = ["starts/s", "percentile", "reported, ms", "logged, ms", "difference, ms", "allowed, ms", ""];
    let mut chapter = Chapter::new("Accuracy", ABOUT, &header);
    for rate in RATES {
        let pairs = compare(rate, options)?;
        for (percentile, pairs) in PERCENTILES.iter().zip(&pairs) {
            chapter.row(row(rate, percentile, pairs));
        }
    }
    Ok(chapter)
}

fn compare(rate: u32, options: &Options) -> Result<[Pairs; 3], Failure> {
    let target = Target::start(Kind::Drawn)?;
    let perfgate = Perfgate::new(&target.url(), &format!("{{rate: {rate}/s, hold: {}s}}", options.seconds), "")?;
    let mut pairs: [Pairs; 3] = Default::default();
    for round in 1..=options.rounds {
        let run = perfgate.run()?;
        let answer = target.ask("log")?;
        let logged: Vec<f64> = answer.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        for ((percentile, pairs), logged) in PERCENTILES.iter().zip(&mut pairs).zip(logged) {
            pairs.reported.extend(run.latency_ms(percentile));
            pairs.logged.push(logged / 1000.0);
        }
        progress(&format!("accuracy {rate}/s {round}/{}: logged p50 p95 p99 (us), count: {answer}", options.rounds));
    }
    Ok(pairs)
}

fn row(rate: u32, percentile: &str, pairs: &Pairs) -> [String; 7] {
    let Pairs { reported, logged } = pairs;
    let differences: Vec<f64> = reported.iter().zip(logged).map(|(reported, logged)| reported - logged).collect();
    let difference = Spread::of(&differences);
    let allowed = Spread::of(logged).map(|logged| 0.3 + logged.median / 100.0);
    let within = difference.zip(allowed).is_some_and(|(difference, allowed)| difference.median.abs() <= allowed);
    [
        rate.to_string(),
        percentile.to_owned(),
        spread(Spread::of(reported), 2),
        spread(Spread::of(logged), 2),
        spread(difference, 3),
        figure(allowed, 3),
        if within { "within" } else { "MISSED" }.to_owned(),
    ]
}
