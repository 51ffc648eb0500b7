//! Writes the rows of a table as a Parquet file, a row group at a time.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::block_hashes::HashedFile;
use crate::encoding::{Column, Compressor, are_encoded};

/// Rows of a row group: few, so that a stretch of time reads little beside itself; with fewer, reading a
/// whole file takes longer (`bench/store`).
pub(crate) const ROW_GROUP_ROWS: usize = 64 * 1024;

/// A file being written. Holds the rows of at most one row group.
pub(super) struct TableWriter {
    file: SerializedFileWriter<HashedFile>,
    /// Writes columns of types that are not encoded here.
    others: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    sorted_by: Option<usize>,
    compressor: Compressor,
    held: Vec<RecordBatch>,
    held_rows: usize,
}

impl TableWriter {
    /// Begins a file of rows that come in the order of a column.
    pub(super) fn new(
        file: HashedFile,
        schema: &Arc<Schema>,
        sorted_by: Option<&str>,
        properties: WriterProperties,
    ) -> Result<Self> {
        let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties))?;
        let (file, others) = writer.into_serialized_writer()?;
        // Each field is one column: a list has the column of its strings.
        if file.schema_descr().num_columns() != schema.fields().len() {
            return Err(ParquetError::NYI("columns of several columns".to_owned()));
        }
        Ok(Self {
            file,
            others,
            schema: Arc::clone(schema),
            sorted_by: sorted_by.and_then(|name| schema.index_of(name).ok()),
            compressor: Compressor::new()?,
            held: Vec::new(),
            held_rows: 0,
        })
    }

    /// Takes the next rows.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut from = 0;
        while from < rows.num_rows() {
            let length = (ROW_GROUP_ROWS - self.held_rows).min(rows.num_rows() - from);
            self.held.push(rows.slice(from, length));
            self.held_rows += length;
            from += length;
            if self.held_rows == ROW_GROUP_ROWS {
                self.write_row_group()?;
            }
        }
        Ok(())
    }

    /// Copies a row group of another file with the same columns, but for those that some batches have: these
    /// are written in their place.
    pub(super) fn copy_row_group(
        &mut self,
        (file, footer): (&File, &ParquetMetaData),
        number: usize,
        changed: &[RecordBatch],
    ) -> Result<()> {
        let row_group = footer.row_group(number);
        let mut group = self.file.next_row_group()?;
        for (place, field) in self.schema.fields().iter().enumerate() {
            let columns = changed
                .iter()
                .filter_map(|batch| batch.column_by_name(field.name()));
            let columns: Vec<ArrayRef> = columns.cloned().collect();
            if !columns.is_empty() {
                let column = Column {
                    data_type: field.data_type(),
                    description: row_group.column(place).column_descr_ptr(),
                    is_sorted_by: self.sorted_by == Some(place),
                };
                let encoded = column.encode(&columns, &mut self.compressor)?;
                group.append_column(&encoded.bytes, encoded.close)?;
                continue;
            }
            let metadata = row_group.column(place).clone();
            let offsets = footer.offset_index();
            let offsets = offsets.and_then(|groups| groups.get(number)?.get(place));
            let copied = ColumnCloseResult {
                bytes_written: u64::try_from(metadata.compressed_size())?,
                rows_written: u64::try_from(row_group.num_rows())?,
                metadata,
                bloom_filter: None,
                column_index: None,
                offset_index: offsets.cloned(),
            };
            group.append_column(file, copied)?;
        }
        group.close()?;
        Ok(())
    }

    /// Writes what is left, and the footer.
    pub(super) fn finish(mut self) -> Result<HashedFile> {
        self.write_row_group()?;
        self.file.into_inner()
    }

    fn write_row_group(&mut self) -> Result<()> {
        let batches = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.held_rows) == 0 {
            return Ok(());
        }
        let number = self.file.flushed_row_groups().len();
        let descriptions = self.file.schema_descr().columns().to_vec();
        let mut group = self.file.next_row_group()?;
        let mut others = Vec::new();
        for (place, description) in descriptions.into_iter().enumerate() {
            let columns = batches.iter().map(|batch| Arc::clone(batch.column(place)));
            let columns: Vec<ArrayRef> = columns.collect();
            let field = self.schema.field(place);
            if are_encoded(&columns) {
                let column = Column {
                    data_type: field.data_type(),
                    description,
                    is_sorted_by: self.sorted_by == Some(place),
                };
                let encoded = column.encode(&columns, &mut self.compressor)?;
                group.append_column(&encoded.bytes, encoded.close)?;
                continue;
            }
            if others.is_empty() {
                let writers = self.others.create_column_writers(number)?;
                others = writers.into_iter().map(Some).collect();
            }
            let mut writer = others
                .get_mut(place)
                .and_then(Option::take)
                .ok_or_else(|| ParquetError::General(format!("no writer of {}", field.name())))?;
            for column in &columns {
                for leaf in compute_leaves(field, column)? {
                    writer.write(&leaf)?;
                }
            }
            writer.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
