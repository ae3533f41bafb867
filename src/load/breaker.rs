//! Ends a load whose target fails nearly every request: what an outage needs least is more of it. Knows counts alone.

use std::time::Duration;

use crate::units::{format_count, format_share};

/// A second in which more than this share of the requests that ended has failed speaks for stopping.
const FAILING_SHARE: f64 = 0.9;
/// Such seconds must follow each other for so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many requests had ended by a moment, and how many of them had failed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    /// From the start of the run.
    pub at: Duration,
    pub ended: u64,
    pub failed: u64,
}

/// Watches a load.
#[derive(Debug, Default)]
pub struct Breaker {
    last: Count,
    /// Since when nearly everything has failed.
    failing_since: Option<Count>,
}

impl Breaker {
    /// Takes in the counts so far; says why the load must stop once it must. Seconds in which nothing ended say nothing.
    pub fn note(&mut self, now: Count) -> Option<String> {
        let before = std::mem::replace(&mut self.last, now);
        if now.ended == before.ended {
            return None;
        }
        if share_between(before, now) <= FAILING_SHARE {
            self.failing_since = None;
            return None;
        }
        let since = *self.failing_since.get_or_insert(before);
        (now.at.saturating_sub(since.at) >= PATIENCE).then(|| {
            format!(
                "{} of {} requests failed in the last {} s",
                format_share(share_between(since, now)),
                format_count(now.ended - since.ended),
                now.at.saturating_sub(since.at).as_secs()
            )
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn share_between(from: Count, to: Count) -> f64 {
    to.failed.saturating_sub(from.failed) as f64 / to.ended.saturating_sub(from.ended).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it stops a load of these requests and failures in each second.
    fn stops_after(seconds: &[(u64, u64)]) -> Option<usize> {
        let (mut breaker, mut count) = (Breaker::default(), Count::default());
        seconds.iter().position(|(ended, failed)| {
            count = Count { at: count.at + Duration::from_secs(1), ended: count.ended + ended, failed: count.failed + failed };
            breaker.note(count).is_some()
        })
    }

    #[test]
    fn only_ten_seconds_of_nearly_nothing_but_failures_stop_a_load() {
        assert_eq!(stops_after(&[(100, 91); 20]), Some(9));
        assert_eq!(stops_after(&[(100, 90); 20]), None, "exactly nine in ten goes on");
        assert_eq!(stops_after(&[[(100, 100); 9].as_slice(), &[(100, 50)], &[(100, 100); 9]].concat()), None, "it recovered");
        assert_eq!(stops_after(&[[(100, 0); 30].as_slice(), &[(100, 100); 12]].concat()), Some(39), "it died late");
    }

    #[test]
    fn a_target_that_hangs_fails_in_bursts_and_is_stopped_too() {
        let burst = [[(0, 0); 29].as_slice(), &[(50, 50)]].concat();
        assert_eq!(stops_after(&burst.repeat(3)), Some(59));
        assert_eq!(stops_after(&[(0, 0); 100]), None, "nothing ended, nothing is known");
    }

    #[test]
    fn it_says_what_it_saw() {
        let mut breaker = Breaker::default();
        let count = |at, ended, failed| Count { at: Duration::from_secs(at), ended, failed };
        assert_eq!(breaker.note(count(1, 1000, 0)), None);
        assert_eq!(breaker.note(count(2, 1500, 500)), None);
        assert_eq!(breaker.note(count(12, 2234, 1200)).unwrap(), "97.2 % of 1,234 requests failed in the last 11 s");
    }
}
