//! Puts the chunks' rows in order: gives row ids and stack ids, and says each stack and thread once.
//!
//! Chunks are decoded in any order by several threads, but merged one after another, so ids depend
//! on the recording alone.

mod constants;
mod recorder_clocks;
mod stack_rows;
mod thread_rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use constants::Constants;
use kcorr_model::{
    BatchBuilder, ClockKind, Error, Loss, LossKind, LossLedger, Output, Position, RowIds, Severity,
    SourceId, Summary, Table, tables,
};
use recorder_clocks::RecorderClocks;
use stack_rows::StackRows;
use thread_rows::ThreadRows;

use crate::event_tables::{EventBatch, event_table, table_name};
use crate::message::{ChunkStart, Message, TypeCount};
use crate::rows::batch::RowBatch;
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

/// Takes the chunks' messages in order.
#[derive(Debug)]
pub(crate) struct Merge {
    source: SourceId,
    ids: HashMap<&'static str, RowIds>,
    stacks: StackRows,
    threads: ThreadRows,
    pid: Option<i32>,
    recorders: Vec<String>,
    clocks: RecorderClocks,
    losses: LossLedger,
    limits: Limits,
    types: BTreeMap<String, TypeCount>,
    event_tables: BTreeMap<String, &'static Table>,
    found_events: BTreeSet<String>,
    constants: Constants,
}

impl Merge {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: HashMap::new(),
            stacks: StackRows::new(source),
            threads: ThreadRows::default(),
            pid: None,
            recorders: Vec::new(),
            clocks: RecorderClocks::default(),
            losses: LossLedger::default(),
            limits: Limits::default(),
            types: BTreeMap::new(),
            event_tables: BTreeMap::new(),
            found_events: BTreeSet::new(),
            constants: Constants::new(source),
        }
    }

    /// Takes the next message.
    pub(crate) fn take(&mut self, message: Message, output: &mut dyn Output) -> Result<(), Error> {
        match message {
            Message::Chunk(start) => {
                self.start_chunk(&start);
                Ok(())
            }
            Message::Stacks(new) => self.stacks.take(new, &self.constants, output),
            Message::Rows(batch) => self.take_rows(batch, output),
            Message::Events(batch) => self.take_events(batch, output),
            Message::End(end) => {
                for thread in end.threads {
                    self.threads
                        .take(self.pid, thread, &self.constants, output)?;
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

    fn start_chunk(&mut self, start: &ChunkStart) {
        self.stacks.start_chunk();
        self.pid = start.pid.or(self.pid);
        let header = &start.header;
        let format = format!("JFR {}.{}, {}", header.major, header.minor, start.recorder);
        if !self.recorders.contains(&format) && self.recorders.len() < 8 {
            self.recorders.push(format);
        }
        self.clocks.start_chunk(start);
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
        if let Some(ids) = self.stacks.ids(&stacks) {
            builder = builder.set("stack_id", ids);
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
        self.stacks.flush(&self.constants, output)?;
        self.threads.flush(&self.constants, output)?;
        self.flush_types(output)?;
        let drift = self.clocks.drift_ns();
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
            anchors: self.clocks.take_anchors(),
            losses: std::mem::take(&mut self.losses).into_losses(),
            limits: std::mem::take(&mut self.limits).into_limits(),
        })
    }
}
