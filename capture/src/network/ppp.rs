//! PPP frames.
//!
//! Source: RFC 1661, RFC 1662 (address and control bytes), the IANA's PPP numbers.

use super::bytes::Bytes;
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};

/// What is in a PPP frame. Its address and control bytes are there or not, and the protocol has one
/// byte when its low bit is set.
pub(super) fn inside(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let mut at = match bytes.data {
        [0xff | 0x0f | 0x8f, 0x03, ..] => 2,
        _ => 0,
    };
    let first = *bytes.data.get(at).ok_or(NoSegment::Cut)?;
    let protocol = if first & 1 == 1 {
        at += 1;
        u16::from(first)
    } else {
        let second = *bytes.data.get(at + 1).ok_or(NoSegment::Cut)?;
        at += 2;
        u16::from_be_bytes([first, second])
    };
    let layer = match protocol {
        0x0021 | 0x0057 => Layer::Ip,
        0x0281 | 0x0283 => Layer::Mpls,
        // Bridged frames: flags and the kind of MAC, then Ethernet.
        0x0031 => return Ok(Inside::Layer(Layer::Ethernet, bytes.behind(at + 2)?)),
        // Compressed, encrypted or multilink datagrams.
        0x002d | 0x002f | 0x003d | 0x0053 | 0x00fb | 0x00fd => {
            return Err(NoSegment::NotRead(NotRead::Ppp(protocol)));
        }
        // Network layers other than IP, and link control.
        _ => return Err(NoSegment::NotTcp),
    };
    Ok(Inside::Layer(layer, bytes.behind(at)?))
}
