//! Stacked bars over time.

use maud::{Markup, html};

use super::{Frame, LinearScale, at};

/// A part of a bar.
#[derive(Debug, Clone)]
pub struct StackedPart {
    /// Start of its step, in ns since 1970; parts with the same start are stacked.
    pub start_ns: i64,
    /// End of its step.
    pub end_ns: i64,
    /// Its height.
    pub value: f64,
    /// Class of its colour.
    pub class: String,
    /// What is said of it when pointed at.
    pub title: String,
}

/// Stacked bars.
#[derive(Debug, Clone)]
pub struct StackedBars {
    /// What it shows, for those who do not see it.
    pub label: String,
    /// Start and end of its time axis, in ns since 1970.
    pub time: (i64, i64),
    /// The parts, by start, and from the bottom up.
    pub parts: Vec<StackedPart>,
}

/// Draws stacked bars.
pub fn stacked_bars(bars: &StackedBars) -> Markup {
    let frame = Frame::wide(160.0);
    let time = frame.time(bars.time.0, bars.time.1);
    let mut floors = Vec::with_capacity(bars.parts.len());
    let (mut start, mut height, mut highest) = (None, 0.0, 1.0_f64);
    for part in &bars.parts {
        if start != Some(part.start_ns) {
            (start, height) = (Some(part.start_ns), 0.0);
        }
        floors.push(height);
        height += part.value;
        highest = highest.max(height);
    }
    let scale = LinearScale {
        high: highest,
        height: frame.height,
    };
    let marks = html! {
        @for (part, floor) in bars.parts.iter().zip(floors) {
            @let (x, top) = (time.x(part.start_ns), scale.y(floor + part.value));
            @let width = (time.x(part.end_ns) - x).max(0.5) * 0.92;
            rect class={ "bar " (part.class) } x=(at(x)) y=(at(top)) width=(at(width))
                height=(at(scale.y(floor) - top)) {
                title { (part.title) }
            }
        }
    };
    frame.draw("time", &bars.label, &time, &scale.ticks(), &marks)
}
