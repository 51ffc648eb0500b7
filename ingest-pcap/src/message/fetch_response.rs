//! The body of a Fetch response. Incremental sessions leave partitions out of requests, so the
//! response is what tells which partitions were read.
//!
//! Source: `FetchResponse.json`: 1 adds the throttle time, 4 aborted transactions, 5 the log start
//! offset, 7 sessions, 11 the preferred replica, 12 is flexible, 13 names topics by id.

use kcorr_kafka::Reader;

use super::Request;
use super::request::TOO_MANY_PARTITIONS;
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Topics,
    PartitionTail,
    Tail,
}

/// Walks a Fetch response.
#[derive(Debug)]
pub(crate) struct FetchResponse {
    version: i16,
    state: State,
    topics: TopicWalk,
}

impl FetchResponse {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            state: State::Head,
            topics: TopicWalk::new(version >= 13, version >= 12),
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
                self.topics.begin(reader)?;
                request.throttle_ms = throttle;
                request.begin_response();
                request.note_error(error);
                self.state = State::Topics;
            }
            State::Topics => match self.topics.step(reader, context)? {
                Step::Topic => {}
                Step::Partition => {
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
                    self.topics.end_partition();
                    self.state = State::PartitionTail;
                    request.note_error(error);
                    let part = request
                        .part_or_new(self.topics.topic(), partition)
                        .ok_or(TOO_MANY_PARTITIONS)?;
                    part.error_code = Some(error);
                    part.high_watermark = (high_watermark >= 0).then_some(high_watermark);
                    part.returned_bytes = Some(length);
                    return Ok(Some(u64::from(length)));
                }
                Step::End => self.state = State::Tail,
            },
            State::PartitionTail => {
                reader.tagged_fields(compact, |_, _| ())?;
                self.state = State::Topics;
            }
            State::Tail => {
                reader.tagged_fields(compact, |_, _| ())?;
                return Ok(None);
            }
        }
        Ok(Some(0))
    }
}
