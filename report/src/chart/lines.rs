//! Lines over time.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::gap::bands;
use super::{Frame, Gap, LinearScale, LogScale, at};

/// A line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Class of its colour.
    pub class: String,
    /// Its value in each step; none breaks the line.
    pub values: Vec<Option<f64>>,
    /// Whether it goes on from one value to the next where steps between have none: for what is sampled less often.
    pub is_sampled: bool,
}

/// How values are laid out on the vertical axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Axis {
    /// Latencies in ms: from a power of ten, each as high as the one before.
    Latency,
    /// From 0 to a value, or to the highest if that is not said.
    FromZero(Option<f64>),
}

/// The axis with its length.
#[derive(Debug, Clone, Copy)]
enum Scale {
    Log(LogScale),
    Linear(LinearScale),
}

impl Scale {
    fn y(&self, value: f64) -> f64 {
        match self {
            Self::Log(scale) => scale.y(value),
            Self::Linear(scale) => scale.y(value),
        }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Log(scale) => scale.ticks(),
            Self::Linear(scale) => scale.ticks(),
        }
    }
}

/// Lines over the same steps.
#[derive(Debug, Clone)]
pub struct LineChart {
    /// What it shows, for those who do not see it.
    pub label: String,
    /// Start and end of each step, in ns since 1970.
    pub steps: Vec<(i64, i64)>,
    /// What is said of each step when pointed at.
    pub titles: Vec<String>,
    /// The lines, from back to front.
    pub lines: Vec<Line>,
    /// When nothing was recorded.
    pub gaps: Vec<Gap>,
    /// A value with a line across, and its name.
    pub limit: Option<(f64, String)>,
    /// The vertical axis.
    pub axis: Axis,
    /// Height of the plot.
    pub height: f64,
}

/// Draws a line chart.
pub fn line_chart(chart: &LineChart) -> Markup {
    let frame = Frame::wide(chart.height);
    let (Some(first), Some(last)) = (chart.steps.first(), chart.steps.last()) else {
        return html! {};
    };
    let time = frame.time(first.0, last.1);
    let values = chart
        .lines
        .iter()
        .flat_map(|line| line.values.iter().flatten().copied());
    let values = values.chain(chart.limit.iter().map(|l| l.0));
    let scale = match chart.axis {
        Axis::Latency => Scale::Log(LogScale::holding(values, frame.height)),
        Axis::FromZero(high) => Scale::Linear(LinearScale {
            high: high.unwrap_or_else(|| values.fold(1.0, f64::max)),
            height: frame.height,
        }),
    };
    let middle = |&(start, end): &(i64, i64)| f64::midpoint(time.x(start), time.x(end));
    let path = |line: &Line| {
        let mut path = String::new();
        let mut is_open = false;
        for (step, value) in chart.steps.iter().zip(&line.values) {
            let Some(value) = value else {
                is_open &= line.is_sampled;
                continue;
            };
            let (x, y) = (at(middle(step)), at(scale.y(*value)));
            // A line of no length is drawn as a dot, so that a lone step is seen.
            let _ = match is_open {
                true => write!(path, "L{x} {y}"),
                false => write!(path, "M{x} {y}h0"),
            };
            is_open = true;
        }
        path
    };
    let marks = html! {
        (bands(&chart.gaps, &frame, &time))
        @if let Some((limit, _)) = &chart.limit {
            line class="limit" x1="0" x2=(at(frame.width)) y1=(at(scale.y(*limit))) y2=(at(scale.y(*limit))) {}
        }
        @for line in &chart.lines {
            path class={ "line " (line.class) } d=(path(line)) {}
        }
        @for (step, title) in chart.steps.iter().zip(&chart.titles) {
            rect class="hover" x=(at(time.x(step.0))) y="0"
                width=(at(time.x(step.1) - time.x(step.0))) height=(at(frame.height)) {
                title { (title) }
            }
        }
    };
    frame.draw("time", &chart.label, &time, &scale.ticks(), &marks)
}
