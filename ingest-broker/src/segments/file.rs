//! The bytes of one segment file, cut into batches.
//!
//! Batches follow one another without a gap. Where the next one should be and is not, the reader
//! goes on byte by byte until a batch whose checksum is right; what it passed is one loss.

use kcorr_kafka::{EntryHeader, Stop};
use kcorr_model::{Error, LossLedger, Output, Position};

use super::candidate::{Candidate, Checksum, MAGIC_END};
use super::losses::{
    SEGMENT_BAD_CRC, SEGMENT_DAMAGED, SEGMENT_OFFSET_ORDER, SEGMENT_TORN_TAIL, SEGMENT_ZERO_PADDING,
};
use super::rows::{LogBatchRows, last_offset};
use super::segment::Segment;

/// A batch up to this size is held until all of it is there. Brokers take 1 MiB unless told
/// otherwise (`message.max.bytes`).
pub(crate) const MOST_HELD: usize = 16 << 20;

/// Zeros that a batch can begin with: a base offset of 0 and the upper bytes of its length.
const MOST_LEADING_ZEROS: usize = 11;

/// Bytes of wrong checksums that are computed for nothing, beyond eight for each byte of the file:
/// headers made to look right must not cost time without bound.
const FREE_WASTE: u64 = 64 << 20;

/// Where rows and losses go.
pub(crate) struct Sink<'a> {
    pub(crate) rows: &'a mut LogBatchRows,
    pub(crate) ledger: &'a mut LossLedger,
    pub(crate) output: &'a mut dyn Output,
}

/// What to do with the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// So many bytes, at least one, are done with.
    Take(usize),
    /// So many bytes are needed at least, counted from the first that is not done with.
    Need(usize),
}

/// Bytes that are no batch.
#[derive(Debug)]
struct Region {
    start: u64,
    is_zero: bool,
    /// Whether it began with a batch that the file's end cuts.
    is_torn: bool,
    found: &'static str,
}

/// A batch too large to be held.
#[derive(Debug)]
struct Large {
    start: u64,
    left: u64,
    header: EntryHeader,
    checksum: Checksum,
}

/// Reads one segment file.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    segment: Segment,
    /// Where in the file the bytes begin that are read.
    start: u64,
    /// Where in the file the next byte to be done with lies.
    position: u64,
    /// Bytes that came before and are not done with.
    held: Vec<u8>,
    /// Bytes that must be held before anything more can be done.
    need: usize,
    region: Option<Region>,
    large: Option<Large>,
    last_offset: Option<i64>,
    wasted: u64,
}

impl SegmentFile {
    /// A reader of the part of a file that begins at `position`.
    pub(crate) fn new(segment: Segment, position: u64) -> Self {
        Self {
            segment,
            start: position,
            position,
            held: Vec::new(),
            need: 1,
            region: None,
            large: None,
            last_offset: None,
            wasted: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub(crate) fn push(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) -> Result<(), Error> {
        while !bytes.is_empty() {
            if self.held.is_empty() {
                let done = self.run(bytes, false, sink)?;
                self.held
                    .extend_from_slice(bytes.get(done..).unwrap_or_default());
                return Ok(());
            }
            let missing = self.need.saturating_sub(self.held.len()).max(1);
            let (now, later) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            self.held.extend_from_slice(now);
            bytes = later;
            if self.held.len() >= self.need {
                let mut held = std::mem::take(&mut self.held);
                let done = self.run(&held, false, sink)?;
                held.drain(..done.min(held.len()));
                self.held = held;
            }
        }
        Ok(())
    }

    /// Ends the file.
    pub(crate) fn finish(mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        let held = std::mem::take(&mut self.held);
        self.run(&held, true, sink)?;
        if let Some(large) = self.large.take() {
            sink.ledger
                .record(&SEGMENT_TORN_TAIL, Position::Byte(large.start), || {
                    self.segment
                        .tell(format_args!("{} bytes of a batch are missing", large.left))
                });
        }
        self.close_region(sink.ledger);
        Ok(())
    }

    /// Does what can be done with `bytes`; returns how many are done with. At the end, all are.
    fn run(&mut self, bytes: &[u8], at_end: bool, sink: &mut Sink<'_>) -> Result<usize, Error> {
        let mut done = 0_usize;
        loop {
            let rest = bytes.get(done..).unwrap_or_default();
            if rest.is_empty() {
                self.need = 1;
                return Ok(done);
            }
            match self.step(rest, at_end, sink)? {
                Step::Take(count) => {
                    let count = count.clamp(1, rest.len());
                    if let Some(region) = &mut self.region {
                        let passed = rest.get(..count).unwrap_or_default();
                        region.is_zero = region.is_zero && passed.iter().all(|&byte| byte == 0);
                    }
                    done = done.saturating_add(count);
                    self.position = self.position.saturating_add(count as u64);
                }
                Step::Need(count) => {
                    self.need = count.max(rest.len().saturating_add(1));
                    return Ok(done);
                }
            }
        }
    }

    fn step(&mut self, bytes: &[u8], at_end: bool, sink: &mut Sink<'_>) -> Result<Step, Error> {
        if let Some(large) = &mut self.large {
            let count = usize::try_from(large.left)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            large.checksum.add(bytes.get(..count).unwrap_or_default());
            large.left = large.left.saturating_sub(count as u64);
            if large.left == 0
                && let Some(large) = self.large.take()
            {
                self.end_large(large, sink)?;
            }
            return Ok(Step::Take(count));
        }
        if self.region.is_some() {
            match self.search(bytes, at_end) {
                // A batch begins at the first byte.
                None => self.close_region(sink.ledger),
                Some(step) => return Ok(step),
            }
        }
        self.next_batch(bytes, at_end, sink)
    }

    /// Reads the batch that should begin here.
    fn next_batch(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        sink: &mut Sink<'_>,
    ) -> Result<Step, Error> {
        let candidate = match Candidate::read(bytes, self.segment.base_offset) {
            Ok(candidate) => candidate,
            Err(Stop::Need(count)) if !at_end => return Ok(Step::Need(count)),
            Err(Stop::Need(_)) => return Ok(self.open_region(true, "the start of a batch")),
            Err(Stop::Malformed(found)) => return Ok(self.open_region(false, found)),
        };
        let Some(total) = usize::try_from(candidate.total)
            .ok()
            .filter(|&total| total <= MOST_HELD)
        else {
            return self.large_batch(&candidate, bytes, at_end);
        };
        let Some(batch) = bytes.get(..total) else {
            if at_end {
                return Ok(self.open_region(true, "a batch that the end of the file cuts"));
            }
            return Ok(Step::Need(total));
        };
        if candidate.is_intact(batch) {
            self.row(&candidate.header, self.position, batch, sink)?;
            return Ok(Step::Take(total));
        }
        // The length may be what is wrong; it is not when a batch or the end follows, and no whole
        // batch lies inside.
        let behind = bytes.get(total..).unwrap_or_default();
        let follows = match Candidate::read(behind, self.segment.base_offset) {
            Ok(_) => true,
            Err(Stop::Need(count)) if !at_end => {
                return Ok(Step::Need(total.saturating_add(count)));
            }
            Err(Stop::Need(_)) => behind.is_empty(),
            Err(Stop::Malformed(_)) => false,
        };
        let inside = batch.get(1..).unwrap_or_default();
        let is_whole = follows && self.find(inside, true).is_none();
        if is_whole || !self.may_waste(candidate.total) {
            sink.ledger
                .record(&SEGMENT_BAD_CRC, Position::Byte(self.position), || {
                    self.segment
                        .tell(format_args!("the batch of {total} bytes has no row"))
                });
            return Ok(Step::Take(total));
        }
        self.wasted = self.wasted.saturating_add(candidate.total);
        Ok(self.open_region(false, "a batch with a wrong checksum and nothing behind it"))
    }

    /// Decides whether a batch that cannot be held is one, and begins it.
    fn large_batch(
        &mut self,
        candidate: &Candidate,
        bytes: &[u8],
        at_end: bool,
    ) -> Result<Step, Error> {
        if bytes.len() < MOST_HELD && !at_end {
            return Ok(Step::Need(MOST_HELD));
        }
        let held = bytes.get(..MOST_HELD).unwrap_or(bytes);
        let is_cut = at_end && (bytes.len() as u64) < candidate.total;
        let inside = held.get(1..).unwrap_or_default();
        // A whole batch inside of it: its length is wrong.
        if is_cut || self.find(inside, true).is_some() {
            return Ok(self.open_region(is_cut, "a batch longer than what follows"));
        }
        let Some(checksum) = candidate.checksum(bytes) else {
            return Ok(self.open_region(false, "a batch without a checksum"));
        };
        self.large = Some(Large {
            start: self.position,
            left: candidate.total,
            header: candidate.header,
            checksum,
        });
        // At least the header is there; it is part of the batch's bytes.
        let large = self.large.as_mut();
        let count = candidate.header_bytes().min(bytes.len());
        if let Some(large) = large {
            large.checksum.add(bytes.get(..count).unwrap_or_default());
            large.left = large.left.saturating_sub(count as u64);
        }
        Ok(Step::Take(count))
    }

    fn end_large(&mut self, large: Large, sink: &mut Sink<'_>) -> Result<(), Error> {
        if large.checksum.is_right() {
            return self.row(&large.header, large.start, &[], sink);
        }
        sink.ledger
            .record(&SEGMENT_BAD_CRC, Position::Byte(large.start), || {
                self.segment.tell(format_args!("a large batch has no row"))
            });
        Ok(())
    }

    fn row(
        &mut self,
        header: &EntryHeader,
        position: u64,
        batch: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let first = match header {
            EntryHeader::Batch(header) => header.base_offset,
            EntryHeader::Message(header) => header.offset,
        };
        if let Some(before) = self.last_offset
            && first <= before
        {
            sink.ledger
                .record(&SEGMENT_OFFSET_ORDER, Position::Byte(position), || {
                    self.segment
                        .tell(format_args!("offset {first} follows offset {before}"))
                });
        }
        self.last_offset = Some(last_offset(header));
        sink.rows.push(
            &self.segment,
            position,
            header,
            batch,
            sink.ledger,
            sink.output,
        )
    }

    fn open_region(&mut self, is_torn: bool, found: &'static str) -> Step {
        self.region = Some(Region {
            start: self.position,
            is_zero: true,
            is_torn,
            found,
        });
        Step::Take(1)
    }

    fn close_region(&mut self, ledger: &mut LossLedger) {
        let Some(region) = self.region.take() else {
            return;
        };
        let length = self.position.saturating_sub(region.start);
        let kind = match region {
            Region { is_zero: true, .. } => &SEGMENT_ZERO_PADDING,
            Region { is_torn: true, .. } => &SEGMENT_TORN_TAIL,
            _ => &SEGMENT_DAMAGED,
        };
        ledger.record(kind, Position::Byte(region.start), || {
            let found = if region.is_zero {
                "zeros"
            } else {
                region.found
            };
            self.segment
                .tell(format_args!("{length} bytes passed over; found {found}"))
        });
    }

    /// Looks for a whole batch. `None` when one begins at the first byte.
    fn search(&mut self, bytes: &[u8], at_end: bool) -> Option<Step> {
        let is_zero = self.region.as_ref().is_some_and(|region| region.is_zero);
        // Long runs of zeros hold no batch.
        let skipped = if is_zero {
            let zeros = bytes.iter().position(|&byte| byte != 0);
            zeros
                .unwrap_or(bytes.len())
                .saturating_sub(MOST_LEADING_ZEROS)
        } else {
            0
        };
        if skipped > 0 {
            return Some(Step::Take(skipped));
        }
        match self.find(bytes, at_end) {
            Some(Found::Batch(0)) => None,
            Some(Found::Batch(at) | Found::Maybe(at @ 1.., _)) => Some(Step::Take(at)),
            Some(Found::Maybe(_, need)) => Some(Step::Need(need)),
            None => Some(Step::Take(bytes.len())),
        }
    }

    /// The first place where a batch with a right checksum begins, or may begin when more bytes are
    /// there.
    fn find(&mut self, bytes: &[u8], at_end: bool) -> Option<Found> {
        for at in 0..bytes.len() {
            let here = bytes.get(at..).unwrap_or_default();
            let candidate = match Candidate::read(here, self.segment.base_offset) {
                Ok(candidate) => candidate,
                Err(Stop::Need(_)) if at_end => continue,
                Err(Stop::Need(count)) => return Some(Found::Maybe(at, count.max(MAGIC_END))),
                Err(Stop::Malformed(_)) => continue,
            };
            let Some(total) = usize::try_from(candidate.total)
                .ok()
                .filter(|&total| total <= MOST_HELD)
            else {
                continue;
            };
            let Some(batch) = here.get(..total) else {
                if at_end {
                    continue;
                }
                return Some(Found::Maybe(at, total));
            };
            if !self.may_waste(candidate.total) {
                continue;
            }
            if candidate.is_intact(batch) {
                return Some(Found::Batch(at));
            }
            self.wasted = self.wasted.saturating_add(candidate.total);
        }
        None
    }

    /// Whether a checksum over so many bytes may be computed for nothing.
    fn may_waste(&self, bytes: u64) -> bool {
        let read = self.position.saturating_sub(self.start);
        let allowed = read.saturating_mul(8).saturating_add(FREE_WASTE);
        self.wasted.saturating_add(bytes) <= allowed
    }
}

/// What a search for a batch came to.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// A batch begins here.
    Batch(usize),
    /// A batch may begin here: so many bytes from here on tell.
    Maybe(usize, usize),
}
