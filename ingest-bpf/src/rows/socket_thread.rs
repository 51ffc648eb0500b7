//! Rows of `socket_threads`.

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{self, int64, nullable_int32};
use kcorr_model::{BatchBuilder, BatchError, Table, tables};

use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

/// A thread that was seen at a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketThread {
    pub(crate) time: i64,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) comm: Label,
    pub(crate) peer: Label,
    pub(crate) local: Label,
}

impl Row for SocketThread {
    const TABLE: &'static Table = &tables::SOCKET_THREADS;
    const ID: &'static str = "socket_thread_id";

    fn span(&self) -> Span {
        Span {
            start: self.time,
            end: self.time,
            duration: 0,
        }
    }

    fn numbers(&self) -> impl Ord {
        (self.tid, self.pid)
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.comm, &mut self.peer, &mut self.local]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        let ids: Vec<i64> = rows.iter().map(|_| context.ids.next()).collect();
        BatchBuilder::new(Self::TABLE, rows.len())
            .set(Self::ID, int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| context.source.0))
            .set("time", columns::time(rows, |row| row.time))
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("comm", context.column(rows, |row| row.comm))
            .set("peer_address", context.column(rows, |row| row.peer))
            .set("local_address", context.column(rows, |row| row.local))
            .finish()
    }
}
