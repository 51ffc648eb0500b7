//! The topics of a body and the partitions of each: two nested arrays that most bodies have.

use kcorr_kafka::{Reader, Stop};

use super::TopicKey;
use super::walker::{BodyContext, read_topic};

/// What comes next in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A topic began or ended, and was read.
    Topic,
    /// A partition of the topic is to be read, and told of by [`TopicWalk::end_partition`].
    Partition,
    /// Nothing more.
    End,
}

/// Where a walker is in them. Nothing changes by a call that runs out of bytes, so it can be made again.
#[derive(Debug)]
pub(super) struct TopicWalk {
    /// Whether topics are named by their ids, and whether lengths are compact and tagged fields follow.
    by_id: bool,
    compact: bool,
    topics_left: u32,
    is_in_topic: bool,
    partitions_left: u32,
    topic: TopicKey,
}

impl TopicWalk {
    pub(super) fn new(by_id: bool, compact: bool) -> Self {
        Self {
            by_id,
            compact,
            topics_left: 0,
            is_in_topic: false,
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
    pub(super) fn begin(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        self.topics_left = reader.array_length(self.compact)?;
        Ok(())
    }

    /// Reads the beginning or the end of a topic, unless a partition is next.
    #[inline]
    pub(super) fn step(
        &mut self,
        reader: &mut Reader<'_>,
        context: &mut BodyContext<'_>,
    ) -> Result<Step, Stop> {
        if self.partitions_left > 0 {
            return Ok(Step::Partition);
        }
        self.turn(reader, context)
    }

    /// The topic ends, or another one begins.
    fn turn(
        &mut self,
        reader: &mut Reader<'_>,
        context: &mut BodyContext<'_>,
    ) -> Result<Step, Stop> {
        if self.is_in_topic {
            reader.tagged_fields(self.compact, |_, _| ())?;
            self.is_in_topic = false;
            return Ok(Step::Topic);
        }
        if self.topics_left == 0 {
            return Ok(Step::End);
        }
        let topic = read_topic(reader, self.by_id, self.compact, context)?;
        self.partitions_left = reader.array_length(self.compact)?;
        self.topic = topic;
        self.topics_left = self.topics_left.saturating_sub(1);
        self.is_in_topic = true;
        Ok(Step::Topic)
    }

    /// Says that a partition was read.
    #[inline]
    pub(super) fn end_partition(&mut self) {
        self.partitions_left = self.partitions_left.saturating_sub(1);
    }
}
