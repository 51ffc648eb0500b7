//! The topics of a body and the partitions of each: two nested arrays that most bodies have.

use kcorr_kafka::{Reader, Stop};

use super::TopicKey;
use super::walker::{BodyContext, read_topic};

/// Where a walker is in them. Nothing changes by a call that runs out of bytes, so it can be made again.
#[derive(Debug)]
pub(super) struct TopicWalk {
    topics_left: u32,
    partitions_left: u32,
    topic: TopicKey,
}

impl TopicWalk {
    pub(super) fn new() -> Self {
        Self {
            topics_left: 0,
            partitions_left: 0,
            topic: TopicKey::Unknown,
        }
    }

    /// The topic of the partitions that follow.
    #[inline]
    pub(super) fn topic(&self) -> TopicKey {
        self.topic
    }

    /// Reads how many topics follow.
    #[inline]
    pub(super) fn begin(&mut self, reader: &mut Reader<'_>, compact: bool) -> Result<(), Stop> {
        self.topics_left = reader.array_length(compact)?;
        Ok(())
    }

    /// Reads a topic, up to its partitions; `false` when there is none left.
    #[inline]
    pub(super) fn next_topic(
        &mut self,
        reader: &mut Reader<'_>,
        by_id: bool,
        compact: bool,
        context: &mut BodyContext<'_>,
    ) -> Result<bool, Stop> {
        if self.topics_left == 0 {
            return Ok(false);
        }
        let topic = read_topic(reader, by_id, compact, context)?;
        self.partitions_left = reader.array_length(compact)?;
        self.topic = topic;
        self.topics_left = self.topics_left.saturating_sub(1);
        Ok(true)
    }

    /// Whether a partition of the topic follows; reads the topic's end when none does.
    #[inline]
    pub(super) fn has_partition(
        &self,
        reader: &mut Reader<'_>,
        compact: bool,
    ) -> Result<bool, Stop> {
        if self.partitions_left == 0 {
            reader.tagged_fields(compact, |_, _| ())?;
        }
        Ok(self.partitions_left > 0)
    }

    /// Says that a partition was read.
    #[inline]
    pub(super) fn end_partition(&mut self) {
        self.partitions_left = self.partitions_left.saturating_sub(1);
    }
}
