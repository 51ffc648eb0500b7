//! Kafka messages, encoded independently of the decoder.

use std::io::Write;

/// Bytes under construction.
#[derive(Debug, Default, Clone)]
pub struct Out(pub Vec<u8>);

impl Out {
    pub fn i8(mut self, value: i8) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn i16(mut self, value: i16) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn i32(mut self, value: i32) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn i64(mut self, value: i64) -> Self {
        self.0.extend(value.to_be_bytes());
        self
    }
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
    pub fn unsigned(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }
    pub fn zigzag(self, value: i64) -> Self {
        self.unsigned(((value << 1) ^ (value >> 63)) as u64)
    }
    pub fn string(self, compact: bool, value: &str) -> Self {
        if compact {
            self.unsigned(value.len() as u64 + 1).raw(value.as_bytes())
        } else {
            self.i16(value.len() as i16).raw(value.as_bytes())
        }
    }
    pub fn null(self, compact: bool) -> Self {
        if compact {
            self.unsigned(0)
        } else {
            self.i16(-1)
        }
    }
    pub fn count(self, compact: bool, count: usize) -> Self {
        if compact {
            self.unsigned(count as u64 + 1)
        } else {
            self.i32(count as i32)
        }
    }
    pub fn bytes(self, compact: bool, bytes: &[u8]) -> Self {
        self.count(compact, bytes.len()).raw(bytes)
    }
    pub fn tags(self, flexible: bool) -> Self {
        if flexible { self.unsigned(0) } else { self }
    }
}

/// A request with its length prefix.
pub fn request(key: i16, version: i16, correlation: i32, client: &str, body: &[u8]) -> Vec<u8> {
    request_of(key, version, correlation, Some(client), body)
}

/// The same, of a client that may have no id.
pub fn request_of(
    key: i16,
    version: i16,
    correlation: i32,
    client: Option<&str>,
    body: &[u8],
) -> Vec<u8> {
    let flexible = match key {
        0 => version >= 9,
        1 => version >= 12,
        3 => version >= 9,
        9 => version >= 6,
        12 => version >= 4,
        36 => version >= 2,
        56 => true,
        _ => false,
    };
    let message = Out::default().i16(key).i16(version).i32(correlation);
    let message = match client {
        Some(client) => message.string(false, client),
        None => message.null(false),
    };
    let message = message.tags(flexible).raw(body).0;
    Out::default().bytes(false, &message).0
}

/// A response with its length prefix.
pub fn response(correlation: i32, flexible: bool, body: &[u8]) -> Vec<u8> {
    let message = Out::default().i32(correlation).tags(flexible).raw(body).0;
    Out::default().bytes(false, &message).0
}

/// One record with a value and headers.
fn record(delta: i64, value: &[u8], headers: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Out::default()
        .i8(0)
        .zigzag(delta)
        .zigzag(delta)
        .zigzag(-1)
        .zigzag(value.len() as i64)
        .raw(value)
        .zigzag(headers.len() as i64);
    for (name, value) in headers {
        body = body
            .zigzag(name.len() as i64)
            .raw(name.as_bytes())
            .zigzag(value.len() as i64)
            .raw(value);
    }
    Out::default().zigzag(body.0.len() as i64).raw(&body.0).0
}

/// A record batch whose records have these ids in the header `messageId`. Codecs as in Kafka's
/// attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
pub fn batch(codec: i16, producer_id: i64, ids: &[&str], value_bytes: usize) -> Vec<u8> {
    let value: Vec<u8> = (0..value_bytes).map(|i| (i * 31 % 251) as u8).collect();
    let records: Vec<u8> = ids
        .iter()
        .enumerate()
        .flat_map(|(i, id)| {
            let id = [("trace", &b"x"[..]), ("messageId", id.as_bytes())];
            record(i as i64, &value, &id)
        })
        .collect();
    let records = match codec {
        0 => records,
        1 => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&records).unwrap();
            gzip.finish().unwrap()
        }
        2 => snap::raw::Encoder::new().compress_vec(&records).unwrap(),
        3 => {
            let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
            lz4.write_all(&records).unwrap();
            lz4.finish().unwrap()
        }
        4 => zstd::encode_all(&records[..], 1).unwrap(),
        _ => panic!("no codec {codec}"),
    };
    let rest = Out::default()
        .i32(-1)
        .i8(2)
        .i32(0)
        .i16(codec)
        .i32(ids.len() as i32 - 1)
        .i64(1_000)
        .i64(1_000)
        .i64(producer_id)
        .i16(0)
        .i32(0)
        .i32(ids.len() as i32)
        .raw(&records)
        .0;
    Out::default().i64(0).i32(rest.len() as i32).raw(&rest).0
}

/// A message of the format before record batches, magic 0 or 1.
pub fn old_message(magic: i8, value: &[u8]) -> Vec<u8> {
    let mut rest = Out::default().i32(0).i8(magic).i8(0);
    if magic == 1 {
        rest = rest.i64(1_000);
    }
    let rest = rest.i32(-1).bytes(false, value).0;
    Out::default().i64(0).i32(rest.len() as i32).raw(&rest).0
}

/// Topics with what each of their partitions holds.
pub type Topics<'a, T> = &'a [(Topic<'a>, &'a [T])];

/// A topic as Produce and Fetch name it.
#[derive(Debug, Clone, Copy)]
pub enum Topic<'a> {
    Name(&'a str),
    Id([u8; 16]),
}

fn topic(out: Out, compact: bool, topic: Topic<'_>) -> Out {
    match topic {
        Topic::Name(name) => out.string(compact, name),
        Topic::Id(id) => out.raw(&id),
    }
}

/// The body of a Produce request.
pub fn produce(version: i16, acks: i16, topics: Topics<'_, (i32, Vec<u8>)>) -> Vec<u8> {
    let c = version >= 9;
    let mut out = Out::default();
    if version >= 3 {
        out = out.null(c);
    }
    out = out.i16(acks).i32(30_000).count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, *name).count(c, partitions.len());
        for (index, records) in *partitions {
            out = out.i32(*index).bytes(c, records).tags(c);
        }
        out = out.tags(c);
    }
    out.tags(c).0
}

/// The body of a Produce response: partition, error, base offset.
pub fn produced(version: i16, topics: Topics<'_, (i32, i16, i64)>) -> Vec<u8> {
    let c = version >= 9;
    let mut out = Out::default().count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, *name).count(c, partitions.len());
        for (index, error, base) in *partitions {
            out = out.i32(*index).i16(*error).i64(*base);
            if version >= 2 {
                out = out.i64(-1);
            }
            if version >= 5 {
                out = out.i64(0);
            }
            if version >= 8 {
                out = out.count(c, 1).i32(0).string(c, "why").tags(c).null(c);
            }
            out = out.tags(c);
        }
        out = out.tags(c);
    }
    if version >= 1 {
        out = out.i32(7);
    }
    out.tags(c).0
}

/// The body of a Fetch request: partition, fetch offset.
pub fn fetch(version: i16, replica: i32, topics: Topics<'_, (i32, i64)>) -> Vec<u8> {
    let c = version >= 12;
    let mut out = Out::default();
    if version < 15 {
        out = out.i32(replica);
    }
    out = out.i32(500).i32(1);
    if version >= 3 {
        out = out.i32(1 << 20);
    }
    if version >= 4 {
        out = out.i8(0);
    }
    if version >= 7 {
        out = out.i32(9).i32(1);
    }
    out = out.count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, *name).count(c, partitions.len());
        for (index, offset) in *partitions {
            out = out.i32(*index);
            if version >= 9 {
                out = out.i32(3);
            }
            out = out.i64(*offset);
            if version >= 12 {
                out = out.i32(-1);
            }
            if version >= 5 {
                out = out.i64(-1);
            }
            out = out.i32(1 << 20).tags(c);
        }
        out = out.tags(c);
    }
    if version >= 7 {
        // One forgotten topic with one partition.
        out = out.count(c, 1);
        out = match topics.first() {
            Some((Topic::Id(id), _)) => out.raw(id),
            _ => out.string(c, "old"),
        };
        out = out.count(c, 1).i32(0).tags(c);
    }
    if version >= 11 {
        out = out.string(c, "rack");
    }
    if version >= 15 && replica >= 0 {
        let state = Out::default().i32(replica).i64(1).tags(true).0;
        return out
            .unsigned(1)
            .unsigned(1)
            .unsigned(state.len() as u64)
            .raw(&state)
            .0;
    }
    out.tags(c).0
}

/// The body of a Fetch response: partition, error, high watermark, records.
pub fn fetched(version: i16, topics: Topics<'_, (i32, i16, i64, Vec<u8>)>) -> Vec<u8> {
    let c = version >= 12;
    let mut out = Out::default();
    if version >= 1 {
        out = out.i32(0);
    }
    if version >= 7 {
        out = out.i16(0).i32(9);
    }
    out = out.count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, *name).count(c, partitions.len());
        for (index, error, high, records) in *partitions {
            out = out.i32(*index).i16(*error).i64(*high);
            if version >= 4 {
                out = out.i64(*high);
            }
            if version >= 5 {
                out = out.i64(0);
            }
            if version >= 4 {
                out = out.count(c, 1).i64(1).i64(2).tags(c);
            }
            if version >= 11 {
                out = out.i32(-1);
            }
            out = out.bytes(c, records).tags(c);
        }
        out = out.tags(c);
    }
    out.tags(c).0
}

/// The body of a Metadata response, version 10 to 13.
pub fn metadata(version: i16, topics: &[(&str, [u8; 16])]) -> Vec<u8> {
    let mut out = Out::default()
        .i32(0)
        .count(true, 1)
        .i32(1)
        .string(true, "broker")
        .i32(9092)
        .null(true)
        .tags(true)
        .string(true, "cluster")
        .i32(1)
        .count(true, topics.len());
    for (name, id) in topics {
        out = out
            .i16(0)
            .string(true, name)
            .raw(id)
            .i8(0)
            .count(true, 1)
            .i16(0)
            .i32(0)
            .i32(1)
            .i32(0);
        for _ in 0..3 {
            out = out.count(true, 1).i32(1);
        }
        out = out.tags(true).i32(0).tags(true);
    }
    if version == 10 {
        out = out.i32(0);
    }
    if version >= 13 {
        out = out.i16(0);
    }
    out.tags(true).0
}
