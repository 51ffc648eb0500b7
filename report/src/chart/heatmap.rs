//! Counts over time and a logarithmic value.

use maud::{Markup, html};

use super::{Frame, LogScale, at};

/// A cell of a heatmap.
#[derive(Debug, Clone)]
pub struct HeatCell {
    /// Start of its step, in ns since 1970.
    pub start_ns: i64,
    /// End of its step.
    pub end_ns: i64,
    /// Lower end of its class.
    pub low: f64,
    /// Upper end of its class.
    pub high: f64,
    /// How many; more than 0.
    pub count: f64,
    /// What is said of it when pointed at.
    pub title: String,
}

/// A heatmap.
#[derive(Debug, Clone)]
pub struct Heatmap {
    /// What it shows, for those who do not see it.
    pub label: String,
    /// Start and end of its time axis, in ns since 1970.
    pub time: (i64, i64),
    /// Its cells.
    pub cells: Vec<HeatCell>,
    /// A value with a line across.
    pub limit: Option<f64>,
}

/// Draws a heatmap in five shades, even steps of the logarithm of the count.
pub fn heatmap(map: &Heatmap) -> Markup {
    let frame = Frame::wide(200.0);
    let time = frame.time(map.time.0, map.time.1);
    let values = map.cells.iter().flat_map(|cell| [cell.low, cell.high]);
    let scale = LogScale::holding(values.chain(map.limit), frame.height);
    let most = map.cells.iter().map(|cell| cell.count).fold(1.0, f64::max);
    let shade = |count: f64| {
        let part = if most > 1.0 {
            count.ln() / most.ln()
        } else {
            1.0
        };
        // Five shades are told apart; more are not.
        match part {
            ..0.2 => 1,
            ..0.4 => 2,
            ..0.6 => 3,
            ..0.8 => 4,
            _ => 5,
        }
    };
    let marks = html! {
        @for cell in &map.cells {
            @let (x, top) = (time.x(cell.start_ns), scale.y(cell.high));
            rect class={ "h" (shade(cell.count)) } x=(at(x)) y=(at(top))
                width=(at(time.x(cell.end_ns) - x)) height=(at(scale.y(cell.low) - top)) {
                title { (cell.title) }
            }
        }
        @if let Some(limit) = map.limit {
            line class="limit" x1="0" x2=(at(frame.width)) y1=(at(scale.y(limit))) y2=(at(scale.y(limit))) {}
        }
    };
    frame.draw("time", &map.label, &time, &scale.ticks(), &marks)
}
