//! The catalog: a store's tables as DataFusion tables.

mod ablation;
mod altered;
mod checked_files;
mod completed;
mod manifest_tables;
mod shift;
mod table_files;

use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use kcorr_model::{Table, tables};
use kcorr_store::Store;

use crate::error::Result;
pub use ablation::{Ablation, Taken, kind_expression};
pub use altered::Altered;
use checked_files::CheckedFiles;
use manifest_tables::manifest_table;
pub use shift::Shift;
use table_files::{register_files, store_url};

/// Registers every table of a store, altered if that is asked for.
pub(crate) async fn register(
    context: &SessionContext,
    store: &Store,
    altered: Option<Altered<'_>>,
) -> Result<()> {
    let files = Arc::new(CheckedFiles::new(store));
    context.register_object_store(&store_url("")?, files);
    for &table in tables::ALL {
        if let Some(batch) = manifest_table(table, store.manifest()) {
            let memory = MemTable::try_new(table.schema(), vec![vec![batch?]])?;
            register_memory(context, table, Arc::new(memory), altered).await?;
        } else {
            let completed = completed::of(table, store);
            let name = completed
                .as_ref()
                .map_or(table.name, |completed| &completed.stored_name);
            register_rows(context, store, name, table, altered).await?;
        }
    }
    for name in store.extra_tables() {
        register_files(context, store, &name, None, &name).await?;
    }
    for &table in tables::ALL {
        if let Some(completed) = completed::of(table, store) {
            let view = context.sql(&completed.sql).await?.into_view();
            context.register_table(table.name, view)?;
        }
    }
    Ok(())
}

/// Registers a table of the manifest, without some rows if that is asked for. Shifting a recording does
/// not alter what is known of it.
async fn register_memory(
    context: &SessionContext,
    table: &'static Table,
    memory: Arc<MemTable>,
    altered: Option<Altered<'_>>,
) -> Result<()> {
    let as_recorded = format!("as_recorded_{}", table.name);
    let sql = match altered {
        Some(Altered::Without(ablation)) => ablation.sql(table, &as_recorded),
        _ => None,
    };
    let Some(sql) = sql else {
        context.register_table(table.name, memory)?;
        return Ok(());
    };
    context.register_table(&as_recorded, memory)?;
    let view = context.sql(&sql).await?.into_view();
    context.register_table(table.name, view)?;
    Ok(())
}

/// Registers the rows of a table under a name, altered if that is asked for.
async fn register_rows(
    context: &SessionContext,
    store: &Store,
    name: &str,
    table: &'static Table,
    altered: Option<Altered<'_>>,
) -> Result<()> {
    let as_recorded = format!("as_recorded_{}", table.name);
    match altered.and_then(|altered| altered.sql(table, &as_recorded)) {
        None => register_files(context, store, name, Some(table), table.name).await,
        Some(sql) => {
            register_files(context, store, &as_recorded, Some(table), table.name).await?;
            let view = context.sql(&sql).await?.into_view();
            context.register_table(name, view)?;
            Ok(())
        }
    }
}
