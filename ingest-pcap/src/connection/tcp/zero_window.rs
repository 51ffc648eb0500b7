//! Times in which the receiver takes nothing.

use super::{Kind, Side, Stretch};

/// The receiver's closed windows.
#[derive(Debug, Default)]
pub(crate) struct ZeroWindow {
    since: Option<i64>,
    probes: u64,
    pub(crate) count: u64,
    pub(crate) total_ns: i64,
}

impl ZeroWindow {
    /// Whether the window is closed.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.since.is_some()
    }

    /// The receiver tells its window.
    pub(super) fn told(&mut self, is_zero: bool, side: Side, time: i64, ended: &mut Vec<Stretch>) {
        match (is_zero, self.since) {
            (true, None) => {
                self.since = Some(time);
                self.probes = 0;
                self.count = self.count.saturating_add(1);
            }
            (false, Some(_)) => self.end(side, time, true, ended),
            _ => {}
        }
    }

    /// The sender asks whether it is still closed.
    pub(super) fn probed(&mut self) {
        self.probes = self.probes.saturating_add(1);
    }

    pub(super) fn end(
        &mut self,
        side: Side,
        time: i64,
        is_end_seen: bool,
        ended: &mut Vec<Stretch>,
    ) {
        let Some(since) = self.since.take() else {
            return;
        };
        let stretch = Stretch {
            is_end_seen,
            segments: self.probes,
            ..Stretch::new(Kind::ZeroWindow, side, since, time)
        };
        self.total_ns = self.total_ns.saturating_add(stretch.waited);
        ended.push(stretch);
    }
}
