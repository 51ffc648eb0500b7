//! A Parquet file of a model table, written in batches.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use kcorr_model::{BatchBuilder, Table, Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

const ROW_GROUP_ROWS: usize = 256 << 10;

/// The file.
pub(super) struct TableFile {
    table: &'static Table,
    writer: ArrowWriter<File>,
}

impl TableFile {
    /// Makes `TABLE.parquet` in a folder.
    pub(super) fn create(folder: &Path, table: &'static Table) -> anyhow::Result<Self> {
        let path = folder.join(format!("{}.parquet", table.name));
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        // Ids and times seldom repeat, and grow.
        for column in table.columns {
            if matches!(column.kind, Type::Time | Type::Int64) {
                let path = ColumnPath::from(column.name);
                properties = properties
                    .set_column_dictionary_enabled(path.clone(), false)
                    .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
            }
        }
        let writer = ArrowWriter::try_new(file, table.schema(), Some(properties.build()))?;
        Ok(Self { table, writer })
    }

    /// Appends rows; columns that are not given are null.
    pub(super) fn append(
        &mut self,
        rows: usize,
        columns: Vec<(&'static str, ArrayRef)>,
    ) -> anyhow::Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let builder = columns.into_iter().fold(
            BatchBuilder::new(self.table, rows),
            |builder, (name, values)| builder.set(name, values),
        );
        self.writer.write(&builder.finish()?)?;
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        self.writer.close()?;
        Ok(())
    }
}

/// A column of times, ns since 1970.
pub(super) fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(values).with_timezone("UTC"))
}

/// A column of integers.
pub(super) fn longs(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

/// A column of small integers.
pub(super) fn ints(values: Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

/// A column of labels: places in a list of texts.
pub(super) fn labels(places: Vec<i32>, texts: &Arc<StringArray>) -> ArrayRef {
    let keys = Int32Array::from(places);
    Arc::new(DictionaryArray::new(keys, texts.clone()))
}

/// A column with one label in all rows.
pub(super) fn label(text: &str, rows: usize) -> ArrayRef {
    labels(vec![0; rows], &Arc::new(StringArray::from(vec![text])))
}
