//! Holes in a connection's bytes: when they prove to be real, and how reading goes on behind them.

use kcorr_model::{LossKind, Position, Severity};

use super::Connection;
use super::piece::Side;
use crate::shared::Shared;

/// Bytes of a connection that were not captured.
pub(crate) static CAPTURE_GAP: LossKind = LossKind {
    name: "pcap_capture_gap",
    severity: Severity::Warning,
    doc: "Bytes that arrived at the other end of a connection are not in the capture (the capturing \
          side dropped packets): requests and responses in them are missing or incomplete.",
};

impl Connection {
    /// The other end has the bytes of a hole: they are lost to the capture. Goes on behind it.
    pub(super) fn fill_hole(&mut self, side: Side, time: i64, position: u64, shared: &mut Shared) {
        if side == Side::Responses {
            // Responses may be held for request bytes that do not come: then the hole is there.
            self.open_gate(time, position, shared);
        }
        let (half, _) = self.half(side);
        let Some(next) = half.next else {
            return;
        };
        let target = half.acknowledged_to;
        let first = half.hold.first().map_or(target, |held| held.sequence);
        let distance = |to: u32| to.wrapping_sub(next).cast_signed();
        let to = if distance(first) < distance(target) {
            first
        } else {
            target
        };
        self.lose(side, to, time, position, shared);
        self.drain(shared);
    }

    /// Gives up the request bytes that the first held response acknowledges.
    fn open_gate(&mut self, time: i64, position: u64, shared: &mut Shared) {
        let Some(first) = self.responses.hold.first() else {
            return;
        };
        let in_order = self
            .responses
            .ahead(first.sequence)
            .is_some_and(|ahead| ahead <= 0);
        let acknowledgment = first.acknowledgment;
        if !in_order || self.may_deliver(Side::Responses, acknowledgment) {
            return;
        }
        let Some(acknowledgment) = acknowledgment else {
            return;
        };
        // Each turn passes a hole or what is held behind it.
        while let Some(next) = self.requests.next
            && acknowledgment.wrapping_sub(next).cast_signed() > 0
        {
            let to = match self.requests.hold.first() {
                Some(held)
                    if acknowledgment.wrapping_sub(held.sequence).cast_signed() > 0
                        && held.sequence.wrapping_sub(next).cast_signed() > 0 =>
                {
                    held.sequence
                }
                _ => acknowledgment,
            };
            self.lose(Side::Requests, to, time, position, shared);
            self.drain_side(Side::Requests, shared);
        }
        self.drain(shared);
    }

    /// Goes on at the first held segment, whatever is before it.
    pub(super) fn skip_to_held(
        &mut self,
        side: Side,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        if side == Side::Responses {
            self.open_gate(time, position, shared);
        }
        let (half, _) = self.half(side);
        if let Some(first) = half.hold.first() {
            let to = first.sequence;
            self.lose(side, to, time, position, shared);
        }
        self.drain(shared);
    }

    /// Counts the bytes up to `to` as lost.
    fn lose(&mut self, side: Side, to: u32, time: i64, position: u64, shared: &mut Shared) {
        let (half, dialogue) = self.half(side);
        let Some(ahead) = half.ahead(to) else {
            return;
        };
        let Ok(bytes) = u32::try_from(ahead) else {
            return;
        };
        if bytes == 0 {
            return;
        }
        if !dialogue.is_opaque {
            let name = dialogue.name();
            let direction = match side {
                Side::Requests => "requests",
                Side::Responses => "responses",
            };
            shared.losses.record_many(
                &CAPTURE_GAP,
                1,
                Position::Byte(position),
                Some((time, time)),
                || format!("{name}: {bytes} bytes of {direction}"),
            );
        }
        half.go_to(to);
        self.missed(side, u64::from(bytes), time, position, shared);
    }

    /// Reads what is held and has become next, in both directions.
    pub(super) fn drain(&mut self, shared: &mut Shared) {
        self.drain_side(Side::Requests, shared);
        self.drain_side(Side::Responses, shared);
    }

    fn drain_side(&mut self, side: Side, shared: &mut Shared) {
        loop {
            let (half, _) = self.half(side);
            let Some(first) = half.hold.first() else {
                return;
            };
            let is_next = half.ahead(first.sequence).is_some_and(|ahead| ahead <= 0);
            let acknowledgment = first.acknowledgment;
            if !is_next || !self.may_deliver(side, acknowledgment) {
                return;
            }
            let (half, _) = self.half(side);
            let Some(held) = half.hold.remove_first(shared) else {
                return;
            };
            self.deliver(side, held.placed(), shared);
        }
    }

    /// Reads what is held in spite of the holes before it.
    pub(super) fn empty_hold(&mut self, side: Side, shared: &mut Shared) {
        while let Some(first) = self.half(side).0.hold.first() {
            let position = first.position;
            let before = self.half(side).0.hold.len();
            self.skip_to_held(side, self.last_time, position, shared);
            if self.half(side).0.hold.len() >= before {
                self.half(side).0.hold.clear(shared);
            }
        }
    }
}
