//! A line as small as a word: p95 of one endpoint over time. Its figures stand beside it, so it has no words of its own.

use maud::{Markup, html};

use super::plot::{FOOT, Height, Plot, Scale};
use crate::report::html::timeline::Moment;

/// p95 from the first to the last moment, from 0; empty without two of them.
pub(in crate::report::html) fn spark(moments: &[Moment]) -> Markup {
    let p95 = || moments.iter().filter_map(|moment| moment.latency[1]);
    let (Some(first), Some(last)) = (moments.first(), moments.last()) else { return html! {} };
    if p95().count() < 2 {
        return html! {};
    }
    let (x, y) = (Scale::linear(first.at, last.at), Scale::linear(0.0, p95().fold(0.0, f64::max)));
    let none = Vec::new();
    let plot = Plot { id: "", title: "", description: "", height: Height::Low, x: &x, y: &y, x_ticks: &none, y_ticks: &none, zoom: None };
    html! {
        svg class="spark" viewBox={ "0 0 " (FOOT) " " (FOOT) } preserveAspectRatio="none" aria-hidden="true" {
            path class="line p95" d=(plot.line(moments.iter().map(|moment| (moment.at, moment.latency[1])))) {}
        }
    }
}
