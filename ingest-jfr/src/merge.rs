//! Puts the chunks' rows in order: gives row ids and stack ids, and says each stack and thread once.
//!
//! Chunks are decoded in any order by several threads, but merged one after another, so ids depend
//! on the recording alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, DictionaryArray, Int32Array, Int64Array, Int64Builder, ListBuilder,
    StringArray, StringBuilder,
};
use arrow::datatypes::Int32Type;
use kcorr_model::{
    BatchBuilder, ClockAnchor, ClockKind, Error, Loss, LossKind, LossLedger, Output, Position,
    RowIds, Severity, SourceId, Summary, Table, tables,
};

use crate::event_tables::event_table;
use crate::message::{ChunkStart, Message, Ticks, TypeCount};
use crate::names::stacks::NewStacks;
use crate::names::threads::Thread;
use crate::rows::batch::{BATCH_ROWS, NO_STACK, RowBatch};
use crate::rows::event_table::{EventBatch, table_name};
use crate::settings::Limits;

/// A later chunk declares an event differently.
pub(crate) const OTHER_COLUMN: LossKind = LossKind {
    name: "jfr_event_column_left_out",
    severity: Severity::Warning,
    doc: "A chunk declares a field of an event that the first chunk with the event does not have, or has with another type; its values are left out of the event's table.",
};

/// An event type that was asked for did not occur.
pub(crate) const NO_SUCH_EVENT: LossKind = LossKind {
    name: "jfr_event_not_found",
    severity: Severity::Warning,
    doc: "An event type that was asked for as a table has no event in the recording; there is no table. `event_types` lists what there is.",
};

/// Anchors kept of a recording: enough to see drift, not as many as a day has chunks.
const MAX_ANCHORS: usize = 256;
/// Distinct stacks remembered, to say each once; further ones may come twice.
const MAX_STACKS: usize = 4_000_000;
/// Distinct threads remembered, likewise.
const MAX_THREADS: usize = 4_000_000;
/// Text of stacks collected before it is handed on, bytes.
const MAX_STACK_TEXT: usize = 8 << 20;
/// The wall anchor of async-profiler and of the JDK is taken within µs of the ticks.
const ANCHOR_UNCERTAINTY_NS: i64 = 10_000;

/// Takes the chunks' messages in order.
#[derive(Debug)]
pub(crate) struct Merge {
    source: SourceId,
    ids: HashMap<&'static str, RowIds>,
    stack_ids: RowIds,
    stack_by_hash: HashMap<u128, i64>,
    stacks: StackRows,
    /// Of the current chunk: frame names, and ids by stack number.
    names: Vec<String>,
    chunk_stacks: Vec<i64>,
    threads: HashSet<(Option<i32>, Thread)>,
    new_threads: Vec<(Option<i32>, Thread)>,
    pid: Option<i32>,
    recorders: Vec<String>,
    anchors: Vec<ClockAnchor>,
    last_chunk: Option<(Ticks, u16, i64, i64, i64)>,
    drift_ns: i64,
    losses: LossLedger,
    limits: Limits,
    types: BTreeMap<String, TypeCount>,
    event_tables: BTreeMap<String, &'static Table>,
    found_events: BTreeSet<String>,
    constants: Constants,
}

#[derive(Debug)]
struct StackRows {
    ids: Int64Builder,
    frames: ListBuilder<StringBuilder>,
    is_truncated: BooleanBuilder,
    rows: usize,
    text: usize,
}

/// Columns with one value, made once and sliced.
#[derive(Debug)]
struct Constants {
    source: Int64Array,
    origin: DictionaryArray<Int32Type>,
    pid: Option<(i32, Int32Array)>,
}

impl Merge {
    pub(crate) fn new(source: SourceId) -> Self {
        let origin = DictionaryArray::new(
            Int32Array::from(vec![0; BATCH_ROWS]),
            Arc::new(StringArray::from(vec!["jfr"])),
        );
        Self {
            source,
            ids: HashMap::new(),
            stack_ids: source.row_ids(),
            stack_by_hash: HashMap::new(),
            stacks: StackRows::new(),
            names: Vec::new(),
            chunk_stacks: Vec::new(),
            threads: HashSet::new(),
            new_threads: Vec::new(),
            pid: None,
            recorders: Vec::new(),
            anchors: Vec::new(),
            last_chunk: None,
            drift_ns: 0,
            losses: LossLedger::default(),
            limits: Limits::default(),
            types: BTreeMap::new(),
            event_tables: BTreeMap::new(),
            found_events: BTreeSet::new(),
            constants: Constants {
                source: Int64Array::from(vec![source.0; BATCH_ROWS]),
                origin,
                pid: None,
            },
        }
    }

    /// Takes the next message.
    pub(crate) fn take(&mut self, message: Message, output: &mut dyn Output) -> Result<(), Error> {
        match message {
            Message::Chunk(start) => {
                self.start_chunk(*start);
                Ok(())
            }
            Message::Stacks(new) => self.take_stacks(new, output),
            Message::Rows(batch) => self.take_rows(batch, output),
            Message::Events(batch) => self.take_events(batch, output),
            Message::End(end) => {
                for thread in end.threads {
                    self.take_thread(thread);
                    if self.new_threads.len() >= BATCH_ROWS {
                        self.flush_threads(output)?;
                    }
                }
                for loss in end.losses {
                    self.take_loss(loss);
                }
                self.limits.merge(end.limits);
                for (name, count) in end.types {
                    let total = self.types.entry(name).or_default();
                    total.count += count.count;
                    total.bytes += count.bytes;
                    total.table = count.table.or(total.table);
                }
                Ok(())
            }
        }
    }

    fn start_chunk(&mut self, start: ChunkStart) {
        self.names.clear();
        self.chunk_stacks.clear();
        self.pid = start.pid.or(self.pid);
        let header = &start.header;
        let format = format!("JFR {}.{}, {}", header.major, header.minor, start.recorder);
        if !self.recorders.contains(&format) && self.recorders.len() < 8 {
            self.recorders.push(format);
        }
        let clock = match start.ticks {
            Ticks::Monotonic => Some(ClockKind::Monotonic),
            Ticks::JvmUptime => Some(ClockKind::JvmUptime),
            Ticks::Counter => None,
        };
        if let Some(clock) = clock.filter(|_| self.anchors.len() < MAX_ANCHORS) {
            self.anchors.push(ClockAnchor {
                clock,
                time_ns: header.start_ticks,
                reference: ClockKind::Realtime,
                reference_time_ns: header.start_nanos,
                uncertainty_ns: ANCHOR_UNCERTAINTY_NS,
            });
        }
        self.note_drift(&start);
    }

    /// Between two chunks of one recorder the ticks and the wall clock should advance alike; what
    /// they do not is how far times near the chunks' border may be wrong.
    fn note_drift(&mut self, start: &ChunkStart) {
        let header = &start.header;
        let frequency = header.ticks_per_second;
        let now = (
            start.ticks,
            header.minor,
            frequency,
            header.start_ticks,
            header.start_nanos,
        );
        if let Some((ticks, minor, last_frequency, last_ticks, last_nanos)) = self.last_chunk {
            let is_same = (ticks, minor) == (start.ticks, header.minor);
            // A counter's frequency is estimated anew for every chunk.
            let is_close = (last_frequency - frequency).abs() <= frequency / 100;
            if is_same && is_close && header.start_ticks > last_ticks {
                let span = i128::from(header.start_ticks) - i128::from(last_ticks);
                let by_ticks = span * 1_000_000_000 / i128::from(last_frequency);
                let by_wall = i128::from(header.start_nanos) - i128::from(last_nanos);
                let drift = i64::try_from(by_wall - by_ticks).unwrap_or(i64::MAX);
                if drift.saturating_abs() > self.drift_ns.saturating_abs() {
                    self.drift_ns = drift;
                }
            }
        }
        self.last_chunk = Some(now);
    }

    pub(crate) fn take_loss(&mut self, loss: Loss) {
        let Loss {
            kind,
            count,
            first_position,
            time_range,
            detail,
        } = loss;
        self.losses
            .record_many(kind, count, first_position, time_range, || detail);
    }

    fn take_thread(&mut self, thread: Thread) {
        let key = (self.pid, thread);
        if self.threads.contains(&key) {
            return;
        }
        if self.threads.len() < MAX_THREADS {
            self.threads.insert(key.clone());
        }
        self.new_threads.push(key);
    }

    fn take_stacks(&mut self, new: NewStacks, output: &mut dyn Output) -> Result<(), Error> {
        self.names.extend(new.names);
        for stack in new.stacks {
            let known = self.stack_by_hash.get(&stack.hash);
            let id = match known {
                Some(id) => *id,
                None => {
                    let id = self.stack_ids.next();
                    if self.stack_by_hash.len() < MAX_STACKS {
                        self.stack_by_hash.insert(stack.hash, id);
                    }
                    self.stacks
                        .push(id, &stack.frames, &self.names, stack.is_truncated);
                    id
                }
            };
            self.chunk_stacks.push(id);
            if self.stacks.text >= MAX_STACK_TEXT || self.stacks.rows >= BATCH_ROWS {
                self.flush_stacks(output)?;
            }
        }
        Ok(())
    }

    fn take_rows(&mut self, batch: RowBatch, output: &mut dyn Output) -> Result<(), Error> {
        let RowBatch {
            table,
            rows,
            columns,
            stacks,
        } = batch;
        let mut builder = BatchBuilder::new(table, rows);
        // The id of a row is the table's first column, `…_id`.
        if let Some(column) = table
            .columns
            .first()
            .filter(|c| c.name.ends_with("_id") && c.name != "source_id")
        {
            let source = self.source;
            let ids = self
                .ids
                .entry(table.name)
                .or_insert_with(|| source.row_ids());
            let ids: Int64Array = (0..rows).map(|_| ids.next()).collect::<Vec<_>>().into();
            builder = builder.set(column.name, Arc::new(ids));
        }
        builder = builder.set("source_id", self.constants.source(rows));
        if table.index_of("origin").is_some() {
            builder = builder.set("origin", self.constants.origin(rows));
        }
        if let Some(pid) = self.pid.filter(|_| table.index_of("pid").is_some()) {
            builder = builder.set("pid", self.constants.pid(pid, rows));
        }
        if stacks.iter().any(|number| *number != NO_STACK) {
            let id = |number: &u32| self.chunk_stacks.get(*number as usize).copied();
            let ids = if stacks.contains(&NO_STACK) {
                stacks.iter().map(id).collect::<Int64Array>()
            } else {
                let ids = stacks.iter().map(|number| id(number).unwrap_or_default());
                ids.collect::<Vec<_>>().into()
            };
            builder = builder.set("stack_id", Arc::new(ids));
        }
        for (name, values) in columns {
            if let Some(values) = values {
                builder = builder.set(name, values);
            }
        }
        output.batch(table, builder.finish()?)
    }

    /// Rows of a `jfr_<name>` table: its columns are those of the first chunk that has the event.
    fn take_events(&mut self, batch: EventBatch, output: &mut dyn Output) -> Result<(), Error> {
        let name = table_name(&batch.event);
        self.found_events.insert(batch.event.clone());
        let table = match self.event_tables.get(&name) {
            Some(table) => *table,
            None => {
                let columns: Vec<_> = batch
                    .columns
                    .iter()
                    .map(|(n, kind, _)| (n.as_str(), *kind))
                    .collect();
                let table = event_table(&name, &batch.event, &columns);
                self.event_tables.insert(name, table);
                table
            }
        };
        let mut columns = Vec::new();
        for (name, kind, values) in batch.columns {
            let column = table
                .columns
                .iter()
                .find(|c| c.name == name && c.kind == kind);
            match column {
                Some(column) => columns.push((column.name, Some(values))),
                None => self.losses.record(&OTHER_COLUMN, Position::Whole, || {
                    format!(
                        "{}: {name} is not a column of the first chunk's events",
                        batch.event
                    )
                }),
            }
        }
        if let Some(total) = self.types.get_mut(&batch.event) {
            total.table = total.table.or(Some(table));
        } else {
            let count = TypeCount {
                table: Some(table),
                ..TypeCount::default()
            };
            self.types.insert(batch.event, count);
        }
        let rows = RowBatch {
            table,
            rows: batch.rows,
            columns,
            stacks: batch.stacks,
        };
        self.take_rows(rows, output)
    }

    fn flush_stacks(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let mut stacks = std::mem::replace(&mut self.stacks, StackRows::new());
        if stacks.rows == 0 {
            return Ok(());
        }
        let batch = BatchBuilder::new(&tables::STACKS, stacks.rows)
            .set("stack_id", Arc::new(stacks.ids.finish()))
            .set("source_id", self.constants.source(stacks.rows))
            .set("frames", Arc::new(stacks.frames.finish()))
            .set("is_truncated", Arc::new(stacks.is_truncated.finish()))
            .finish()?;
        output.batch(&tables::STACKS, batch)
    }

    fn flush_threads(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let threads = std::mem::take(&mut self.new_threads);
        if threads.is_empty() {
            return Ok(());
        }
        let text = |of: fn(&Thread) -> Option<&str>| -> ArrayRef {
            Arc::new(threads.iter().map(|(_, t)| of(t)).collect::<StringArray>())
        };
        let virtual_flags = threads.iter().map(|(_, t)| t.is_virtual);
        let batch = BatchBuilder::new(&tables::THREADS, threads.len())
            .set("source_id", self.constants.source(threads.len()))
            .set(
                "pid",
                Arc::new(threads.iter().map(|(pid, _)| *pid).collect::<Int32Array>()),
            )
            .set(
                "tid",
                Arc::new(threads.iter().map(|(_, t)| t.tid).collect::<Int32Array>()),
            )
            .set(
                "java_thread_id",
                Arc::new(
                    threads
                        .iter()
                        .map(|(_, t)| t.java_thread_id)
                        .collect::<Int64Array>(),
                ),
            )
            .set("name", text(|t| t.java_name.as_deref()))
            .set("os_name", text(|t| t.os_name.as_deref()))
            .set("thread_group", text(|t| t.group.as_deref()))
            .set(
                "is_virtual",
                Arc::new(virtual_flags.collect::<arrow::array::BooleanArray>()),
            )
            .finish()?;
        output.batch(&tables::THREADS, batch)
    }

    fn flush_types(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let types = std::mem::take(&mut self.types);
        let number = |of: fn(&TypeCount) -> u64| -> ArrayRef {
            let numbers = types
                .values()
                .map(|t| i64::try_from(of(t)).unwrap_or(i64::MAX));
            Arc::new(Int64Array::from_iter_values(numbers))
        };
        let source = vec![self.source.0; types.len()];
        let names = types.values().map(|t| t.table.map(|table| table.name));
        let batch = BatchBuilder::new(&tables::EVENT_TYPES, types.len())
            .set("source_id", Arc::new(Int64Array::from(source)))
            .set(
                "event",
                Arc::new(StringArray::from_iter_values(types.keys())),
            )
            .set("event_count", number(|t| t.count))
            .set("size_bytes", number(|t| t.bytes))
            .set("table_name", Arc::new(names.collect::<StringArray>()))
            .finish()?;
        output.batch(&tables::EVENT_TYPES, batch)
    }

    /// Hands on what is left, and sums up.
    pub(crate) fn finish(
        &mut self,
        asked: &[String],
        output: &mut dyn Output,
    ) -> Result<Summary, Error> {
        for event in asked {
            let is_it = |found: &String| found == event || found.rsplit('.').next() == Some(event);
            if !self.found_events.iter().any(is_it) {
                self.losses
                    .record(&NO_SUCH_EVENT, Position::Whole, || event.clone());
            }
        }
        self.flush_stacks(output)?;
        self.flush_threads(output)?;
        self.flush_types(output)?;
        let drift = self.drift_ns;
        if drift != 0 {
            let detail = format!(
                "between two chunks the wall clock went {drift} ns further than the ticks: times \
                 near their border may be wrong by as much"
            );
            self.limits.add("chunk_clock_drift_ns", drift, detail);
        }
        let format = if self.recorders.is_empty() {
            "JFR".to_owned()
        } else {
            self.recorders.join("; ")
        };
        Ok(Summary {
            format,
            clock: ClockKind::Realtime,
            anchors: std::mem::take(&mut self.anchors),
            losses: std::mem::take(&mut self.losses).into_losses(),
            limits: std::mem::take(&mut self.limits).into_limits(),
        })
    }
}

impl StackRows {
    fn new() -> Self {
        Self {
            ids: Int64Builder::new(),
            frames: ListBuilder::new(StringBuilder::new()),
            is_truncated: BooleanBuilder::new(),
            rows: 0,
            text: 0,
        }
    }

    fn push(&mut self, id: i64, frames: &[u32], names: &[String], is_truncated: bool) {
        self.rows += 1;
        self.ids.append_value(id);
        for frame in frames {
            let name = names.get(*frame as usize).map_or("?", String::as_str);
            self.text += name.len();
            self.frames.values().append_value(name);
        }
        self.frames.append(true);
        self.is_truncated.append_value(is_truncated);
    }
}

impl Constants {
    fn source(&self, rows: usize) -> ArrayRef {
        match self.source.len() >= rows {
            true => Arc::new(self.source.slice(0, rows)),
            false => Arc::new(Int64Array::from(vec![
                self.source
                    .values()
                    .first()
                    .copied()
                    .unwrap_or(0);
                rows
            ])),
        }
    }

    fn origin(&self, rows: usize) -> ArrayRef {
        if self.origin.keys().len() >= rows {
            return Arc::new(self.origin.slice(0, rows));
        }
        let keys = Int32Array::from(vec![0; rows]);
        Arc::new(DictionaryArray::new(keys, Arc::clone(self.origin.values())))
    }

    fn pid(&mut self, pid: i32, rows: usize) -> ArrayRef {
        match &self.pid {
            Some((known, values)) if *known == pid && values.len() >= rows => {
                Arc::new(values.slice(0, rows))
            }
            _ => {
                let values = Int32Array::from(vec![pid; rows.max(BATCH_ROWS)]);
                let column = Arc::new(values.slice(0, rows));
                self.pid = Some((pid, values));
                column
            }
        }
    }
}
