//! `pauses` from the JDK's garbage collection, safepoint and VM operation events.
//!
//! A row is a stop of all threads, or a phase of one:
//! - `gc`: a `jdk.GCPhasePause`, named after its collection's collector, with its cause. A
//!   `jdk.GarbageCollection` itself spans concurrent work too; it stands in only where the pauses
//!   were not recorded and it was one pause.
//! - `gc_phase`: a `jdk.GCPhasePauseLevel1` to 4, inside a pause.
//! - `safepoint`: from `jdk.SafepointBegin` to the `jdk.SafepointEnd` of the same id; where only
//!   one of them was recorded, that one's own duration. The cause is the VM operation.
//! - `safepoint_sync`: a `jdk.SafepointStateSynchronization`, the part of a safepoint until the last
//!   thread had come to it.
//! - `vm_operation`: a `jdk.ExecuteVMOperation` at a safepoint.

use std::collections::{BTreeMap, HashMap};

use kcorr_model::columns::{Choices, LabelColumn, Numbers};
use kcorr_model::tables::PAUSES;

use crate::rows::batch::{BATCH_ROWS, RowBatch};
use crate::rows::event::{Event, Scope};
use crate::rows::fields::{OWN, Wanted};

const NAME: u8 = OWN;
const CAUSE: u8 = OWN + 1;
const GC_ID: u8 = OWN + 2;
const SUM_OF_PAUSES: u8 = OWN + 3;
const OPERATION: u8 = OWN + 4;
const AT_SAFEPOINT: u8 = OWN + 5;
const SAFEPOINT_ID: u8 = OWN + 6;

/// The fields that pauses are made of.
pub(crate) const WANTED: [Wanted; 7] = [
    Wanted::text("name", NAME),
    Wanted::text("cause", CAUSE),
    Wanted::value("gcId", GC_ID),
    Wanted::value("sumOfPauses", SUM_OF_PAUSES),
    Wanted::text("operation", OPERATION),
    Wanted::value("safepoint", AT_SAFEPOINT),
    Wanted::value("safepointId", SAFEPOINT_ID),
];

/// Which event a pause comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    GarbageCollection,
    GcPause,
    GcPhase,
    SafepointBegin,
    SafepointSync,
    SafepointEnd,
    VmOperation,
}

const GC: i32 = 0;
const GC_PHASE: i32 = 1;
const SAFEPOINT: i32 = 2;
const VM_OPERATION: i32 = 3;
const SAFEPOINT_SYNC: i32 = 4;

/// Safepoints whose end has not come yet, and collections whose pauses have not; the JVM has one of
/// each at a time, but threads write their events when their buffers are full.
const MAX_OPEN: usize = 65_536;

/// A collection as its own event tells of it.
#[derive(Debug, Clone)]
struct Collection {
    name: String,
    cause: Option<String>,
    start: i64,
    end: i64,
    duration: i64,
    is_one_pause: bool,
}

#[derive(Debug)]
struct GcPause {
    start: i64,
    end: i64,
    duration: i64,
    gc_id: i32,
    name: String,
}

#[derive(Debug)]
struct Begun {
    start: i64,
    end: i64,
    duration: i64,
    operation: Option<String>,
}

/// Builds batches of `pauses`.
#[derive(Debug)]
pub(crate) struct Pauses {
    rows: usize,
    kind: Choices,
    name: LabelColumn,
    cause: LabelColumn,
    start: Numbers,
    end: Numbers,
    duration: Numbers,
    collections: HashMap<i32, Collection>,
    gc_pauses: Vec<GcPause>,
    begun: BTreeMap<i64, Begun>,
}

impl Pauses {
    pub(crate) fn new() -> Self {
        Self {
            rows: 0,
            kind: Choices::new(&[
                "gc",
                "gc_phase",
                "safepoint",
                "vm_operation",
                "safepoint_sync",
            ]),
            name: LabelColumn::default(),
            cause: LabelColumn::default(),
            start: Numbers::default(),
            end: Numbers::default(),
            duration: Numbers::default(),
            collections: HashMap::new(),
            gc_pauses: Vec::new(),
            begun: BTreeMap::new(),
        }
    }

    /// Appends what an event tells; answers whether the batch is full.
    pub(crate) fn push(&mut self, kind: Kind, event: &Event<'_>, scope: &Scope<'_>) -> bool {
        let text = |slot| {
            event
                .text(slot, scope.pools)
                .map(std::borrow::Cow::into_owned)
        };
        let interval = (event.start, event.end, event.duration);
        match kind {
            Kind::GarbageCollection => {
                let sum = event.slot(SUM_OF_PAUSES);
                let duration = event.slot(crate::rows::fields::DURATION);
                let collection = Collection {
                    name: text(NAME).unwrap_or_else(|| "GC".into()),
                    cause: text(CAUSE),
                    start: event.start,
                    end: event.end,
                    duration: event.duration,
                    is_one_pause: sum.saturating_mul(10) >= duration.saturating_mul(9),
                };
                self.collections.insert(event.int(GC_ID), collection);
            }
            Kind::GcPause => self.gc_pauses.push(GcPause {
                start: event.start,
                end: event.end,
                duration: event.duration,
                gc_id: event.int(GC_ID),
                name: text(NAME).unwrap_or_else(|| "GC Pause".into()),
            }),
            Kind::GcPhase => self.row(GC_PHASE, text(NAME).as_deref(), None, interval),
            Kind::SafepointBegin => {
                let begun = Begun {
                    start: event.start,
                    end: event.end,
                    duration: event.duration,
                    operation: None,
                };
                self.begun.insert(event.slot(SAFEPOINT_ID), begun);
            }
            Kind::SafepointSync => self.row(SAFEPOINT_SYNC, Some("safepoint"), None, interval),
            Kind::SafepointEnd => match self.begun.remove(&event.slot(SAFEPOINT_ID)) {
                Some(begun) if begun.start <= event.end => {
                    let duration = event.end.saturating_sub(begun.start);
                    let interval = (begun.start, event.end, duration);
                    self.row(
                        SAFEPOINT,
                        Some("safepoint"),
                        begun.operation.as_deref(),
                        interval,
                    );
                }
                _ => self.row(SAFEPOINT, Some("safepoint end"), None, interval),
            },
            Kind::VmOperation => {
                let operation = text(OPERATION);
                if event.slot(AT_SAFEPOINT) != 0 {
                    self.row(VM_OPERATION, operation.as_deref(), None, interval);
                }
                if let Some(begun) = self.begun.get_mut(&event.slot(SAFEPOINT_ID)) {
                    begun.operation = operation;
                }
            }
        }
        if self.gc_pauses.len() >= MAX_OPEN || self.collections.len() >= MAX_OPEN {
            self.settle_collections();
        }
        if self.begun.len() >= MAX_OPEN {
            self.settle_safepoints();
        }
        self.rows >= BATCH_ROWS
    }

    fn row(
        &mut self,
        kind: i32,
        name: Option<&str>,
        cause: Option<&str>,
        interval: (i64, i64, i64),
    ) {
        self.rows += 1;
        self.kind.push(kind);
        self.name.push(Some(name.unwrap_or("unknown")));
        self.cause.push(cause);
        self.start.push(interval.0);
        self.end.push(interval.1);
        self.duration.push(interval.2);
    }

    /// Ends the chunk: what still waited for another event becomes a row by itself.
    pub(crate) fn settle(&mut self) {
        self.settle_collections();
        self.settle_safepoints();
    }

    fn settle_collections(&mut self) {
        let mut collections = std::mem::take(&mut self.collections);
        let mut paused = std::collections::HashSet::new();
        for pause in std::mem::take(&mut self.gc_pauses) {
            let interval = (pause.start, pause.end, pause.duration);
            paused.insert(pause.gc_id);
            match collections.get(&pause.gc_id) {
                Some(gc) => self.row(GC, Some(&gc.name), gc.cause.as_deref(), interval),
                None => self.row(GC, Some(&pause.name), None, interval),
            }
        }
        collections.retain(|id, gc| gc.is_one_pause && !paused.contains(id));
        let mut alone: Vec<_> = collections.into_iter().collect();
        alone.sort_by_key(|(id, _)| *id);
        for (_, gc) in alone {
            let interval = (gc.start, gc.end, gc.duration);
            self.row(GC, Some(&gc.name), gc.cause.as_deref(), interval);
        }
    }

    fn settle_safepoints(&mut self) {
        for begun in std::mem::take(&mut self.begun).into_values() {
            let interval = (begun.start, begun.end, begun.duration);
            self.row(
                SAFEPOINT,
                Some("safepoint begin"),
                begun.operation.as_deref(),
                interval,
            );
        }
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        Some(RowBatch {
            table: &PAUSES,
            rows,
            columns: vec![
                ("kind", self.kind.finish()),
                ("name", self.name.finish()),
                ("cause", self.cause.finish()),
                ("start_time", self.start.finish_times()),
                ("end_time", self.end.finish_times()),
                ("duration_ns", self.duration.finish()),
            ],
            stacks: Vec::new(),
        })
    }
}
