//! The files of a table as one table.
//!
//! While a commit is going on, some files may have readings of a source's clock: they were written before it was
//! known what makes wall time of them, and are written again when nothing can change that any more. Until then
//! they are shown in wall time.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::{DataFrame, SessionContext, col, ident, lit};
use kcorr_model::Table;
use kcorr_store::{FileEntry, Store};
use url::Url;

use super::checked_files;
use crate::error::{Error, ErrorKind, Result};

/// Registers the files of a table under a name.
pub(super) async fn register_files(
    context: &SessionContext,
    store: &Store,
    name: &str,
    table: Option<&Table>,
    stored_as: &str,
) -> Result<()> {
    // By what is to be added to their times.
    let mut files: BTreeMap<i64, Vec<&FileEntry>> = BTreeMap::new();
    for file in store.manifest().files_of(stored_as) {
        let offset_ns = file.to_wall_time.offset_ns;
        files.entry(offset_ns).or_default().push(file);
    }
    let mut shown: Option<DataFrame> = None;
    for (&offset_ns, some) in &files {
        let listed = listing(context, some, table).await?;
        if files.len() == 1 && offset_ns == 0 {
            context.register_table(name, listed)?;
            return Ok(());
        }
        let rows = in_wall_time(context, listed, offset_ns)?;
        shown = Some(match shown {
            Some(others) => others.union(rows)?,
            None => rows,
        });
    }
    let provider = match shown {
        Some(shown) => shown.into_view(),
        None => {
            let schema = table.map_or_else(|| Arc::new(Schema::empty()), Table::schema);
            Arc::new(MemTable::try_new(schema, vec![vec![]])?)
        }
    };
    context.register_table(name, provider)?;
    Ok(())
}

/// The rows of files with something added to all their times.
fn in_wall_time(
    context: &SessionContext,
    listed: Arc<dyn TableProvider>,
    offset_ns: i64,
) -> Result<DataFrame> {
    let schema = listed.schema();
    let rows = context.read_table(listed)?;
    let add_ns = context.udf("add_ns")?;
    let columns = schema.fields().iter().map(|field| {
        let column = ident(field.name());
        match field.data_type() {
            DataType::Timestamp(..) if offset_ns != 0 => add_ns
                .call(vec![column, lit(offset_ns)])
                .alias(field.name()),
            _ => column,
        }
    });
    Ok(rows.select(columns.collect::<Vec<_>>())?)
}

/// The rows of some files as they are.
async fn listing(
    context: &SessionContext,
    files: &[&FileEntry],
    table: Option<&Table>,
) -> Result<Arc<ListingTable>> {
    let urls: Vec<ListingTableUrl> = files
        .iter()
        .map(|file| Ok(ListingTableUrl::try_new(store_url(&file.path)?, None)?))
        .collect::<Result<_>>()?;
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
    Ok(Arc::new(ListingTable::try_new(config)?))
}

/// Where a file is found that has a path below the store's folder.
pub(super) fn store_url(path: &str) -> Result<Url> {
    let no_url = || Error::new(ErrorKind::Store, format!("{path} is no path of a file"));
    let mut url = Url::parse(checked_files::URL).map_err(|_| no_url())?;
    // Not parsed from text, in which a name's `*` or `%20` would mean something else.
    let mut segments = url.path_segments_mut().map_err(|()| no_url())?;
    segments.extend(path.split('/').filter(|name| !name.is_empty()));
    drop(segments);
    Ok(url)
}
