//! Segments that cannot be read yet: out of order, or ahead of what they answer.

use std::collections::VecDeque;

use super::piece::{Piece, Placed};
use crate::shared::Shared;

/// A segment's bytes, kept for later.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) sequence: u32,
    pub(super) acknowledgment: Option<u32>,
    pub(super) payload: Vec<u8>,
    pub(super) cut: u32,
    pub(super) fin: bool,
    pub(super) time: i64,
    pub(super) position: u64,
}

impl Held {
    pub(super) fn placed(&self) -> Placed<'_> {
        Placed {
            sequence: self.sequence,
            acknowledgment: self.acknowledgment,
            piece: Piece {
                bytes: &self.payload,
                time: self.time,
                done: self.time,
                position: self.position,
            },
            cut: self.cut,
            fin: self.fin,
        }
    }

    fn bytes(&self) -> usize {
        self.payload.len().saturating_add(size_of::<Self>())
    }
}

/// The held segments of one direction, in sequence order.
#[derive(Debug, Default)]
pub(super) struct Hold {
    segments: VecDeque<Held>,
    bytes: usize,
}

impl Hold {
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.segments.len()
    }

    pub(super) fn first(&self) -> Option<&Held> {
        self.segments.front()
    }

    /// Keeps a segment. `next` is the sequence number that the direction waits for.
    pub(super) fn insert(&mut self, segment: Held, next: u32, shared: &mut Shared) {
        let distance = |sequence: u32| sequence.wrapping_sub(next).cast_signed();
        let key = distance(segment.sequence);
        let at = self
            .segments
            .partition_point(|held| distance(held.sequence) < key);
        if let Some(same) = self.segments.get(at)
            && same.sequence == segment.sequence
            && same.payload.len() >= segment.payload.len()
            && (same.fin || !segment.fin)
        {
            return;
        }
        self.bytes = self.bytes.saturating_add(segment.bytes());
        shared.hold(segment.bytes());
        self.segments.insert(at, segment);
    }

    pub(super) fn remove_first(&mut self, shared: &mut Shared) -> Option<Held> {
        let segment = self.segments.pop_front()?;
        self.bytes = self.bytes.saturating_sub(segment.bytes());
        shared.release(segment.bytes());
        Some(segment)
    }

    pub(super) fn clear(&mut self, shared: &mut Shared) {
        shared.release(self.bytes);
        self.bytes = 0;
        self.segments = VecDeque::new();
    }
}
