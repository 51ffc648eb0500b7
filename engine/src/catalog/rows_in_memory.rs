//! The rows of a small store's tables in memory, for sessions that show the same tables many times over: else each
//! opens the files anew, and has plans that read these.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use kcorr_model::{Table, tables};
use kcorr_store::Store;

use super::table_files::register_files;
use crate::error::Result;

/// Bytes of files of a store whose rows are kept in memory, if it has few rows. Sessions that run at once each have a
/// copy of what is altered in them, so this is some tens of megabytes a processor.
const MOST_BYTES: u64 = 16 << 20;

/// Whether a store has so few rows that it is read in one part: to share out few rows among processors, and to plan
/// that, takes longer than it saves. So they also come in one order.
pub(crate) fn has_few_rows(store: &Store) -> bool {
    store.manifest().row_count() <= 1 << 18
}

/// Whether all rows of a store may be kept in memory.
pub(crate) fn is_small(store: &Store) -> bool {
    let files = store.manifest().files();
    has_few_rows(store) && files.map(|file| file.size_bytes).sum::<u64>() <= MOST_BYTES
}

/// Rows of the tables that have some, as they are stored.
#[derive(Debug)]
pub(crate) struct RowsInMemory {
    tables: HashMap<&'static str, Vec<RecordBatch>>,
}

impl RowsInMemory {
    /// Reads all rows of a store; `None` when it is not small.
    pub(crate) async fn of(context: &SessionContext, store: &Store) -> Result<Option<Self>> {
        if !is_small(store) {
            return Ok(None);
        }
        let mut read = HashMap::new();
        for &table in tables::ALL {
            if store.manifest().files_of(table.name).next().is_none() {
                continue;
            }
            register_files(context, store, table.name, Some(table), table.name).await?;
            let rows = context.table(table.name).await?.collect().await?;
            context.deregister_table(table.name)?;
            read.insert(table.name, rows);
        }
        Ok(Some(Self { tables: read }))
    }

    /// The rows of a table, as they are stored.
    pub(super) fn table(&self, table: &Table) -> Result<Arc<MemTable>> {
        let rows = self.tables.get(table.name).cloned().unwrap_or_default();
        Ok(Arc::new(MemTable::try_new(table.schema(), vec![rows])?))
    }
}
