//! Whether one direction of a conversation sends Kafka requests.

use kcorr_capture::Segment;
use kcorr_kafka::Reader;

use super::framing::{Known, RequestSearch};
use super::piece::Piece;

/// Farther than this behind the expected byte everything begins anew.
const WINDOW: i32 = 1 << 20;

/// What one end says, looked at for requests.
#[derive(Debug, Default)]
pub(crate) struct RequestProbe {
    next: Option<u32>,
    search: Box<RequestSearch>,
    /// Bytes of the request that was found last that are still to come.
    skip: u64,
    last_id: Option<i32>,
}

impl RequestProbe {
    /// Takes what this end says; true when it has sent two requests in a row.
    pub(crate) fn says(&mut self, segment: &Segment<'_>, time: i64) -> bool {
        if !segment.has_bytes() {
            if segment.syn {
                *self = Self {
                    next: Some(segment.sequence.wrapping_add(1)),
                    ..Self::default()
                };
            }
            return false;
        }
        let mut payload = segment.payload;
        if !segment.is_message {
            let ahead = self
                .next
                .map_or(0, |next| segment.sequence.wrapping_sub(next).cast_signed());
            match ahead {
                0 => {}
                ..0 => {
                    let old = usize::try_from(ahead.unsigned_abs()).unwrap_or(usize::MAX);
                    match payload.get(old..) {
                        Some(new) if !new.is_empty() => payload = new,
                        _ => return false,
                    }
                }
                1..=WINDOW => self.miss(u64::from(ahead.unsigned_abs()), None),
                _ => *self = Self::default(),
            }
            self.next = Some(segment.sequence.wrapping_add(segment.bytes()));
        }
        let mut is_whole = payload.len() == segment.payload.len();
        // A request may be found, and another behind it.
        for _ in 0..8 {
            let skipped = usize::try_from(self.skip.min(payload.len() as u64)).unwrap_or(0);
            self.skip = self.skip.saturating_sub(skipped as u64);
            payload = payload.get(skipped..).unwrap_or_default();
            if payload.is_empty() {
                break;
            }
            let piece = Piece {
                bytes: payload,
                time,
                done: time,
                position: 0,
            };
            let before = self.search.at();
            let found = self
                .search
                .take(payload, is_whole && skipped == 0, piece, self.known());
            is_whole = false;
            let Some(found) = found else {
                payload = &[];
                break;
            };
            // In an earlier piece, then it was followed by another.
            if self.last_id.is_some() || found.is_followed() {
                return true;
            }
            self.last_id = Some(found.correlation_id());
            *self.search = Default::default();
            let start = usize::try_from(found.start.saturating_sub(before)).unwrap_or(usize::MAX);
            let gone = before.saturating_sub(found.start);
            payload = payload.get(start..).unwrap_or_default();
            self.skip = found.size.saturating_sub(gone);
        }
        let _ = payload;
        if segment.cut > 0 {
            self.miss(u64::from(segment.cut), Some(time));
        }
        false
    }

    fn known(&self) -> Known<'static> {
        Known {
            client_id: None,
            last_correlation: self.last_id,
        }
    }

    fn miss(&mut self, bytes: u64, seen: Option<i64>) {
        let skipped = self.skip.min(bytes);
        self.skip = self.skip.saturating_sub(skipped);
        let bytes = bytes.saturating_sub(skipped);
        if bytes > 0
            && let Some(found) = self.search.miss(bytes, seen, 0, self.known())
        {
            self.last_id = Some(found.correlation_id());
            *self.search = Default::default();
        }
    }

    /// Takes what the other end says; true when it answers a request.
    pub(crate) fn hears(&mut self, segment: &Segment<'_>, time: i64) -> bool {
        let mut reader = Reader::new(segment.payload);
        let (Ok(length), Ok(id)) = (reader.u32(), reader.i32()) else {
            return false;
        };
        let size = u64::from(segment.bytes());
        let is_exact = u64::from(length) + 4 == size;
        let is_possible = is_exact || (4..=512 << 20).contains(&length);
        is_possible
            && (self.last_id == Some(id) || self.search.answered(id, is_exact, time).is_some())
    }
}
