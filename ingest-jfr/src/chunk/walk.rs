//! Finds the events of a chunk, around what is damaged.

use kcorr_model::{LossKind, LossLedger, Position, Severity};

use crate::format::extent::next_header;
use crate::format::framing::{CONSTANT_POOL, Frame, METADATA, Stop, frame, zeros};
use crate::format::header::{HEADER_LENGTH, Header, MAGIC};
use crate::names::pools;

/// Bytes between events that are no event.
pub(crate) const DAMAGED: LossKind = LossKind {
    name: "jfr_damaged_bytes",
    severity: Severity::Warning,
    doc: "Bytes between two readable events are no event, for they were overwritten or lost; the events that stood there are missing.",
};

/// How many events a damage may have cost.
pub(crate) const EVENTS_MISSING: LossKind = LossKind {
    name: "jfr_events_may_be_missing",
    severity: Severity::Warning,
    doc: "About so many events stood where a chunk is damaged: its bytes by the mean size of the chunk's events.",
};

/// Zeros between events.
pub(crate) const ZEROS: LossKind = LossKind {
    name: "jfr_zero_bytes",
    severity: Severity::Info,
    doc: "Zeros stand behind a chunk's last event; a recorder that was killed leaves them, no event is missing.",
};

/// The last event reaches past the end of the input.
pub(crate) const CUT_OFF: LossKind = LossKind {
    name: "jfr_cut_off",
    severity: Severity::Warning,
    doc: "The recording ends inside an event: it was cut, or copied while it was written.",
};

/// Searching for the next event behind a damage gives up after so many bytes.
const MAX_SEARCH: usize = 4 << 20;
/// So many events in a row must be possible for a search to believe that it found one.
const BELIEVABLE: usize = 4;

/// Runs of well-framed events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// Start and end offsets.
    pub(crate) runs: Vec<(usize, usize)>,
    /// Where the chunk ends: at the input's end, or where another chunk begins.
    pub(crate) end: usize,
    /// Bytes at the end that are no whole event.
    pub(crate) cut_bytes: u64,
}

/// Walks a chunk's events. `visit` sees each frame; `is_event` tells whether an event of that frame
/// is possible, to find the way back after a damage; it is none while the types are not known.
pub(crate) fn walk(
    bytes: &[u8],
    header: &Header,
    base: u64,
    losses: &mut LossLedger,
    visit: &mut impl FnMut(Frame),
    is_event: Option<&dyn Fn(Frame) -> bool>,
) -> Runs {
    let mut runs = Runs::default();
    let mut start = HEADER_LENGTH.min(bytes.len());
    let mut known: Option<Vec<usize>> = None;
    let (mut events, mut event_bytes) = (0u64, 0u64);
    loop {
        let mut visit = |frame: Frame| {
            events += 1;
            visit(frame);
        };
        let (end, stop) = run(bytes, start, header.compressed, &mut visit);
        event_bytes += end.saturating_sub(start) as u64;
        if end > start {
            runs.runs.push((start, end));
        }
        let at = match stop {
            Stop::End => {
                runs.end = bytes.len();
                return runs;
            }
            Stop::Broken(at) => at,
        };
        if begins_chunk(bytes, at) {
            runs.end = at;
            return runs;
        }
        let position = Position::Byte(base.saturating_add(at as u64));
        let zeros = zeros(bytes, at);
        let from = at + zeros;
        let known = known.get_or_insert_with(|| known_offsets(bytes, header));
        let next_known = known.iter().copied().find(|offset| *offset > at);
        let until = next_known.unwrap_or(bytes.len());
        let next = match is_event {
            // Without types nothing can be told from noise; zeros are passed over.
            None if zeros > 0 => Some(from),
            None => None,
            Some(is_event) => search(
                bytes,
                if zeros > 0 { from } else { at + 1 },
                until,
                header.compressed,
                is_event,
            ),
        };
        let next = next
            .or(next_known)
            .or_else(|| next_header(bytes, at, header));
        let left = bytes.len().saturating_sub(from);
        let told = header.chunk_length;
        // Where the header says that the chunk has ended, nothing is missing.
        let is_behind = told > 0 && told <= at as u64;
        let is_next_chunk = next.is_some_and(|next| begins_chunk(bytes, next));
        let is_padding = zeros > 0
            && match next {
                Some(next) => next == from && is_next_chunk,
                None => left == 0 && (is_behind || told != bytes.len() as u64),
            };
        if is_padding {
            losses.record_many(&ZEROS, zeros as u64, position, None, || {
                format!("{zeros} zero bytes behind the last event")
            });
        }
        match next {
            Some(next) => {
                let skipped = next.saturating_sub(at) as u64;
                if skipped > 0 && !is_padding {
                    // What two readable events are around, or the chunk's end.
                    let missing = match is_behind {
                        true => 0,
                        false => events_in(skipped, events, event_bytes),
                    };
                    losses.record_many(&DAMAGED, skipped, position, None, || {
                        let what = if zeros as u64 == skipped { "zero" } else { "damaged" };
                        format!(
                            "{skipped} {what} bytes are no event, where about {missing} may have stood; \
                             reading goes on behind them"
                        )
                    });
                    if missing > 0 {
                        losses.record_many(&EVENTS_MISSING, missing, position, None, || {
                            format!("about {missing} events in {skipped} bytes")
                        });
                    }
                }
                start = next;
            }
            None => {
                let is_cut = told > bytes.len() as u64 || told == 0 || header.generation != 0;
                if !is_padding {
                    // A chunk that its header tells to be longer is told to be cut, once.
                    let left = bytes.len().saturating_sub(at) as u64;
                    let kind = if is_behind || !is_cut {
                        &DAMAGED
                    } else {
                        &CUT_OFF
                    };
                    runs.cut_bytes = left;
                    if std::ptr::eq(kind, &DAMAGED) || told <= bytes.len() as u64 {
                        losses.record_many(kind, left, position, None, || {
                            format!("{left} bytes at the chunk's end are no whole event")
                        });
                    }
                }
                runs.end = bytes.len();
                return runs;
            }
        }
    }
}

/// About how many events some bytes are, by those that were met.
fn events_in(bytes: u64, events: u64, event_bytes: u64) -> u64 {
    // Before the first event: few are shorter than this.
    const SHORT: u64 = 16;
    let by_mean = bytes.saturating_mul(events).checked_div(event_bytes);
    by_mean.unwrap_or(bytes / SHORT).max(1)
}

/// Visits events from `start` on; answers where it stopped, and why.
#[inline]
fn run(
    bytes: &[u8],
    start: usize,
    compressed: bool,
    visit: &mut impl FnMut(Frame),
) -> (usize, Stop) {
    let mut at = start;
    loop {
        match frame(bytes, at, compressed) {
            // `F` would be a size of 70: another chunk may begin where this one was thought to go on.
            Ok(frame) if !begins_chunk(bytes, at) => {
                visit(frame);
                at = frame.end;
            }
            Ok(_) => return (at, Stop::Broken(at)),
            Err(stop) => return (at, stop),
        }
    }
}

#[inline]
fn begins_chunk(bytes: &[u8], at: usize) -> bool {
    // An array, because comparing a slice is a call, and this is asked for every event.
    let rest = bytes.get(at..).unwrap_or_default();
    rest.first_chunk::<4>() == Some(MAGIC) && Header::read(rest).is_some()
}

/// Offsets of events that the header and the chain of pool events tell, ascending.
fn known_offsets(bytes: &[u8], header: &Header) -> Vec<usize> {
    let mut offsets = Vec::new();
    let is = |at: usize, type_id| {
        frame(bytes, at, header.compressed)
            .ok()
            .filter(|f| f.type_id == type_id)
    };
    let metadata = usize::try_from(header.metadata_offset).unwrap_or(usize::MAX);
    if metadata >= HEADER_LENGTH && is(metadata, METADATA).is_some() {
        offsets.push(metadata);
    }
    let mut at = usize::try_from(header.pool_offset).unwrap_or(usize::MAX);
    while at >= HEADER_LENGTH {
        let Some(frame) = is(at, CONSTANT_POOL) else {
            break;
        };
        offsets.push(at);
        // The chain leads back; a step forward could go round in circles.
        let delta = pools::delta(bytes, frame, header.compressed).unwrap_or(0);
        let before = usize::try_from(delta.unsigned_abs())
            .ok()
            .filter(|_| delta < 0);
        let Some(before) = before.and_then(|back| at.checked_sub(back)) else {
            break;
        };
        at = before;
    }
    offsets.sort_unstable();
    offsets
}

/// Searches in `[from, until)` for a place from which several events follow each other.
fn search(
    bytes: &[u8],
    from: usize,
    until: usize,
    compressed: bool,
    is_event: &dyn Fn(Frame) -> bool,
) -> Option<usize> {
    let until = until.min(from.saturating_add(MAX_SEARCH));
    (from..until).find(|start| {
        let mut at = *start;
        for _ in 0..BELIEVABLE {
            match frame(bytes, at, compressed) {
                Ok(frame) if is_event(frame) => at = frame.end,
                Err(Stop::End) => return at > *start,
                _ => return begins_chunk(bytes, at) && at > *start,
            }
        }
        true
    })
}
