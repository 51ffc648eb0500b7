//! The threads of a chunk.

use crate::names::id_index::IdIndex;
use crate::names::pools::Pools;

/// A thread as the recorder knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Thread {
    /// `osThreadId`; of a virtual thread none.
    pub(crate) tid: Option<i32>,
    pub(crate) java_thread_id: Option<i64>,
    pub(crate) java_name: Option<String>,
    pub(crate) os_name: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) is_virtual: Option<bool>,
}

impl Thread {
    /// The Java name, or of a thread without one that of the operating system.
    pub(crate) fn name(&self) -> Option<&str> {
        self.java_name.as_deref().or(self.os_name.as_deref())
    }
}

/// The threads of a chunk, by their pool ids.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    threads: Vec<Thread>,
    index: IdIndex,
    /// async-profiler's pool ids are the OS thread ids: an unfinished chunk has no pool, but its
    /// events still tell who it was.
    ids_are_tids: bool,
    added: std::collections::HashMap<i64, usize>,
}

const FIELDS: [&str; 6] = [
    "osThreadId",
    "javaThreadId",
    "javaName",
    "osName",
    "group",
    "virtual",
];

impl Threads {
    /// Decodes the thread pool.
    pub(crate) fn new(pools: &Pools<'_>, ids_are_tids: bool) -> Self {
        let mut threads = Self {
            ids_are_tids,
            ..Self::default()
        };
        let Some(record) = pools.record("java.lang.Thread", &FIELDS) else {
            return threads;
        };
        let Some(pool) = pools.pool(record.type_id) else {
            return threads;
        };
        threads.index = IdIndex::new(pool.entries().iter().map(|(id, _)| *id));
        for (_, at) in pool.entries() {
            let slots = record.read(pools, *at).unwrap_or_default();
            let number = |field| record.number(&slots, field).filter(|number| *number > 0);
            let text = |field| {
                let text = record.text(pools, &slots, field)?;
                (!text.is_empty()).then(|| text.into_owned())
            };
            let is_virtual = record.number(&slots, 5).map(|flag| flag != 0);
            let tid = number(0).and_then(|tid| i32::try_from(tid).ok());
            threads.threads.push(Thread {
                tid: tid.filter(|_| is_virtual != Some(true)),
                java_thread_id: number(1),
                java_name: text(2),
                os_name: text(3),
                group: text(4),
                is_virtual,
            });
        }
        threads
    }

    /// The position of the thread with a pool id.
    #[inline(always)]
    pub(crate) fn position(&mut self, id: i64) -> Option<usize> {
        match self.index.get(id) {
            Some(position) => Some(position),
            None if self.ids_are_tids => self.add(id),
            None => None,
        }
    }

    #[cold]
    fn add(&mut self, id: i64) -> Option<usize> {
        if let Some(position) = self.added.get(&id) {
            return Some(*position);
        }
        let tid = i32::try_from(id).ok().filter(|tid| *tid > 0)?;
        let position = self.threads.len();
        self.threads.push(Thread {
            tid: Some(tid),
            java_thread_id: None,
            java_name: None,
            os_name: None,
            group: None,
            is_virtual: None,
        });
        self.added.insert(id, position);
        Some(position)
    }

    /// The thread at a position.
    #[inline(always)]
    pub(crate) fn get(&self, position: usize) -> Option<&Thread> {
        self.threads.get(position)
    }

    /// All threads known so far.
    pub(crate) fn all(&self) -> &[Thread] {
        &self.threads
    }
}
