//! Requests in a broker's recordings that it did not serve, but sent: a capture of a broker's host holds the
//! fetches by which it follows other brokers, too.
//!
//! A broker never fetches from itself: the addresses to which it sends fetches as a follower are other
//! brokers', and so is whatever else was sent to them.

use datafusion::arrow::array::AsArray;
use datafusion::prelude::{SessionContext, col, lit};
use kcorr_model::{Table, tables};

use crate::error::Result;

/// What a broker's recordings hold of other brokers.
#[derive(Debug)]
pub(super) struct SentRequests {
    /// Addresses of other brokers, as SQL's texts.
    addresses: Vec<String>,
}

impl SentRequests {
    /// Looks for fetches of a broker in a table of requests.
    pub(super) async fn of(context: &SessionContext, requests: &str, broker: i32) -> Result<Self> {
        let fetches = context.table(requests).await?;
        let fetches = fetches.filter(col("replica_id").eq(lit(broker)))?;
        let text = datafusion::arrow::datatypes::DataType::Utf8;
        let address = datafusion::logical_expr::cast(col("server_address"), text);
        let batches = fetches
            .select(vec![address.alias("server_address")])?
            .distinct()?
            .collect()
            .await?;
        let mut addresses = Vec::new();
        for batch in &batches {
            let column = batch.column(0).as_string::<i32>();
            let quoted = |address: &str| format!("'{}'", address.replace('\'', "''"));
            addresses.extend(column.iter().flatten().map(quoted));
        }
        addresses.sort();
        Ok(Self { addresses })
    }

    /// The query that stands for a table whose rows can be read under another name; `None` for tables without
    /// such requests.
    pub(super) fn sql(&self, table: &Table, stored_name: &str, requests: &str) -> Option<String> {
        if self.addresses.is_empty() {
            return None;
        }
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let columns = columns.join(", ");
        let addresses = self.addresses.join(", ");
        let condition = if table.name == tables::REQUEST_PARTITIONS.name {
            format!(
                "NOT EXISTS (SELECT 1 FROM {requests} AS sent
                 WHERE sent.request_id = stored.request_id AND sent.server_address IN ({addresses}))"
            )
        } else if SENT.contains(&table.name) {
            format!("server_address NOT IN ({addresses})")
        } else {
            return None;
        };
        Some(format!(
            "SELECT {columns} FROM {stored_name} AS stored WHERE {condition}"
        ))
    }
}

/// Tables whose rows are of connections to an address.
const SENT: &[&str] = &["requests", "tcp_connections", "tcp_stretches"];
