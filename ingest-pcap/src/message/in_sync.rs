//! What a leader asks of the controller for its partitions' in-sync sets, and what it is answered.

use kcorr_kafka::{Reader, Stop};

use super::TopicKey;

/// More replicas than a partition has.
const MOST_REPLICAS: u32 = 256;

/// Among so many changes an answer in another order is looked for.
const FEW_CHANGES: usize = 1000;

/// A request to change in-sync sets (AlterPartition).
#[derive(Debug)]
pub(crate) struct InSyncRequest {
    /// The broker that asks, which leads the partitions.
    pub(crate) broker_id: i32,
    /// The error of the whole answer.
    pub(crate) error_code: Option<i16>,
    /// Brokers' ids of all sets, one set behind another.
    ids: Vec<i32>,
    pub(crate) changes: Vec<InSyncChange>,
}

/// The change of one partition's set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InSyncChange {
    pub(crate) topic: TopicKey,
    pub(crate) partition: i32,
    asked: Ids,
    /// The number of the partition's state that is to change.
    pub(crate) asked_epoch: i32,
    pub(crate) error_code: Option<i16>,
    stored: Option<Ids>,
    pub(crate) stored_epoch: Option<i32>,
}

/// Where a set's ids are: behind the first so many, so many.
type Ids = (usize, usize);

impl InSyncRequest {
    pub(super) fn new(broker_id: i32) -> Self {
        Self {
            broker_id,
            error_code: None,
            ids: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Bytes that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        size_of::<Self>()
            .saturating_add(self.ids.len().saturating_mul(size_of::<i32>()))
            .saturating_add(self.changes.len().saturating_mul(size_of::<InSyncChange>()))
    }

    pub(super) fn ask(&mut self, topic: TopicKey, partition: i32, set: &[i32], epoch: i32) {
        let asked = self.keep(set);
        self.changes.push(InSyncChange {
            topic,
            partition,
            asked,
            asked_epoch: epoch,
            error_code: None,
            stored: None,
            stored_epoch: None,
        });
    }

    /// Takes note of the answer for a partition. Answers keep the order of what was asked; in another
    /// order those of a few changes are found.
    pub(super) fn answer(&mut self, place: usize, answer: &InSyncAnswer<'_>) {
        let at = |it: &InSyncChange| {
            it.partition == answer.partition && it.topic == answer.topic && it.error_code.is_none()
        };
        let place = match self.changes.get(place) {
            Some(change) if at(change) => place,
            _ => {
                let few = self.changes.iter().take(FEW_CHANGES);
                let Some(place) = few.into_iter().position(at) else {
                    return;
                };
                place
            }
        };
        let stored = (answer.error_code == 0).then(|| self.keep(answer.set));
        if let Some(change) = self.changes.get_mut(place) {
            change.error_code = Some(answer.error_code);
            change.stored = stored;
            change.stored_epoch = stored.map(|_| answer.epoch);
        }
    }

    /// The set that was asked for.
    pub(crate) fn asked(&self, change: &InSyncChange) -> &[i32] {
        self.set(change.asked)
    }

    /// The set as it is stored, if it is.
    pub(crate) fn stored(&self, change: &InSyncChange) -> Option<&[i32]> {
        change.stored.map(|ids| self.set(ids))
    }

    fn keep(&mut self, set: &[i32]) -> Ids {
        let first = self.ids.len();
        self.ids.extend_from_slice(set);
        (first, set.len())
    }

    fn set(&self, (first, count): Ids) -> &[i32] {
        self.ids
            .get(first..)
            .and_then(|rest| rest.get(..count))
            .unwrap_or_default()
    }
}

/// What the controller says of one partition.
#[derive(Debug)]
pub(super) struct InSyncAnswer<'a> {
    pub(super) topic: TopicKey,
    pub(super) partition: i32,
    pub(super) error_code: i16,
    pub(super) set: &'a [i32],
    pub(super) epoch: i32,
}

/// How many brokers a set has.
pub(super) fn set_length(reader: &mut Reader<'_>) -> Result<u32, Stop> {
    let length = reader.array_length(true)?;
    if length > MOST_REPLICAS {
        return Err(Stop::Malformed("an in-sync set has more than 256 brokers"));
    }
    Ok(length)
}
