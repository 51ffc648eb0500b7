//! The catalog: a store's tables as DataFusion tables.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{Int32Type, Schema};
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::prelude::{SessionContext, col};
use kcorr_model::{BatchBuilder, Table, tables};

use crate::error::{Error, ErrorKind, Result};
use crate::store::{SourceEntry, Store};

/// Name of the stored form of `request_partitions`, whose topics may be known by id only.
const STORED_REQUEST_PARTITIONS: &str = "stored_request_partitions";

/// Registers every table of a store.
pub(crate) async fn register(context: &SessionContext, store: &Store) -> Result<()> {
    for &table in tables::ALL {
        match table.name {
            "sources" | "losses" | "limits" | "clock_anchors" => {
                let batch = manifest_table(table, &store.manifest().sources)?;
                let memory = MemTable::try_new(table.schema(), vec![vec![batch]])?;
                context.register_table(table.name, Arc::new(memory))?;
            }
            "request_partitions" if store.row_count("topics") > 0 => {
                register_files(
                    context,
                    store,
                    STORED_REQUEST_PARTITIONS,
                    Some(table),
                    table.name,
                )
                .await?;
            }
            _ => register_files(context, store, table.name, Some(table), table.name).await?,
        }
    }
    for name in store.extra_tables() {
        register_files(context, store, &name, None, &name).await?;
    }
    if store.row_count("topics") > 0 {
        register_named_partitions(context).await?;
    }
    Ok(())
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
            ListingTableUrl::parse(path.to_string_lossy())
        })
        .collect::<Result<_, _>>()?;
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

/// Newer clients name topics by id only: their names come from whatever recording has both.
async fn register_named_partitions(context: &SessionContext) -> Result<()> {
    let mut columns = Vec::new();
    for column in tables::REQUEST_PARTITIONS.columns {
        columns.push(match column.name {
            "topic" => "COALESCE(p.topic, t.topic) AS topic".to_owned(),
            name => format!("p.{name}"),
        });
    }
    let sql = format!(
        "SELECT {} FROM {STORED_REQUEST_PARTITIONS} AS p
         LEFT JOIN (SELECT topic_id, MIN(topic) AS topic FROM topics GROUP BY topic_id) AS t
         ON p.topic_id = t.topic_id",
        columns.join(", ")
    );
    let view = context.sql(&sql).await?.into_view();
    context.register_table(tables::REQUEST_PARTITIONS.name, view)?;
    Ok(())
}

/// A table whose rows are in the manifest.
fn manifest_table(table: &'static Table, sources: &[SourceEntry]) -> Result<RecordBatch> {
    let batch = match table.name {
        "sources" => sources_batch(sources),
        "losses" => losses_batch(sources),
        "limits" => limits_batch(sources),
        _ => anchors_batch(sources),
    };
    batch.map_err(|e| Error::because(ErrorKind::Store, "the manifest does not fit its tables", e))
}

type BatchResult = Result<RecordBatch, kcorr_model::BatchError>;

fn sources_batch(sources: &[SourceEntry]) -> BatchResult {
    let mut completeness = ListBuilder::new(StringBuilder::new());
    for source in sources {
        for limit in &source.limits {
            completeness
                .values()
                .append_value(format!("{}={}", limit.name, limit.value));
        }
        completeness.append(true);
    }
    BatchBuilder::new(&tables::SOURCES, sources.len())
        .set("source_id", numbers(sources.iter().map(|s| s.source_id)))
        .set("kind", labels(sources.iter().map(|s| &s.kind)))
        .set("path", texts(sources.iter().map(|s| s.paths.join(", "))))
        .set("format", texts(sources.iter().map(|s| s.format.clone())))
        .set("size_bytes", counts(sources.iter().map(|s| s.size_bytes)))
        .set(
            "content_hash",
            texts(sources.iter().map(|s| s.content_hash.clone())),
        )
        .set("clock", labels(sources.iter().map(|s| &s.clock)))
        .set(
            "clock_offset_ns",
            optional_numbers(sources.iter().map(|s| s.clock_offset_ns)),
        )
        .set(
            "clock_uncertainty_ns",
            optional_numbers(sources.iter().map(|s| s.clock_uncertainty_ns)),
        )
        .set(
            "clock_basis",
            texts(sources.iter().map(|s| s.clock_basis.clone())),
        )
        .set("first_time", times(sources.iter().map(|s| s.first_time_ns)))
        .set("last_time", times(sources.iter().map(|s| s.last_time_ns)))
        .set(
            "row_count",
            counts(sources.iter().map(SourceEntry::row_count)),
        )
        .set(
            "loss_count",
            counts(sources.iter().map(SourceEntry::loss_count)),
        )
        .set("completeness", Arc::new(completeness.finish()))
        .finish()
}

fn losses_batch(sources: &[SourceEntry]) -> BatchResult {
    let rows: Vec<_> = sources
        .iter()
        .flat_map(|source| source.losses.iter().map(|loss| (source.source_id, loss)))
        .collect();
    BatchBuilder::new(&tables::LOSSES, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set("kind", labels(rows.iter().map(|(_, loss)| &loss.kind)))
        .set(
            "severity",
            labels(rows.iter().map(|(_, loss)| &loss.severity)),
        )
        .set("count", counts(rows.iter().map(|(_, loss)| loss.count)))
        .set(
            "first_position",
            texts(rows.iter().map(|(_, loss)| loss.first_position.clone())),
        )
        .set(
            "first_time",
            times(rows.iter().map(|(_, loss)| loss.time_range_ns.map(|r| r.0))),
        )
        .set(
            "last_time",
            times(rows.iter().map(|(_, loss)| loss.time_range_ns.map(|r| r.1))),
        )
        .set(
            "detail",
            texts(rows.iter().map(|(_, loss)| loss.detail.clone())),
        )
        .set(
            "meaning",
            texts(rows.iter().map(|(_, loss)| loss.meaning.clone())),
        )
        .finish()
}

fn limits_batch(sources: &[SourceEntry]) -> BatchResult {
    let rows: Vec<_> = sources
        .iter()
        .flat_map(|source| source.limits.iter().map(|limit| (source.source_id, limit)))
        .collect();
    BatchBuilder::new(&tables::LIMITS, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set("name", labels(rows.iter().map(|(_, limit)| &limit.name)))
        .set("value", numbers(rows.iter().map(|(_, limit)| limit.value)))
        .set(
            "detail",
            texts(rows.iter().map(|(_, limit)| limit.detail.clone())),
        )
        .finish()
}

fn anchors_batch(sources: &[SourceEntry]) -> BatchResult {
    let rows: Vec<_> = sources
        .iter()
        .flat_map(|source| {
            source
                .anchors
                .iter()
                .map(|anchor| (source.source_id, anchor))
        })
        .collect();
    BatchBuilder::new(&tables::CLOCK_ANCHORS, rows.len())
        .set("source_id", numbers(rows.iter().map(|(source, _)| *source)))
        .set(
            "clock",
            labels(rows.iter().map(|(_, anchor)| &anchor.clock)),
        )
        .set(
            "clock_ns",
            numbers(rows.iter().map(|(_, anchor)| anchor.clock_ns)),
        )
        .set(
            "reference_clock",
            labels(rows.iter().map(|(_, anchor)| &anchor.reference_clock)),
        )
        .set(
            "reference_ns",
            numbers(rows.iter().map(|(_, anchor)| anchor.reference_ns)),
        )
        .set(
            "uncertainty_ns",
            numbers(rows.iter().map(|(_, anchor)| anchor.uncertainty_ns)),
        )
        .finish()
}

fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn counts(values: impl Iterator<Item = u64>) -> ArrayRef {
    numbers(values.map(|value| i64::try_from(value).unwrap_or(i64::MAX)))
}

fn optional_numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(Int64Array::from_iter(values))
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter(values).with_timezone("UTC"))
}

fn texts(values: impl Iterator<Item = String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn labels<'a>(values: impl Iterator<Item = &'a String>) -> ArrayRef {
    Arc::new(
        values
            .map(|value| Some(value.as_str()))
            .collect::<DictionaryArray<Int32Type>>(),
    )
}
