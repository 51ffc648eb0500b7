//! GRE, and what mirrors and tunnels put behind it.
//!
//! Source: RFC 2784 and RFC 2890 (GRE), RFC 1701 (routing), RFC 2637 (version 1, of PPTP), RFC 7637
//! (NVGRE); draft-foschiano-erspan (ERSPAN I, II and III).

use super::bytes::Bytes;
use super::ethertype;
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

const ERSPAN: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;

/// What is behind a GRE header.
pub(super) fn inside(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let [f0, f1, k0, k1] = *bytes.head::<4>()?;
    let (flags, kind) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([k0, k1]));
    let has = |flag: u16| usize::from(flags & flag != 0);
    let mut at = 4 + 4 * (has(KEY) + has(SEQUENCE));
    match flags & VERSION {
        0 => {
            at += 4 * usize::from(flags & (CHECKSUM | ROUTING) != 0);
            if flags & ROUTING != 0 {
                at = behind_routes(bytes, at)?;
            }
        }
        1 => at += 4 * has(ACKNOWLEDGMENT),
        _ => return Err(NoSegment::NotRead(NotRead::Gre(kind))),
    }
    let inner = bytes.behind(at)?;
    let layer = |layer, at| Ok(Inside::Layer(layer, inner.behind(at)?));
    match kind {
        // Type I has no header of its own, and GRE no sequence number then.
        ERSPAN if flags & SEQUENCE == 0 => layer(Layer::Ethernet, 0),
        ERSPAN => match inner.head::<1>()? {
            [0x20..=0x2f] => erspan_3(inner),
            _ => layer(Layer::Ethernet, 8),
        },
        ERSPAN_3 => erspan_3(inner),
        // Keepalives, and redirected web caches' own header.
        0 => Err(NoSegment::NotTcp),
        0x883e => match inner.head::<1>()? {
            [0x40..=0x4f] => layer(Layer::Ip, 0),
            _ => layer(Layer::Ip, 4),
        },
        _ => match ethertype::inside(kind, inner) {
            Err(NoSegment::NotRead(NotRead::Ethertype(kind))) => {
                Err(NoSegment::NotRead(NotRead::Gre(kind)))
            }
            inside => inside,
        },
    }
}

/// Behind the source routes of RFC 1701, which end with an empty one.
fn behind_routes(bytes: Bytes<'_>, mut at: usize) -> Result<usize, NoSegment> {
    for _ in 0..16 {
        let [family0, family1, _, length] = *bytes.behind(at)?.head::<4>()?;
        at += 4 + usize::from(length);
        if [family0, family1, length] == [0, 0, 0] {
            return Ok(at);
        }
    }
    Err(NoSegment::NotRead(NotRead::TooDeep))
}

/// Twelve bytes, of which the last two tell what follows and whether eight more come before it.
fn erspan_3(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let [.., kind, options] = *bytes.head::<12>()?;
    let at = if options & 1 == 1 { 20 } else { 12 };
    match (kind >> 2) & 0x1f {
        0 => Ok(Inside::Layer(Layer::Ethernet, bytes.behind(at)?)),
        2 => Ok(Inside::Layer(Layer::Ip, bytes.behind(at)?)),
        _ => Err(NoSegment::NotRead(NotRead::Gre(ERSPAN_3))),
    }
}
