//! A chart of lines that somebody else's page is made of: a load as it runs, or an endpoint over many runs. What the
//! values are is the caller's; here is how they are drawn.

use maud::{Markup, html};

use super::plot::{FOOT, Height, Plot, Scale, Ticks, millis_tick, percent, stretch_name};
use crate::report::figures::{NONE, rate};
use crate::report::html::text;
use crate::units::format_millis;

/// Shades narrower than this share are not named.
const NAMED_SHARE: f64 = 0.06;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Millis,
    PerSecond,
    Count,
}

/// One line and its key.
#[derive(Debug, Clone)]
pub struct Line {
    /// `p50`, `p95`, `p99`, `sent`, `failed` or `load`, by which it is drawn.
    pub class: &'static str,
    pub name: &'static str,
    pub points: Vec<(f64, Option<f64>)>,
}

/// A stretch of the axis with a name.
#[derive(Debug, Clone)]
pub struct Shade {
    pub from: f64,
    pub to: f64,
    pub name: String,
    pub judged: bool,
}

/// A place on the axis at which something happened.
#[derive(Debug, Clone)]
pub struct Mark {
    pub at: f64,
    pub text: String,
}

/// A value to hold the others against.
#[derive(Debug, Clone)]
pub struct Level {
    pub value: f64,
    pub text: String,
}

/// The chart.
#[derive(Debug)]
pub struct Lines<'a> {
    /// Unique in the page.
    pub id: &'a str,
    pub title: &'a str,
    /// Stands behind the title.
    pub note: &'a str,
    pub unit: Unit,
    pub from: f64,
    pub to: f64,
    /// Places on the axis with their names; `None` where the axis counts seconds.
    pub ticks: Option<Vec<(f64, String)>>,
    pub lines: Vec<Line>,
    pub shades: Vec<Shade>,
    pub marks: Vec<Mark>,
    pub levels: Vec<Level>,
    /// Whether each value is a dot of its own.
    pub dotted: bool,
}

impl Lines<'_> {
    #[must_use]
    pub fn draw(&self) -> Markup {
        let values = || {
            let points = self.lines.iter().flat_map(|line| &line.points).filter_map(|point| point.1);
            points.chain(self.levels.iter().map(|level| level.value)).filter(|value| value.is_finite())
        };
        let x = Scale::linear(self.from, self.to);
        // Rates and counts are read from 0, latencies also where they lie far apart.
        let y = match self.unit {
            Unit::Millis if self.dotted => Scale::around(values()),
            Unit::Millis => Scale::fitted(values()),
            Unit::PerSecond | Unit::Count => Scale::linear(0.0, values().fold(0.0, f64::max) * 1.08),
        };
        let x_ticks = self.ticks.clone().unwrap_or_else(|| x.time_ticks(6));
        let y_ticks: Ticks = y.ticks(4, |value| self.short(value));
        let description = self.description();
        let height = if self.unit == Unit::Millis { Height::Middle } else { Height::Low };
        let plot = Plot {
            id: self.id,
            title: self.title,
            description: &description,
            height,
            x: &x,
            y: &y,
            x_ticks: &x_ticks,
            y_ticks: &y_ticks,
            zoom: None,
        };
        html! {
            figure class="chart" {
                figcaption {
                    strong { (text(self.title)) }
                    @if !self.note.is_empty() { span { (text(self.note)) } }
                    @if self.lines.len() > 1 { @for line in &self.lines { span class={ "key " (line.class) } { (line.name) } } }
                    @if y.is_log() { span class="note" { "logarithmic" } }
                    @for level in &self.levels { span class="key median" { (text(&level.text)) } }
                }
                (plot.around(&self.marks(&plot), &self.over(&plot)))
            }
        }
    }

    fn marks(&self, plot: &Plot<'_>) -> Markup {
        let place = |at: f64| plot.x.right(at.clamp(self.from, self.to));
        html! {
            @for shade in &self.shades {
                @let (from, to) = (place(shade.from), place(shade.to));
                rect class={ "phase" @if shade.judged { " judged" } } x=(from) y="0" width=((to - from).max(0)) height=(FOOT) {}
                @if from > 0 { path class="edge" d={ "M" (from) " 0V" (FOOT) } {} }
            }
            @for level in &self.levels { path class="line median" d={ "M0 " (plot.y.down(level.value)) "H" (FOOT) } {} }
            @for mark in &self.marks { path class="line step" d={ "M" (place(mark.at)) " 0V" (FOOT) } {} }
            @for line in &self.lines { path class={ "line " (line.class) } d=(plot.line(line.points.iter().copied())) {} }
        }
    }

    fn over(&self, plot: &Plot<'_>) -> Markup {
        let span = (self.to - self.from).max(f64::MIN_POSITIVE);
        html! {
            @for shade in self.shades.iter().filter(|shade| shade.to - shade.from > span * NAMED_SHARE) {
                (stretch_name(plot.x, shade.from, shade.to, &format!("{}{}", text(&shade.name), if shade.judged { " (judged)" } else { "" })))
            }
            @if self.dotted { @for line in &self.lines { @for (at, value) in &line.points { @if let Some(value) = value {
                circle class={ "dot " (line.class) } cx=(percent(plot.x.right(*at))) cy=(percent(plot.y.down(*value))) r="3" {}
            } } } }
        }
    }

    /// What a reader who does not see it is told: the newest values, and what happened.
    fn description(&self) -> String {
        let newest = |line: &Line| {
            let value = line.points.iter().rev().find_map(|point| point.1);
            format!("{} {}", line.name, value.map_or_else(|| NONE.to_owned(), |value| self.long(value)))
        };
        let lines: Vec<String> = self.lines.iter().map(newest).collect();
        let marks = self.marks.iter().map(|mark| format!("; {}", mark.text));
        format!("newest: {}{}", lines.join(", "), marks.collect::<String>())
    }

    fn short(&self, value: f64) -> String {
        if self.unit == Unit::Millis { millis_tick(value) } else { self.long(value) }
    }

    fn long(&self, value: f64) -> String {
        match self.unit {
            Unit::Millis => format_millis(value),
            Unit::PerSecond => rate(value),
            Unit::Count => format!("{}", (value * 100.0).round() / 100.0),
        }
    }
}
