//! The body of a Produce response.
//!
//! Source: `ProduceResponse.json`: version 1 adds the throttle time (at the end), 2 the append
//! time, 5 the log start offset, 8 record errors, 9 is flexible, 13 names topics by id.

use kcorr_kafka::{Reader, Stop};

use super::walker::{BodyContext, Unit, read_topic};
use super::{Request, TopicKey};

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Topic,
    Partition,
    Tail,
}

/// Walks a Produce response.
#[derive(Debug)]
pub(crate) struct ProduceResponse {
    version: i16,
    state: State,
    topics_left: u32,
    partitions_left: u32,
    topic: TopicKey,
}

impl ProduceResponse {
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
        let compact = self.version >= 9;
        match self.state {
            State::Head => {
                // The response header is flexible with the body.
                reader.tagged_fields(compact, |_, _| ())?;
                self.topics_left = reader.array_length(compact)?;
                request.begin_response();
                request.note_error(0);
                self.state = State::Topic;
            }
            State::Topic => {
                if self.topics_left == 0 {
                    self.state = State::Tail;
                    return Ok(Some(0));
                }
                let topic = read_topic(reader, self.version >= 13, compact, context)?;
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
                self.partition(reader, compact, request)?;
                self.partitions_left = self.partitions_left.saturating_sub(1);
            }
            State::Tail => {
                if self.version >= 1 {
                    request.throttle_ms = Some(reader.i32()?);
                }
                reader.tagged_fields(compact, |_, _| ())?;
                return Ok(None);
            }
        }
        Ok(Some(0))
    }

    fn partition(
        &self,
        reader: &mut Reader<'_>,
        compact: bool,
        request: &mut Request,
    ) -> Result<(), Stop> {
        let partition = reader.i32()?;
        let error = reader.i16()?;
        let base_offset = reader.i64()?;
        if self.version >= 2 {
            reader.i64()?;
        }
        if self.version >= 5 {
            reader.i64()?;
        }
        if self.version >= 8 {
            for _ in 0..reader.array_length(compact)? {
                reader.i32()?;
                reader.nullable_string(compact)?;
                reader.tagged_fields(compact, |_, _| ())?;
            }
            reader.nullable_string(compact)?;
        }
        reader.tagged_fields(compact, |_, _| ())?;
        request.note_error(error);
        if let Some(part) = request.part(self.topic, partition) {
            part.error_code = Some(error);
            // −1 with an error: nothing was appended.
            part.base_offset = (base_offset >= 0).then_some(base_offset);
        }
        Ok(())
    }
}
