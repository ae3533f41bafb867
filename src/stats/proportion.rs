//! How sure a failure rate is, and whether it rose. Failures come in bursts: requests count for less than independent
//! ones would, by the overdispersion that the baseline's own runs show.

use super::normal_quantile;

/// The family of a run's endpoints calls a rise by chance alone so rarely (one-sided).
const FAMILY_ERROR: f64 = 0.002;
/// What is shown of a difference: the two-sided interval of 95 %.
const SHOWN_LEVEL: f64 = 0.975;
/// A rise within what is allowed, or of fewer failures than these beyond what was usual, is none.
const EXTRA_FAILURES: f64 = 5.0;
/// Fewer failures in the whole baseline say nothing of bursts.
const FAILURES_FOR_DISPERSION: u64 = 5;
/// The overdispersion that is expected before anything was seen, and how many runs that weighs.
const USUAL_DISPERSION: f64 = 2.0;
const USUAL_WEIGHT: f64 = 4.0;
/// The endpoints of one target fail together: each counts half for what they share.
const ENDPOINT_WEIGHT: f64 = 0.5;
/// What the endpoints share weighs so many runs against an endpoint's own.
const SHARED_WEIGHT: f64 = 8.0;
/// With fewer runs than these the run's own slices tell the overdispersion.
const RUNS_FOR_DISPERSION: usize = 3;
/// Above a limit with this confidence, one-sided, is clearly above it; below it with that one clearly below.
const ABOVE_LEVEL: f64 = 0.99;
const BELOW_LEVEL: f64 = 0.95;
/// A change that this part of runs would show is one that a run can see.
const VISIBLE_POWER: f64 = 0.99;

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Proportion {
    pub failed: u64,
    pub requests: u64,
}

/// From where to where a value may lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// One endpoint's failures, now and before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FailureHistory<'a> {
    pub now: Proportion,
    /// One for each baseline run; the runs of one CI job count as one, together.
    pub before: &'a [Proportion],
    /// The judged run in stretches of about five seconds: how it failed in bursts, where there are too few runs before.
    pub slices: &'a [Proportion],
    /// The rise that is allowed, as a share (0.005 is half a point).
    pub allowed: f64,
}

/// How a failure rate moved against its baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateChange {
    /// Of all the baseline's requests, the share that failed.
    pub before: f64,
    /// Now minus before.
    pub difference: f64,
    /// Around `difference`, 95 %.
    pub interval: Interval,
    /// The difference is at least this, with the confidence that one endpoint of a family needs.
    pub proven: f64,
    /// Requests count as so many times fewer independent ones; 1 or more.
    pub overdispersion: f64,
    /// The smallest rise that 99 of 100 such runs would have called; `None` where there is none.
    pub visible: Option<f64>,
    /// Beyond what is allowed, by enough failures, and not by chance: worth a second sitting.
    pub suspect: bool,
}

/// Where a failure rate lies beside its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitPosition {
    Above,
    Below,
    /// Within the noise of the limit: more requests may tell.
    Between,
}

impl Proportion {
    #[must_use]
    pub const fn new(failed: u64, requests: u64) -> Self {
        Self { failed, requests }
    }

    /// Failed over all. `None` without a request.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self.requests > 0).then(|| self.count() / self.size())
    }

    /// Never more than there were requests.
    fn count(self) -> f64 {
        number(self.failed.min(self.requests))
    }

    fn size(self) -> f64 {
        number(self.requests)
    }

    fn sum(parts: &[Self]) -> Self {
        parts.iter().fold(Self::default(), |sum, part| {
            Self::new(sum.failed.saturating_add(part.failed), sum.requests.saturating_add(part.requests))
        })
    }
}

/// The interval around `failed` of `requests` (which may be effective numbers, between whole ones) at `z` standard
/// deviations (Wilson 1927). Everything is possible without a request.
#[must_use]
pub fn wilson(failed: f64, requests: f64, z: f64) -> Interval {
    if !(requests > 0.0 && failed.is_finite() && z.is_finite()) {
        return Interval { low: 0.0, high: 1.0 };
    }
    let rate = (failed / requests).clamp(0.0, 1.0);
    let scale = 1.0 + z * z / requests;
    let centre = (rate + z * z / (2.0 * requests)) / scale;
    let half = z / scale * (rate * (1.0 - rate) / requests + z * z / (4.0 * requests * requests)).sqrt();
    // Rounding must not leave the measured rate outside of its own interval.
    Interval { low: (centre - half).clamp(0.0, rate), high: (centre + half).clamp(rate, 1.0) }
}

/// The interval around the difference `now - before` at `z` standard deviations, requests counted down by
/// `overdispersion` (Newcombe 1998, method 10: the square-and-add of two Wilson intervals).
#[must_use]
pub fn newcombe(now: Proportion, before: Proportion, overdispersion: f64, z: f64) -> Interval {
    let around = |part: Proportion| wilson(part.count() / overdispersion, part.size() / overdispersion, z);
    let (Some(now_rate), Some(before_rate)) = (now.rate(), before.rate()) else { return Interval { low: -1.0, high: 1.0 } };
    let (ours, theirs) = (around(now), around(before));
    let difference = now_rate - before_rate;
    Interval {
        low: difference - (now_rate - ours.low).hypot(theirs.high - before_rate),
        high: difference + (ours.high - now_rate).hypot(before_rate - theirs.low),
    }
}

/// For each endpoint, how many times more its failures vary from run to run than independent ones would: Pearson's
/// chi-square over its runs, shrunk towards what all endpoints show and towards what is usual. Never below 1.
#[must_use]
pub fn overdispersion(endpoints: &[&[Proportion]]) -> Vec<f64> {
    let spreads: Vec<Option<Spread>> = endpoints.iter().map(|runs| Spread::of(runs, FAILURES_FOR_DISPERSION)).collect();
    let seen = || spreads.iter().flatten();
    let shared = (USUAL_WEIGHT * USUAL_DISPERSION + ENDPOINT_WEIGHT * seen().map(|spread| spread.chi).sum::<f64>())
        / (USUAL_WEIGHT + ENDPOINT_WEIGHT * seen().map(|spread| spread.freedom).sum::<f64>());
    let of_one = |spread: &Option<Spread>| {
        let Spread { chi, freedom } = spread.unwrap_or_default();
        ((SHARED_WEIGHT * shared + chi) / (SHARED_WEIGHT + freedom)).max(1.0)
    };
    spreads.iter().map(of_one).collect()
}

/// The same from the stretches of one run, where there are no runs to tell it: at least what is usual.
#[must_use]
pub fn slices_overdispersion(slices: &[Proportion]) -> f64 {
    let own = Spread::of(slices, FAILURES_FOR_DISPERSION).filter(|spread| spread.freedom > 0.0);
    own.map_or(USUAL_DISPERSION, |spread| (spread.chi / spread.freedom).max(USUAL_DISPERSION))
}

/// Pearson's chi-square of parts against their common rate.
#[derive(Debug, Clone, Copy, Default)]
struct Spread {
    chi: f64,
    freedom: f64,
}

impl Spread {
    /// `None` with fewer failures than `least`.
    fn of(parts: &[Proportion], least: u64) -> Option<Self> {
        let all = Proportion::sum(parts);
        let size = all.size();
        let rate = all.rate().filter(|_| all.failed >= least)?.clamp(0.5 / size, 1.0 - 0.5 / size);
        let asked = || parts.iter().filter(|part| part.requests > 0);
        let square = |part: &Proportion| (part.count() - part.size() * rate).powi(2) / (part.size() * rate * (1.0 - rate));
        let freedom = asked().count().saturating_sub(1);
        Some(Self { chi: asked().map(square).sum(), freedom: number(freedom as u64) })
    }
}

/// How the failure rates of a run's endpoints moved, in their order. `None` where there is nothing to compare: no
/// request now, or none before. The error of the family is shared by all of `endpoints`.
#[must_use]
pub fn rate_changes(endpoints: &[FailureHistory<'_>]) -> Vec<Option<RateChange>> {
    let histories: Vec<&[Proportion]> = endpoints.iter().map(|endpoint| endpoint.before).collect();
    let dispersions = overdispersion(&histories);
    let z = normal_quantile(1.0 - FAMILY_ERROR / number(endpoints.len().max(1) as u64));
    endpoints.iter().zip(dispersions).map(|(endpoint, dispersion)| rate_change(endpoint, dispersion, z)).collect()
}

fn rate_change(endpoint: &FailureHistory<'_>, dispersion: f64, z: f64) -> Option<RateChange> {
    let FailureHistory { now, before: runs, slices, allowed } = *endpoint;
    let before = Proportion::sum(runs);
    let (rate, usual) = (now.rate()?, before.rate()?);
    let runs_asked = runs.iter().filter(|run| run.requests > 0).count();
    let overdispersion = if runs_asked < RUNS_FOR_DISPERSION { dispersion.max(slices_overdispersion(slices)) } else { dispersion };
    let compared = Compared { before, usual, overdispersion, allowed, z };
    Some(RateChange {
        before: usual,
        difference: rate - usual,
        interval: newcombe(now, before, overdispersion, normal_quantile(SHOWN_LEVEL)),
        proven: compared.proven(now),
        overdispersion,
        visible: compared.visible(now.requests),
        suspect: compared.is_suspect(now),
    })
}

/// What a failure rate is held against.
struct Compared {
    before: Proportion,
    usual: f64,
    overdispersion: f64,
    allowed: f64,
    z: f64,
}

impl Compared {
    fn proven(&self, now: Proportion) -> f64 {
        newcombe(now, self.before, self.overdispersion, self.z).low
    }

    fn is_suspect(&self, now: Proportion) -> bool {
        let extra = now.count() - now.size() * self.usual;
        now.rate().is_some_and(|rate| rate - self.usual > self.allowed) && extra >= EXTRA_FAILURES && self.proven(now) > 0.0
    }

    /// The smallest rise whose unlucky runs are suspect too: found by halving, as more failures are never less suspect.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of at most `requests`, not below 0")]
    fn visible(&self, requests: u64) -> Option<f64> {
        let size = number(requests);
        let unlucky = |rise: f64| {
            let rate = (self.usual + rise).min(1.0);
            let deviation = (self.overdispersion * size * rate * (1.0 - rate)).sqrt();
            let failed = size * rate - normal_quantile(VISIBLE_POWER) * deviation;
            Proportion::new(failed.max(0.0).floor() as u64, requests)
        };
        let (mut hidden, mut seen) = (0.0, 1.0 - self.usual);
        if !self.is_suspect(unlucky(seen)) {
            return None;
        }
        for _ in 0..30 {
            let middle = f64::midpoint(hidden, seen);
            if self.is_suspect(unlucky(middle)) { seen = middle } else { hidden = middle }
        }
        Some(seen)
    }
}

/// Where a failure rate lies beside a limit that a team drew. `overdispersion` as [`overdispersion`] or
/// [`slices_overdispersion`] tells it. A limit of none at all has no noise: the first failure is above it.
#[must_use]
pub fn limit_position(now: Proportion, limit: f64, overdispersion: f64) -> LimitPosition {
    if limit <= 0.0 && now.requests > 0 {
        return if now.failed > 0 { LimitPosition::Above } else { LimitPosition::Below };
    }
    let effective = |level| wilson(now.count() / overdispersion, now.size() / overdispersion, normal_quantile(level));
    if effective(ABOVE_LEVEL).low > limit {
        LimitPosition::Above
    } else if effective(BELOW_LEVEL).high < limit {
        LimitPosition::Below
    } else {
        LimitPosition::Between
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::chance::Chance;
    use super::*;

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 5e-4
    }

    /// Newcombe 1998 (Statistics in Medicine 17), table II, method 10, 95 %.
    #[test]
    fn differences_are_those_of_newcombes_table() {
        for (now, before, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0000),
            ((10, 10), (0, 10), 0.6075, 1.0000),
        ] {
            let part = |(failed, requests)| Proportion::new(failed, requests);
            let found = newcombe(part(now), part(before), 1.0, normal_quantile(0.975));
            assert!(close(found.low, low) && close(found.high, high), "{now:?} {before:?}: {found:?}");
        }
    }

    #[test]
    fn wilson_is_that_of_the_tables_and_knows_nothing_without_requests() {
        let z = normal_quantile(0.975);
        for (failed, requests, low, high) in
            [(81.0, 263.0, 0.2553, 0.3662), (15.0, 148.0, 0.0624, 0.1605), (0.0, 20.0, 0.0, 0.1611), (1.0, 29.0, 0.0061, 0.1718)]
        {
            let found = wilson(failed, requests, z);
            assert!(close(found.low, low) && close(found.high, high), "{failed} of {requests}: {found:?}");
        }
        for (failed, requests) in [(0.0, 0.0), (f64::NAN, 10.0), (1.0, f64::NAN), (0.0, -3.0)] {
            assert_eq!(wilson(failed, requests, z), Interval { low: 0.0, high: 1.0 });
        }
    }

    fn history<'a>(now: Proportion, before: &'a [Proportion], slices: &'a [Proportion]) -> FailureHistory<'a> {
        FailureHistory { now, before, slices, allowed: 0.005 }
    }

    fn change(now: (u64, u64), before: &[Proportion]) -> RateChange {
        rate_changes(&[history(Proportion::new(now.0, now.1), before, &[])])[0].unwrap()
    }

    #[test]
    fn a_rise_is_suspect_beyond_what_is_allowed_by_enough_and_not_by_chance() {
        let clean = [Proportion::new(0, 3000); 10];
        let usual = [Proportion::new(30, 3000), Proportion::new(20, 3000), Proportion::new(40, 3000)];
        for (now, before, suspect) in [
            ((0, 3000), &clean[..], false),
            ((14, 3000), &clean, false),
            ((60, 3000), &clean, true),
            // Half a point is allowed: 30 of 3,000 are usual here.
            ((44, 3000), &usual, false),
            ((120, 3000), &usual, true),
            // Four failures more than usual are a coincidence, however few requests there were.
            ((4, 20), &clean, false),
            ((3000, 3000), &clean, true),
        ] {
            assert_eq!(change(now, before).suspect, suspect, "{now:?}");
        }
    }

    #[test]
    fn what_was_seen_lies_in_the_interval_and_what_is_visible_is_suspect() {
        let before = [Proportion::new(3, 3000); 5];
        let found = change((60, 3000), &before);
        assert!(close(found.difference, 0.019) && close(found.before, 0.001), "{found:?}");
        assert!(found.interval.low < found.difference && found.difference < found.interval.high);
        assert!(found.proven < found.interval.low && found.proven > 0.0, "{found:?}");
        let visible = found.visible.unwrap();
        assert!((0.005..0.03).contains(&visible), "{visible}");
        assert!(change((200, 90_000), &before).visible.unwrap() < visible);
        assert_eq!(change((1, 4), &before).visible, None, "four requests can't have five failures too many");
    }

    #[test]
    fn bursts_widen_what_may_lie_in_chance() {
        let even = [Proportion::new(30, 3000); 8];
        let bursts = [0, 90, 5, 2, 100, 20, 3, 20].map(|failed| Proportion::new(failed, 3000));
        assert!(change((80, 3000), &even).suspect && !change((80, 3000), &bursts).suspect);
        let [calm, wild] = overdispersion(&[&even, &bursts])[..] else { panic!("two") };
        assert!(1.0 <= calm && calm < wild && wild > 10.0, "{calm} {wild}");
    }

    #[test]
    fn without_failures_the_overdispersion_is_the_usual_one() {
        assert_eq!(overdispersion(&[]).len(), 0);
        for runs in [&[][..], &[Proportion::new(0, 500); 4], &[Proportion::new(1, 500); 4], &[Proportion::new(0, 0); 4]] {
            assert!(close(overdispersion(&[runs])[0], 2.0), "{runs:?}");
        }
        assert!(close(slices_overdispersion(&[]), 2.0) && close(slices_overdispersion(&[Proportion::new(9, 10)]), 2.0));
    }

    #[test]
    fn with_a_young_baseline_the_runs_own_slices_tell_the_bursts() {
        let bursts: Vec<Proportion> = (0..12).map(|index| Proportion::new(if index == 7 { 40 } else { 0 }, 250)).collect();
        let before = [Proportion::new(0, 3000); 2];
        let of = |slices| rate_changes(&[history(Proportion::new(40, 3000), &before, slices)])[0].unwrap();
        assert!(of(&bursts).overdispersion > 20.0 && !of(&bursts).suspect);
        assert!(of(&[]).suspect);
        let three = [Proportion::new(0, 3000); 3];
        let found = rate_changes(&[history(Proportion::new(40, 3000), &three, &bursts)])[0].unwrap();
        assert!(close(found.overdispersion, 2.0), "{found:?}");
    }

    #[test]
    fn nothing_is_compared_with_nothing_and_bad_books_are_no_panic() {
        let runs = [Proportion::new(1, 100); 4];
        for (now, before) in [((0, 0), &runs[..]), ((3, 100), &[]), ((3, 100), &[Proportion::new(0, 0); 5])] {
            assert_eq!(rate_changes(&[history(Proportion::new(now.0, now.1), before, &[])]), [None]);
        }
        let all_failed = [Proportion::new(100, 100); 5];
        let found = change((100, 100), &all_failed);
        assert!(!found.suspect && found.difference.abs() < 1e-9 && found.overdispersion >= 1.0 && found.visible.is_none(), "{found:?}");
        let found = change((500, 100), &[Proportion::new(u64::MAX, 7), Proportion::new(1, u64::MAX)]);
        assert!(found.interval.low.is_finite() && found.interval.high.is_finite(), "{found:?}");
        let one_sample = change((1, 1), &[Proportion::new(0, 1); 5]);
        assert!(!one_sample.suspect && one_sample.interval.low < 0.5, "{one_sample:?}");
    }

    #[test]
    fn a_limit_is_kept_broken_or_too_near_to_tell() {
        use LimitPosition::{Above, Below, Between};
        for (failed, requests, limit, position) in [
            (0, 0, 0.01, Between),
            (0, 100, 0.01, Between),
            (0, 1000, 0.01, Below),
            (5, 10_000, 0.01, Below),
            (10, 1000, 0.01, Between),
            (40, 1000, 0.01, Above),
            (20, 20, 0.5, Above),
            (0, 0, 0.0, Between),
            (0, 20, 0.0, Below),
            (1, 1_000_000, 0.0, Above),
        ] {
            assert_eq!(limit_position(Proportion::new(failed, requests), limit, 2.0), position, "{failed} of {requests} at {limit}");
        }
    }

    /// Failures as they come: at a rate that differs between runs (`variation`), in bursts of a mean length.
    fn failures(chance: &mut Chance, requests: u64, rate: f64, burst: f64, variation: f64) -> Proportion {
        let scale = (variation * chance.normal() - variation * variation / 2.0).exp();
        let bursts = chance.poisson(number(requests) * rate * scale / burst);
        let mut failed = bursts;
        for _ in 0..bursts {
            while chance.unit() > 1.0 / burst {
                failed += 1;
            }
        }
        Proportion::new(failed.min(requests), requests)
    }

    /// In how many of a hundred gates one endpoint is suspect, once and in two sittings, after ten runs of six endpoints.
    fn suspected(rate: f64, burst: f64, variation: f64, added: f64) -> (f64, f64) {
        const GATES: u64 = 400;
        const REQUESTS: [u64; 6] = [99_000, 30_000, 9000, 3000, 900, 90];
        let mut chance = Chance::new(9);
        let (mut once, mut twice) = (0_u32, 0_u32);
        for gate in 0..GATES {
            let before: Vec<Vec<Proportion>> =
                REQUESTS.iter().map(|&n| (0..10).map(|_| failures(&mut chance, n, rate, burst, variation)).collect()).collect();
            let mut sitting = || {
                let now = |(index, &requests): (usize, &u64)| {
                    let usual = failures(&mut chance, requests, rate, burst, variation);
                    let more = if index as u64 == gate % 3 { failures(&mut chance, requests, added, burst, 0.2).failed } else { 0 };
                    Proportion::new(usual.failed + more, requests)
                };
                let now: Vec<Proportion> = REQUESTS.iter().enumerate().map(now).collect();
                let histories: Vec<FailureHistory<'_>> = now.iter().zip(&before).map(|(now, before)| history(*now, before, &[])).collect();
                rate_changes(&histories).into_iter().map(|change| change.unwrap().suspect).collect::<Vec<bool>>()
            };
            let (first, second) = (sitting(), sitting());
            once += u32::from(first.contains(&true));
            twice += u32::from(first.iter().zip(&second).any(|(first, second)| *first && *second));
        }
        let percent = |count: u32| 100.0 * f64::from(count) / number(GATES);
        (percent(once), percent(twice))
    }

    /// False alarms stay rare where failures come in bursts and differ between runs, and real ones are seen.
    #[test]
    fn in_simulated_gates_false_alarms_are_rare_and_rises_are_seen() {
        for (rate, burst, variation, added, once, twice) in [
            (0.0, 1.0, 0.0, 0.0, 0.0..=0.0, 0.0..=0.0),
            (0.001, 1.0, 0.0, 0.0, 0.0..=1.0, 0.0..=0.3),
            (0.001, 5.0, 0.5, 0.0, 0.0..=3.0, 0.0..=0.5),
            (0.01, 5.0, 0.5, 0.0, 2.0..=10.0, 0.0..=1.5),
            (0.0, 1.0, 0.0, 0.01, 99.0..=100.0, 98.5..=100.0),
            (0.001, 5.0, 0.5, 0.02, 99.0..=100.0, 98.5..=100.0),
            (0.01, 5.0, 0.5, 0.05, 92.0..=99.0, 87.0..=97.0),
        ] {
            let found = suspected(rate, burst, variation, added);
            assert!(once.contains(&found.0) && twice.contains(&found.1), "{rate} {burst} +{added}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn intervals_hold_the_rate_and_shrink_with_requests(failed in 0_u64..500, more in 0_u64..5000, z in 0.1..4.0_f64, phi in 1.0..20.0_f64) {
            let requests = failed + more + 1;
            let part = Proportion::new(failed, requests);
            let small = wilson(number(failed) / phi, number(requests) / phi, z);
            let large = wilson(number(failed), number(requests), z);
            let rate = part.rate().unwrap();
            prop_assert!(0.0 <= small.low && small.low <= large.low + 1e-12 && large.low <= rate);
            prop_assert!(rate <= large.high && large.high <= small.high + 1e-12 && small.high <= 1.0);
        }

        #[test]
        fn the_difference_turned_round_is_its_mirror(a in 0_u64..50, b in 0_u64..50, size in 50_u64..5000, phi in 1.0..9.0_f64) {
            let (one, other) = (Proportion::new(a, size), Proportion::new(b, 2 * size));
            let (forth, back) = (newcombe(one, other, phi, 2.0), newcombe(other, one, phi, 2.0));
            prop_assert!((forth.low + back.high).abs() < 1e-12 && (forth.high + back.low).abs() < 1e-12);
            prop_assert!(forth.low >= -1.0 && forth.high <= 1.0);
        }

        #[test]
        fn more_failures_are_never_less_suspect(failed in 0_u64..200, more in 1_u64..200, runs in prop::collection::vec(0_u64..60, 1..12)) {
            let before: Vec<Proportion> = runs.iter().map(|&failed| Proportion::new(failed, 2000)).collect();
            let (few, many) = (change((failed, 2000), &before), change((failed + more, 2000), &before));
            prop_assert!(!few.suspect || many.suspect);
            prop_assert!(few.proven < many.proven);
        }

        #[test]
        fn any_books_give_numbers(parts in prop::collection::vec((any::<u64>(), any::<u64>()), 0..8), now in (any::<u64>(), any::<u64>()), limit in 0.0..1.0_f64) {
            let before: Vec<Proportion> = parts.into_iter().map(|(failed, requests)| Proportion::new(failed, requests)).collect();
            let now = Proportion::new(now.0, now.1);
            if let Some(change) = rate_changes(&[history(now, &before, &before)])[0] {
                prop_assert!(change.difference.is_finite() && change.overdispersion >= 1.0 && change.proven.is_finite());
                prop_assert!(change.interval.low <= change.difference + 1e-9 && change.difference <= change.interval.high + 1e-9);
            }
            let overdispersion = slices_overdispersion(&before);
            prop_assert!(overdispersion >= 2.0);
            let _ = limit_position(now, limit, overdispersion);
        }
    }
}
