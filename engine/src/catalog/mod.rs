//! The catalog: a store's tables as DataFusion tables.

mod ablation;
mod altered;
mod checked_files;
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
pub use ablation::{Ablation, Taken, kind_expression};
pub use altered::Altered;
use checked_files::CheckedFiles;
use manifest_tables::manifest_table;
pub use shift::Shift;

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

/// Where a file is found that has a path below the store's folder.
fn store_url(path: &str) -> Result<Url> {
    let no_url = || Error::new(ErrorKind::Store, format!("{path} is no path of a file"));
    let mut url = Url::parse(checked_files::URL).map_err(|_| no_url())?;
    // Not parsed from text, in which a name's `*` or `%20` would mean something else.
    let mut segments = url.path_segments_mut().map_err(|()| no_url())?;
    segments.extend(path.split('/').filter(|name| !name.is_empty()));
    drop(segments);
    Ok(url)
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
        .map(|file| Ok(ListingTableUrl::try_new(store_url(&file.path)?, None)?))
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
