//! The rules of other tools, on the same runs. Each fails a gate where it fails one metric.

use perfgate::stats::t_quantile;

use super::gate::{Moved, Nights};

/// A rule, by the name of the tool that has it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub name: &'static str,
    /// Whether it fails this metric of the release.
    fails: fn(&Nights<'_>, usize) -> bool,
}

pub const RULES: [Rule; 6] = [
    Rule { name: "Keptn, at most +10 % against the last run", fails: |nights, metric| rise(nights, metric) > 0.10_f64.ln_1p() },
    Rule { name: "github-action-benchmark, 200 % of the last run", fails: |nights, metric| rise(nights, metric) > 2.0_f64.ln() },
    Rule { name: "Bencher, t-test 0.99 over ten runs", fails: bencher },
    Rule { name: "Kayenta, Mann-Whitney over 10-s points", fails: kayenta },
    Rule {
        name: "95 % interval of independent requests above +10 %",
        fails: |nights, metric| rise(nights, metric) > 0.10_f64.ln_1p() && is_beyond_sampling(nights, metric),
    },
    Rule { name: "95 % interval of independent requests above 0", fails: is_beyond_sampling },
];

impl Rule {
    pub fn fails(&self, nights: &Nights<'_>, metric_count: usize) -> bool {
        (0..metric_count).any(|metric| (self.fails)(nights, metric))
    }
}

fn release<'a, 'b>(nights: &'a Nights<'b>) -> &'a Moved<'b> {
    &nights.release[0]
}

fn last_run<'a, 'b>(nights: &'a Nights<'b>) -> &'a Moved<'b> {
    &nights.history[0]
}

fn rise(nights: &Nights<'_>, metric: usize) -> f64 {
    release(nights).log(metric) - last_run(nights).log(metric)
}

fn is_beyond_sampling(nights: &Nights<'_>, metric: usize) -> bool {
    let error = release(nights).independent(metric).hypot(last_run(nights).independent(metric));
    rise(nights, metric) - 1.96 * error > 0.0
}

/// Student's t at 0.99 around the mean of the runs, on milliseconds (`bencher_boundary`).
fn bencher(nights: &Nights<'_>, metric: usize) -> bool {
    let runs: Vec<f64> = nights.history.iter().map(|night| night.log(metric).exp()).collect();
    let count = number(runs.len());
    let mean = runs.iter().sum::<f64>() / count;
    let sd = (runs.iter().map(|run| (run - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
    release(nights).log(metric).exp() > mean + t_quantile(0.99, count - 1.0) * sd
}

/// The 98 % interval of the Hodges-Lehmann shift lies above a quarter of the shift (`NetflixACAJudge`, its defaults).
fn kayenta(nights: &Nights<'_>, metric: usize) -> bool {
    let (canary, control) = (release(nights).points(metric), last_run(nights).points(metric));
    if canary.is_empty() || control.is_empty() {
        return false;
    }
    let mut differences: Vec<f64> = canary.iter().flat_map(|one| control.iter().map(move |other| one - other)).collect();
    differences.sort_by(f64::total_cmp);
    let pairs = number(differences.len());
    let points = number(canary.len() + control.len());
    let rank = pairs / 2.0 - 2.326 * (pairs * (points + 1.0) / 12.0).sqrt();
    let [low, shift] = [rank, pairs / 2.0].map(|rank| differences[whole(rank).min(differences.len() - 1)]);
    rank >= 0.0 && low > 0.25 * shift.abs()
}

#[expect(clippy::cast_precision_loss, reason = "points of a run are few")]
fn number(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank; below 0 counts as 0")]
fn whole(rank: f64) -> usize {
    rank as usize
}
