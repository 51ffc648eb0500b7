//! Times of a chart in which nothing was recorded.

use maud::{Markup, html};

use super::{Frame, TimeScale, at};

/// A stretch of time without a recording of what a chart shows.
#[derive(Debug, Clone)]
pub struct Gap {
    /// Its start, in ns since 1970.
    pub start_ns: i64,
    /// Its end.
    pub end_ns: i64,
    /// What is said of it when pointed at.
    pub title: String,
}

/// Draws gaps as bands from top to bottom, behind everything else.
pub(super) fn bands(gaps: &[Gap], frame: &Frame, time: &TimeScale) -> Markup {
    html! {
        @for gap in gaps {
            @let x = time.x(gap.start_ns);
            rect class="gap" x=(at(x)) y="0" width=(at(time.x(gap.end_ns) - x)) height=(at(frame.height)) {
                title { (gap.title) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_a_band_that_says_what_it_is() {
        let frame = Frame::wide(100.0);
        let time = frame.time(0, 1000);
        let gap = Gap {
            start_ns: 250,
            end_ns: 500,
            title: "nothing recorded".to_owned(),
        };
        let drawn = bands(&[gap], &frame, &time).into_string();
        assert_eq!(
            drawn,
            "<rect class=\"gap\" x=\"216.5\" y=\"0\" width=\"216.5\" height=\"100\"><title>nothing recorded</title></rect>"
        );
    }
}
