//! Counts over time and a logarithmic value.

use maud::{Markup, html};

use super::gap::bands;
use super::{FineCells, Frame, Gap, LogScale, at};

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
    /// Finer ones, for when a part of the time is shown.
    pub fine: Option<FineCells>,
    /// When nothing was recorded.
    pub gaps: Vec<Gap>,
    /// A value with a line across.
    pub limit: Option<f64>,
    /// The scale it shares with heatmaps beside it; it then has about half the width.
    pub shared: Option<HeatScale>,
}

/// What heatmaps must have in common to be compared, beside their time axes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeatScale {
    /// Lowest and highest value.
    pub values: (f64, f64),
    /// The count that the darkest shade reaches to.
    pub most: f64,
}

impl HeatScale {
    /// The scale that holds all cells.
    pub fn holding<'a>(cells: impl IntoIterator<Item = &'a HeatCell>) -> Self {
        let none = Self {
            values: (f64::MAX, f64::MIN),
            most: 1.0,
        };
        cells.into_iter().fold(none, |scale, cell| Self {
            values: (scale.values.0.min(cell.low), scale.values.1.max(cell.high)),
            most: scale.most.max(cell.count),
        })
    }
}

/// Draws a heatmap in five shades, even steps of the logarithm of the count.
pub fn heatmap(map: &Heatmap) -> Markup {
    let frame = match map.shared {
        Some(_) => Frame::half(200.0),
        None => Frame::wide(200.0),
    };
    let shared = map.shared.unwrap_or_else(|| HeatScale::holding(&map.cells));
    let time = frame.time(map.time.0, map.time.1);
    let values = [shared.values.0, shared.values.1].into_iter();
    // Without cells the values are the wrong way round, and only the limit counts.
    let values = values.filter(|_| shared.values.0 <= shared.values.1);
    let scale = LogScale::holding(values.chain(map.limit), frame.height);
    let most = shared.most;
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
        (bands(&map.gaps, &frame, &time))
        g class="whole" {
            @for cell in &map.cells {
                @let (x, top) = (time.x(cell.start_ns), scale.y(cell.high));
                rect class={ "h" (shade(cell.count)) } x=(at(x)) y=(at(top))
                    width=(at(time.x(cell.end_ns) - x)) height=(at(scale.y(cell.low) - top)) {
                    title { (cell.title) }
                }
            }
        }
        @if let Some(fine) = &map.fine {
            (fine.draw(&scale))
        }
        @if let Some(limit) = map.limit {
            line class="limit" x1="0" x2=(at(frame.width)) y1=(at(scale.y(limit))) y2=(at(scale.y(limit))) {}
        }
    };
    frame.draw("time", &map.label, &time, &scale.ticks(), &marks)
}
