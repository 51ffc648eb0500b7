//! Who did what when: bars in lanes over time.

use maud::{Markup, html};

use super::{TimeScale, at};

/// A bar in a lane.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its start, in ns since 1970.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// Class of its colour and shape.
    pub class: String,
    /// What is said of it when pointed at.
    pub title: String,
    /// Where it leads, as an id in the page; empty for nowhere.
    pub target: String,
}

/// A lane with a name.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// The heading over it, when it is the first of its kind.
    pub heading: Option<String>,
    /// Its bars, from back to front.
    pub bars: Vec<Bar>,
}

/// Lanes over the same time.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// What it shows, for those who do not see it.
    pub label: String,
    /// Charts with the same group are zoomed together.
    pub group: String,
    /// Start and end of its time axis, in ns since 1970.
    pub time: (i64, i64),
    /// Its lanes, from the top.
    pub lanes: Vec<Lane>,
}

const LEFT: f64 = 164.0;
const WIDTH: f64 = 762.0;
const RIGHT: f64 = 34.0;
const LANE: f64 = 17.0;
const HEADING: f64 = 26.0;
const BOTTOM: f64 = 30.0;

/// Draws a timeline.
pub fn timeline(line: &Timeline) -> Markup {
    let time = TimeScale {
        start_ns: line.time.0,
        end_ns: line.time.1,
        width: WIDTH,
    };
    let mut y = 0.0;
    let mut places = Vec::with_capacity(line.lanes.len());
    for lane in &line.lanes {
        if lane.heading.is_some() {
            y += HEADING;
        }
        places.push(y);
        y += LANE;
    }
    let height = y + 6.0;
    html! {
        // Bars are links, which an image has none of.
        svg class="chart timeline" role="group" aria-label=(line.label)
            viewBox={ "0 0 " (at(LEFT + WIDTH + RIGHT)) " " (at(height + BOTTOM)) }
            data-group=(line.group) data-start=(line.time.0) data-end=(line.time.1) {
            g class="lanes" {
                @for (lane, y) in line.lanes.iter().zip(&places) {
                    @if let Some(heading) = &lane.heading {
                        text x="0" y=(at(y - 6.0)) class="heading" { (heading) }
                    }
                    text x=(at(LEFT - 10.0)) y=(at(y + 12.5)) class="end" { (shortened(&lane.name)) }
                    line x1=(at(LEFT)) x2=(at(LEFT + WIDTH)) y1=(at(y + LANE)) y2=(at(y + LANE)) {}
                }
            }
            svg class="plot" x=(at(LEFT)) y="0" width=(at(WIDTH)) height=(at(height))
                preserveAspectRatio="none" viewBox={ "0 0 " (at(WIDTH)) " " (at(height)) } {
                rect class="catch" width=(at(WIDTH)) height=(at(height)) {}
                @for (lane, y) in line.lanes.iter().zip(&places) {
                    @for bar in &lane.bars { (bar_mark(bar, &time, *y)) }
                }
            }
            g class="axis" transform={ "translate(" (at(LEFT)) " " (at(height)) ")" } {
                line class="base" x1="0" x2=(at(WIDTH)) y1="0" y2="0" {}
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

fn bar_mark(bar: &Bar, time: &TimeScale, y: f64) -> Markup {
    let x = time.x(bar.start_ns);
    let width = (time.x(bar.end_ns) - x).max(0.7);
    let thin = bar.class.contains("thin");
    let (top, height) = if thin {
        (y + 6.0, 5.0)
    } else {
        (y + 3.0, 11.0)
    };
    let mark = html! {
        rect class={ "bar " (bar.class) } x=(at(x)) y=(at(top)) width=(at(width)) height=(at(height)) {
            title { (bar.title) }
        }
    };
    if bar.target.is_empty() {
        return mark;
    }
    html! { a href={ "#" (bar.target) } aria-label=(bar.title) { (mark) } }
}

/// The end of a long name tells threads apart, so its beginning is cut.
fn shortened(name: &str) -> String {
    const MOST: usize = 23;
    let count = name.chars().count();
    if count <= MOST {
        return name.to_owned();
    }
    let end: String = name.chars().skip(count - MOST + 1).collect();
    format!("…{end}")
}
