//! A topic id and its written form.

use std::fmt;

/// A topic's id (KIP-516): 16 bytes, written as Kafka writes them: base64, URL alphabet, no padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// The id that stands for "none".
    pub const ZERO: Self = Self([0; 16]);
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let value = u128::from_be_bytes(self.0);
        // 128 bits are 21 digits of 6 bits and one of 2, which is padded with zeros on the right.
        for digit in 0..22_u32 {
            let bits = if digit < 21 {
                value >> (122 - 6 * digit)
            } else {
                value << 4
            };
            let index = usize::try_from(bits & 0x3f).unwrap_or_default();
            let character = ALPHABET.get(index).copied().unwrap_or(b'?');
            fmt::Write::write_char(f, char::from(character))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_kafka_writes_them() {
        assert_eq!(TopicId::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        let id = TopicId([
            0x5e, 0x45, 0x05, 0xfb, 0xa4, 0xb4, 0x47, 0x3d, 0x8f, 0xec, 0x27, 0xc2, 0x67, 0x62,
            0x06, 0xc8,
        ]);
        // Python: base64.urlsafe_b64encode(bytes)
        assert_eq!(id.to_string(), "XkUF-6S0Rz2P7CfCZ2IGyA");
    }
}
