//! Walks a chunk from event to event by their sizes.

use crate::format::cursor::Cursor;

/// Type id of the metadata event.
pub(crate) const METADATA: i64 = 0;
/// Type id of a constant-pool (checkpoint) event.
pub(crate) const CONSTANT_POOL: i64 = 1;

/// An event's place in its chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Offset of its size.
    pub(crate) start: usize,
    /// Offset behind the type id: where its fields start.
    pub(crate) body: usize,
    /// Offset behind its last byte.
    pub(crate) end: usize,
    pub(crate) type_id: i64,
}

/// Why there is no next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The chunk ends here.
    End,
    /// The event at this offset has no possible size.
    Broken(usize),
}

/// The frame of the event at `start`.
#[inline(always)]
pub(crate) fn frame(bytes: &[u8], start: usize, compressed: bool) -> Result<Frame, Stop> {
    let mut cursor = Cursor::new(bytes, start, compressed);
    let broken = |_| {
        if start >= bytes.len() {
            Stop::End
        } else {
            Stop::Broken(start)
        }
    };
    let size = cursor.count().map_err(broken)?;
    let type_id = cursor.long().map_err(broken)?;
    let body = cursor.position();
    match start.checked_add(size) {
        Some(end) if end >= body && end <= bytes.len() => Ok(Frame {
            start,
            body,
            end,
            type_id,
        }),
        _ => Err(Stop::Broken(start)),
    }
}

/// Bytes of a run of zeros at `start`: recorders pad with them.
pub(crate) fn zeros(bytes: &[u8], start: usize) -> usize {
    bytes
        .get(start..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| **byte == 0)
        .count()
}
