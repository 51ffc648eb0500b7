//! The body of a Fetch response. Incremental sessions leave partitions out of requests, so the
//! response is what tells which partitions were read.
//!
//! Source: `FetchResponse.json`: 1 adds the throttle time, 4 aborted transactions, 5 the log start
//! offset, 7 sessions, 11 the preferred replica, 12 is flexible, 13 names topics by id.

use kcorr_kafka::Reader;

use super::request::TOO_MANY_PARTITIONS;
use super::walker::{BodyContext, Unit, read_topic};
use super::{Request, TopicKey};

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Topic,
    Partition,
    PartitionTail,
    Tail,
}

/// Walks a Fetch response.
#[derive(Debug)]
pub(crate) struct FetchResponse {
    version: i16,
    state: State,
    topics_left: u32,
    partitions_left: u32,
    topic: TopicKey,
}

impl FetchResponse {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            state: State::Head,
            topics_left: 0,
            partitions_left: 0,
            topic: TopicKey::Unknown,
        }
    }

    #[inline]
    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        let version = self.version;
        let compact = version >= 12;
        match self.state {
            State::Head => {
                reader.tagged_fields(compact, |_, _| ())?;
                let throttle = if version >= 1 {
                    Some(reader.i32()?)
                } else {
                    None
                };
                let mut error = 0;
                if version >= 7 {
                    error = reader.i16()?;
                    reader.i32()?;
                }
                self.topics_left = reader.array_length(compact)?;
                request.throttle_ms = throttle;
                request.begin_response();
                request.note_error(error);
                self.state = State::Topic;
            }
            State::Topic => {
                if self.topics_left == 0 {
                    self.state = State::Tail;
                    return Ok(Some(0));
                }
                let topic = read_topic(reader, version >= 13, compact, context)?;
                self.partitions_left = reader.array_length(compact)?;
                self.topic = topic;
                self.topics_left = self.topics_left.saturating_sub(1);
                self.state = State::Partition;
            }
            State::Partition => {
                if self.partitions_left == 0 {
                    reader.tagged_fields(compact, |_, _| ())?;
                    self.state = State::Topic;
                    return Ok(Some(0));
                }
                let partition = reader.i32()?;
                let error = reader.i16()?;
                let high_watermark = reader.i64()?;
                if version >= 4 {
                    reader.i64()?;
                }
                if version >= 5 {
                    reader.i64()?;
                }
                if version >= 4 {
                    if compact {
                        for _ in 0..reader.array_length(compact)? {
                            reader.array::<16>()?;
                            reader.tagged_fields(compact, |_, _| ())?;
                        }
                    } else {
                        reader.skip_array(compact, 16)?;
                    }
                }
                if version >= 11 {
                    reader.i32()?;
                }
                let length = reader.bytes_length(compact)?.unwrap_or(0);
                self.partitions_left = self.partitions_left.saturating_sub(1);
                self.state = State::PartitionTail;
                request.note_error(error);
                let part = request
                    .part_or_new(self.topic, partition)
                    .ok_or(TOO_MANY_PARTITIONS)?;
                part.error_code = Some(error);
                part.high_watermark = (high_watermark >= 0).then_some(high_watermark);
                part.returned_bytes = Some(length);
                return Ok(Some(u64::from(length)));
            }
            State::PartitionTail => {
                reader.tagged_fields(compact, |_, _| ())?;
                self.state = State::Partition;
            }
            State::Tail => {
                reader.tagged_fields(compact, |_, _| ())?;
                return Ok(None);
            }
        }
        Ok(Some(0))
    }
}
