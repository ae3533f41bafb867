//! When something is due, as a pure function of elapsed time: task starts of an open load, lives of closed users.

use std::time::Duration;

use super::dice::{Dice, Stream};
use crate::scenario::{Arrivals, Load, Shape};

/// A stretch in which the load moves straight from one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    /// Seconds since the start of the run.
    start: f64,
    length: f64,
    from: f64,
    to: f64,
}

/// The load over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    segments: Vec<Segment>,
}

impl Schedule {
    #[must_use]
    pub fn new(load: &Load) -> Self {
        let mut start = 0.0;
        let mut segments = Vec::new();
        for phase in &load.phases {
            let length = phase.length.as_secs_f64();
            match &phase.shape {
                Shape::Constant(value) => segments.push(Segment { start, length, from: *value, to: *value }),
                Shape::Ramp(from, to) => segments.push(Segment { start, length, from: *from, to: *to }),
                Shape::Steps(values) => {
                    #[expect(clippy::cast_precision_loss, reason = "a list has few steps")]
                    let part = length / values.len() as f64;
                    let mut at = start;
                    for value in values {
                        segments.push(Segment { start: at, length: part, from: *value, to: *value });
                        at += part;
                    }
                }
            }
            start += length;
        }
        Self { segments }
    }

    /// Users or starts a second that are asked for at this time; 0 after the end.
    #[must_use]
    pub fn value_at(&self, elapsed: Duration) -> f64 {
        let time = elapsed.as_secs_f64();
        let segment = self.segments.iter().find(|segment| time < segment.start + segment.length);
        segment.map_or(0.0, |s| s.from + (s.to - s.from) * ((time - s.start) / s.length).clamp(0.0, 1.0))
    }

    /// Due times of all task starts of an open load, ascending.
    #[must_use]
    pub fn starts(&self, arrivals: Arrivals, seed: u64) -> Starts {
        Starts {
            segments: self.segments.clone(),
            current: 0,
            before: 0.0,
            index: 0,
            area: 0.0,
            arrivals,
            dice: Dice::new(seed, Stream::Arrivals),
        }
    }

    /// When the closed user with this index (from 0) is there: stretches from and to, in order.
    #[must_use]
    pub fn lives(&self, index: u64) -> Vec<(Duration, Duration)> {
        #[expect(clippy::cast_precision_loss, reason = "users are far below 2^52")]
        let needed = (index + 1) as f64 - 1e-9;
        let mut lives: Vec<(f64, f64)> = Vec::new();
        for segment in &self.segments {
            let Some((from, to)) = segment.at_least(needed) else { continue };
            match lives.last_mut() {
                Some(last) if (last.1 - from).abs() < 1e-9 => last.1 = to,
                _ => lives.push((from, to)),
            }
        }
        lives
            .into_iter()
            .filter(|(from, to)| to > from)
            .map(|(from, to)| (Duration::from_secs_f64(from), Duration::from_secs_f64(to)))
            .collect()
    }
}

impl Segment {
    /// The part in which the value is at least `needed`, as absolute times.
    fn at_least(&self, needed: f64) -> Option<(f64, f64)> {
        let end = self.start + self.length;
        match (self.from >= needed, self.to >= needed) {
            (true, true) => Some((self.start, end)),
            (false, false) => None,
            (above_first, _) => {
                let crossing = self.start + self.length * (needed - self.from) / (self.to - self.from);
                Some(if above_first { (self.start, crossing) } else { (crossing, end) })
            }
        }
    }

    /// Starts that fall into the whole segment.
    fn area(&self) -> f64 {
        self.length * f64::midpoint(self.from, self.to)
    }

    /// Seconds after the segment's start at which `area` starts have fallen into it: the root of
    /// `from t + (to - from) t^2 / (2 length) = area`, in the form that stays exact for a flat segment.
    fn time_of(&self, area: f64) -> f64 {
        let slope = (self.to - self.from) / self.length;
        let root = (self.from * self.from + 2.0 * slope * area).max(0.0).sqrt();
        if self.from + root == 0.0 { 0.0 } else { (2.0 * area / (self.from + root)).clamp(0.0, self.length) }
    }
}

/// Iterator over the due times of an open load, from the start of the run.
#[derive(Debug, Clone)]
pub struct Starts {
    segments: Vec<Segment>,
    current: usize,
    /// Starts before the current segment.
    before: f64,
    index: u64,
    /// Starts up to the next due time.
    area: f64,
    arrivals: Arrivals,
    dice: Dice,
}

impl Iterator for Starts {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.arrivals == Arrivals::Poisson {
            self.area += self.dice.exponential();
        }
        let mut segment = self.segments.get(self.current)?;
        while self.area >= self.before + segment.area() - 1e-9 {
            self.before += segment.area();
            self.current += 1;
            segment = self.segments.get(self.current)?;
        }
        let due = segment.start + segment.time_of(self.area - self.before);
        self.index += 1;
        if self.arrivals == Arrivals::Uniform {
            #[expect(clippy::cast_precision_loss, reason = "starts are far below 2^52")]
            let next = self.index as f64;
            self.area = next;
        }
        Some(Duration::from_secs_f64(due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Model, Phase};

    fn load(shapes: &[(u64, Shape)]) -> Load {
        let phase = |(index, (seconds, shape)): (usize, &(u64, Shape))| Phase {
            name: format!("phase {index}"),
            length: Duration::from_secs(*seconds),
            shape: shape.clone(),
            measured: true,
            mix: Vec::new(),
        };
        Load { model: Model::Closed, phases: shapes.iter().enumerate().map(phase).collect() }
    }

    fn starts(shapes: &[(u64, Shape)], arrivals: Arrivals) -> Vec<f64> {
        Schedule::new(&load(shapes)).starts(arrivals, 7).map(|due| due.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced_and_complete() {
        let due = starts(&[(2, Shape::Constant(5.0))], Arrivals::Uniform);
        assert_eq!(due.len(), 10);
        for (index, due) in (0_u32..).zip(due) {
            assert!((due - f64::from(index) * 0.2).abs() < 1e-6, "{index} {due}");
        }
    }

    #[test]
    fn a_ramp_has_the_area_under_it() {
        let due = starts(&[(10, Shape::Ramp(0.0, 100.0)), (1, Shape::Constant(100.0))], Arrivals::Uniform);
        assert_eq!(due.len(), 600);
        assert_eq!(due.iter().filter(|due| **due < 5.0).count(), 125);
        assert!(due.is_sorted());
    }

    #[test]
    fn a_fractional_rate_over_phases_loses_no_start() {
        assert_eq!(starts(&[(3, Shape::Constant(0.5)), (3, Shape::Constant(0.5))], Arrivals::Uniform).len(), 3);
        assert_eq!(starts(&[(2, Shape::Constant(0.0)), (1, Shape::Constant(2.0))], Arrivals::Uniform), [2.0, 2.5]);
    }

    #[test]
    fn steps_are_equal_stretches() {
        let due = starts(&[(4, Shape::Steps(vec![10.0, 20.0]))], Arrivals::Uniform);
        assert_eq!(due.iter().filter(|due| **due < 2.0).count(), 20);
        assert_eq!(due.len(), 60);
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_follow_from_the_seed() {
        let due = starts(&[(100, Shape::Constant(100.0))], Arrivals::Poisson);
        assert!((9_700..10_300).contains(&due.len()), "{}", due.len());
        assert_eq!(due, starts(&[(100, Shape::Constant(100.0))], Arrivals::Poisson));
        let gaps: Vec<f64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let short = gaps.iter().filter(|gap| **gap < 0.01).count();
        assert!((6_000..6_700).contains(&short), "63 % of exponential gaps are below their mean: {short}");
    }

    #[test]
    fn closed_users_come_with_the_ramp_and_go_with_the_fall() {
        let schedule = Schedule::new(&load(&[(10, Shape::Ramp(0.0, 10.0)), (5, Shape::Constant(10.0)), (5, Shape::Constant(4.0))]));
        let life = |index| {
            schedule.lives(index).iter().map(|(from, to)| (from.as_secs_f64().round(), to.as_secs_f64().round())).collect::<Vec<_>>()
        };
        assert_eq!(life(0), [(1.0, 20.0)]);
        assert_eq!(life(3), [(4.0, 20.0)]);
        assert_eq!(life(4), [(5.0, 15.0)]);
        assert_eq!(life(9), [(10.0, 15.0)]);
        assert_eq!(life(10), []);
    }

    #[test]
    fn a_user_who_is_wanted_again_lives_again() {
        let schedule = Schedule::new(&load(&[(1, Shape::Constant(2.0)), (1, Shape::Constant(1.0)), (1, Shape::Constant(2.0))]));
        assert_eq!(schedule.lives(1).len(), 2);
        assert_eq!(schedule.lives(0).len(), 1);
        assert!((schedule.value_at(Duration::from_millis(1500)) - 1.0).abs() < 1e-9);
        assert!(schedule.value_at(Duration::from_secs(4)).abs() < 1e-9);
    }
}
