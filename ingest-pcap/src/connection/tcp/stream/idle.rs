//! Times in which the sender has nothing to send although its message is not complete.
//!
//! What it sent is acknowledged and the window has room: its TCP would send whatever it is given.

use super::{Sender, Stream};
use crate::connection::tcp::{Kind, Stretch};

/// Shorter times are none.
pub(super) const SHORTEST_NS: i64 = 1_000_000;

impl Stream {
    /// New bytes come inside of a message, after a while in which everything before them was acknowledged.
    #[cold]
    pub(super) fn idle(&mut self, sender: Sender, time: i64, ended: &mut Vec<Stretch>) {
        let (Some(rtt), Some(scale), Some(_)) = (sender.rtt, self.scale, self.acknowledged) else {
            return;
        };
        let window = u32::from(self.window) << scale.min(14);
        let has_room = window >= self.segment_bytes.saturating_mul(2)
            || (window > 0 && window > self.largest_window / 2);
        // The sender knows of it when this has reached it, and what it then sends takes as long.
        let start = self.since.max(self.window_time).saturating_add(rtt);
        if has_room && time.saturating_sub(start) >= SHORTEST_NS {
            ended.push(Stretch::new(Kind::Idle, self.side, start, time));
        }
    }
}
