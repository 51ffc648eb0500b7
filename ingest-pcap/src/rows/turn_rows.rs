//! Rows of `encrypted_turns`.

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, Error, RowIds, SourceId, tables};
use kcorr_tls::Turn;

use super::labels::Labels;
use super::numbers::{Numbers, count};
use super::request_rows::ConnectionLabels;

/// Columns of `encrypted_turns` under construction.
#[derive(Debug)]
pub(super) struct TurnRows {
    source: SourceId,
    ids: RowIds,
    client_address: Labels,
    server_address: Labels,
    numbers: Numbers<12>,
}

impl TurnRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            client_address: Labels::new(),
            server_address: Labels::new(),
            numbers: Numbers::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn push(&mut self, turn: &Turn, connection: &ConnectionLabels) {
        let client = connection.client.to_string();
        self.client_address.push(Some(&client));
        let server = connection.server.to_string();
        self.server_address.push(Some(&server));
        self.numbers.push([
            ("turn_id", Some(self.ids.next())),
            ("source_id", Some(self.source.0)),
            ("connection_id", Some(connection.connection_id)),
            ("arrival_time", Some(turn.begun)),
            ("read_time", Some(turn.asked)),
            ("response_time", Some(turn.answered)),
            ("end_time", Some(turn.done)),
            ("latency_ns", Some(turn.done.saturating_sub(turn.begun))),
            ("request_bytes", count(turn.client_bytes)),
            ("request_records", count(turn.client_records)),
            ("response_bytes", count(turn.server_bytes)),
            ("response_records", count(turn.server_records)),
        ]);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let table = &tables::ENCRYPTED_TURNS;
        if self.len() == 0 {
            return Ok(RecordBatch::new_empty(table.schema()));
        }
        let batch = BatchBuilder::new(table, self.len())
            .set("client_address", self.client_address.finish()?)
            .set("server_address", self.server_address.finish()?);
        Ok(self.numbers.finish(table, batch).finish()?)
    }
}
