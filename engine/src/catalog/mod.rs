//! The catalog: a store's tables as DataFusion tables.

mod completed;
mod manifest_tables;
mod shift;

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::prelude::{SessionContext, col};
use kcorr_model::{Table, tables};
use kcorr_store::Store;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use manifest_tables::manifest_table;
pub use shift::Shift;

/// Registers every table of a store, with some recordings shifted in time if that is asked for.
pub(crate) async fn register(
    context: &SessionContext,
    store: &Store,
    shift: Option<&Shift>,
) -> Result<()> {
    for &table in tables::ALL {
        if let Some(batch) = manifest_table(table, store.manifest()) {
            let memory = MemTable::try_new(table.schema(), vec![vec![batch?]])?;
            context.register_table(table.name, Arc::new(memory))?;
        } else {
            let completed = completed::of(table, store);
            let name = completed
                .as_ref()
                .map_or(table.name, |completed| &completed.stored_name);
            register_rows(context, store, name, table, shift).await?;
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

/// Registers the rows of a table under a name, shifted if that is asked for.
async fn register_rows(
    context: &SessionContext,
    store: &Store,
    name: &str,
    table: &'static Table,
    shift: Option<&Shift>,
) -> Result<()> {
    let as_recorded = format!("as_recorded_{}", table.name);
    match shift.and_then(|shift| shift.sql(table, &as_recorded)) {
        None => register_files(context, store, name, Some(table), table.name).await,
        Some(sql) => {
            register_files(context, store, &as_recorded, Some(table), table.name).await?;
            let view = context.sql(&sql).await?.into_view();
            context.register_table(name, view)?;
            Ok(())
        }
    }
}

async fn register_files(
    context: &SessionContext,
    store: &Store,
    name: &str,
    table: Option<&Table>,
    stored_as: &str,
) -> Result<()> {
    let urls: Vec<ListingTableUrl> = store
        .manifest()
        .files_of(stored_as)
        .map(|file| {
            let path = store.folder().join(&file.path);
            let path = std::path::absolute(&path).unwrap_or(path);
            let no_url = || Error::new(ErrorKind::Store, format!("{} is no path", path.display()));
            // Not parsed from text, in which a path's `*` or `%20` would mean something else.
            let url = Url::from_file_path(&path).map_err(|()| no_url())?;
            Ok(ListingTableUrl::try_new(url, None)?)
        })
        .collect::<Result<_>>()?;
    if urls.is_empty() {
        let schema = table.map_or_else(|| Arc::new(Schema::empty()), Table::schema);
        let empty = MemTable::try_new(schema, vec![vec![]])?;
        context.register_table(name, Arc::new(empty))?;
        return Ok(());
    }
    let mut options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    if let Some(time) = table.and_then(|table| table.sorted_by) {
        options = options.with_file_sort_order(vec![vec![col(time).sort(true, true)]]);
    }
    let config = ListingTableConfig::new_with_multi_paths(urls);
    let config = match table {
        Some(table) => config
            .with_listing_options(options)
            .with_schema(table.schema()),
        None => {
            let config = config.with_listing_options(options);
            config.infer_schema(&context.state()).await?
        }
    };
    context.register_table(name, Arc::new(ListingTable::try_new(config)?))?;
    Ok(())
}
