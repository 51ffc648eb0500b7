//! Times in which the receiver takes nothing.

use super::{COPY_NS, Kind, Side, Stretch};

/// Probes follow each other within this (TCP_RTO_MAX of Linux is 120 s): what comes later and looks like
/// one is a keep-alive, which shows nothing to send.
const PROBES_APART_NS: i64 = 150_000_000_000;

/// The receiver's closed windows.
#[derive(Debug, Default)]
pub(crate) struct ZeroWindow {
    since: Option<i64>,
    probes: u64,
    /// When it closed, or was probed last, and the packet id of that probe.
    last: (i64, u16),
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
                self.last = (time, 0);
                self.count = self.count.saturating_add(1);
            }
            (false, Some(_)) => self.end(side, time, true, ended),
            _ => {}
        }
    }

    /// The sender asks whether it is still closed.
    pub(super) fn probed(&mut self, packet_id: u16, time: i64) {
        let (last, last_id) = self.last;
        let apart = time.saturating_sub(last);
        let is_copy = if packet_id == 0 || last_id == 0 {
            self.probes > 0 && apart < COPY_NS
        } else {
            packet_id == last_id
        };
        if !is_copy && apart <= PROBES_APART_NS {
            self.probes = self.probes.saturating_add(1);
            self.last = (time, packet_id);
        }
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
