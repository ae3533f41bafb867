//! The frame of a chart: scales, ticks, grid, and the SVG around the marks. What is drawn in it is not known here.

use std::fmt::Write as _;
use std::time::Duration;

use maud::{Markup, html};
use plotters::coord::ranged1d::{BoldPoints, Ranged as _};
use plotters::coord::types::RangedCoordf64;

use crate::gate::Unit;
use crate::report::figures::{self, NONE};
use crate::units::{format_duration, format_millis};

/// The marks' own units, from the left and from the top.
const UNITS: i32 = 10_000;
/// How wide a character is on the narrowest screen, a desk's at 400 %, whose charts are 200 px wide.
const CHARACTER: i32 = UNITS * 7 / 200;
/// From so much between the lowest and the highest value on, a scale is logarithmic.
const WIDE: f64 = 25.0;
/// The same where small differences between neighbours matter.
const WIDE_AROUND: f64 = 4.0;

/// From so many seconds on a time is told in minutes and hours, at steps that are round there (s).
const LONG: f64 = 600.0;
const ROUND_TIMES: [f64; 14] =
    [120.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0, 7200.0, 10_800.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0, 172_800.0];

/// Where a value stands between the two ends of an axis.
pub(super) struct Scale {
    /// Of the values, or of their logarithms.
    places: RangedCoordf64,
    is_log: bool,
}

/// Places of ticks, each with its text.
pub(super) type Ticks = Vec<(f64, String)>;

/// How much room a chart takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Height {
    Tall,
    Middle,
    Low,
}

/// A chart before its marks.
pub(super) struct Plot<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
    pub height: Height,
    pub x: &'a Scale,
    pub y: &'a Scale,
    pub x_ticks: &'a Ticks,
    pub y_ticks: &'a Ticks,
    /// The table that the script shows values from, and the span of the x axis that it may zoom in (s).
    pub zoom: Option<(&'a str, f64)>,
}

impl Scale {
    pub(super) fn linear(from: f64, to: f64) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        Self { places: (from..to).into(), is_log: false }
    }

    fn logarithmic(from: f64, to: f64) -> Self {
        Self { places: (from.log10()..to.log10()).into(), is_log: true }
    }

    /// For values above 0: logarithmic where they lie far apart, otherwise from 0.
    pub(super) fn fitted(values: impl Iterator<Item = f64> + Clone) -> Self {
        let highest = values.clone().fold(0.0, f64::max);
        let lowest = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        if lowest.is_finite() && highest / lowest >= WIDE {
            return Self::logarithmic(lowest / 1.2, highest * 1.2);
        }
        Self::linear(0.0, highest * 1.08)
    }

    /// Around values that need not begin at 0.
    pub(super) fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let (lowest, highest) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max));
        if !lowest.is_finite() || !highest.is_finite() {
            return Self::linear(0.0, 1.0);
        }
        if lowest > 0.0 && highest / lowest >= WIDE_AROUND {
            return Self::logarithmic(lowest / 1.2, highest * 1.2);
        }
        let margin = 0.15 * if highest > lowest { highest - lowest } else { highest.abs() };
        let from = if lowest >= 0.0 { (lowest - margin).max(0.0) } else { lowest - margin };
        Self::linear(from, highest + margin)
    }

    pub(super) const fn is_log(&self) -> bool {
        self.is_log
    }

    /// About `count` round values, as `print` writes them.
    pub(super) fn ticks(&self, count: usize, print: impl Fn(f64) -> String) -> Ticks {
        let places = if self.is_log { self.round_values(count) } else { self.places.key_points(BoldPoints(count)) };
        places.into_iter().map(|place| (place, print(place))).collect()
    }

    /// Round times since the start of a run (s): `50 s`; where it is long, `20m` or `1h20m`.
    pub(super) fn time_ticks(&self, most: u32) -> Ticks {
        let range = self.places.range();
        if range.end < LONG {
            return self.ticks(most as usize, seconds_tick);
        }
        let step = ROUND_TIMES.into_iter().find(|step| range.end / step <= f64::from(most)).unwrap_or(range.end);
        let places = (0..=most).map(|index| f64::from(index) * step).filter(|place| *place <= range.end);
        places
            .map(|place| (place, if place > 0.0 { format_duration(Duration::from_secs_f64(place)) } else { seconds_tick(place) }))
            .collect()
    }

    /// Powers of ten, and where they are few their double and fivefold.
    fn round_values(&self, count: usize) -> Vec<f64> {
        let range = self.places.range();
        #[expect(clippy::cast_possible_truncation, reason = "logarithms of latencies")]
        let decades = (range.start.floor() as i32)..=(range.end.ceil() as i32);
        let within = |value: &f64| range.contains(&value.log10());
        let times = |factors: &[f64]| {
            let values = decades.clone().flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)));
            values.filter(within).collect::<Vec<f64>>()
        };
        let fine = times(&[1.0, 2.0, 5.0]);
        if fine.len() <= count { fine } else { times(&[1.0]) }
    }

    /// From the left, in the marks' units.
    pub(super) fn right(&self, value: f64) -> i32 {
        let value = if self.is_log { value.log10() } else { value };
        self.places.map(&value, (0, UNITS)).clamp(-UNITS, 2 * UNITS)
    }

    /// From the top, in the marks' units.
    pub(super) fn down(&self, value: f64) -> i32 {
        UNITS - self.right(value)
    }
}

/// A place in the marks' units as the share of the room: `12.5%`.
pub(super) fn percent(units: i32) -> String {
    format!("{}%", f64::from(units) / 100.0)
}

impl Plot<'_> {
    /// The chart with what lies in it: `marks` in units of their own, `over` in percentages.
    pub(super) fn around(&self, marks: &Markup, over: &Markup) -> Markup {
        let (title, description) = (format!("{}-t", self.id), format!("{}-d", self.id));
        let class = match self.height {
            Height::Tall => "plot tall",
            Height::Middle => "plot middle",
            Height::Low => "plot low",
        };
        let (table, span) = self.zoom.unzip();
        html! {
            svg class=(class) role="img" aria-labelledby={ (title) " " (description) } data-table=[table] data-span=[span] {
                title id=(title) { (super::super::text(self.title)) }
                desc id=(description) { (super::super::text(self.description)) }
                @for (place, print) in self.y_ticks {
                    @let y = percent(self.y.down(*place));
                    line class="rule" x1="0" x2="100%" y1=(y) y2=(y) {}
                    text class="ty" x="-8" y=(y) dy=".32em" { (print) }
                }
                @for (place, print, is_odd) in self.spaced_x_ticks() {
                    text class={ "tx" @if is_odd { " odd" } } x=(percent(place)) y="100%" dy="1.5em" { (print) }
                }
                svg class="marks" width="100%" height="100%" viewBox={ "0 0 " (UNITS) " " (UNITS) } preserveAspectRatio="none" { (marks) }
                (over)
            }
        }
    }

    /// Each tick of the x axis with its place, and whether a phone has no room for it beside its neighbour: of two that meet
    /// the later stays.
    fn spaced_x_ticks(&self) -> impl Iterator<Item = (i32, &str, bool)> {
        let half = |print: &str| i32::try_from(print.chars().count()).unwrap_or(UNITS).saturating_mul(CHARACTER / 2);
        let mut next_begins = i32::MAX;
        let mut spaced: Vec<(i32, &str, bool)> = Vec::new();
        for (place, print) in self.x_ticks.iter().rev() {
            let place = self.x.right(*place);
            let is_odd = place + half(print) + CHARACTER / 2 > next_begins;
            if !is_odd {
                next_begins = place - half(print);
            }
            spaced.push((place, print, is_odd));
        }
        spaced.into_iter().rev()
    }

    /// A line through points; it breaks where there is no value.
    pub(super) fn line(&self, points: impl Iterator<Item = (f64, Option<f64>)>) -> String {
        let mut path = String::new();
        let mut last: Option<(i32, i32)> = None;
        for (x, y) in points {
            let Some(y) = y.filter(|y| y.is_finite()) else {
                last = None;
                continue;
            };
            let (x, y) = (self.x.right(x), self.y.down(y));
            let _ = match last {
                Some((before_x, before_y)) => write!(path, "l{} {}", x - before_x, y - before_y),
                // A line of no length shows a point that has no neighbours.
                None => write!(path, "M{x} {y}h0"),
            };
            last = Some((x, y));
        }
        path
    }

    /// Bars: start, end, foot and top of each.
    pub(super) fn bars(&self, bars: impl Iterator<Item = (f64, f64, f64, f64)>) -> String {
        let mut path = String::new();
        for (from, to, foot, top) in bars.filter(|bar| bar.3 > bar.2) {
            let (from, to, foot, top) = (self.x.right(from), self.x.right(to), self.y.down(foot), self.y.down(top));
            let _ = write!(path, "M{from} {foot}V{top}H{to}V{foot}z");
        }
        path
    }

    /// A line that holds each value for its step, and is down where there is none.
    pub(super) fn steps(&self, steps: impl Iterator<Item = (f64, f64, f64)>) -> String {
        let mut path = String::new();
        for (from, to, value) in steps {
            let (from, to, y) = (self.x.right(from), self.x.right(to), self.y.down(value));
            let _ = if path.is_empty() { write!(path, "M{from} {y}H{to}") } else { write!(path, "V{y}H{to}") };
        }
        path
    }
}

/// The name of a stretch of the x axis, above it; what has no room there ends with `…`, as SVG's own texts can't.
pub(super) fn stretch_name(x: &Scale, from: f64, to: f64, name: &str) -> Markup {
    let (from, to) = (x.right(from), x.right(to));
    html! {
        foreignObject class="name" x=(percent(from)) y="-18" width=(percent((to - from).max(0))) height="18" { div title=(name) { (name) } }
    }
}

/// The end of the marks' room.
pub(super) const FOOT: i32 = UNITS;

/// A latency beside an axis: as elsewhere, without zeros that say nothing.
pub(super) fn millis_tick(millis: f64) -> String {
    let text = format_millis(millis);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.')),
        _ => text,
    }
}

/// A value beside an axis.
pub(super) fn unit_tick(unit: Unit, value: f64) -> String {
    if unit == Unit::Ms { millis_tick(value) } else { figures::value(unit, value) }
}

/// A time since the start: `90 s`, `1h20m`.
pub(super) fn seconds_tick(seconds: f64) -> String {
    match seconds {
        _ if !seconds.is_finite() => NONE.into(),
        _ if seconds >= LONG => format_duration(Duration::from_secs_f64(seconds.round())),
        _ => format!("{} s", (seconds * 100.0).round() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot<'a>(x: &'a Scale, y: &'a Scale, none: &'a Ticks) -> Plot<'a> {
        Plot { id: "p", title: "", description: "", height: Height::Low, x, y, x_ticks: none, y_ticks: none, zoom: None }
    }

    #[test]
    fn a_line_breaks_where_there_is_no_value_and_a_lone_point_is_seen() {
        let (x, y, none) = (Scale::linear(0.0, 4.0), Scale::linear(0.0, 10.0), Ticks::new());
        let points = [(0.0, Some(0.0)), (1.0, Some(5.0)), (2.0, None), (3.0, Some(10.0)), (4.0, Some(f64::NAN))];
        assert_eq!(plot(&x, &y, &none).line(points.into_iter()), "M0 10000h0l2500 -5000M7500 0h0");
    }

    #[test]
    fn a_phone_leaves_out_what_would_stand_on_its_neighbour() {
        let (x, y, none) = (Scale::linear(0.0, 6.0), Scale::linear(0.0, 10.0), Ticks::new());
        let ticks = |texts: &[(f64, &str)]| texts.iter().map(|(at, text)| (*at, (*text).to_owned())).collect::<Ticks>();
        let shown = |ticks: &Ticks| {
            let plot = Plot { x_ticks: ticks, ..plot(&x, &y, &none) };
            plot.spaced_x_ticks().filter(|tick| !tick.2).map(|tick| tick.1.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(shown(&ticks(&[(0.0, "0 %"), (0.45, "50 %"), (1.5, "90 %"), (3.0, "99 %")])), ["50 %", "90 %", "99 %"]);
        assert_eq!(shown(&ticks(&[(4.0, "99.99 %"), (5.0, "99.999 %"), (6.0, "99.9999 %")])), ["99.99 %", "99.9999 %"]);
        assert_eq!(shown(&ticks(&[(0.0, "0 s"), (2.0, "100 s"), (4.0, "200 s")])), ["0 s", "100 s", "200 s"]);
    }

    #[test]
    fn bars_stand_on_the_foot_and_steps_hold_their_value() {
        let (x, y, none) = (Scale::linear(0.0, 4.0), Scale::linear(0.0, 10.0), Ticks::new());
        let steps = || [(0.0, 1.0, 5.0), (1.0, 2.0, 0.0), (2.0, 4.0, 10.0)].into_iter();
        let bars = steps().map(|(from, to, top)| (from, to, 0.0, top));
        assert_eq!(plot(&x, &y, &none).bars(bars), "M0 10000V5000H2500V10000zM5000 10000V0H10000V10000z");
        assert_eq!(plot(&x, &y, &none).steps(steps()), "M0 5000H2500V10000H5000V0H10000");
    }

    #[test]
    fn a_scale_is_logarithmic_where_values_lie_far_apart() {
        let fitted = Scale::fitted([2.0, 900.0].into_iter());
        assert!(fitted.is_log() && !Scale::fitted([20.0, 90.0].into_iter()).is_log());
        let ticks: Vec<String> = fitted.ticks(5, millis_tick).into_iter().map(|tick| tick.1).collect();
        assert_eq!(ticks, ["10 ms", "100 ms", "1 s"]);
        let few: Vec<String> = Scale::fitted([10.0, 300.0].into_iter()).ticks(6, millis_tick).into_iter().map(|tick| tick.1).collect();
        assert_eq!(few, ["10 ms", "20 ms", "50 ms", "100 ms", "200 ms"]);
        assert_eq!((fitted.down(900.0 * 1.2), fitted.right(2.0 / 1.2)), (0, 0));
    }

    #[test]
    fn a_long_run_is_told_in_minutes_and_hours() {
        let ticks = |end: f64| Scale::linear(0.0, end).time_ticks(7).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        assert_eq!(ticks(120.0), ["0 s", "20 s", "40 s", "60 s", "80 s", "100 s", "120 s"]);
        assert_eq!(ticks(1200.0), ["0 s", "5m", "10m", "15m", "20m"]);
        assert_eq!(ticks(20_000.0), ["0 s", "1h", "2h", "3h", "4h", "5h"]);
        assert!((1..=8).contains(&ticks(1e7).len()), "{:?}", ticks(1e7));
        assert_eq!([599.0, 10_560.4].map(seconds_tick), ["599 s", "2h56m"]);
    }

    #[test]
    fn every_scale_has_room_for_its_values_and_ticks_within() {
        for values in [vec![0.0], vec![5.0], vec![-3.0, 2.0], vec![100.0, 100.0], vec![], vec![1e-9, 1e9]] {
            for scale in [Scale::fitted(values.iter().copied()), Scale::around(values.iter().copied())] {
                for value in values.iter().filter(|value| **value > 0.0) {
                    assert!((0..=UNITS).contains(&scale.down(*value)), "{values:?}");
                }
                let ticks = scale.ticks(5, |value| value.to_string());
                assert!(ticks.iter().all(|tick| (0..=UNITS).contains(&scale.right(tick.0))), "{values:?} {ticks:?}");
            }
        }
    }

    #[test]
    fn ticks_are_written_without_empty_digits() {
        for (millis, text) in [(0.0, "0 ms"), (0.5, "0.5 ms"), (20.0, "20 ms"), (200.0, "200 ms"), (1500.0, "1.5 s"), (2000.0, "2 s")] {
            assert_eq!(millis_tick(millis), text);
        }
    }
}
