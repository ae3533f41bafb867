//! What recording takes when it goes on: half an hour of 10,000 requests a second over 200 endpoints, without sending them.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use perfgate::document::Document;
use perfgate::load::{Heading, Rehearsal};
use perfgate::plan::{Dice, Plan, Stream};
use perfgate::run::save_run;
use perfgate::scenario::{Overrides, Scenario, Surroundings};

use crate::process::{resident_memory, run_client};
use crate::start::environment;
use crate::table::{Chapter, figure};
use crate::{Failure, progress};

const ABOUT: &str = "Half an hour of 10,000 requests/s over 200 endpoints, recorded as if they had been made, with a whole run file each \
minute; once. Goals: at most 256 MB, and from minute 5 at most 1 MB more each minute.";

const ENDPOINTS: u32 = 200;
const PER_SECOND: u32 = 10_000;
/// As often as a busy load thread hands over.
const BATCHES_PER_SECOND: u32 = 50;
const MINUTES: u64 = 30;
const SETTLED: u64 = 5;

pub fn measure() -> Result<Chapter, Failure> {
    let output = run_client(Command::new(std::env::current_exe()?).arg("--rehearse"))?.output;
    let text = String::from_utf8_lossy(&output.stdout);
    let megabytes: Vec<f64> = text.lines().map(|line| Ok(line.parse::<f64>()? / 1e6)).collect::<Result<_, Failure>>()?;
    let (Some(peak), Some(settled)) = (megabytes.iter().copied().reduce(f64::max), megabytes.get(usize::try_from(SETTLED)?)) else {
        return Err(format!("nothing was recorded: {}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let end = megabytes.last().copied().unwrap_or_default();
    progress(&format!("recording: {megabytes:.0?} MB"));
    let mut chapter = Chapter::new("Memory of a long run", ABOUT, &["peak, MB", "after minute 5, MB", "at the end, MB", "growth, MB/min"]);
    #[expect(clippy::cast_precision_loss, reason = "minutes")]
    let growth = (end - settled) / (MINUTES - SETTLED) as f64;
    chapter.row([figure(Some(peak), 0), figure(Some(*settled), 0), figure(Some(end), 0), figure(Some(growth), 2)]);
    Ok(chapter)
}

/// Records, and tells the resident memory (bytes) before, after each minute, and at its highest.
pub fn rehearse() -> Result<(), Failure> {
    let scenario = Arc::new(scenario()?);
    let plan = Arc::new(Plan::new(&scenario, 1_000_000));
    let heading = Heading { started_at: jiff::Timestamp::UNIX_EPOCH, environment: environment(), overrides: Vec::new(), threads: 1 };
    let mut rehearsal = Rehearsal::new(scenario, plan, heading);
    let mut dice = Dice::new(1, Stream::Arrivals);
    let folder = tempfile::tempdir()?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", resident_memory(std::process::id())?)?;
    for minute in 1..=MINUTES {
        for second in (minute - 1) * 60..minute * 60 {
            for batch in 0..BATCHES_PER_SECOND {
                let due = Duration::from_secs(second) + Duration::from_secs(1) * batch / BATCHES_PER_SECOND;
                rehearsal.record(due, (0..PER_SECOND / BATCHES_PER_SECOND).map(|_| request(&mut dice)));
            }
            rehearsal.tick(Duration::from_secs(second + 1));
        }
        let run = rehearsal.run(Duration::from_secs(minute * 60));
        save_run(&folder.path().join("run.json"), &run)?;
        writeln!(out, "{}", resident_memory(std::process::id())?)?;
    }
    Ok(())
}

/// Any endpoint, and a latency around 8 ms (us) with a long tail.
fn request(dice: &mut Dice) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below 2^32")]
    let micros = (8000.0 * (0.5 * dice.normal()).exp()) as u32;
    (u32::try_from(dice.below(ENDPOINTS.into())).unwrap_or_default(), micros)
}

fn scenario() -> Result<Scenario, Failure> {
    let steps: Vec<String> = (0..ENDPOINTS).map(|index| format!("{{get: /{index}}}")).collect();
    let text = format!(
        "version: 1\nname: engine\ntarget: http://127.0.0.1\nload: {{rate: 50/s, hold: {MINUTES}m}}\ntasks:\n  - steps: [{}]\n",
        steps.join(", ")
    );
    let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
    Ok(Scenario::from_document(&Document::from_text("engine.yaml", &text), &surroundings, &Overrides::default())?)
}
