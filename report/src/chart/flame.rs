//! Flame graphs, the outermost frames on top.

use maud::{Markup, html};

use super::at;

/// A frame of a flame graph.
#[derive(Debug, Clone)]
pub struct FlameFrame {
    /// 1 is the outermost.
    pub depth: i64,
    /// Its name.
    pub name: String,
    /// Its left end, from 0 to 1 of the width.
    pub start: f64,
    /// Its width, from 0 to 1.
    pub width: f64,
    /// Class of its colour.
    pub class: &'static str,
    /// What is said of it when pointed at.
    pub title: String,
}

const WIDTH: f64 = 960.0;
const ROW: f64 = 17.0;

/// Draws a flame graph.
#[expect(clippy::cast_precision_loss, reason = "a place on a drawing")]
pub fn flame(label: &str, frames: &[FlameFrame]) -> Markup {
    let deepest = frames.iter().map(|frame| frame.depth).max().unwrap_or(0);
    let height = deepest as f64 * ROW + 2.0;
    html! {
        svg class="chart flame" role="img" aria-label=(label)
            viewBox={ "0 0 " (at(WIDTH)) " " (at(height)) } {
            @for frame in frames {
                @let (x, width) = (frame.start * WIDTH, frame.width * WIDTH);
                @let y = (frame.depth - 1) as f64 * ROW;
                g class="frame" data-x=(at(x)) data-w=(at(width)) data-d=(frame.depth) {
                    title { (frame.title) }
                    rect class={ "bar " (frame.class) } x=(at(x)) y=(at(y)) width=(at(width.max(0.5)))
                        height=(at(ROW - 1.0)) {}
                    @if let Some(name) = fitting(&frame.name, width) {
                        text x=(at(x + 4.0)) y=(at(y + 12.0)) { (name) }
                    }
                }
            }
        }
    }
}

/// As much of a name as fits, its end first: the method says more than the package.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small, positive number"
)]
fn fitting(name: &str, width: f64) -> Option<String> {
    let room = ((width - 8.0) / 6.3).max(0.0) as usize;
    let count = name.chars().count();
    if count <= room {
        return Some(name.to_owned());
    }
    if room < 4 {
        return None;
    }
    let end: String = name.chars().skip(count - room + 1).collect();
    Some(format!("…{end}"))
}
