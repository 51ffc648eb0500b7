//! Topics by name and by id, and the names of ids.

use std::sync::Arc;

use hashbrown::HashMap;
use kcorr_kafka::TopicId;
use kcorr_model::{LossKind, Severity};

/// More topics than are kept.
pub(crate) static TOO_MANY_TOPICS: LossKind = LossKind {
    name: "pcap_too_many_topics",
    severity: Severity::Warning,
    doc: "The capture names more topics than are kept (500,000); rows of further topics have none.",
};

const MOST_TOPICS: usize = 500_000;

/// Names are kept up to this size together.
const MOST_NAME_BYTES: usize = 32 << 20;

/// A topic as a message names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TopicKey {
    /// By name.
    Name(u32),
    /// By id.
    Id(u32),
    /// Not kept: there were too many.
    Unknown,
}

/// All topics named so far.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    names: Vec<Arc<str>>,
    by_name: HashMap<Arc<str>, u32>,
    ids: Vec<(TopicId, Option<u32>)>,
    by_id: HashMap<TopicId, u32>,
    name_bytes: usize,
}

impl Topics {
    /// The key of a name.
    pub(crate) fn name_key(&mut self, name: &str) -> TopicKey {
        self.name_index(name)
            .map_or(TopicKey::Unknown, TopicKey::Name)
    }

    fn name_index(&mut self, name: &str) -> Option<u32> {
        if let Some(&index) = self.by_name.get(name) {
            return Some(index);
        }
        let bytes = self.name_bytes.saturating_add(name.len());
        if self.names.len() >= MOST_TOPICS || bytes > MOST_NAME_BYTES {
            return None;
        }
        self.name_bytes = bytes;
        let index = u32::try_from(self.names.len()).ok()?;
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.by_name.insert(name, index);
        Some(index)
    }

    /// The key of an id.
    pub(crate) fn id_key(&mut self, id: TopicId) -> TopicKey {
        if let Some(&index) = self.by_id.get(&id) {
            return TopicKey::Id(index);
        }
        if self.ids.len() >= MOST_TOPICS {
            return TopicKey::Unknown;
        }
        let Ok(index) = u32::try_from(self.ids.len()) else {
            return TopicKey::Unknown;
        };
        self.ids.push((id, None));
        self.by_id.insert(id, index);
        TopicKey::Id(index)
    }

    /// Learns the name of an id; true when it was not known.
    pub(crate) fn learn(&mut self, id: TopicId, name: &str) -> bool {
        let TopicKey::Id(index) = self.id_key(id) else {
            return false;
        };
        let Some(name) = self.name_index(name) else {
            return false;
        };
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| self.ids.get_mut(index));
        match slot {
            Some((_, known)) if *known != Some(name) => {
                *known = Some(name);
                true
            }
            _ => false,
        }
    }

    /// The number of the topic's name, and its id if it was named by one.
    pub(crate) fn resolve(&self, key: TopicKey) -> (Option<u32>, Option<TopicId>) {
        match key {
            TopicKey::Name(index) => (Some(index), None),
            TopicKey::Id(index) => usize::try_from(index)
                .ok()
                .and_then(|index| self.ids.get(index))
                .map_or((None, None), |&(id, name)| (name, Some(id))),
            TopicKey::Unknown => (None, None),
        }
    }

    /// The name with a number.
    pub(crate) fn name(&self, index: u32) -> Option<&str> {
        self.names
            .get(usize::try_from(index).ok()?)
            .map(|name| &**name)
    }
}
