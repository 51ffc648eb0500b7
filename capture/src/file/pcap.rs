//! The classic pcap format.
//!
//! Source: draft-ietf-opsawg-pcap ("PCAP Capture File Format").

use kcorr_model::{Error, Position};

use super::{BAD_RECORD, LARGEST_RECORD, Packet, PacketSink, Parsed};
use crate::network::link_type;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// So many records must follow one another before a place is taken for a record's start.
const CHAIN: usize = 3;

/// Larger records are not looked for after damage, so that few bytes decide.
const LARGEST_SEARCHED: usize = 512 << 10;

/// Records that follow one another are looked for after damage within so many seconds of each other: a
/// day. Bytes of a packet that look like a header, and lead to a true one, name another time.
const LONGEST_PAUSE_SEARCHED: u32 = 86_400;

/// What a pcap file's header says.
#[derive(Debug)]
pub(super) struct Pcap {
    big_endian: bool,
    nanoseconds: bool,
    header: Option<Header>,
    /// Set after damage: records are searched for.
    lost: bool,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    link_type: u16,
    largest_capture: usize,
}

#[derive(Debug, Clone, Copy)]
struct RecordHeader {
    seconds: u32,
    fraction: u32,
    captured: usize,
    original: usize,
}

impl Pcap {
    /// The variant that a file's first bytes name.
    pub(super) fn magic(magic: [u8; 4]) -> Option<Self> {
        let (big_endian, nanoseconds) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
            _ => return None,
        };
        Some(Self {
            big_endian,
            nanoseconds,
            header: None,
            lost: false,
        })
    }

    pub(super) fn description(&self) -> Option<String> {
        let header = self.header?;
        let unit = if self.nanoseconds { "ns" } else { "µs" };
        Some(format!(
            "pcap ({unit}), {}",
            link_type::name(header.link_type)
        ))
    }

    #[inline]
    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let bytes = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk::<4>())
            .copied()
            .unwrap_or_default();
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }

    pub(super) fn parse(
        &mut self,
        bytes: &[u8],
        at: u64,
        last: bool,
        sink: &mut impl PacketSink,
    ) -> Result<Parsed, Error> {
        let mut used = 0;
        let header = match self.header {
            Some(header) => header,
            None => {
                if bytes.len() < FILE_HEADER {
                    return Ok(Parsed::More {
                        used: 0,
                        need: FILE_HEADER,
                    });
                }
                let snap = usize::try_from(self.u32(bytes, 16)).unwrap_or(usize::MAX);
                let link_type = u16::try_from(self.u32(bytes, 20) & 0xffff).unwrap_or_default();
                let header = Header {
                    link_type,
                    largest_capture: snap.clamp(256 << 10, LARGEST_RECORD),
                };
                self.header = Some(header);
                used = FILE_HEADER;
                header
            }
        };
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            if self.lost {
                match self.search(rest, &header, last) {
                    Found::At(skip) => {
                        used = used.saturating_add(skip);
                        self.lost = false;
                        continue;
                    }
                    Found::NotBefore { skip, need } => {
                        return Ok(Parsed::More {
                            used: used.saturating_add(skip),
                            need,
                        });
                    }
                }
            }
            let Some(record) = self.record_header(rest) else {
                return Ok(Parsed::More {
                    used,
                    need: RECORD_HEADER,
                });
            };
            let position = at.saturating_add(used as u64);
            if !self.is_possible(&record, &header) {
                self.damage(sink, position, &record);
                // The bytes of this header may be anything; the search begins right behind its
                // first byte.
                used = used.saturating_add(1);
                self.lost = true;
                continue;
            }
            let end = RECORD_HEADER.saturating_add(record.captured);
            let Some(data) = rest.get(RECORD_HEADER..end) else {
                // At the file's end this is the record that was cut off, unless records go on in
                // what its length covers.
                if last {
                    let search = rest.get(RECORD_HEADER..).unwrap_or_default();
                    if let Found::At(skip) = self.search(search, &header, last) {
                        self.damage(sink, position, &record);
                        used = used.saturating_add(RECORD_HEADER).saturating_add(skip);
                        continue;
                    }
                }
                return Ok(Parsed::More {
                    used,
                    need: end.saturating_add(RECORD_HEADER),
                });
            };
            match self.record_header(rest.get(end..).unwrap_or_default()) {
                // Some writers have 0 for the original length.
                Some(next)
                    if !self.is_possible(&next, &header)
                        || (record.original > 0 && record.captured > record.original) =>
                {
                    // Either this record's length is wrong, or the next header is. Where records
                    // go on tells which: inside this record, its length was wrong.
                    let search = rest.get(RECORD_HEADER..).unwrap_or_default();
                    match self.search(search, &header, last) {
                        Found::At(skip) if skip.saturating_add(RECORD_HEADER) < end => {
                            self.damage(sink, position, &record);
                            used = used.saturating_add(RECORD_HEADER).saturating_add(skip);
                            continue;
                        }
                        Found::NotBefore { skip, need }
                            if !last && skip.saturating_add(RECORD_HEADER) < end =>
                        {
                            // The search needs more bytes to decide about a place in this record.
                            return Ok(Parsed::More {
                                used,
                                need: need.saturating_add(skip).saturating_add(RECORD_HEADER),
                            });
                        }
                        _ => {}
                    }
                }
                None if !last => {
                    return Ok(Parsed::More {
                        used,
                        need: end.saturating_add(RECORD_HEADER),
                    });
                }
                _ => {}
            }
            sink.packet(Packet {
                time: self.time(&record),
                link_type: header.link_type,
                data,
                original_bytes: record.original.max(data.len()),
                position,
            })?;
            used = used.saturating_add(end);
        }
    }

    fn time(&self, record: &RecordHeader) -> i64 {
        let fraction = i64::from(record.fraction);
        let fraction = if self.nanoseconds {
            fraction
        } else {
            fraction.saturating_mul(1000)
        };
        i64::from(record.seconds)
            .saturating_mul(1_000_000_000)
            .saturating_add(fraction)
    }

    #[inline]
    fn record_header(&self, bytes: &[u8]) -> Option<RecordHeader> {
        let header: &[u8; RECORD_HEADER] = bytes.first_chunk()?;
        Some(RecordHeader {
            seconds: self.u32(header, 0),
            fraction: self.u32(header, 4),
            captured: usize::try_from(self.u32(header, 8)).unwrap_or(usize::MAX),
            original: usize::try_from(self.u32(header, 12)).unwrap_or(usize::MAX),
        })
    }

    #[inline]
    fn is_possible(&self, record: &RecordHeader, header: &Header) -> bool {
        let unit = if self.nanoseconds {
            1_000_000_000
        } else {
            1_000_000
        };
        // No check against the original length: some writers set it to 0.
        record.fraction < unit && (1..=header.largest_capture).contains(&record.captured)
    }

    fn damage(&self, sink: &mut impl PacketSink, position: u64, record: &RecordHeader) {
        sink.losses()
            .record(&BAD_RECORD, Position::Byte(position), || {
                format!(
                    "a record header with fraction {}, captured length {} and original length {} \
                     is followed by no other",
                    record.fraction, record.captured, record.original
                )
            });
    }

    /// Finds where records go on: [`CHAIN`] possible headers, one behind the other.
    fn search(&self, bytes: &[u8], header: &Header, last: bool) -> Found {
        let mut start = 0;
        while let Some(candidate) = bytes.get(start..) {
            match self.chain(candidate, header, last) {
                Chain::Yes => return Found::At(start),
                Chain::No => start = start.saturating_add(1),
                Chain::Need(need) => {
                    return Found::NotBefore { skip: start, need };
                }
            }
        }
        Found::NotBefore {
            skip: bytes.len(),
            need: RECORD_HEADER,
        }
    }

    fn chain(&self, bytes: &[u8], header: &Header, last: bool) -> Chain {
        let mut at = 0_usize;
        let mut before: Option<u32> = None;
        for link in 0..CHAIN {
            let Some(record) = self.record_header(bytes.get(at..).unwrap_or_default()) else {
                // The file's end ends a chain that has begun.
                return match last {
                    true if link > 0 && at == bytes.len() => Chain::Yes,
                    true => Chain::No,
                    false => Chain::Need(at.saturating_add(RECORD_HEADER)),
                };
            };
            let is_plausible = self.is_possible(&record, header)
                && record.seconds > 0
                && record.captured >= 14
                && record.captured <= record.original
                && record.captured <= LARGEST_SEARCHED
                && before.is_none_or(|seconds| {
                    seconds.abs_diff(record.seconds) <= LONGEST_PAUSE_SEARCHED
                });
            before = Some(record.seconds);
            if !is_plausible {
                return Chain::No;
            }
            at = at
                .saturating_add(RECORD_HEADER)
                .saturating_add(record.captured);
        }
        Chain::Yes
    }
}

enum Chain {
    Yes,
    No,
    Need(usize),
}

enum Found {
    At(usize),
    /// Nothing begins before `skip`; to tell about the bytes there, `need` of them are needed.
    NotBefore {
        skip: usize,
        need: usize,
    },
}
