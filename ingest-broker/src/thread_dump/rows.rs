//! Rows of `threads` and `thread_dump_locks` under construction.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int32Builder, Int64Array, Int64Builder, StringBuilder};
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels};
use kcorr_model::{BatchBuilder, Error, Output, SourceId, tables};

use super::line::LockLine;

/// A thread as a dump tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Thread {
    pub(crate) name: String,
    pub(crate) java_thread_id: Option<i64>,
    pub(crate) tid: Option<i32>,
    pub(crate) state: String,
    /// Whether its state came.
    pub(crate) has_state: bool,
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
        self.rows = self.rows.saturating_add(1);
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
            .set("pid", ended_int32(&mut self.pid))
            .set("tid", ended_int32(&mut self.tid))
            .set("java_thread_id", ended_int64(&mut self.java_thread_id))
            .set("name", Arc::new(self.name.finish()))
            .set("state", Arc::new(self.state.finish()))
            .finish()?;
        output.batch(&tables::THREADS, batch)
    }
}

/// Builds `thread_dump_locks`.
#[derive(Default)]
pub(crate) struct LockRows {
    pub(crate) rows: usize,
    dump: Int32Builder,
    tid: Int32Builder,
    thread_name: LabelBuilder,
    relation: LabelBuilder,
    address: Int64Builder,
    class: LabelBuilder,
    frame: StringBuilder,
}

impl fmt::Debug for LockRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockRows")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
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
        self.rows = self.rows.saturating_add(1);
        self.dump.append_value(dump);
        self.tid.append_option(thread.tid);
        self.thread_name.append_value(&thread.name);
        self.relation.append_value(lock.relation.name());
        self.address.append_option(lock.address);
        self.class.append_option(lock.class);
        self.frame.append_option(frame);
    }

    /// Hands the rows on.
    pub(crate) fn flush(&mut self, source: SourceId, output: &mut dyn Output) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let batch = BatchBuilder::new(&tables::THREAD_DUMP_LOCKS, rows)
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![source.0; rows])),
            )
            .set("dump", ended_int32(&mut self.dump))
            .set("tid", ended_int32(&mut self.tid))
            .set("thread_name", ended_labels(&mut self.thread_name))
            .set("relation", ended_labels(&mut self.relation))
            .set("lock_address", ended_int64(&mut self.address))
            .set("lock_class", ended_labels(&mut self.class))
            .set("frame", Arc::new(self.frame.finish()))
            .finish()?;
        output.batch(&tables::THREAD_DUMP_LOCKS, batch)
    }
}
