//! Drawings as SVG: readable without a script, coloured by classes of the style sheet.
//!
//! Each drawing has its axes in the outer `svg` and its marks in an inner one (`svg.plot`), whose
//! `viewBox` the script narrows to zoom. No crate draws to these rules (colours that follow the reader's
//! scheme, marks that can be zoomed and linked), so the few shapes needed are written here.

mod fine;
mod flame;
mod frame;
mod gap;
mod heatmap;
mod lines;
mod scale;
mod share;
mod stacked;
mod timeline;

pub use fine::{FineCell, FineCells, FineClass};
pub use flame::{FlameFrame, flame};
pub use frame::Frame;
pub use gap::Gap;
pub use heatmap::{HeatCell, HeatScale, Heatmap, heatmap};
pub use lines::{Axis, Line, LineChart, line_chart};
pub use scale::{LinearScale, LogScale, TimeScale};
pub use share::{Share, share_bar};
pub use stacked::{StackedBars, StackedPart, stacked_bars};
pub use timeline::{Bar, Lane, Timeline, timeline};

/// A coordinate with as many digits as can be seen.
fn at(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}
