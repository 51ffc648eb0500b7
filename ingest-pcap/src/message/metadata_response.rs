//! The body of a Metadata response, for the names of topic ids.
//!
//! Source: `MetadataResponse.json`, versions 10 (topic ids) to 13.

use kcorr_kafka::{Reader, TopicId};

use super::Request;
use super::walker::{BodyContext, Unit};

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Broker,
    Cluster,
    Topic,
    Partition,
    Tail,
}

/// Walks a Metadata response.
#[derive(Debug)]
pub(crate) struct MetadataResponse {
    version: i16,
    state: State,
    brokers_left: u32,
    topics_left: u32,
    partitions_left: u32,
}

impl MetadataResponse {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            state: State::Head,
            brokers_left: 0,
            topics_left: 0,
            partitions_left: 0,
        }
    }

    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        // All versions from 9 are flexible.
        let compact = true;
        match self.state {
            State::Head => {
                reader.tagged_fields(compact, |_, _| ())?;
                let throttle = reader.i32()?;
                self.brokers_left = reader.array_length(compact)?;
                request.throttle_ms = Some(throttle);
                self.state = State::Broker;
            }
            State::Broker => {
                if self.brokers_left == 0 {
                    self.state = State::Cluster;
                    return Ok(Some(0));
                }
                reader.i32()?;
                reader.nullable_string(compact)?;
                reader.i32()?;
                reader.nullable_string(compact)?;
                reader.tagged_fields(compact, |_, _| ())?;
                self.brokers_left = self.brokers_left.saturating_sub(1);
            }
            State::Cluster => {
                reader.nullable_string(compact)?;
                reader.i32()?;
                self.topics_left = reader.array_length(compact)?;
                request.note_error(0);
                self.state = State::Topic;
            }
            State::Topic => {
                if self.topics_left == 0 {
                    self.state = State::Tail;
                    return Ok(Some(0));
                }
                let error = reader.i16()?;
                let name = reader.nullable_string(compact)?;
                let id = TopicId(reader.array()?);
                reader.i8()?;
                self.partitions_left = reader.array_length(compact)?;
                self.topics_left = self.topics_left.saturating_sub(1);
                self.state = State::Partition;
                request.note_error(error);
                let name = name.and_then(|name| std::str::from_utf8(name).ok());
                if let Some(name) = name
                    && error == 0
                    && id != TopicId::ZERO
                    && context.topics.learn(id, name)
                {
                    context.learned.push((id, name.to_owned()));
                }
            }
            State::Partition => {
                if self.partitions_left == 0 {
                    reader.i32()?;
                    reader.tagged_fields(compact, |_, _| ())?;
                    self.state = State::Topic;
                    return Ok(Some(0));
                }
                reader.i16()?;
                reader.i32()?;
                reader.i32()?;
                reader.i32()?;
                reader.skip_array(compact, 4)?;
                reader.skip_array(compact, 4)?;
                reader.skip_array(compact, 4)?;
                reader.tagged_fields(compact, |_, _| ())?;
                self.partitions_left = self.partitions_left.saturating_sub(1);
            }
            State::Tail => {
                if self.version == 10 {
                    reader.i32()?;
                }
                if self.version >= 13 {
                    request.note_error(reader.i16()?);
                }
                reader.tagged_fields(compact, |_, _| ())?;
                return Ok(None);
            }
        }
        Ok(Some(0))
    }
}
