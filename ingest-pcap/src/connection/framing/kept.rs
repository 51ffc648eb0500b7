//! The last pieces of a direction, kept while it is not known where messages begin, to be read again.

use std::collections::VecDeque;

/// Bytes that are kept.
const MOST_BYTES: usize = 128 << 10;

/// Pieces that are kept.
const MOST_PIECES: usize = 512;

/// What was on the wire.
#[derive(Debug)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    /// So many bytes that are not there; whether the packet that had them was seen.
    Missing {
        bytes: u64,
        is_seen: bool,
    },
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Missing { bytes, .. } => *bytes,
        }
    }
}

/// A piece of the direction, kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) content: Content,
    pub(super) time: i64,
    pub(super) position: u64,
}

/// Pieces that follow each other without a gap. Places are in bytes since the search for a message began.
#[derive(Debug, Default)]
pub(super) struct KeptPieces {
    pieces: VecDeque<Kept>,
    /// Where the first begins.
    from: u64,
    /// Those that are there.
    bytes: usize,
    /// When what came before them was seen last.
    dropped_time: i64,
}

impl KeptPieces {
    pub(super) fn held_bytes(&self) -> usize {
        let places = self.pieces.len().saturating_mul(size_of::<Kept>());
        self.bytes.saturating_add(places)
    }

    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.bytes = 0;
    }

    /// When the byte at `place` came, if its piece is kept.
    pub(super) fn time_at(&self, place: u64) -> Option<i64> {
        let mut start = self.from;
        for kept in &self.pieces {
            let end = start.saturating_add(kept.content.size());
            if (start..end).contains(&place) {
                return Some(kept.time);
            }
            start = end;
        }
        None
    }

    /// Keeps the piece that ends at `end`, and none that end at `needed_from` or before it.
    pub(super) fn push(&mut self, piece: Kept, end: u64, needed_from: u64) {
        if needed_from >= end {
            self.clear();
            return;
        }
        if self.pieces.is_empty() {
            self.from = end.saturating_sub(piece.content.size());
        }
        if let Content::Bytes(bytes) = &piece.content {
            self.bytes = self.bytes.saturating_add(bytes.len());
        }
        self.pieces.push_back(piece);
        while let Some(oldest) = self.pieces.front() {
            let end = self.from.saturating_add(oldest.content.size());
            let is_needed = end > needed_from;
            let is_too_much = self.bytes > MOST_BYTES || self.pieces.len() > MOST_PIECES;
            if is_needed && !is_too_much {
                return;
            }
            self.dropped_time = self.dropped_time.max(oldest.time);
            if let Content::Bytes(bytes) = &oldest.content {
                self.bytes = self.bytes.saturating_sub(bytes.len());
            }
            self.from = end;
            self.pieces.pop_front();
        }
    }

    /// What is kept from `start` on. Where that was dropped, `head` stands for it, the bytes there that were
    /// kept apart, and the rest of what was dropped is missing.
    pub(super) fn read_from(self, start: u64, head: Kept) -> Vec<Kept> {
        let mut pieces = Vec::new();
        let mut at = start;
        if self.from > at {
            let position = head.position;
            at = at.saturating_add(head.content.size());
            pieces.push(head);
            if self.from > at {
                pieces.push(Kept {
                    content: Content::Missing {
                        bytes: self.from.saturating_sub(at),
                        is_seen: true,
                    },
                    time: self.dropped_time,
                    position,
                });
                at = self.from;
            }
        }
        let mut start = self.from;
        for mut kept in self.pieces {
            let size = kept.content.size();
            let end = start.saturating_add(size);
            // What begins before: only its end.
            let skip = at.saturating_sub(start).min(size);
            match &mut kept.content {
                Content::Bytes(bytes) => {
                    bytes.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len()));
                }
                Content::Missing { bytes, .. } => *bytes = bytes.saturating_sub(skip),
            }
            if end > at {
                pieces.push(kept);
            }
            start = end;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kept: &Kept) -> Option<&[u8]> {
        match &kept.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Missing { .. } => None,
        }
    }

    fn piece(bytes: &[u8], time: i64) -> Kept {
        Kept {
            content: Content::Bytes(bytes.to_vec()),
            time,
            position: 0,
        }
    }

    #[test]
    fn what_is_read_again_begins_in_the_middle_of_a_piece() {
        let mut kept = KeptPieces::default();
        kept.push(piece(b"abc", 1), 3, 0);
        kept.push(piece(b"def", 2), 6, 0);
        assert_eq!((kept.time_at(2), kept.time_at(3)), (Some(1), Some(2)));
        let again = kept.read_from(4, piece(b"head", 9));
        assert_eq!(
            again.iter().map(bytes).collect::<Vec<_>>(),
            [Some(b"ef".as_slice())]
        );
    }

    #[test]
    fn what_was_dropped_is_missing_behind_the_head_that_was_kept_apart() {
        let mut kept = KeptPieces::default();
        for at in 0..4_u64 {
            let large = vec![0; MOST_BYTES / 2];
            kept.push(piece(&large, 7), (at + 1) * large.len() as u64, 0);
        }
        assert_eq!(kept.held_bytes(), MOST_BYTES + 2 * size_of::<Kept>());
        let again = kept.read_from(10, piece(b"head", 5));
        let sizes: Vec<_> = again.iter().map(|kept| kept.content.size()).collect();
        let half = MOST_BYTES as u64 / 2;
        assert_eq!(sizes, [4, 2 * half - 14, half, half]);
        assert!(bytes(&again[1]).is_none());
    }
}
