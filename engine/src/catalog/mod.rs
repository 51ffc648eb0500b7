//! The catalog: a store's tables as DataFusion tables.

mod ablation;
mod altered;
mod checked_files;
mod completed;
mod manifest_tables;
mod read_once;
mod rows_in_memory;
mod sent_requests;
mod shift;
mod shifted_table;
mod table_files;

use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::prelude::SessionContext;
use kcorr_model::{Table, tables};
use kcorr_store::Store;

use crate::error::Result;
pub use ablation::{Ablation, Taken, kind_expression};
pub use altered::Altered;
use checked_files::CheckedFiles;
use manifest_tables::manifest_table;
use read_once::ReadOnce;
pub(crate) use rows_in_memory::{RowsInMemory, has_few_rows, is_small};
use sent_requests::SentRequests;
pub use shift::Shift;
pub(crate) use shifted_table::ShiftExec;
use shifted_table::ShiftedTable;
use table_files::{register_files, store_url};

/// What stands before a table's name where its rows are shown as they were recorded, as they are stored, and as they
/// were captured, for what is made of them under its own.
const AS_RECORDED: &str = "as_recorded_";
const STORED: &str = "stored_";
const AS_CAPTURED: &str = "as_captured_";

/// Where the stored rows of tables are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored<'a> {
    /// In their files, what is asked for each time.
    Files,
    /// In their files, all of them the first time.
    FilesOnce,
    /// In memory: they were read before.
    Memory(&'a RowsInMemory),
}

/// Registers a store's files, for whoever reads its tables or those of a part of it.
pub(crate) fn register_store(runtime: &RuntimeEnv, store: &Store) -> Result<()> {
    let files = Arc::new(CheckedFiles::new(store));
    runtime.register_object_store(&store_url("")?, files);
    Ok(())
}

/// Registers every table of a store, altered if that is asked for.
pub(crate) async fn register(
    context: &SessionContext,
    store: &Store,
    altered: Option<Altered<'_>>,
    stored: Stored<'_>,
) -> Result<()> {
    let mut sent = None;
    for &table in tables::ALL {
        if let Some(batch) = manifest_table(table, store.manifest()) {
            let memory = MemTable::try_new(table.schema(), vec![vec![batch?]])?;
            register_memory(context, table, Arc::new(memory), altered).await?;
            continue;
        }
        let completed = completed::of(table, store);
        let name = completed
            .as_ref()
            .map_or(table.name, |completed| &completed.stored_name);
        if table.name == tables::REQUESTS.name {
            sent = sent_requests(context, store, stored).await?;
        }
        register_rows(context, store, stored, name, table, altered, sent.as_ref()).await?;
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

/// The tables of which the store's files hold no rows, or that lose all if something is taken away.
pub(crate) fn unrecorded(store: &Store, altered: Option<Altered<'_>>) -> Vec<&'static str> {
    let tables = tables::ALL.iter().copied();
    let stored = tables.filter(|table| manifest_table(table, store.manifest()).is_none());
    let is_empty = |table: &&Table| {
        store.row_count(table.name) == 0
            || matches!(altered, Some(Altered::Without(ablation)) if ablation.empties(table, store))
    };
    stored.filter(is_empty).map(|table| table.name).collect()
}

/// Registers a table of the manifest, without some rows if that is asked for. Shifting a recording does
/// not alter what is known of it.
async fn register_memory(
    context: &SessionContext,
    table: &'static Table,
    memory: Arc<MemTable>,
    altered: Option<Altered<'_>>,
) -> Result<()> {
    let as_recorded = format!("{AS_RECORDED}{}", table.name);
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

/// What the recordings of a store's only broker hold of requests that it sent; `None` where nothing tells.
async fn sent_requests(
    context: &SessionContext,
    store: &Store,
    stored: Stored<'_>,
) -> Result<Option<SentRequests>> {
    let &[Some(broker)] = &store.manifest().brokers()[..] else {
        return Ok(None);
    };
    let requests = captured(&tables::REQUESTS);
    register_stored(context, store, stored, &requests, &tables::REQUESTS).await?;
    let sent = SentRequests::of(context, &requests, broker).await?;
    Ok(Some(sent))
}

/// Another name of a table: its rows as they were captured.
fn captured(table: &Table) -> String {
    format!("{AS_CAPTURED}{}", table.name)
}

/// Registers the rows of a table under a name, without requests that the broker sent, altered if that is asked
/// for.
async fn register_rows(
    context: &SessionContext,
    store: &Store,
    stored: Stored<'_>,
    name: &str,
    table: &'static Table,
    altered: Option<Altered<'_>>,
    sent: Option<&SentRequests>,
) -> Result<()> {
    let altered = altered.filter(|altered| altered.changes(table, store));
    let as_recorded = format!("{AS_RECORDED}{}", table.name);
    let requests = captured(&tables::REQUESTS);
    let own = sent.and_then(|sent| sent.sql(table, &as_recorded, &requests));
    let rows = match &own {
        Some(own) => format!("({own}) AS own"),
        None => as_recorded.clone(),
    };
    let without = altered.and_then(|altered| altered.sql(table, &rows));
    let recorded = match without.or(own) {
        None => {
            register_stored(context, store, stored, name, table).await?;
            context.table_provider(name).await?
        }
        Some(sql) => {
            register_stored(context, store, stored, &as_recorded, table).await?;
            let view = context.sql(&sql).await?.into_view();
            context.register_table(name, Arc::clone(&view))?;
            view
        }
    };
    if let Some(Altered::Shifted(_)) = altered
        && let Some(shifted) = ShiftedTable::of(table, recorded)
    {
        context.deregister_table(name)?;
        context.register_table(name, Arc::new(shifted))?;
    }
    Ok(())
}

/// Registers the stored rows of a table under a name.
async fn register_stored(
    context: &SessionContext,
    store: &Store,
    stored: Stored<'_>,
    name: &str,
    table: &'static Table,
) -> Result<()> {
    if let Stored::Memory(stored) = stored {
        context.register_table(name, stored.table(table)?)?;
        return Ok(());
    }
    register_files(context, store, name, Some(table), table.name).await?;
    if let Stored::FilesOnce = stored
        && let Some(files) = context.deregister_table(name)?
    {
        context.register_table(name, Arc::new(ReadOnce::of(files)))?;
    }
    Ok(())
}

/// The table of the model whose rows are shown under a name, by itself or for a table that is made of them.
pub(crate) fn table_shown_as(name: &str) -> Option<&'static Table> {
    let prefixes = [AS_RECORDED, STORED, AS_CAPTURED].into_iter();
    let mut shown = prefixes.filter_map(|prefix| name.strip_prefix(prefix));
    tables::by_name(shown.next().unwrap_or(name))
}
