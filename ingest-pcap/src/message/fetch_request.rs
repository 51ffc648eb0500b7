//! The body of a Fetch request.
//!
//! Source: `FetchRequest.json`: 3 adds max bytes, 4 the isolation level, 5 the log start offset, 7
//! sessions (KIP-227), 9 the leader epoch, 11 the rack, 12 is flexible, 13 names topics by id, 15
//! moves the replica id into a tagged field (KIP-903).

use kcorr_kafka::Reader;

use super::request::TOO_MANY_PARTITIONS;
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};
use super::{Part, Request};

#[derive(Debug, Clone, Copy)]
enum State {
    Head,
    Topics,
    ForgottenHead,
    Forgotten,
    Tail,
}

/// Walks a Fetch request.
#[derive(Debug)]
pub(crate) struct FetchRequest {
    version: i16,
    state: State,
    topics: TopicWalk,
    forgotten_left: u32,
}

impl FetchRequest {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            state: State::Head,
            topics: TopicWalk::new(version >= 13, version >= 12),
            forgotten_left: 0,
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
                let replica = if version < 15 { reader.i32()? } else { -1 };
                let max_wait = reader.i32()?;
                let min_bytes = reader.i32()?;
                if version >= 3 {
                    reader.i32()?;
                }
                if version >= 4 {
                    reader.i8()?;
                }
                if version >= 7 {
                    reader.i32()?;
                    reader.i32()?;
                }
                self.topics.begin(reader)?;
                request.replica_id = (replica >= 0).then_some(replica);
                request.max_wait_ms = Some(max_wait);
                request.min_bytes = Some(min_bytes);
                self.state = State::Topics;
            }
            State::Topics => match self.topics.step(reader, context)? {
                Step::Topic => {}
                Step::Partition => {
                    let mut part = Part::new(self.topics.topic(), reader.i32()?);
                    if version >= 9 {
                        reader.i32()?;
                    }
                    part.fetch_offset = Some(reader.i64()?);
                    if version >= 12 {
                        reader.i32()?;
                    }
                    if version >= 5 {
                        reader.i64()?;
                    }
                    reader.i32()?;
                    reader.tagged_fields(compact, |_, _| ())?;
                    request.add(part).ok_or(TOO_MANY_PARTITIONS)?;
                    self.topics.end_partition();
                }
                Step::End => self.state = State::ForgottenHead,
            },
            State::ForgottenHead => {
                self.forgotten_left = if version >= 7 {
                    reader.array_length(compact)?
                } else {
                    0
                };
                self.state = State::Forgotten;
            }
            State::Forgotten => {
                if self.forgotten_left == 0 {
                    self.state = State::Tail;
                    return Ok(Some(0));
                }
                if version >= 13 {
                    reader.array::<16>()?;
                } else {
                    reader.nullable_string(compact)?;
                }
                reader.skip_array(compact, 4)?;
                reader.tagged_fields(compact, |_, _| ())?;
                self.forgotten_left = self.forgotten_left.saturating_sub(1);
            }
            State::Tail => {
                if version >= 11 {
                    reader.nullable_string(compact)?;
                }
                let mut replica = None;
                reader.tagged_fields(compact, |tag, bytes| {
                    if tag == 1 && version >= 15 {
                        replica = Reader::new(bytes).i32().ok().filter(|&id| id >= 0);
                    }
                })?;
                request.replica_id = request.replica_id.or(replica);
                return Ok(None);
            }
        }
        Ok(Some(0))
    }
}
