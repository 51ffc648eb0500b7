//! Lines over time on a logarithmic axis.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Frame, LogScale, at};

/// A line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Class of its colour.
    pub class: String,
    /// Its value in each step; none breaks the line.
    pub values: Vec<Option<f64>>,
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
    /// A value with a line across, and its name.
    pub limit: Option<(f64, String)>,
}

/// Draws a line chart.
pub fn line_chart(chart: &LineChart) -> Markup {
    let frame = Frame::wide(220.0);
    let (Some(first), Some(last)) = (chart.steps.first(), chart.steps.last()) else {
        return html! {};
    };
    let time = frame.time(first.0, last.1);
    let values = chart
        .lines
        .iter()
        .flat_map(|line| line.values.iter().flatten().copied());
    let scale = LogScale::holding(values.chain(chart.limit.iter().map(|l| l.0)), frame.height);
    let middle = |&(start, end): &(i64, i64)| f64::midpoint(time.x(start), time.x(end));
    let path = |line: &Line| {
        let mut path = String::new();
        let mut is_open = false;
        for (step, value) in chart.steps.iter().zip(&line.values) {
            let Some(value) = value else {
                is_open = false;
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
