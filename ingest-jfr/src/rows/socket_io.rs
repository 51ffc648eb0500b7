//! `socket_io` from `jdk.SocketRead` and `jdk.SocketWrite`.

use kcorr_model::columns::{Choices, LabelColumn, Numbers, OptionalInts, OptionalNumbers};
use kcorr_model::tables::SOCKET_IO;

use crate::rows::batch::{BATCH_ROWS, NO_STACK, RowBatch};
use crate::rows::event::{Event, Scope};
use crate::rows::fields::{OWN, Wanted};
use crate::rows::labels::PooledLabels;

const HOST: u8 = OWN;
const ADDRESS: u8 = OWN + 1;
const PORT: u8 = OWN + 2;
const BYTES: u8 = OWN + 3;

/// The fields that socket operations are made of.
pub(crate) const WANTED: [Wanted; 5] = [
    Wanted::text("host", HOST),
    Wanted::text("address", ADDRESS),
    Wanted::value("port", PORT),
    Wanted::value("bytesRead", BYTES),
    Wanted::value("bytesWritten", BYTES),
];

/// Builds batches of `socket_io`.
#[derive(Debug)]
pub(crate) struct SocketIo {
    rows: usize,
    operation: Choices,
    start: Numbers,
    end: Numbers,
    duration: Numbers,
    tid: OptionalInts,
    thread_name: PooledLabels,
    host: LabelColumn,
    address: LabelColumn,
    port: OptionalInts,
    bytes: OptionalNumbers,
    stacks: Vec<u32>,
}

impl SocketIo {
    pub(crate) fn new() -> Self {
        Self {
            rows: 0,
            operation: Choices::new(&["read", "write"]),
            start: Numbers::default(),
            end: Numbers::default(),
            duration: Numbers::default(),
            tid: OptionalInts::default(),
            thread_name: PooledLabels::default(),
            host: LabelColumn::default(),
            address: LabelColumn::default(),
            port: OptionalInts::default(),
            bytes: OptionalNumbers::default(),
            stacks: Vec::new(),
        }
    }

    /// Appends an operation; answers whether the batch is full.
    pub(crate) fn push(
        &mut self,
        is_write: bool,
        event: &Event<'_>,
        scope: &mut Scope<'_>,
    ) -> bool {
        self.rows += 1;
        self.operation.push(i32::from(is_write));
        self.start.push(event.start);
        self.end.push(event.end);
        self.duration.push(event.duration);
        let position = scope.thread_position(event.thread());
        let thread = position.and_then(|position| scope.threads.get(position));
        self.tid.push(thread.and_then(|t| t.tid));
        self.thread_name
            .push(position, || Some(thread?.name()?.into()));
        self.host.push(event.text(HOST, scope.pools).as_deref());
        self.address
            .push(event.text(ADDRESS, scope.pools).as_deref());
        self.port.push(Some(event.int(PORT)));
        // −1 is a read at the end of the stream.
        self.bytes
            .push(Some(event.slot(BYTES)).filter(|bytes| *bytes >= 0));
        self.stacks
            .push(scope.stacks.number(event.stack()).unwrap_or(NO_STACK));
        self.rows >= BATCH_ROWS
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        Some(RowBatch {
            table: &SOCKET_IO,
            rows,
            columns: vec![
                ("operation", self.operation.finish()),
                ("start_time", self.start.finish_times()),
                ("end_time", self.end.finish_times()),
                ("duration_ns", self.duration.finish()),
                ("tid", self.tid.finish()),
                ("thread_name", self.thread_name.finish()),
                ("host", self.host.finish()),
                ("address", self.address.finish()),
                ("port", self.port.finish()),
                ("bytes", self.bytes.finish()),
            ],
            stacks: std::mem::take(&mut self.stacks),
        })
    }
}
