//! What is said while sources are started.

use kcorr_record::{Absence, Said};

use crate::screen::Screen;

/// Says that a source records, or why it does not.
pub(super) fn show_said(said: &Said, screen: &Screen) {
    match said {
        Said::Started(source) => screen.detail(&format!("{source}: recording")),
        Said::LeftOut(Absence { source, why }) => {
            screen.warning(&format!("{source}: left out: {why}"));
        }
        _ => {}
    }
}
