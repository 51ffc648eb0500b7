//! Interfaces: their link types, and their clocks' resolutions and offsets.

use super::byte_order::ByteOrder;

/// What a section says of an interface.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    pub(super) link_type: u16,
    pub(super) snap_length: usize,
    /// Ticks a second, and seconds to add.
    ticks_per_second: u128,
    offset_seconds: i64,
    /// Drops reported so far: the statistics are totals.
    pub(super) dropped: u64,
}

impl Interface {
    /// Whether a body can be read as the description of an interface, and as nothing else: two bytes are
    /// zero, and options fill it from its eighth byte to its end.
    pub(super) fn is_one(body: &[u8], order: ByteOrder) -> bool {
        let is_reserved_zero = order.u16(body, 2) == Some(0);
        let mut rest = body.get(8..).unwrap_or(&[1]);
        while let (Some(code), Some(length)) = (order.u16(rest, 0), order.u16(rest, 2)) {
            let padded = usize::from(length).next_multiple_of(4);
            rest = rest.get(4_usize.saturating_add(padded)..).unwrap_or(&[1]);
            if code == 0 {
                break;
            }
        }
        is_reserved_zero && rest.is_empty()
    }

    /// Reads a description; none when it is shorter than its fields.
    pub(super) fn read(body: &[u8], order: ByteOrder) -> Option<Self> {
        let mut interface = Self {
            link_type: order.u16(body, 0)?,
            snap_length: usize::try_from(order.u32(body, 4)?).ok()?,
            ticks_per_second: 1_000_000,
            offset_seconds: 0,
            dropped: 0,
        };
        order.options(body.get(8..)?, |code, value| match code {
            // if_tsresol: a power of ten, or of two when the high bit is set.
            9 => {
                if let Some(&resolution) = value.first() {
                    let exponent = u32::from(resolution & 0x7f);
                    interface.ticks_per_second = if resolution & 0x80 == 0 {
                        10_u128.checked_pow(exponent)
                    } else {
                        2_u128.checked_pow(exponent)
                    }
                    .filter(|&ticks| ticks < 1 << 90)
                    .unwrap_or(1_000_000);
                }
            }
            // if_tsoffset
            14 => {
                if let Some(offset) = order.u64(value, 0) {
                    interface.offset_seconds = offset.cast_signed();
                }
            }
            _ => {}
        });
        Some(interface)
    }

    /// The time of a reading of its clock, ns since 1970.
    #[inline]
    pub(super) fn time(&self, ticks: u64) -> i64 {
        let ns = match self.ticks_per_second {
            1_000_000 => i128::from(ticks) * 1000,
            1_000_000_000 => i128::from(ticks),
            // Below 2^64 · 2^30 · …: the product fits, because the divisor is below 2^90.
            per_second => {
                let ns = u128::from(ticks) * 1_000_000_000 / per_second.max(1);
                i128::try_from(ns).unwrap_or(i128::MAX)
            }
        };
        let ns = ns.saturating_add(i128::from(self.offset_seconds) * 1_000_000_000);
        i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
    }
}
