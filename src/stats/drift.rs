//! Whether a build got slower over weeks. A comparison with recent runs never sees that: each night is like the one
//! before. All values are natural logarithms, oldest first; what is no number is passed over.

use super::{Spread, t_quantile};

/// So many of the newest runs are held against the pinned ones, and so few are enough.
const NEWEST: usize = 5;
const NEWEST_NEEDED: usize = 3;
/// A drift from the pinned runs is at least this (5 %) ..
const LEAST_SHIFT: f64 = 0.048_790_164_169_432;
/// .. and is called by chance so rarely by all metrics of a store together, each night.
const SHIFT_ERROR: f64 = 0.000_5;
/// A change point lies between stretches of at least so many runs, within so many of the newest ones.
const SEGMENT: usize = 5;
const WINDOW: usize = 40;
/// The means before and after differ by at least this (3 %) ..
const LEAST_STEP: f64 = 0.029_558_802_241_544;
/// .. and so much that chance explains it in fewer nights than this, though about ten independent splits are tried.
const STEP_ERROR: f64 = 0.001;
const SPLITS: f64 = 10.0;
/// Values that are exactly alike would make any difference certain.
const STEP_FLOOR: f64 = 0.005;
/// The family in which a history is searched for where to truncate it.
const METRICS_OF_A_GATE: usize = 10;

/// One metric's runs since those that were pinned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnchoredSeries<'a> {
    pub pinned: &'a [f64],
    /// The runs after the pinned ones.
    pub since: &'a [f64],
    /// Metrics of the same kind share their noise.
    pub kind: usize,
    /// The usual standard deviation between runs of this kind.
    pub usual: f64,
}

/// Where a metric lay and where it lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    pub from: f64,
    pub to: f64,
}

/// A step in a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// Index of the first value after it.
    pub at: usize,
    pub shift: Shift,
}

impl Shift {
    /// The change as a fraction: 0.12 for 12 % more.
    #[must_use]
    pub fn change(self) -> f64 {
        (self.to - self.from).exp_m1()
    }
}

/// For each series, how far the mean of its newest runs lies from that of its pinned ones, where that is a drift and not
/// noise. All series of a store are tested together: they share noise and error.
#[must_use]
pub fn anchor_shifts(series: &[AnchoredSeries<'_>]) -> Vec<Option<Shift>> {
    let anchored: Vec<Option<Anchored>> = series.iter().map(Anchored::of).collect();
    let tested = anchored.iter().flatten().count().max(1);
    let drifted = |one: &Anchored| {
        let kind = anchored.iter().flatten().filter(|other| other.kind == one.kind).map(|other| other.spread);
        let Spread { variance, freedom } = one.spread.moderated(kind, one.usual);
        let error = (variance * (1.0 / one.pinned_runs + 1.0 / one.newest_runs)).sqrt();
        let moved = (one.shift.to - one.shift.from).abs();
        moved > LEAST_SHIFT && moved - t_quantile(1.0 - SHIFT_ERROR / count(tested), freedom) * error > 0.0
    };
    anchored.iter().map(|one| one.as_ref().filter(|one| drifted(one)).map(|one| one.shift)).collect()
}

/// One series as the test needs it.
#[derive(Debug, Clone, Copy)]
struct Anchored {
    shift: Shift,
    pinned_runs: f64,
    newest_runs: f64,
    spread: Spread,
    kind: usize,
    usual: f64,
}

impl Anchored {
    fn of(series: &AnchoredSeries<'_>) -> Option<Self> {
        let (pinned, since) = (finite(series.pinned), finite(series.since));
        let newest = &since[since.len().saturating_sub(NEWEST)..];
        if pinned.is_empty() || newest.len() < NEWEST_NEEDED {
            return None;
        }
        Some(Self {
            shift: Shift { from: mean(&pinned), to: mean(newest) },
            pinned_runs: count(pinned.len()),
            newest_runs: count(newest.len()),
            spread: Spread::within(&[&pinned]).with(Spread::of_neighbours(&since)),
            kind: series.kind,
            usual: series.usual,
        })
    }
}

/// Where a series steps most surely to another level and stays there, if it does: the best split by Student's t, for a
/// metric that is one of `metrics`.
#[must_use]
pub fn change_point(series: &[f64], metrics: usize) -> Option<ChangePoint> {
    let numbers: Vec<(usize, f64)> = series.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
    let window = &numbers[numbers.len().saturating_sub(WINDOW)..];
    let values: Vec<f64> = window.iter().map(|&(_, value)| value).collect();
    if values.len() < 2 * SEGMENT {
        return None;
    }
    let splits = (SEGMENT..=values.len() - SEGMENT).map(|at| Split::of(&values, at));
    let best = splits.max_by(|one, other| one.t.abs().total_cmp(&other.t.abs()))?;
    // Asked only of what is large enough: the quantile takes long.
    let needed = || t_quantile(1.0 - STEP_ERROR / (SPLITS * count(metrics.max(1))), count(values.len() - 2));
    let is_step = (best.shift.to - best.shift.from).abs() >= LEAST_STEP && best.t.abs() > needed();
    is_step.then(|| ChangePoint { at: window[best.at].0, shift: best.shift })
}

/// The first value after the last change point of a history: what lies before it is another build's, and would pass for
/// noise. At least five values are left.
#[must_use]
pub fn last_change_point(series: &[f64]) -> Option<usize> {
    let mut last = None;
    while let Some(found) = change_point(&series[last.unwrap_or(0)..], METRICS_OF_A_GATE) {
        last = Some(last.unwrap_or(0) + found.at);
    }
    last
}

/// A series cut in two.
struct Split {
    at: usize,
    shift: Shift,
    t: f64,
}

impl Split {
    fn of(values: &[f64], at: usize) -> Self {
        let (before, after) = values.split_at(at);
        let shift = Shift { from: mean(before), to: mean(after) };
        let Spread { variance, freedom: _ } = Spread::within(&[before, after]);
        let error = (variance.max(STEP_FLOOR * STEP_FLOOR) * (1.0 / count(before.len()) + 1.0 / count(after.len()))).sqrt();
        Self { at, shift, t: (shift.to - shift.from) / error }
    }
}

fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "numbers of runs and metrics")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::chance::Chance;
    use super::*;

    /// So many nights around 120 ms, then so many around it times `factor`.
    fn step(before: usize, after: usize, factor: f64, noise: f64) -> Vec<f64> {
        let mut chance = Chance::new(3);
        let level = |index| if index < before { 120.0_f64 } else { 120.0 * factor };
        (0..before + after).map(|index| level(index).ln() + noise * chance.normal()).collect()
    }

    fn anchored<'a>(pinned: &'a [f64], since: &'a [f64]) -> AnchoredSeries<'a> {
        AnchoredSeries { pinned, since, kind: 0, usual: 0.05 }
    }

    #[test]
    fn a_step_is_found_where_it_is_and_with_its_size() {
        for (before, after, factor) in [(20, 12, 1.1), (5, 8, 1.5), (60, 6, 0.8)] {
            let found = change_point(&step(before, after, factor, 0.01), 9).unwrap();
            assert_eq!(found.at, before, "{factor}");
            assert!((found.shift.change() - (factor - 1.0)).abs() < 0.02, "{:?}", found.shift);
        }
    }

    #[test]
    fn noise_a_small_step_and_a_young_step_are_none() {
        for (before, after, factor, noise) in
            [(40, 0, 1.0, 0.05), (20, 20, 1.02, 0.001), (20, 3, 1.5, 0.01), (4, 5, 2.0, 0.01), (20, 20, 1.07, 0.1)]
        {
            assert_eq!(change_point(&step(before, after, factor, noise), 9), None, "{before} {after} {factor} {noise}");
        }
    }

    #[test]
    fn a_history_is_truncated_at_its_last_step() {
        let mut twice = step(15, 10, 1.3, 0.01);
        twice.extend(step(0, 8, 0.7, 0.01));
        assert_eq!(last_change_point(&twice), Some(25));
        assert_eq!(last_change_point(&step(15, 10, 1.3, 0.01)), Some(15));
        assert_eq!(last_change_point(&step(10, 0, 1.0, 0.03)), None);
        assert_eq!(last_change_point(&[]), None);
    }

    #[test]
    fn what_is_no_number_is_passed_over_and_places_stay() {
        let mut series = step(15, 10, 1.3, 0.01);
        series.insert(3, f64::NAN);
        series.insert(0, f64::NEG_INFINITY);
        assert_eq!(last_change_point(&series), Some(17));
        assert_eq!(change_point(&[f64::NAN; 30], 1), None);
        let (pinned, since) = ([f64::NAN, 120.0_f64.ln()], [f64::INFINITY, 200.0_f64.ln(), 200.0_f64.ln(), 200.0_f64.ln()]);
        let found = anchor_shifts(&[anchored(&pinned, &since)])[0].unwrap();
        assert!((found.change() - 0.6667).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn values_that_are_all_alike_are_no_drift() {
        assert_eq!(change_point(&[4.8; 30], 9), None);
        assert_eq!(anchor_shifts(&[anchored(&[4.8; 10], &[4.8; 10])]), [None]);
    }

    #[test]
    fn drift_is_called_against_pinned_runs_where_there_are_enough_newer_ones() {
        let log = |millis: f64| millis.ln();
        let ten = [118.0, 121.0, 120.0, 122.0, 119.0, 120.0, 121.0, 119.0, 120.0, 120.0].map(log);
        for (pinned, since, drifts) in [
            (&ten[..], &[135.0, 134.0, 136.0, 135.0, 133.0][..], true),
            (&ten, &[135.0, 134.0, 136.0], true),
            (&ten, &[135.0, 134.0], false),
            (&ten, &[125.0, 124.0, 125.0, 124.0, 125.0], false),
            // Only the newest count: this build has recovered.
            (&ten, &[150.0, 150.0, 150.0, 120.0, 121.0, 119.0, 120.0, 120.0], false),
            (&ten, &[100.0, 101.0, 99.0, 100.0, 100.0], true),
            // One pinned run says where it lay, and little of the noise: the usual noise is assumed.
            (&ten[..1], &[150.0, 151.0, 150.0, 149.0, 150.0], true),
            (&ten[..1], &[127.0, 127.0, 127.0, 127.0, 127.0], false),
            (&[], &[150.0, 151.0, 150.0, 149.0, 150.0], false),
        ] {
            let since: Vec<f64> = since.iter().map(|&millis| log(millis)).collect();
            assert_eq!(anchor_shifts(&[anchored(pinned, &since)])[0].is_some(), drifts, "{pinned:?} {since:?}");
        }
    }

    /// Sixty nights of nine metrics; what becomes of the first follows `truth` from night 20 on. In how many of a hundred
    /// series the anchor (the first ten nights) and the best split alarm for any metric, looked at every night.
    fn alarms(sigma: f64, truth: impl Fn(f64) -> f64) -> (f64, f64) {
        const SERIES: u32 = 60;
        let mut chance = Chance::new(8);
        let (mut by_anchor, mut by_split) = (0, 0);
        for _ in 0..SERIES {
            let metric = |index: usize| {
                let sigma = if index.is_multiple_of(2) { sigma } else { 1.5 * sigma };
                let value = |night: usize| if index == 0 { truth((count(night) - 20.0).max(0.0)) } else { 0.0 };
                (0..60).map(|night| value(night) + sigma * chance.normal()).collect::<Vec<f64>>()
            };
            let metrics: Vec<Vec<f64>> = (0..9).map(metric).collect();
            let nights = || (20..60).step_by(2);
            let anchor = |night: usize| {
                let series = |(index, metric): (usize, &'_ Vec<f64>)| (metric[..10].to_vec(), metric[10..=night].to_vec(), index % 2);
                let series: Vec<_> = metrics.iter().enumerate().map(series).collect();
                let series: Vec<_> = series
                    .iter()
                    .map(|(pinned, since, kind)| AnchoredSeries { pinned, since, kind: *kind, usual: [0.05, 0.075][*kind] })
                    .collect();
                anchor_shifts(&series).iter().flatten().any(|shift| shift.change() > 0.0)
            };
            let split =
                |night: usize| metrics.iter().filter_map(|metric| change_point(&metric[..=night], 9)).any(|at| at.shift.change() > 0.0);
            by_anchor += u32::from(nights().any(anchor));
            by_split += u32::from(nights().any(split));
        }
        let percent = |alarms: u32| 100.0 * f64::from(alarms) / f64::from(SERIES);
        (percent(by_anchor), percent(by_split))
    }

    #[test]
    fn in_simulated_nights_slow_drifts_and_steps_are_seen_and_noise_is_not() {
        for (sigma, name, truth, anchor, split) in [
            (0.02, "none", (|_| 0.0) as fn(f64) -> f64, 0.0..=4.0, 0.0..=7.0),
            (0.05, "none", |_| 0.0, 0.0..=4.0, 0.0..=7.0),
            (0.02, "+0.5 % a night", |night| 0.005 * night.min(20.0), 97.0..=100.0, 97.0..=100.0),
            (0.05, "+1 % a night", |night| 0.01 * night.min(20.0), 93.0..=100.0, 97.0..=100.0),
            (0.02, "+7 %", |night| if night > 0.0 { 0.07 } else { 0.0 }, 90.0..=100.0, 97.0..=100.0),
        ] {
            let found = alarms(sigma, truth);
            assert!(anchor.contains(&found.0) && split.contains(&found.1), "{sigma} {name}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn a_truncated_history_keeps_five_and_holds_no_further_step(values in prop::collection::vec(3.0..5.0_f64, 0..60)) {
            if let Some(at) = last_change_point(&values) {
                prop_assert!(values.len() - at >= SEGMENT);
                prop_assert_eq!(last_change_point(&values[at..]), None);
            }
        }

        #[test]
        fn a_scale_changes_nothing(values in prop::collection::vec(3.0..3.4_f64, 10..40), scale in -3.0..3.0_f64) {
            let scaled: Vec<f64> = values.iter().map(|value| value + scale).collect();
            prop_assert_eq!(change_point(&values, 3).map(|found| found.at), change_point(&scaled, 3).map(|found| found.at));
        }

        #[test]
        fn any_numbers_are_no_panic(values in prop::collection::vec(any::<f64>(), 0..50), pinned in prop::collection::vec(any::<f64>(), 0..5), usual in any::<f64>()) {
            let found = last_change_point(&values);
            prop_assert!(found.is_none_or(|at| values[at].is_finite()));
            let _ = anchor_shifts(&[AnchoredSeries { pinned: &pinned, since: &values, kind: 0, usual }, anchored(&values, &pinned)]);
        }
    }
}
