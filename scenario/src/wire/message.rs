//! Requests and responses of the APIs that the simulated clients use.
//!
//! Source: the message definitions of Kafka 4.1 (`ProduceRequest.json` and so on).

use super::bytes::Out;
use crate::history::Topic;

/// API keys.
pub(crate) const PRODUCE: i16 = 0;
pub(crate) const FETCH: i16 = 1;
pub(crate) const METADATA: i16 = 3;
pub(crate) const API_VERSIONS: i16 = 18;

/// The body of a message.
pub(crate) type Body = Out;

/// Topics, each with what its partitions hold.
pub(crate) type Grouped<'a, T> = Vec<(&'a Topic, Vec<T>)>;

fn is_flexible(key: i16, version: i16) -> bool {
    match key {
        PRODUCE | METADATA => version >= 9,
        FETCH => version >= 12,
        API_VERSIONS => version >= 3,
        // Those of groups and transactions are all of flexible versions.
        _ => true,
    }
}

/// A request with its length prefix.
pub(crate) fn request(
    key: i16,
    version: i16,
    correlation: i32,
    client: &str,
    body: Out,
) -> Vec<u8> {
    let message = Out::default()
        .i16(key)
        .i16(version)
        .i32(correlation)
        .string(false, client)
        .tags(is_flexible(key, version))
        .raw(&body.0);
    Out::default().bytes(false, &message.0).0
}

/// A response with its length prefix. Responses to ApiVersions have the old header in every version.
pub(crate) fn response(key: i16, version: i16, correlation: i32, body: Out) -> Vec<u8> {
    let flexible = is_flexible(key, version) && key != API_VERSIONS;
    let message = Out::default().i32(correlation).tags(flexible).raw(&body.0);
    Out::default().bytes(false, &message.0).0
}

fn topic(out: Out, compact: bool, by_id: bool, topic: &Topic) -> Out {
    if by_id {
        out.raw(&topic.id)
    } else {
        out.string(compact, &topic.name)
    }
}

/// The body of a Produce request: partition and records.
pub(crate) fn produce(version: i16, acks: i16, topics: &Grouped<'_, (i32, &[u8])>) -> Out {
    let c = version >= 9;
    let mut out = Out::default().null(c);
    out = out.i16(acks).i32(30_000).count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, version >= 13, name).count(c, partitions.len());
        for (index, records) in partitions {
            out = out.i32(*index).bytes(c, records).tags(c);
        }
        out = out.tags(c);
    }
    out.tags(c)
}

/// The body of a Produce response: throttle time, partition and base offset.
pub(crate) fn produced(version: i16, throttle_ms: i32, topics: &Grouped<'_, (i32, i64)>) -> Out {
    let c = version >= 9;
    let mut out = Out::default().count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, version >= 13, name).count(c, partitions.len());
        for (index, base) in partitions {
            out = out.i32(*index).i16(0).i64(*base).i64(-1);
            if version >= 5 {
                out = out.i64(0);
            }
            if version >= 8 {
                out = out.count(c, 0).null(c);
            }
            out = out.tags(c);
        }
        out = out.tags(c);
    }
    out.i32(throttle_ms).tags(c)
}

/// The body of a Fetch request without a session: partition and fetch offset. `replica` is −1 for a
/// consumer; it waits so many ms at most for so many bytes.
pub(crate) fn fetch(
    version: i16,
    replica: i32,
    (max_wait, min_bytes): (i32, i32),
    topics: &Grouped<'_, (i32, i64)>,
) -> Out {
    let c = version >= 12;
    let mut out = Out::default();
    if version < 15 {
        out = out.i32(replica);
    }
    out = out.i32(max_wait).i32(min_bytes).i32(50 << 20).i8(0);
    if version >= 7 {
        out = out.i32(0).i32(-1);
    }
    out = out.count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, version >= 13, name).count(c, partitions.len());
        for (index, offset) in partitions {
            out = out.i32(*index);
            if version >= 9 {
                out = out.i32(0);
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
        out = out.count(c, 0);
    }
    if version >= 11 {
        out = out.string(c, "");
    }
    if version >= 15 && replica >= 0 {
        // ReplicaState, tag 1.
        let state = Out::default().i32(replica).i64(1).tags(true);
        return out
            .unsigned(1)
            .unsigned(1)
            .unsigned(state.0.len() as u64)
            .raw(&state.0);
    }
    out.tags(c)
}

/// The body of a Fetch response: throttle time, partition, high watermark, records.
pub(crate) fn fetched(
    version: i16,
    throttle_ms: i32,
    topics: &Grouped<'_, (i32, i64, &[u8])>,
) -> Out {
    let c = version >= 12;
    let mut out = Out::default().i32(throttle_ms);
    if version >= 7 {
        out = out.i16(0).i32(0);
    }
    out = out.count(c, topics.len());
    for (name, partitions) in topics {
        out = topic(out, c, version >= 13, name).count(c, partitions.len());
        for (index, high, records) in partitions {
            out = out.i32(*index).i16(0).i64(*high).i64(*high);
            if version >= 5 {
                out = out.i64(0);
            }
            out = out.count(c, 0);
            if version >= 11 {
                out = out.i32(-1);
            }
            out = out.bytes(c, records).tags(c);
        }
        out = out.tags(c);
    }
    out.tags(c)
}

/// The body of a Metadata request for all topics, version 12 or 13.
pub(crate) fn metadata_request() -> Out {
    Out::default().unsigned(0).i8(0).i8(0).tags(true)
}

/// The body of a Metadata response, version 12 or 13.
pub(crate) fn metadata(version: i16, topics: &[Topic], partitions: usize) -> Out {
    let mut out = Out::default()
        .i32(0)
        .count(true, 1)
        .i32(1)
        .string(true, "10.0.0.1")
        .i32(9092)
        .null(true)
        .tags(true)
        .string(true, "scenario")
        .i32(1)
        .count(true, topics.len());
    for topic in topics {
        out = out
            .i16(0)
            .string(true, &topic.name)
            .raw(&topic.id)
            .i8(0)
            .count(true, partitions);
        for index in 0..partitions {
            out = out.i16(0).i32(index as i32).i32(1).i32(0);
            for _replicas_isr in 0..2 {
                out = out.count(true, 1).i32(1);
            }
            out = out.count(true, 0).tags(true);
        }
        out = out.i32(i32::MIN).tags(true);
    }
    if version >= 13 {
        out = out.i16(0);
    }
    out.tags(true)
}

/// The body of an ApiVersions request, version 3.
pub(crate) fn api_versions_request() -> Out {
    Out::default()
        .string(true, "apache-kafka-java")
        .string(true, "4.1.1")
        .tags(true)
}

/// The body of an ApiVersions response, version 3.
pub(crate) fn api_versions() -> Out {
    let apis = [
        (PRODUCE, 3, 13),
        (FETCH, 4, 18),
        (METADATA, 0, 13),
        (API_VERSIONS, 0, 4),
    ];
    let mut out = Out::default().i16(0).count(true, apis.len());
    for (key, first, last) in apis {
        out = out.i16(key).i16(first).i16(last).tags(true);
    }
    out.i32(0).tags(true)
}
