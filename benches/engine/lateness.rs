//! How late the requests of an open load leave, by the generator's own books, and whether all of them leave.

use crate::program::Perfgate;
use crate::table::{Chapter, Spread, figure, spread};
use crate::target::{Kind, Target};
use crate::{Failure, Options, progress};

const ABOUT: &str = "An open load of 5,000 starts a second on one thread. Median with the lowest and the highest of the rounds. \
Goal: lateness p99 below 0.3 ms, and nothing that was not sent.";

/// Starts a second.
const RATE: u32 = 5000;

pub fn measure(options: &Options) -> Result<Chapter, Failure> {
    let target = Target::start(Kind::Plain)?;
    let perfgate = Perfgate::new(&target.url(), &format!("{{rate: {RATE}/s, hold: {}s}}", options.seconds), "")?;
    let (mut late, mut rate, mut busy, mut not_sent) = (Vec::new(), Vec::new(), Vec::new(), 0.0);
    let mut problems: Vec<String> = Vec::new();
    for round in 1..=options.rounds {
        let run = perfgate.run()?;
        late.extend(run.number("/generator/late_p99_ms"));
        rate.extend(run.number("/generator/sent").map(|sent| sent / f64::from(options.seconds)));
        busy.extend(run.number("/generator/cpu_busy"));
        not_sent += run.number("/generator/not_sent").unwrap_or_default();
        problems.extend(run.problems().into_iter().map(str::to_owned));
        progress(&format!("lateness {round}/{}: p99 {} ms late", options.rounds, figure(late.last().copied(), 3)));
    }
    problems.sort();
    problems.dedup();
    let mut chapter = Chapter::new("Lateness", ABOUT, &["lateness p99, ms", "sent/s", "not sent", "thread busy", "problems"]);
    let problems = if problems.is_empty() { "none".to_owned() } else { problems.join(", ") };
    chapter.row([
        spread(Spread::of(&late), 3),
        spread(Spread::of(&rate), 1),
        figure(Some(not_sent), 0),
        spread(Spread::of(&busy), 2),
        problems,
    ]);
    Ok(chapter)
}
