//! A line as small as a word: p95 of one endpoint over time. Its figures stand beside it, so it has no words of its own.

use maud::{Markup, html};

use super::plot::{FOOT, Height, Plot, Scale};

/// Values by time (s), from the first to the last and from 0; empty without two of them.
pub(in crate::report::html) fn spark(points: &[(f64, Option<f64>)]) -> Markup {
    let values = || points.iter().filter_map(|point| point.1);
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return html! {} };
    if values().count() < 2 {
        return html! {};
    }
    let (x, y) = (Scale::linear(first.0, last.0), Scale::linear(0.0, values().fold(0.0, f64::max)));
    let none = Vec::new();
    let plot = Plot { id: "", title: "", description: "", height: Height::Low, x: &x, y: &y, x_ticks: &none, y_ticks: &none, zoom: None };
    html! {
        svg class="spark" viewBox={ "0 0 " (FOOT) " " (FOOT) } preserveAspectRatio="none" aria-hidden="true" {
            path class="line p95" d=(plot.line(points.iter().copied())) {}
        }
    }
}
