//! Rows of the steps below queries, kept for whoever uses them: in memory, and in files once they would take
//! too much of a limit.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use futures::TryStreamExt;
use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Of a limit, the steps of a session keep at most one part in this many; the rest is for the operators of
/// the queries that use them.
const PARTS: usize = 4;

/// Rows of a row group of a file.
const GROUP_ROWS: usize = 1 << 16;

/// What the steps of a session keep.
pub(super) struct StepRows {
    /// Bytes that they may keep in memory; `None` for any.
    most_bytes: Option<usize>,
    /// What is reserved, by the name of the step.
    reserved: Mutex<HashMap<String, MemoryReservation>>,
    /// Files with rows. They stay until the session ends, for a query that is planned may use one that was
    /// replaced since.
    files: Mutex<Vec<Arc<dyn SpillFile>>>,
}

/// A step's rows as a table.
pub(super) struct KeptTable {
    pub(super) table: Arc<dyn TableProvider>,
    pub(super) row_count: usize,
    /// The rows, unless they are in a file.
    pub(super) batches: Option<Vec<RecordBatch>>,
}

impl KeptTable {
    /// A table without rows.
    pub(super) fn without_rows(schema: SchemaRef) -> Result<Self> {
        Ok(Self {
            table: Arc::new(MemTable::try_new(schema, vec![Vec::new()])?),
            row_count: 0,
            batches: Some(Vec::new()),
        })
    }
}

impl StepRows {
    /// Under a session's limit of memory.
    pub(super) fn new(memory_limit_bytes: Option<usize>) -> Self {
        Self {
            most_bytes: memory_limit_bytes.map(|bytes| bytes / PARTS),
            reserved: Mutex::default(),
            files: Mutex::default(),
        }
    }

    /// Takes all rows of a step, in place of those that it kept before.
    pub(super) async fn keep(
        &self,
        name: &str,
        planned: SchemaRef,
        mut rows: SendableRecordBatchStream,
        task: &TaskContext,
    ) -> Result<KeptTable> {
        let reservation = MemoryConsumer::new(format!("step {name}")).register(task.memory_pool());
        let others = {
            let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
            reserved.remove(name);
            reserved
                .values()
                .map(MemoryReservation::size)
                .sum::<usize>()
        };
        let mut counter = RecordBatchMemoryCounter::new();
        let mut batches = Vec::new();
        let mut row_count = 0;
        while let Some(batch) = rows.try_next().await? {
            row_count += batch.num_rows();
            let bytes = counter.count_batch(&batch);
            let kept = others + reservation.size() + bytes;
            let is_too_much = self.most_bytes.is_some_and(|most| kept > most);
            batches.push(batch);
            if is_too_much || reservation.try_grow(bytes).is_err() {
                reservation.free();
                let (table, more) = self.spill(name, batches, rows, task).await?;
                return Ok(KeptTable {
                    table,
                    row_count: row_count + more,
                    batches: None,
                });
            }
        }
        let schema = batches.first().map_or(planned, RecordBatch::schema);
        let table = Arc::new(MemTable::try_new(schema, vec![batches.clone()])?);
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.insert(name.to_owned(), reservation);
        Ok(KeptTable {
            table,
            row_count,
            batches: Some(batches),
        })
    }

    /// Lets go of the memory of a step whose rows nobody reads any more.
    pub(super) fn let_go(&self, name: &str) {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.remove(name);
    }

    /// Writes rows that came, and all that are to come, to a file. The table, and how many rows came now.
    async fn spill(
        &self,
        name: &str,
        came: Vec<RecordBatch>,
        mut rows: SendableRecordBatchStream,
        task: &TaskContext,
    ) -> Result<(Arc<dyn TableProvider>, usize)> {
        let doing = format!("keeping the rows of the step {name}");
        let file = task.runtime_env().disk_manager.create_tmp_file(&doing)?;
        let no_path = || Error::new(ErrorKind::Query, format!("{doing}: there are no files"));
        let path = file.path().ok_or_else(no_path)?.to_owned();
        let cannot_write = |e| Error::io("cannot write", &path, e);
        let out = File::create(&path).map_err(cannot_write)?;
        let schema = came
            .first()
            .map_or_else(|| rows.schema(), RecordBatch::schema);
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let failed = |e| Error::because(ErrorKind::Io, doing.clone(), e);
        let mut writer =
            ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties)).map_err(failed)?;
        for batch in came {
            writer.write(&batch).map_err(failed)?;
        }
        let mut more = 0;
        while let Some(batch) = rows.try_next().await? {
            more += batch.num_rows();
            writer.write(&batch).map_err(failed)?;
        }
        writer.close().map_err(failed)?;
        let url = Url::from_file_path(&path).map_err(|()| no_path())?;
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension("");
        let config = ListingTableConfig::new(ListingTableUrl::try_new(url, None)?)
            .with_listing_options(options)
            .with_schema(schema);
        let table = Arc::new(ListingTable::try_new(config)?);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.push(file);
        Ok((table, more))
    }
}

impl fmt::Debug for StepRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepRows").finish_non_exhaustive()
    }
}
