//! Files of one capture that cover the same time, as those of the two directions of a link, or of two
//! interfaces: their packets are merged by time.
//!
//! Files come one after another, in the order in which they begin, and it is known beforehand when each does.
//! Packets of a file that are not older than the next file's first are held until that one has come so far.
//! What is held is bounded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kcorr_model::{LossKind, LossLedger, Position, Severity};

use super::Packet;

/// Files that cover the same time.
pub(crate) static FILES_OVERLAP: LossKind = LossKind {
    name: "pcap_files_overlap",
    severity: Severity::Info,
    doc: "Files of the capture cover the same time: their packets were merged by time. A packet that two \
          of them hold counts once.",
};

/// Files that cover the same time, and are too large to be merged.
pub(crate) static OVERLAP_TOO_LARGE: LossKind = LossKind {
    name: "pcap_overlap_too_large",
    severity: Severity::Warning,
    doc: "Files of the capture cover the same time with more packets than are held to merge them: requests \
          and responses in different files may not have been brought together; merge the files \
          with mergecap.",
};

/// A packet that waits for older ones.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldPacket {
    time: i64,
    /// In which order they came.
    number: u64,
    link_type: u16,
    original_bytes: usize,
    position: u64,
    data: Vec<u8>,
}

impl HeldPacket {
    /// The packet as it came.
    pub fn packet(&self) -> Packet<'_> {
        Packet {
            time: self.time,
            link_type: self.link_type,
            data: &self.data,
            original_bytes: self.original_bytes,
            position: self.position,
        }
    }

    fn bytes(&self) -> usize {
        self.data.len().saturating_add(size_of::<Self>())
    }
}

/// Packets on their way from several files.
#[derive(Debug)]
pub struct Merge {
    /// When the files begin, and how many have begun.
    starts: Vec<i64>,
    begun: usize,
    /// No file that is still to come has a packet before this.
    horizon: i64,
    held: BinaryHeap<Reverse<HeldPacket>>,
    held_bytes: usize,
    most_bytes: usize,
    number: u64,
}

impl Merge {
    /// For files that begin at these times, in this order; none when that is not known.
    pub fn new(starts: &[i64], most_bytes: usize) -> Self {
        let is_sorted = starts.is_sorted();
        let mut merge = Self {
            starts: if is_sorted {
                starts.to_vec()
            } else {
                Vec::new()
            },
            begun: 0,
            horizon: i64::MAX,
            held: BinaryHeap::new(),
            held_bytes: 0,
            most_bytes,
            number: 0,
        };
        merge.next_file();
        merge
    }

    /// Whether files are merged.
    pub fn is_merging(&self) -> bool {
        !self.starts.is_empty()
    }

    /// The packets that follow are of the next file.
    pub fn next_file(&mut self) {
        self.begun = self.begun.saturating_add(1);
        self.horizon = self.starts.get(self.begun).copied().unwrap_or(i64::MAX);
    }

    /// No file comes any more.
    pub fn end(&mut self) {
        self.starts.clear();
        self.most_bytes = 0;
    }

    /// Whether a packet can be read at once: nothing older is held, and nothing older comes.
    #[inline]
    pub fn is_next(&self, time: i64) -> bool {
        time < self.horizon && self.held.is_empty()
    }

    /// Keeps a packet.
    pub fn hold(&mut self, packet: &Packet<'_>, losses: &mut LossLedger) {
        self.number = self.number.saturating_add(1);
        let held = HeldPacket {
            time: packet.time,
            number: self.number,
            link_type: packet.link_type,
            original_bytes: packet.original_bytes,
            position: packet.position,
            data: packet.data.to_vec(),
        };
        self.held_bytes = self.held_bytes.saturating_add(held.bytes());
        self.held.push(Reverse(held));
        if self.held_bytes > self.most_bytes {
            let position = Position::Byte(packet.position);
            let times = Some((packet.time, packet.time));
            losses.record_many(&OVERLAP_TOO_LARGE, 1, position, times, || {
                "this packet did not fit".into()
            });
        }
    }

    /// The oldest packet that is held, if it is not younger than `time` and nothing older can come; or if too
    /// much is held.
    pub fn release(&mut self, time: i64) -> Option<HeldPacket> {
        let Reverse(oldest) = self.held.peek()?;
        let is_next = oldest.time <= time && oldest.time < self.horizon;
        if !is_next && self.held_bytes <= self.most_bytes {
            return None;
        }
        let Reverse(oldest) = self.held.pop()?;
        self.held_bytes = self.held_bytes.saturating_sub(oldest.bytes());
        Some(oldest)
    }
}
