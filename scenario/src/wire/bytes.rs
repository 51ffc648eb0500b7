//! Kafka's primitive types, written.
//!
//! Source: Kafka protocol guide, "Protocol primitive types".

/// Bytes of a message in the making. Methods that take `compact` write the forms of flexible versions
/// when it is set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Out(pub(crate) Vec<u8>);

impl Out {
    pub(crate) fn i8(mut self, value: i8) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn i16(mut self, value: i16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn i32(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn i64(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// UNSIGNED_VARINT
    pub(crate) fn unsigned(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    /// VARINT, VARLONG
    pub(crate) fn zigzag(self, value: i64) -> Self {
        self.unsigned(((value << 1) ^ (value >> 63)) as u64)
    }

    /// STRING or COMPACT_STRING
    pub(crate) fn string(self, compact: bool, value: &str) -> Self {
        if compact {
            self.unsigned(value.len() as u64 + 1).raw(value.as_bytes())
        } else {
            self.i16(value.len() as i16).raw(value.as_bytes())
        }
    }

    /// A null string.
    pub(crate) fn null(self, compact: bool) -> Self {
        if compact {
            self.unsigned(0)
        } else {
            self.i16(-1)
        }
    }

    /// The count before an ARRAY or COMPACT_ARRAY.
    pub(crate) fn count(self, compact: bool, count: usize) -> Self {
        if compact {
            self.unsigned(count as u64 + 1)
        } else {
            self.i32(count as i32)
        }
    }

    /// BYTES, RECORDS, or their compact forms.
    pub(crate) fn bytes(self, compact: bool, bytes: &[u8]) -> Self {
        self.count(compact, bytes.len()).raw(bytes)
    }

    /// No tagged fields, in flexible versions.
    pub(crate) fn tags(self, flexible: bool) -> Self {
        if flexible { self.unsigned(0) } else { self }
    }
}
