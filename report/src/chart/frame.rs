//! The frame of a chart over time: axes, grid, and the inner drawing that can be zoomed.

use maud::{Markup, html};

use super::{TimeScale, at};

/// Size and margins of a chart.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// Width of the plot.
    pub width: f64,
    /// Height of the plot.
    pub height: f64,
    /// Room at the left, for labels.
    pub left: f64,
}

const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;
const RIGHT: f64 = 34.0;

impl Frame {
    /// A wide, flat chart.
    pub fn wide(height: f64) -> Self {
        Self {
            width: 866.0,
            height,
            left: 64.0,
        }
    }

    /// A chart with others beside it.
    pub fn half(height: f64) -> Self {
        Self {
            width: 440.0,
            height,
            left: 64.0,
        }
    }

    /// The time scale along its width.
    pub fn time(&self, start_ns: i64, end_ns: i64) -> TimeScale {
        TimeScale {
            start_ns,
            end_ns,
            width: self.width,
        }
    }

    /// Draws axes around marks. Charts with the same `group` are zoomed together.
    pub fn draw(
        &self,
        group: &str,
        label: &str,
        time: &TimeScale,
        y_ticks: &[(f64, String)],
        marks: &Markup,
    ) -> Markup {
        let (full_width, full_height) =
            (self.left + self.width + RIGHT, TOP + self.height + BOTTOM);
        html! {
            svg class="chart" role="img" aria-label=(label)
                viewBox={ "0 0 " (at(full_width)) " " (at(full_height)) }
                data-group=(group) data-start=(time.start_ns) data-end=(time.end_ns) {
                g class="grid" {
                    @for (y, text) in y_ticks {
                        line x1=(at(self.left)) x2=(at(self.left + self.width))
                            y1=(at(TOP + y)) y2=(at(TOP + y)) {}
                        text x=(at(self.left - 8.0)) y=(at(TOP + y + 4.0)) class="end" { (text) }
                    }
                }
                svg class="plot" x=(at(self.left)) y=(at(TOP)) width=(at(self.width))
                    height=(at(self.height)) preserveAspectRatio="none"
                    viewBox={ "0 0 " (at(self.width)) " " (at(self.height)) } {
                    rect class="catch" width=(at(self.width)) height=(at(self.height)) {}
                    (marks)
                }
                g class="axis" transform={ "translate(" (at(self.left)) " " (at(TOP + self.height)) ")" } {
                    line class="base" x1="0" x2=(at(self.width)) y1="0" y2="0" {}
                    g class="ticks" {
                        @for (x, text) in time.ticks() {
                            line x1=(at(x)) x2=(at(x)) y1="0" y2="5" {}
                            text x=(at(x)) y="19" class="middle" { (text) }
                        }
                    }
                }
            }
        }
    }
}
