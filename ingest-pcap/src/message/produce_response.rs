//! The body of a Produce response.
//!
//! Source: `ProduceResponse.json`: version 1 adds the throttle time (at the end), 2 the append
//! time, 5 the log start offset, 8 record errors, 9 is flexible, 13 names topics by id.

use kcorr_kafka::{Reader, Stop};

use super::Request;
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Topics,
    Tail,
}

/// Walks a Produce response.
#[derive(Debug)]
pub(crate) struct ProduceResponse {
    version: i16,
    state: State,
    topics: TopicWalk,
}

impl ProduceResponse {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            state: State::Head,
            topics: TopicWalk::new(version >= 13, version >= 9),
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
                self.topics.begin(reader)?;
                request.begin_response();
                request.note_error(0);
                self.state = State::Topics;
            }
            State::Topics => match self.topics.step(reader, context)? {
                Step::Topic => {}
                Step::Partition => {
                    self.partition(reader, compact, request)?;
                    self.topics.end_partition();
                }
                Step::End => self.state = State::Tail,
            },
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
        if let Some(part) = request.part(self.topics.topic(), partition) {
            part.error_code = Some(error);
            // −1 with an error: nothing was appended.
            part.base_offset = (base_offset >= 0).then_some(base_offset);
        }
        Ok(())
    }
}
