//! The pcapng format.
//!
//! Source: draft-ietf-opsawg-pcapng ("PCAP Now Generic (pcapng) Capture File Format"). Sections of
//! either byte order, interfaces with their own resolutions and offsets, enhanced, simple and
//! obsolete packet blocks, interface statistics and secrets of TLS are read; names and custom blocks are
//! skipped.

mod byte_order;
mod interface;

use byte_order::ByteOrder;
use interface::Interface;
use kcorr_model::{Error, LossKind, Position, Severity};

use super::{BAD_RECORD, LARGEST_RECORD, PACKETS_DROPPED, Packet, PacketSink, Parsed};
use crate::network::link_type;

pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// Secrets that are a key log of TLS.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// A packet of an interface that the file does not describe.
pub(crate) static UNKNOWN_INTERFACE: LossKind = LossKind {
    name: "pcap_unknown_interface",
    severity: Severity::Warning,
    doc: "A packet names an interface that its pcapng section does not describe, or whose description is \
          damaged, so its link type and clock are unknown; it was skipped.",
};

/// More interfaces than this in a section are not kept.
const MOST_INTERFACES: usize = 4096;

/// Whether a block of a type is something, if nothing that is read here: names, secrets, journals, custom
/// blocks, those of Sysdig, and those for local use (counted up from 0x80000000).
fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        SECTION | 1..=11 | 0x0bad | 0x4000_0bad | 0x201..=0x22f | 0x8000_0000..=0x80ff_ffff
    )
}

/// Larger blocks are not looked for after damage, so that few bytes decide.
const LARGEST_SEARCHED: usize = 512 << 10;

/// What the current section says.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    order: ByteOrder,
    version: Option<(u16, u16)>,
    /// By number; `None` for one whose description is damaged. It keeps its number, for packets name
    /// interfaces by their place among all.
    interfaces: Vec<Option<Interface>>,
    first_link_type: Option<u16>,
    lost: bool,
}

/// The body of one block with its type.
struct Block<'a> {
    kind: u32,
    body: &'a [u8],
    bytes: usize,
}

enum Framed<'a> {
    Block(Block<'a>),
    Need(usize),
    Bad,
}

impl Pcapng {
    pub(super) fn description(&self) -> Option<String> {
        let (major, minor) = self.version?;
        let link = self.first_link_type?;
        Some(format!("pcapng {major}.{minor}, {}", link_type::name(link)))
    }

    pub(super) fn parse(
        &mut self,
        bytes: &[u8],
        at: u64,
        last: bool,
        sink: &mut impl PacketSink,
    ) -> Result<Parsed, Error> {
        let mut used = 0_usize;
        // Where damage begins, while what it is has not been told.
        let mut damage = None;
        loop {
            let rest = bytes.get(used..).unwrap_or_default();
            let position = at.saturating_add(used as u64);
            match self.frame(rest) {
                Framed::Need(_) if self.lost && last && !rest.is_empty() => {
                    used = used.saturating_add(1);
                }
                Framed::Need(_) if last && self.is_damage(rest) => {
                    damage = self.damaged(rest, used);
                    sink.losses()
                        .record(&BAD_RECORD, Position::Byte(position), || {
                            "a block whose length reaches beyond the file's end".into()
                        });
                    self.lost = true;
                    used = used.saturating_add(1);
                }
                Framed::Need(need) => return Ok(Parsed::More { used, need }),
                Framed::Block(block) => {
                    self.lost = false;
                    if let Some(start) = damage.take()
                        && self.is_damaged_interface(bytes.get(start..used).unwrap_or_default())
                    {
                        self.add_interface(None);
                    }
                    self.block(&block, position, sink)?;
                    used = used.saturating_add(block.bytes);
                }
                Framed::Bad => {
                    if !self.lost {
                        damage = self.damaged(rest, used);
                        sink.losses()
                            .record(&BAD_RECORD, Position::Byte(position), || {
                                "a block whose two lengths do not agree".into()
                            });
                        self.lost = true;
                    }
                    used = used.saturating_add(1);
                }
            }
        }
    }

    /// The block at the start of `bytes`: its length must stand at its end again.
    #[inline]
    fn frame<'a>(&mut self, bytes: &'a [u8]) -> Framed<'a> {
        if bytes.len() < 12 {
            return Framed::Need(12);
        }
        let before = self.order;
        if bytes.starts_with(&SECTION_HEADER) {
            match bytes.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => self.order.is_big_endian = true,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => self.order.is_big_endian = false,
                _ => return Framed::Bad,
            }
        }
        let framed = self.frame_in_order(bytes);
        if !matches!(framed, Framed::Block(_)) {
            self.order = before;
        }
        framed
    }

    /// The block at the start of `bytes`, in the byte order of its section.
    #[inline]
    fn frame_in_order<'a>(&self, bytes: &'a [u8]) -> Framed<'a> {
        let (Some(kind), Some(length)) = (self.order.u32(bytes, 0), self.order.u32(bytes, 4))
        else {
            return Framed::Need(12);
        };
        // While searching, only blocks that hold something are looked for.
        if self.lost && !matches!(kind, SECTION | 1..=6) {
            return Framed::Bad;
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let largest = if self.lost {
            LARGEST_SEARCHED
        } else {
            LARGEST_RECORD
        };
        if !(12..=largest).contains(&length) {
            return Framed::Bad;
        }
        let padded = length.next_multiple_of(4);
        if bytes.len() < padded {
            return Framed::Need(padded);
        }
        let trailer = padded.saturating_sub(4);
        let again = self.order.u32(bytes, trailer).map(usize::try_from);
        if again != Some(Ok(length)) {
            return Framed::Bad;
        }
        Framed::Block(Block {
            kind,
            body: bytes.get(8..trailer).unwrap_or_default(),
            bytes: padded,
        })
    }

    /// Takes note of damage at a place of the input: the type of its block, or else the place, says whether
    /// it was the description of an interface, whose number the next one must not get.
    fn damaged(&mut self, bytes: &[u8], place: usize) -> Option<usize> {
        if self.order.u32(bytes, 0) != Some(INTERFACE) {
            return Some(place);
        }
        self.add_interface(None);
        None
    }

    /// Whether damaged bytes up to the next block are one block that describes an interface: one of its
    /// lengths is right.
    fn is_damaged_interface(&self, bytes: &[u8]) -> bool {
        let trailer = bytes.len().saturating_sub(4);
        let mut lengths = [4, trailer].into_iter().map(|at| self.order.u32(bytes, at));
        let is_length = |length: Option<u32>| length.map(usize::try_from) == Some(Ok(bytes.len()));
        lengths.any(is_length)
            && Interface::is_one(bytes.get(8..trailer).unwrap_or_default(), self.order)
    }

    /// Gives an interface the next number.
    fn add_interface(&mut self, interface: Option<Interface>) {
        if self.interfaces.len() < MOST_INTERFACES {
            self.interfaces.push(interface);
        }
    }

    /// Whether a block that ends behind the file's end is damaged, not cut: blocks go on inside.
    fn is_damage(&mut self, bytes: &[u8]) -> bool {
        let (order, lost) = (self.order, self.lost);
        self.lost = true;
        let found = (1..bytes.len()).any(|start| {
            matches!(
                self.frame(bytes.get(start..).unwrap_or_default()),
                Framed::Block(_)
            )
        });
        (self.order, self.lost) = (order, lost);
        found
    }

    #[inline]
    fn block(
        &mut self,
        block: &Block<'_>,
        position: u64,
        sink: &mut impl PacketSink,
    ) -> Result<(), Error> {
        let body = block.body;
        match block.kind {
            ENHANCED_PACKET => {
                let interface = self.order.u32(body, 0).unwrap_or(u32::MAX);
                self.packet(body, interface, position, sink)
            }
            OBSOLETE_PACKET => {
                let interface = self.order.u16(body, 0).map_or(u32::MAX, u32::from);
                self.packet(body, interface, position, sink)
            }
            SIMPLE_PACKET => self.simple_packet(body, position, sink),
            SECTION => {
                self.interfaces.clear();
                let version = self.order.u16(body, 4).zip(self.order.u16(body, 6));
                self.version = self.version.or(version);
                Ok(())
            }
            INTERFACE => {
                let interface = Interface::read(body, self.order);
                if interface.is_none() {
                    sink.losses()
                        .record(&BAD_RECORD, Position::Byte(position), || {
                            "a description of an interface that is shorter than its fields".into()
                        });
                }
                self.add_interface(interface);
                Ok(())
            }
            STATISTICS => {
                self.statistics(body, position, sink);
                Ok(())
            }
            SECRETS => {
                self.secrets(body, position, sink);
                Ok(())
            }
            // A description whose type is damaged: what else has an unknown type is for others to read.
            kind if !is_known(kind) && Interface::is_one(body, self.order) => {
                sink.losses()
                    .record(&BAD_RECORD, Position::Byte(position), || {
                        format!("a description of an interface in a block of type {kind:#x}")
                    });
                self.add_interface(None);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn packet(
        &mut self,
        body: &[u8],
        interface: u32,
        position: u64,
        sink: &mut impl PacketSink,
    ) -> Result<(), Error> {
        let fields = self
            .order
            .u32(body, 4)
            .zip(self.order.u32(body, 8))
            .zip(self.order.u32(body, 12).zip(self.order.u32(body, 16)));
        let Some(((high, low), (captured, original))) = fields else {
            sink.losses()
                .record(&BAD_RECORD, Position::Byte(position), || {
                    "a packet block is shorter than its header".into()
                });
            return Ok(());
        };
        let found = usize::try_from(interface)
            .ok()
            .and_then(|index| self.interfaces.get(index).copied())
            .flatten();
        let Some(interface) = found else {
            sink.losses()
                .record(&UNKNOWN_INTERFACE, Position::Byte(position), || {
                    let damaged = self.interfaces.iter().filter(|i| i.is_none()).count();
                    format!(
                        "interface {interface} of a section with {}, of which {damaged} cannot be read",
                        self.interfaces.len()
                    )
                });
            return Ok(());
        };
        let available = body.get(20..).unwrap_or_default();
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let Some(data) = available.get(..captured) else {
            sink.losses()
                .record(&BAD_RECORD, Position::Byte(position), || {
                    format!(
                        "a packet of {captured} captured bytes in a block with {}",
                        available.len()
                    )
                });
            return Ok(());
        };
        self.first_link_type = self.first_link_type.or(Some(interface.link_type));
        sink.packet(Packet {
            time: interface.time(u64::from(high) << 32 | u64::from(low)),
            link_type: interface.link_type,
            data,
            original_bytes: usize::try_from(original)
                .unwrap_or(usize::MAX)
                .max(data.len()),
            position,
        })
    }

    /// A simple packet block has no time: it cannot be placed, and is reported.
    fn simple_packet(
        &self,
        body: &[u8],
        position: u64,
        sink: &mut impl PacketSink,
    ) -> Result<(), Error> {
        let original = self
            .order
            .u32(body, 0)
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or_default();
        let snap = self
            .interfaces
            .first()
            .copied()
            .flatten()
            .map_or(0, |interface| interface.snap_length);
        sink.losses()
            .record(&BAD_RECORD, Position::Byte(position), || {
                format!(
                    "a simple packet block ({original} bytes, snap length {snap}) has no time, so \
                     it shows no latency"
                )
            });
        Ok(())
    }

    fn secrets(&self, body: &[u8], position: u64, sink: &mut impl PacketSink) {
        let (kind, length) = (self.order.u32(body, 0), self.order.u32(body, 4));
        let Some(length) = length.filter(|_| kind == Some(TLS_KEY_LOG)) else {
            return;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match body.get(8..).and_then(|secrets| secrets.get(..length)) {
            Some(secrets) => sink.tls_secrets(secrets, position),
            None => sink
                .losses()
                .record(&BAD_RECORD, Position::Byte(position), || {
                    "secrets that are longer than their block".into()
                }),
        }
    }

    fn statistics(&mut self, body: &[u8], position: u64, sink: &mut impl PacketSink) {
        let (Some(index), Some(high), Some(low)) = (
            self.order.u32(body, 0),
            self.order.u32(body, 4),
            self.order.u32(body, 8),
        ) else {
            return;
        };
        let mut dropped = 0_u64;
        self.order
            .options(body.get(12..).unwrap_or_default(), |code, value| {
                // isb_ifdrop and isb_osdrop
                if matches!(code, 5 | 7) {
                    dropped = dropped.saturating_add(self.order.u64(value, 0).unwrap_or_default());
                }
            });
        let interface = usize::try_from(index)
            .ok()
            .and_then(|i| self.interfaces.get_mut(i));
        let Some(Some(interface)) = interface else {
            return;
        };
        let new = dropped.saturating_sub(interface.dropped);
        if new > 0 {
            interface.dropped = dropped;
            let time = interface.time(u64::from(high) << 32 | u64::from(low));
            sink.losses().record_many(
                &PACKETS_DROPPED,
                new,
                Position::Byte(position),
                Some((time, time)),
                || format!("interface {index} had dropped {dropped} packets"),
            );
        }
    }
}
