//! Flows: the arrows from a blocker's slice to that of who waited for it.

use std::collections::HashMap;

use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use kcorr_engine::Columns;

use crate::error::Result;

/// The flows of `trace_flows`, by the slices at their ends.
#[derive(Debug, Default)]
pub(super) struct Flows {
    ends: HashMap<(String, i64), SliceFlows>,
    count: u64,
}

/// The flows of one slice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SliceFlows {
    /// Flows to slices that waited for this one.
    pub(super) outgoing: Vec<u64>,
    /// Flows from slices that this one waited for.
    pub(super) incoming: Vec<u64>,
}

impl Flows {
    pub(super) async fn read(mut rows: SendableRecordBatchStream) -> Result<Self> {
        let mut flows = Self::default();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let flow_id = columns.number("flow_id")?;
            let waiter_kind = columns.text("waiter_kind")?;
            let waiter_id = columns.number("waiter_id")?;
            let blocker_kind = columns.text("blocker_kind")?;
            let blocker_id = columns.number("blocker_id")?;
            for row in 0..batch.num_rows() {
                let (Some(flow), Some(waiter), Some(blocker)) = (
                    flow_id.unsigned(row),
                    waiter_kind.get(row).zip(waiter_id.get(row)),
                    blocker_kind.get(row).zip(blocker_id.get(row)),
                ) else {
                    continue;
                };
                flows.slice(blocker).outgoing.push(flow);
                flows.slice(waiter).incoming.push(flow);
                flows.count += 1;
            }
        }
        Ok(flows)
    }

    fn slice(&mut self, (kind, id): (&str, i64)) -> &mut SliceFlows {
        self.ends.entry((kind.to_owned(), id)).or_default()
    }

    /// Takes the flows of a slice: each slice is drawn once.
    pub(super) fn take(&mut self, kind: &str, id: i64) -> SliceFlows {
        self.ends.remove(&(kind.to_owned(), id)).unwrap_or_default()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
