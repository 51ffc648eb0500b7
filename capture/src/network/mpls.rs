//! Stacks of MPLS labels.
//!
//! Source: RFC 3032; RFC 4385 and RFC 4448 (Ethernet pseudowires, with or without a control word). What
//! a stack carries is not said in it: it is told by its first bytes.

use super::bytes::Bytes;
use super::guess::{is_ethernet, is_ip};
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};

/// More labels than any stack has.
const MOST_LABELS: usize = 16;

/// What is behind the label with the bottom-of-stack bit.
pub(super) fn inside(mut bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    for _ in 0..MOST_LABELS {
        let [_, _, low, _] = *bytes.head::<4>()?;
        bytes = bytes.behind(4)?;
        if low & 1 == 0 {
            continue;
        }
        if is_ip(bytes) {
            return Ok(Inside::Layer(Layer::Ip, bytes));
        }
        // A pseudowire, perhaps with a control word before the frame.
        let behind_word = bytes.behind(4)?;
        let inner = if is_ethernet(behind_word) && !is_ethernet(bytes) {
            behind_word
        } else {
            bytes
        };
        return Ok(Inside::Layer(Layer::Ethernet, inner));
    }
    Err(NoSegment::NotRead(NotRead::TooDeep))
}
