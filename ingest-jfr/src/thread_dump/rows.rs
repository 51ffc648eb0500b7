//! Rows of `threads` and `thread_dump_locks` under construction.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int32Builder, Int64Array, Int64Builder, StringBuilder};
use kcorr_model::{BatchBuilder, Error, Output, SourceId, tables};

use crate::rows::columns::{Choices, Labels, OptionalInts, OptionalNumbers};
use crate::thread_dump::line::{LockLine, Relation};

/// A thread as a dump tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) name: String,
    pub(crate) java_thread_id: Option<i64>,
    pub(crate) tid: Option<i32>,
    pub(crate) state: String,
}

/// Builds `threads`.
#[derive(Debug, Default)]
pub(crate) struct ThreadRows {
    pub(crate) rows: usize,
    pid: Int32Builder,
    tid: Int32Builder,
    java_thread_id: Int64Builder,
    name: StringBuilder,
    state: StringBuilder,
}

impl ThreadRows {
    pub(crate) fn push(&mut self, pid: Option<i32>, thread: &Thread) {
        self.rows += 1;
        self.pid.append_option(pid);
        self.tid.append_option(thread.tid);
        self.java_thread_id.append_option(thread.java_thread_id);
        self.name.append_value(&thread.name);
        let state = Some(thread.state.as_str()).filter(|state| !state.is_empty());
        self.state.append_option(state);
    }

    /// Hands the rows on.
    pub(crate) fn flush(&mut self, source: SourceId, output: &mut dyn Output) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let batch = BatchBuilder::new(&tables::THREADS, rows)
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![source.0; rows])),
            )
            .set("pid", Arc::new(self.pid.finish()))
            .set("tid", Arc::new(self.tid.finish()))
            .set("java_thread_id", Arc::new(self.java_thread_id.finish()))
            .set("name", Arc::new(self.name.finish()))
            .set("state", Arc::new(self.state.finish()))
            .finish()?;
        output.batch(&tables::THREADS, batch)
    }
}

/// Builds `thread_dump_locks`.
#[derive(Debug)]
pub(crate) struct LockRows {
    pub(crate) rows: usize,
    dump: Vec<i32>,
    tid: OptionalInts,
    thread_name: Labels,
    relation: Choices,
    address: OptionalNumbers,
    class: Labels,
    frame: StringBuilder,
}

impl Default for LockRows {
    fn default() -> Self {
        Self {
            rows: 0,
            dump: Vec::new(),
            tid: OptionalInts::default(),
            thread_name: Labels::default(),
            relation: Choices::new(&Relation::NAMES),
            address: OptionalNumbers::default(),
            class: Labels::default(),
            frame: StringBuilder::new(),
        }
    }
}

impl LockRows {
    pub(crate) fn push(
        &mut self,
        dump: i32,
        thread: &Thread,
        lock: &LockLine<'_>,
        frame: Option<&str>,
    ) {
        self.rows += 1;
        self.dump.push(dump);
        self.tid.push(thread.tid);
        self.thread_name.push(Some(&thread.name));
        self.relation.push(lock.relation as i32);
        self.address.push(lock.address);
        self.class.push(lock.class);
        self.frame.append_option(frame);
    }

    /// Hands the rows on.
    pub(crate) fn flush(&mut self, source: SourceId, output: &mut dyn Output) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let source = Int64Array::from(vec![source.0; rows]);
        let dump = Int32Array::from(std::mem::take(&mut self.dump));
        let columns: [(&'static str, Option<ArrayRef>); 8] = [
            ("source_id", Some(Arc::new(source))),
            ("dump", Some(Arc::new(dump))),
            ("tid", self.tid.finish()),
            ("thread_name", self.thread_name.finish()),
            ("relation", self.relation.finish()),
            ("lock_address", self.address.finish()),
            ("lock_class", self.class.finish()),
            ("frame", Some(Arc::new(self.frame.finish()))),
        ];
        let mut batch = BatchBuilder::new(&tables::THREAD_DUMP_LOCKS, rows);
        for (name, values) in columns {
            if let Some(values) = values {
                batch = batch.set(name, values);
            }
        }
        output.batch(&tables::THREAD_DUMP_LOCKS, batch.finish()?)
    }
}
