//! The body of an AlterPartition response: the in-sync sets as the controller has stored them.
//!
//! Source: `AlterPartitionResponse.json`: flexible from 0 on, 1 adds the leader's recovery state, 2 names topics by id.

use kcorr_kafka::Reader;

use super::Request;
use super::in_sync::{InSyncAnswer, set_length};
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};

/// Walks an AlterPartition response.
#[derive(Debug)]
pub(crate) struct AlterPartitionResponse {
    version: i16,
    has_begun: bool,
    topics: TopicWalk,
    place: usize,
    set: Vec<i32>,
}

impl AlterPartitionResponse {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            has_begun: false,
            topics: TopicWalk::new(version >= 2, true),
            place: 0,
            set: Vec::new(),
        }
    }

    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        if !self.has_begun {
            reader.tagged_fields(true, |_, _| ())?;
            let (throttle, error) = (reader.i32()?, reader.i16()?);
            self.topics.begin(reader)?;
            request.throttle_ms = Some(throttle);
            request.note_error(error);
            if let Some(in_sync) = &mut request.in_sync {
                in_sync.error_code = Some(error);
            }
            self.has_begun = true;
            return Ok(Some(0));
        }
        match self.topics.step(reader, context)? {
            Step::Topic => Ok(Some(0)),
            Step::Partition => {
                let partition = reader.i32()?;
                let error_code = reader.i16()?;
                let (_leader, _leader_epoch) = (reader.i32()?, reader.i32()?);
                self.set.clear();
                for _ in 0..set_length(reader)? {
                    self.set.push(reader.i32()?);
                }
                if self.version >= 1 {
                    reader.i8()?;
                }
                let epoch = reader.i32()?;
                reader.tagged_fields(true, |_, _| ())?;
                self.topics.end_partition();
                request.note_error(error_code);
                if let Some(in_sync) = &mut request.in_sync {
                    let answer = InSyncAnswer {
                        topic: self.topics.topic(),
                        partition,
                        error_code,
                        set: &self.set,
                        epoch,
                    };
                    in_sync.answer(self.place, &answer);
                }
                self.place = self.place.saturating_add(1);
                Ok(Some(0))
            }
            Step::End => {
                reader.tagged_fields(true, |_, _| ())?;
                Ok(None)
            }
        }
    }
}
