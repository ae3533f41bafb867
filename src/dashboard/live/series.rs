//! What a chart of a running load remembers: every second of the last five minutes, and of the time before that fewer
//! and fewer. However long a load runs, this stays as small.

use std::collections::VecDeque;

/// So many points are kept as they came.
pub(in crate::dashboard) const RECENT: usize = 300;
/// So many stand for everything before; then each two become one.
const EARLIER: usize = 300;

/// What happened in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::dashboard) struct Point {
    /// Its end, from the start of the load, and its length (s).
    pub at: f64,
    pub length: f64,
    pub requests: f64,
    pub failures: f64,
    /// Users, or starts a second, that were asked for at its end.
    pub load: f64,
    /// p50, p95 and p99 (ms); of stretches put together the worst.
    pub latency: [Option<f64>; 3],
}

impl Point {
    /// Both as one; `self` is the earlier.
    fn with(self, later: Self) -> Self {
        let worst = |index: usize| match (self.latency[index], later.latency[index]) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        Self {
            at: later.at,
            length: self.length + later.length,
            requests: self.requests + later.requests,
            failures: self.failures + later.failures,
            load: later.load,
            latency: [worst(0), worst(1), worst(2)],
        }
    }
}

/// The points of one load, oldest first.
#[derive(Debug, Clone, Default)]
pub(in crate::dashboard) struct Series {
    earlier: Vec<Point>,
    /// How many points an earlier one stands for, and how many of the next one are together.
    step: usize,
    pending: Option<(Point, usize)>,
    recent: VecDeque<Point>,
}

impl Series {
    pub fn push(&mut self, point: Point) {
        self.recent.push_back(point);
        if self.recent.len() > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.set_aside(oldest);
        }
    }

    fn set_aside(&mut self, point: Point) {
        let (sum, count) = self.pending.take().map_or((point, 1), |(sum, count)| (sum.with(point), count + 1));
        if count < self.step.max(1) {
            self.pending = Some((sum, count));
            return;
        }
        self.earlier.push(sum);
        if self.earlier.len() == EARLIER {
            self.earlier = self.earlier.chunks(2).filter_map(|pair| pair.iter().copied().reduce(Point::with)).collect();
            self.step = self.step.max(1) * 2;
        }
    }

    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.earlier.iter().chain(self.pending.iter().map(|(point, _)| point)).chain(&self.recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(index: u32) -> Point {
        let at = f64::from(index + 1);
        Point { at, length: 1.0, requests: 10.0, failures: 1.0, load: at, latency: [Some(1.0), None, Some(at)] }
    }

    #[test]
    fn a_short_load_is_kept_second_by_second() {
        let mut series = Series::default();
        (0..300).for_each(|index| series.push(second(index)));
        assert!(series.points().copied().eq((0..300).map(second)));
    }

    #[test]
    fn eight_hours_take_six_hundred_points_lose_nothing_and_show_the_last_minutes_whole() {
        let mut series = Series::default();
        for index in 0..8 * 3600_u32 {
            series.push(second(index));
            let points: Vec<&Point> = series.points().collect();
            assert!(points.len() <= 601, "{} points after {index} s", points.len());
            let requests: f64 = points.iter().map(|point| point.requests).sum();
            assert!((requests - 10.0 * f64::from(index + 1)).abs() < 1e-6);
            if index % 1000 == 0 {
                assert!(points.windows(2).all(|pair| (pair[0].at - (pair[1].at - pair[1].length)).abs() < 1e-9), "no gap");
                assert!(points.iter().rev().take(300).all(|point| (point.length - 1.0).abs() < 1e-9 || point.at < f64::from(index)));
            }
        }
        assert!(series.points().all(|point| point.latency[2] == Some(point.at)), "the worst of those put together");
    }
}
