//! Capture files: from bytes to packets.
//!
//! A file is read record by record, zero-copy: packets borrow the pushed bytes, and only a record
//! that two pushes share is put together in a buffer. A damaged record is a loss, and reading goes
//! on at the next place where records follow one another.

mod file_times;
mod first_time;
mod merge;
mod pcap;
mod pcapng;

pub use file_times::FileTimes;
pub use first_time::first_time;
pub use merge::{HeldPacket, Merge};

use kcorr_model::{Error, LossKind, LossLedger, Position, Severity};

/// A file that ends inside a record.
pub(crate) static CUT_OFF: LossKind = LossKind {
    name: "pcap_cut_off",
    severity: Severity::Warning,
    doc: "A capture file ends inside a record (the disk was full or the writer was killed); \
          everything before is used.",
};

/// A record that is not one.
pub(crate) static BAD_RECORD: LossKind = LossKind {
    name: "pcap_bad_record",
    severity: Severity::Warning,
    doc: "A record of the capture file is damaged; it was skipped, and reading went on at the next \
          intact one.",
};

/// Packets that the capturing side says it dropped.
pub(crate) static PACKETS_DROPPED: LossKind = LossKind {
    name: "pcap_packets_dropped",
    severity: Severity::Warning,
    doc: "The capturing kernel or interface dropped packets, as the file's statistics tell; a \
          larger capture buffer (tcpdump -B) helps.",
};

/// The largest record that is read: well above any super-segment and any sane snap length.
const LARGEST_RECORD: usize = 16 << 20;

/// A captured packet.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// When it was captured, ns since 1970.
    pub time: i64,
    /// Its link-layer type, a LINKTYPE_ number.
    pub link_type: u16,
    /// The captured bytes.
    pub data: &'a [u8],
    /// Its size on the wire.
    pub original_bytes: usize,
    /// Where its record starts in the input.
    pub position: u64,
}

/// Takes packets in file order.
pub trait PacketSink {
    /// Takes one packet.
    ///
    /// # Errors
    /// Those of whoever takes it; reading ends with them.
    fn packet(&mut self, packet: Packet<'_>) -> Result<(), Error>;

    /// Takes a key log of TLS that stands in the file.
    fn tls_secrets(&mut self, _key_log: &[u8], _position: u64) {}

    /// Where damage is reported.
    fn losses(&mut self) -> &mut LossLedger;
}

/// What parsing a piece of a file came to.
enum Parsed {
    /// So many bytes were used; the rest must be seen again with at least `need` bytes.
    More { used: usize, need: usize },
}

#[derive(Debug)]
enum Format {
    Unknown,
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
}

/// Reads a capture that comes in pieces, and in several files one after another.
#[derive(Debug)]
pub struct CaptureReader {
    format: Format,
    /// Bytes of a record that is not complete yet, and how many make a step possible.
    carry: Vec<u8>,
    need: usize,
    /// Bytes consumed so far in this file (without `carry`), and in the files before.
    at: u64,
    description: Option<String>,
}

/// The name of the capture format that `head` begins with, if it is one.
pub fn recognise(head: &[u8]) -> Option<&'static str> {
    let magic: [u8; 4] = *head.first_chunk()?;
    if pcap::Pcap::magic(magic).is_some() {
        return Some("pcap capture");
    }
    let is_pcapng = magic == pcapng::SECTION_HEADER
        && head.get(8..12).is_none_or(|order| {
            order == [0x1a, 0x2b, 0x3c, 0x4d] || order == [0x4d, 0x3c, 0x2b, 0x1a]
        });
    is_pcapng.then_some("pcapng capture")
}

impl Default for CaptureReader {
    fn default() -> Self {
        Self::new()
    }
}

impl CaptureReader {
    /// A reader at the beginning of the first file.
    pub fn new() -> Self {
        Self {
            format: Format::Unknown,
            carry: Vec::new(),
            need: 4,
            at: 0,
            description: None,
        }
    }

    /// The format of the first file, in words.
    pub fn description(&self) -> String {
        self.description.clone().unwrap_or_else(|| "empty".into())
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// When they are of no capture, and what the sink returns.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl PacketSink) -> Result<(), Error> {
        // Complete the carried record first, with no more bytes than it needs. What it does not use
        // of these bytes is read from where it was pushed, not from the carry.
        let mut at = 0;
        while !self.carry.is_empty() {
            let missing = self.need.saturating_sub(self.carry.len());
            let rest = bytes.get(at..).unwrap_or_default();
            let taken = rest.get(..missing).unwrap_or(rest);
            self.carry.extend_from_slice(taken);
            at = at.saturating_add(taken.len());
            if self.carry.len() < self.need {
                return Ok(());
            }
            let carry = std::mem::take(&mut self.carry);
            let used = self.parse(&carry, false, sink)?;
            self.at = self.at.saturating_add(used as u64);
            let left = carry.get(used..).unwrap_or_default();
            if left.len() <= at {
                at = at.saturating_sub(left.len());
            } else {
                self.carry.extend_from_slice(left);
                self.need = self.need.max(left.len().saturating_add(1));
            }
        }
        let bytes = bytes.get(at..).unwrap_or_default();
        let used = self.parse(bytes, false, sink)?;
        self.at = self.at.saturating_add(used as u64);
        if let Some(rest) = bytes.get(used..) {
            self.carry.extend_from_slice(rest);
            self.need = self.need.max(rest.len().saturating_add(1));
        }
        Ok(())
    }

    /// Ends the file. The next bytes begin another.
    ///
    /// # Errors
    /// When it was none of a capture, and what the sink returns.
    pub fn end_file(&mut self, sink: &mut impl PacketSink) -> Result<(), Error> {
        let carry = std::mem::take(&mut self.carry);
        let mut rest: &[u8] = &carry;
        // The last records could not be checked against one that follows: now they are taken as
        // they are. Every turn uses bytes, so this ends.
        while !rest.is_empty() {
            let used = self.parse(rest, true, sink)?;
            self.at = self.at.saturating_add(used as u64);
            rest = rest.get(used..).unwrap_or_default();
            if used == 0 {
                break;
            }
        }
        if !rest.is_empty() {
            if matches!(self.format, Format::Unknown) && self.description.is_none() {
                return Err(unrecognised(rest));
            }
            let (at, left) = (self.at, rest.len());
            sink.losses().record(&CUT_OFF, Position::Byte(at), || {
                format!("the last record is cut after {left} bytes")
            });
            self.at = self.at.saturating_add(left as u64);
        }
        self.format = Format::Unknown;
        self.need = 4;
        Ok(())
    }

    fn parse(
        &mut self,
        bytes: &[u8],
        last: bool,
        sink: &mut impl PacketSink,
    ) -> Result<usize, Error> {
        if matches!(self.format, Format::Unknown) {
            let Some(magic) = bytes.first_chunk::<4>() else {
                self.need = 4;
                return Ok(0);
            };
            self.format = if let Some(pcap) = pcap::Pcap::magic(*magic) {
                Format::Pcap(pcap)
            } else if *magic == pcapng::SECTION_HEADER {
                Format::Pcapng(pcapng::Pcapng::default())
            } else {
                return Err(unrecognised(bytes));
            };
        }
        let Parsed::More { used, need } = match &mut self.format {
            Format::Unknown => return Ok(0),
            Format::Pcap(pcap) => pcap.parse(bytes, self.at, last, sink)?,
            Format::Pcapng(pcapng) => pcapng.parse(bytes, self.at, last, sink)?,
        };
        self.need = need;
        if self.description.is_none() {
            self.description = match &self.format {
                Format::Unknown => None,
                Format::Pcap(pcap) => pcap.description(),
                Format::Pcapng(pcapng) => pcapng.description(),
            };
        }
        Ok(used)
    }
}

fn unrecognised(bytes: &[u8]) -> Error {
    let found: Vec<String> = bytes
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Error::unrecognised(
        Position::Byte(0),
        format!(
            "expected a pcap or pcapng capture (magic a1b2c3d4, a1b23c4d or 0a0d0d0a), found {}",
            found.join(" ")
        ),
    )
}
