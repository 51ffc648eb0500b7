//! Numbers by their differences (Parquet's `DELTA_BINARY_PACKED`).

use super::bits::{pack, varint, width, zigzag};

/// Parts of a block, each with a width of its own.
const MINIBLOCKS: usize = 4;

/// Numbers that are told by differences: 64 or 32 bits wide. Differences wrap.
pub(super) trait Difference: Copy + Default {
    /// Numbers of a part of a block.
    const MINIBLOCK: usize;

    /// This number less another.
    fn less(self, other: Self) -> Self;

    /// The lesser of two.
    fn lesser(self, other: Self) -> Self;

    /// How much more this is than another that is not more.
    fn above(self, other: Self) -> u64;

    /// The number.
    fn wide(self) -> i64;
}

impl Difference for i64 {
    const MINIBLOCK: usize = 64;

    fn less(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn lesser(self, other: Self) -> Self {
        self.min(other)
    }

    fn above(self, other: Self) -> u64 {
        self.wrapping_sub(other).cast_unsigned()
    }

    fn wide(self) -> i64 {
        self
    }
}

impl Difference for i32 {
    const MINIBLOCK: usize = 32;

    fn less(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    fn lesser(self, other: Self) -> Self {
        self.min(other)
    }

    fn above(self, other: Self) -> u64 {
        u64::from(self.wrapping_sub(other).cast_unsigned())
    }

    fn wide(self) -> i64 {
        i64::from(self)
    }
}

/// Appends numbers.
pub(super) fn encode<T: Difference>(values: &[T], out: &mut Vec<u8>) {
    let block_values = T::MINIBLOCK * MINIBLOCKS;
    let (first, rest) = values
        .split_first()
        .map_or((T::default(), values), |(first, rest)| (*first, rest));
    varint(block_values as u64, out);
    varint(MINIBLOCKS as u64, out);
    varint(values.len() as u64, out);
    zigzag(first.wide(), out);
    let mut previous = first;
    let mut differences = Vec::with_capacity(block_values);
    for block in rest.chunks(block_values) {
        differences.clear();
        let befores = std::iter::once(&previous).chain(block);
        differences.extend(
            block
                .iter()
                .zip(befores)
                .map(|(value, before)| value.less(*before)),
        );
        previous = block.last().copied().unwrap_or(previous);
        encode_block(&differences, out);
    }
}

fn encode_block<T: Difference>(differences: &[T], out: &mut Vec<u8>) {
    let Some(least) = differences.iter().copied().reduce(T::lesser) else {
        return;
    };
    zigzag(least.wide(), out);
    let widths = out.len();
    out.extend([0; MINIBLOCKS]);
    for (number, some) in differences.chunks(T::MINIBLOCK).enumerate() {
        let all_bits = some.iter().fold(0, |bits, one| bits | one.above(least));
        let width = width(all_bits);
        out[widths + number] = width.to_le_bytes()[0];
        let padding = std::iter::repeat_n(0, T::MINIBLOCK - some.len());
        let values = some.iter().map(|one| one.above(least));
        pack(values.chain(padding), width, out);
    }
}
