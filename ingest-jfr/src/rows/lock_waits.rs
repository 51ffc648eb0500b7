//! `lock_waits` from `jdk.JavaMonitorEnter`, `jdk.JavaMonitorWait`, `jdk.ThreadPark` and
//! `profiler.NativeLock`.

use kcorr_model::columns::{Choices, Numbers, OptionalInts, OptionalNumbers};
use kcorr_model::tables::LOCK_WAITS;

use crate::names::java_name::class_name_from_internal;
use crate::rows::batch::{BATCH_ROWS, NO_STACK, RowBatch};
use crate::rows::event::{Event, Scope};
use crate::rows::fields::{CLASS_TYPE, OWN, THREAD_TYPE, Wanted};
use crate::rows::labels::PooledLabels;

const CLASS: u8 = OWN;
const OWNER: u8 = OWN + 1;
const ADDRESS: u8 = OWN + 2;

/// The fields that waits are made of.
pub(crate) const WANTED: [Wanted; 4] = [
    Wanted::pooled("monitorClass", CLASS, CLASS_TYPE),
    Wanted::pooled("parkedClass", CLASS, CLASS_TYPE),
    Wanted::pooled("previousOwner", OWNER, THREAD_TYPE),
    Wanted::value("address", ADDRESS),
];

/// `lock_waits.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Monitor = 0,
    MonitorWait = 1,
    Park = 2,
    Native = 3,
}

/// Builds batches of `lock_waits`.
#[derive(Debug)]
pub(crate) struct LockWaits {
    rows: usize,
    kind: Choices,
    start: Numbers,
    end: Numbers,
    duration: Numbers,
    tid: OptionalInts,
    java_thread_id: OptionalNumbers,
    thread_name: PooledLabels,
    class: PooledLabels,
    address: OptionalNumbers,
    owner_tid: OptionalInts,
    owner_name: PooledLabels,
    stacks: Vec<u32>,
    /// By position of the thread: its wait before in the file.
    last: Vec<(i64, i64)>,
    /// Waits that overlap the same thread's wait before.
    pub(crate) overlapping: u64,
}

impl LockWaits {
    pub(crate) fn new() -> Self {
        Self {
            rows: 0,
            kind: Choices::new(&["monitor", "monitor_wait", "park", "native"]),
            start: Numbers::default(),
            end: Numbers::default(),
            duration: Numbers::default(),
            tid: OptionalInts::default(),
            java_thread_id: OptionalNumbers::default(),
            thread_name: PooledLabels::default(),
            class: PooledLabels::default(),
            address: OptionalNumbers::default(),
            owner_tid: OptionalInts::default(),
            owner_name: PooledLabels::default(),
            stacks: Vec::new(),
            last: Vec::new(),
            overlapping: 0,
        }
    }

    /// Appends a wait; answers whether the batch is full.
    #[inline]
    pub(crate) fn push(&mut self, kind: Kind, event: &Event<'_>, scope: &mut Scope<'_>) -> bool {
        self.rows += 1;
        self.kind.push(kind as i32);
        self.start.push(event.start);
        self.end.push(event.end);
        self.duration.push(event.duration);
        let position = scope.thread_position(event.thread());
        if kind != Kind::MonitorWait {
            self.note_overlap(position, event);
        }
        let thread = position.and_then(|position| scope.threads.get(position));
        self.tid.push(thread.and_then(|t| t.tid));
        self.java_thread_id
            .push(thread.and_then(|t| t.java_thread_id));
        self.thread_name
            .push(position, || Some(thread?.name()?.into()));

        let class_id = event.slot(CLASS);
        let class_type = event.plan.pool(CLASS);
        let position = scope.position(class_type, class_id);
        let pools = scope.pools;
        self.class.push(position, || {
            Some(class_name_from_internal(&pools.text(class_type?, class_id)?).into())
        });
        self.address
            .push(Some(event.slot(ADDRESS)).filter(|address| *address != 0));

        // async-profiler never knows the owner: the field is there and always 0.
        let position = scope.thread_position(event.slot(OWNER));
        let owner = position.and_then(|position| scope.threads.get(position));
        self.owner_tid.push(owner.and_then(|t| t.tid));
        self.owner_name
            .push(position, || Some(owner?.name()?.into()));
        self.stacks
            .push(scope.stacks.number(event.stack()).unwrap_or(NO_STACK));
        self.rows >= BATCH_ROWS
    }

    #[inline]
    fn note_overlap(&mut self, thread: Option<usize>, event: &Event<'_>) {
        let Some(position) = thread else { return };
        if self.last.len() <= position {
            self.last.resize(position + 1, (i64::MAX, i64::MIN));
        }
        if let Some((start, end)) = self.last.get_mut(position) {
            // Events of a thread need not stand in the order of time.
            self.overlapping += u64::from(event.start < *end && *start < event.end);
            (*start, *end) = (event.start, event.end);
        }
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        Some(RowBatch {
            table: &LOCK_WAITS,
            rows,
            columns: vec![
                ("kind", self.kind.finish()),
                ("start_time", self.start.finish_times()),
                ("end_time", self.end.finish_times()),
                ("duration_ns", self.duration.finish()),
                ("tid", self.tid.finish()),
                ("java_thread_id", self.java_thread_id.finish()),
                ("thread_name", self.thread_name.finish()),
                ("lock_class", self.class.finish()),
                ("lock_address", self.address.finish()),
                ("owner_tid", self.owner_tid.finish()),
                ("owner_thread_name", self.owner_name.finish()),
            ],
            stacks: std::mem::take(&mut self.stacks),
        })
    }
}
