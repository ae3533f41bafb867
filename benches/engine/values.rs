//! What it takes to write a request: everything constant was joined before the load, values are filled in each time.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use perfgate::document::Document;
use perfgate::load::Composer;
use perfgate::scenario::{Overrides, Scenario, Surroundings};

use crate::table::{Chapter, Spread, number, spread};
use crate::{Failure, Options, progress};

const ABOUT: &str = "Writing the whole request of a step, without sending it. Medians with the lowest and the highest; `more` is what \
the values add to the constant one. Goal: at most 2 us for a path with two values.";

/// What stands behind `get`, with what it is.
const PATHS: [(&str, &str); 5] = [
    ("constant", "/api/products/p-001/reviews/17"),
    ("two saved values", "/api/products/${first}/reviews/${second}"),
    ("user and iteration", "/api/products/${user.id}/reviews/${iteration}"),
    ("two random numbers", "/api/products/${random_int(1, 300)}/reviews/${random_int(1, 90)}"),
    ("two UUIDs", "/api/products/${uuid()}/reviews/${uuid()}"),
];
const REQUESTS: u32 = 200_000;

pub fn measure(options: &Options) -> Result<Chapter, Failure> {
    let mut composer = Composer::new(Arc::new(scenario()?), "p-001");
    let mut nanos: Vec<Vec<f64>> = vec![Vec::new(); PATHS.len()];
    for _ in 0..options.rounds {
        for (task, figures) in nanos.iter_mut().enumerate() {
            figures.push(taken(&mut composer, task)?.as_secs_f64() * 1e9 / f64::from(REQUESTS));
        }
    }
    let constant = Spread::of(&nanos[0]).map_or(0.0, |spread| spread.median);
    let mut chapter = Chapter::new("Writing a request", ABOUT, &["path", "ns", "more, ns"]);
    for ((name, _), figures) in PATHS.iter().zip(&nanos) {
        progress(&format!("values: {name} {figures:.0?} ns"));
        let more: Vec<f64> = figures.iter().map(|figure| figure - constant).collect();
        chapter.row([(*name).to_owned(), spread(Spread::of(figures), 0), spread(Spread::of(&more), 0)]);
    }
    Ok(chapter)
}

fn taken(composer: &mut Composer, task: usize) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let mut bytes = 0;
    for _ in 0..REQUESTS {
        bytes += black_box(composer.write(task)) as u64;
    }
    let taken = begun.elapsed();
    if number(bytes) < number(u64::from(REQUESTS)) * 50.0 { Err("a value was missing".into()) } else { Ok(taken) }
}

fn scenario() -> Result<Scenario, Failure> {
    let tasks: Vec<String> = PATHS.iter().map(|(_, path)| format!("  - steps: [{{get: \"{path}\"}}]\n")).collect();
    let text = format!(
        "version: 1\nname: engine\ntarget: http://127.0.0.1\nload: {{rate: 50/s, hold: 1m}}\nstart: [{{get: /, save: {{first: $.a, second: \
        $.b}}}}]\ntasks:\n{}",
        tasks.concat()
    );
    let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
    Ok(Scenario::from_document(&Document::from_text("engine.yaml", &text), &surroundings, &Overrides::default())?)
}
