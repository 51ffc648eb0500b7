//! The body of an AlterPartition request (KIP-497): a leader asks the controller to store in-sync sets.
//!
//! Source: `AlterPartitionRequest.json`: flexible from 0 on, 1 adds the leader's recovery state, 2 names topics by id, 3 names
//! brokers with their epochs (KIP-903).

use kcorr_kafka::Reader;

use super::Request;
use super::in_sync::{InSyncRequest, set_length};
use super::request::{MOST_PARTS, TOO_MANY_PARTITIONS};
use super::topic_walk::{Step, TopicWalk};
use super::walker::{BodyContext, Unit};

/// Walks an AlterPartition request. What it finds is put into [`Request::in_sync`].
#[derive(Debug)]
pub(crate) struct AlterPartitionRequest {
    version: i16,
    has_begun: bool,
    topics: TopicWalk,
    set: Vec<i32>,
}

impl AlterPartitionRequest {
    pub(super) fn new(version: i16) -> Self {
        Self {
            version,
            has_begun: false,
            topics: TopicWalk::new(version >= 2, true),
            set: Vec::new(),
        }
    }

    pub(super) fn unit(
        &mut self,
        reader: &mut Reader<'_>,
        request: &mut Request,
        context: &mut BodyContext<'_>,
    ) -> Unit {
        let version = self.version;
        if !self.has_begun {
            let broker_id = reader.i32()?;
            reader.i64()?;
            self.topics.begin(reader)?;
            request.in_sync = Some(Box::new(InSyncRequest::new(broker_id)));
            self.has_begun = true;
            return Ok(Some(0));
        }
        match self.topics.step(reader, context)? {
            Step::Topic => Ok(Some(0)),
            Step::Partition => {
                let partition = reader.i32()?;
                reader.i32()?;
                self.set.clear();
                for _ in 0..set_length(reader)? {
                    self.set.push(reader.i32()?);
                    if version >= 3 {
                        reader.i64()?;
                        reader.tagged_fields(true, |_, _| ())?;
                    }
                }
                if version >= 1 {
                    reader.i8()?;
                }
                let epoch = reader.i32()?;
                reader.tagged_fields(true, |_, _| ())?;
                self.topics.end_partition();
                if let Some(in_sync) = &mut request.in_sync {
                    if in_sync.changes.len() >= MOST_PARTS {
                        return Err(TOO_MANY_PARTITIONS);
                    }
                    in_sync.ask(self.topics.topic(), partition, &self.set, epoch);
                }
                Ok(Some(0))
            }
            Step::End => {
                reader.tagged_fields(true, |_, _| ())?;
                Ok(None)
            }
        }
    }
}
