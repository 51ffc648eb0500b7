//! A JFR chunk in the making.
//!
//! Source: OpenJDK's `jfrChunkWriter.cpp`, async-profiler's `flightRecorder.cpp`.

const HEADER_BYTES: usize = 68;
const METADATA: i64 = 0;
const CONSTANT_POOL: i64 = 1;

/// Values one after another, integers compressed.
#[derive(Debug, Clone, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    /// A compressed integer: nine bytes at most.
    pub(super) fn number(mut self, value: i64) -> Self {
        let mut value = value.cast_unsigned();
        for _ in 0..8 {
            if value < 0x80 {
                break;
            }
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    /// A byte or boolean.
    pub(super) fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// A string in UTF-8.
    pub(super) fn text(mut self, value: &str) -> Self {
        self = self.byte(3).number(value.len() as i64);
        self.0.extend(value.as_bytes());
        self
    }

    pub(super) fn raw(mut self, other: &Bytes) -> Self {
        self.0.extend(&other.0);
        self
    }
}

/// A chunk: header, metadata, events, pools.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    pools: Bytes,
    pool_count: i64,
}

impl Chunk {
    /// async-profiler writes the metadata first.
    pub(super) fn new(metadata: Bytes) -> Self {
        let mut chunk = Self {
            bytes: vec![0; HEADER_BYTES],
            pools: Bytes::default(),
            pool_count: 0,
        };
        chunk.event(METADATA, metadata);
        chunk
    }

    /// Adds an event: its size, its type, and its fields.
    pub(super) fn event(&mut self, type_id: i64, fields: Bytes) {
        let fields = Bytes::default().number(type_id).raw(&fields);
        // The size counts itself.
        let mut size = fields.0.len() + 1;
        while Bytes::default().number(size as i64).0.len() + fields.0.len() > size {
            size += 1;
        }
        let prefix = Bytes::default().number(size as i64);
        self.bytes.extend(prefix.0);
        self.bytes.extend(fields.0);
    }

    /// Adds the entries of a type's constant pool.
    pub(super) fn pool(&mut self, type_id: i64, entries: impl Iterator<Item = (i64, Bytes)>) {
        let entries: Vec<_> = entries.collect();
        let mut pool = Bytes::default()
            .number(type_id)
            .number(entries.len() as i64);
        for (id, value) in &entries {
            pool = pool.number(*id).raw(value);
        }
        self.pools = std::mem::take(&mut self.pools).raw(&pool);
        self.pool_count += 1;
    }

    /// The whole chunk.
    pub(super) fn finish(
        mut self,
        wall_ns: i64,
        duration_ns: i64,
        start_ticks: i64,
        ticks_per_second: i64,
    ) -> Vec<u8> {
        let pool_offset = self.bytes.len() as i64;
        let fields = Bytes::default()
            .number(start_ticks)
            .number(0)
            .number(0)
            .byte(1)
            .number(self.pool_count)
            .raw(&self.pools);
        self.event(CONSTANT_POOL, fields);
        let mut header = b"FLR\0".to_vec();
        header.extend([0, 2, 0, 0]);
        let length = self.bytes.len() as i64;
        for value in [
            length,
            pool_offset,
            HEADER_BYTES as i64,
            wall_ns,
            duration_ns,
            start_ticks,
            ticks_per_second,
        ] {
            header.extend(value.to_be_bytes());
        }
        header.extend(1_u32.to_be_bytes());
        self.bytes[..HEADER_BYTES].copy_from_slice(&header);
        self.bytes
    }
}
