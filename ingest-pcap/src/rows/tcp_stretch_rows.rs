//! Rows of `tcp_stretches`.

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, Error, RowIds, SourceId, tables};

use super::labels::Labels;
use super::numbers::{Numbers, count};
use super::request_rows::ConnectionLabels;
use crate::connection::Stretch;

/// Columns of `tcp_stretches` under construction.
#[derive(Debug)]
pub(super) struct TcpStretchRows {
    source: SourceId,
    ids: RowIds,
    client_address: Labels,
    server_address: Labels,
    direction: Labels,
    kind: Labels,
    numbers: Numbers<11>,
}

impl TcpStretchRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            client_address: Labels::new(),
            server_address: Labels::new(),
            direction: Labels::new(),
            kind: Labels::new(),
            numbers: Numbers::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn push(&mut self, stretch: &Stretch, connection: &ConnectionLabels) {
        let client = connection.client.to_string();
        self.client_address.push(Some(&client));
        let server = connection.server.to_string();
        self.server_address.push(Some(&server));
        self.direction.push(Some(stretch.direction()));
        self.kind.push(Some(stretch.kind.name()));
        self.numbers.push([
            ("stretch_id", Some(self.ids.next())),
            ("source_id", Some(self.source.0)),
            ("connection_id", Some(connection.connection_id)),
            ("start_time", Some(stretch.start)),
            ("end_time", Some(stretch.end)),
            (
                "duration_ns",
                Some(stretch.end.saturating_sub(stretch.start)),
            ),
            ("waited_ns", Some(stretch.waited)),
            ("is_end_seen", Some(i64::from(stretch.is_end_seen))),
            ("segments", count(stretch.segments)),
            ("bytes", stretch.bytes.and_then(count)),
            ("is_lost", stretch.is_lost.map(i64::from)),
        ]);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let table = &tables::TCP_STRETCHES;
        if self.len() == 0 {
            return Ok(RecordBatch::new_empty(table.schema()));
        }
        let batch = BatchBuilder::new(table, self.len())
            .set("client_address", self.client_address.finish()?)
            .set("server_address", self.server_address.finish()?)
            .set("direction", self.direction.finish()?)
            .set("kind", self.kind.finish()?);
        Ok(self.numbers.finish(table, batch).finish()?)
    }
}
