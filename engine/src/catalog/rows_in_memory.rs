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

/// Rows and bytes of files of a store that is small. Sessions that run at once each have a copy of what is altered in
/// them, so this is some tens of megabytes a processor; and such a store's rows are read in one part, so that they come
/// in one order.
const MOST_ROWS: u64 = 1 << 18;
const MOST_BYTES: u64 = 16 << 20;

/// Rows of the tables that have some, as they are stored.
#[derive(Debug)]
pub(crate) struct RowsInMemory {
    tables: HashMap<&'static str, Vec<RecordBatch>>,
}

impl RowsInMemory {
    /// Reads all rows of a store; `None` when it is not small.
    pub(crate) async fn of(context: &SessionContext, store: &Store) -> Result<Option<Self>> {
        let files = store.manifest().files();
        let size_bytes = files.map(|file| file.size_bytes).sum::<u64>();
        if store.manifest().row_count() > MOST_ROWS || size_bytes > MOST_BYTES {
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
