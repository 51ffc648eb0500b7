//! The tables of a small store as altered sessions show them: rows in memory, which plans read by the table's name.
//! So no plan knows what is altered, and each is as good for all these sessions.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use kcorr_model::tables;
use kcorr_store::Store;

use super::Session;
use crate::catalog::{self, Altered, RowsInMemory, Stored};
use crate::error::Result;

/// The tables of a small store.
#[derive(Debug)]
pub(super) struct TablesInMemory {
    /// Their rows as they are stored.
    pub(super) stored: RowsInMemory,
    /// Their rows as they are shown when nothing is altered.
    shown: HashMap<&'static str, (SchemaRef, Vec<RecordBatch>)>,
}

impl TablesInMemory {
    async fn read(whole: &Session, store: &Store) -> Result<Option<Self>> {
        let runtime = whole.options.runtime()?;
        catalog::register_store(&runtime, store)?;
        let files = whole.options.context(Arc::clone(&runtime), store)?;
        let Some(stored) = RowsInMemory::of(&files, store).await? else {
            return Ok(None);
        };
        let context = whole.options.context(runtime, store)?;
        catalog::register(&context, store, None, Stored::Memory(&stored)).await?;
        let mut shown = HashMap::new();
        for &table in tables::ALL {
            let schema = context.table_provider(table.name).await?.schema();
            let rows = context.table(table.name).await?.collect().await?;
            shown.insert(table.name, (schema, rows));
        }
        Ok(Some(Self { stored, shown }))
    }
}

impl Session {
    /// The tables of the store as it is, for altered sessions; `None` for a store that is not small, one of several
    /// brokers, and where memory is limited.
    pub(super) async fn tables_in_memory(
        &self,
        store: &Store,
    ) -> Result<Option<Arc<TablesInMemory>>> {
        if !self.brokers.is_empty() || self.options.memory_limit_bytes.is_some() {
            return Ok(None);
        }
        let mut in_memory = self.in_memory.lock().await;
        if let Some(read) = &*in_memory {
            return Ok(read.clone());
        }
        let read = TablesInMemory::read(self, store).await?.map(Arc::new);
        *in_memory = Some(read.clone());
        Ok(read)
    }

    /// Shows the tables by their names in a session that shares plans: altered, or as they are.
    pub(super) async fn show_in_memory(
        &self,
        store: &Store,
        altered: Option<Altered<'_>>,
        whole: &TablesInMemory,
    ) -> Result<()> {
        let Some(shared) = self.shared_plans() else {
            return Ok(());
        };
        let mut without_rows = Vec::new();
        let mut shown = Vec::new();
        for (&name, (schema, rows)) in &whole.shown {
            let changes =
                |altered: Altered<'_>| Some(altered.changes(tables::by_name(name)?, store));
            let (schema, rows) = if altered.and_then(changes) == Some(true) {
                let schema = self.context.table_provider(name).await?.schema();
                let rows = self.context.table(name).await?.collect().await?;
                (schema, rows)
            } else {
                (Arc::clone(schema), rows.clone())
            };
            if rows.iter().all(|batch| batch.num_rows() == 0) {
                without_rows.push(name);
            }
            shown.push((name, shared.show(name, &[], schema, rows)));
        }
        for (name, table) in shown {
            self.show(name, table)?;
        }
        *self
            .unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = without_rows;
        Ok(())
    }
}
