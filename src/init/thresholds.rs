//! First limits for a draft, and a load that is long enough for them.

use std::fmt::Write as _;
use std::time::Duration;

use super::draft::Draft;
use super::yaml::{Position, text};
use super::{InitError, read_back};
use crate::endpoint::EndpointRole;
use crate::plan::Forecast;
use crate::scenario::Scenario;
use crate::units::Percentile;

/// What an answer is taken to last where nobody has measured it.
const ANSWER: Duration = Duration::from_millis(100);
/// A first load lasts at most this long (s).
const LONGEST_HOLD: f64 = 600.0;
/// Requests vary from run to run: so much more than the least is aimed at.
const MARGIN: f64 = 1.2;

/// What holds where there are requests enough, from the strictest demand for samples down.
const LIMITS: [(Percentile, &str); 3] = [(Percentile::P99, "p99: 800ms"), (Percentile::P95, "p95: 300ms"), (Percentile::P50, "p50: 150ms")];

/// Lengthens the hold until the rarest endpoint has its p95, as far as that is reasonable; the draft as it then reads.
pub fn fit_hold(draft: &mut Draft) -> Result<Scenario, InitError> {
    let scenario = read_back(draft)?;
    let rarest = counts(&scenario).into_iter().map(|(_, count)| count).fold(f64::INFINITY, f64::min);
    if !rarest.is_finite() || rarest <= 0.0 {
        return Ok(scenario);
    }
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let needed = Percentile::P95.requests_needed() as f64 * MARGIN;
    let wanted = draft.hold.as_secs_f64() * (needed / rarest).max(1.0);
    // In whole minutes above the first.
    let rounded = if wanted <= 60.0 { 60.0 } else { (wanted / 60.0).ceil() * 60.0 };
    draft.hold = Duration::from_secs_f64(rounded.min(LONGEST_HOLD));
    read_back(draft)
}

/// Four lines where every endpoint is asked often enough; else an endpoint is judged by what its requests allow.
pub fn thresholds_yaml(draft: &Draft, scenario: &Scenario) -> String {
    let mut out = String::from("# First limits: look at what a check measures, then write down what your users need.\n");
    let name = text(&draft.name, Position::Flow);
    let _ = writeln!(out, "version: 1\nscenario: {name}\ndefaults: {{p95: 300ms, p99: 800ms, failures: 1%}}");
    let rare: Vec<(String, String)> = counts(scenario).into_iter().filter_map(|(name, count)| Some((name, rules_of(count)?))).collect();
    if !rare.is_empty() {
        let _ = writeln!(out, "endpoints:                       # asked too rarely for the percentiles that are off");
        for (name, rules) in rare {
            let _ = writeln!(out, "  {}: {{{rules}}}", text(&name, Position::Block));
        }
    }
    out
}

/// What differs from the defaults for so many requests; `None` where nothing does.
fn rules_of(count: f64) -> Option<String> {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let is_enough = |percentile: &Percentile| count >= percentile.requests_needed() as f64 * MARGIN;
    let found = LIMITS.iter().position(|(percentile, _)| is_enough(percentile));
    match found {
        Some(0) => None,
        Some(1) => Some("p99: off".to_owned()),
        Some(index) => Some(format!("{}, p95: off, p99: off", LIMITS[index].1)),
        None => Some("max: 2s, p95: off, p99: off".to_owned()),
    }
}

/// Expected requests of every endpoint that tasks ask.
fn counts(scenario: &Scenario) -> Vec<(String, f64)> {
    let forecast = Forecast::new(scenario, ANSWER);
    let judged = |phase: usize| scenario.load.phases[phase].measured;
    let asked = scenario.endpoints.iter().zip(&forecast.endpoints).filter(|(endpoint, _)| endpoint.role == EndpointRole::Task);
    asked.map(|(endpoint, forecast)| (endpoint.name.clone(), forecast.requests(judged))).collect()
}
