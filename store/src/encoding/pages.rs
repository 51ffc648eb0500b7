//! The pages of one column of a row group: rows in stretches, each with its levels, compressed.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanBufferBuilder};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, Type, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::AsBytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::hybrid;

/// Rows of a page. Pages of a stretch of time are found by the table's time.
pub(crate) const PAGE_ROWS: usize = 16 * 1024;

/// The level of compression (`bench/store`).
pub(crate) const ZSTD_LEVEL: i32 = 1;

/// What compression must leave out, in hundredths of a column's first page: a column that does not get smaller is
/// read faster without.
const WORTH_COMPRESSING: usize = 5;

/// A compressor that is used for all pages of a file.
pub(crate) struct Compressor(zstd::bulk::Compressor<'static>);

impl Compressor {
    /// A new one.
    pub(crate) fn new() -> Result<Self> {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL);
        Ok(Self(compressor.map_err(external)?))
    }

    fn compress(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.0.compress(bytes).map_err(external)
    }
}

fn external(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

/// An encoded column of a row group: its bytes, and what the footer says of it.
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
}

/// The pages of a column, before they are compressed.
pub(super) struct Pages {
    column: ColumnDescPtr,
    dictionary: Option<(Vec<u8>, usize)>,
    data: Vec<DataPage>,
    encoding: Encoding,
    null_count: usize,
}

struct DataPage {
    bytes: Vec<u8>,
    rows: usize,
}

impl Pages {
    /// Of a column whose values have an encoding.
    pub(super) fn new(column: ColumnDescPtr, encoding: Encoding) -> Self {
        Self {
            column,
            dictionary: None,
            data: Vec::new(),
            encoding,
            null_count: 0,
        }
    }

    /// Puts a dictionary of so many values before all pages.
    pub(super) fn dictionary(&mut self, bytes: Vec<u8>, values: usize) {
        self.dictionary = Some((bytes, values));
    }

    /// Adds a page of the rows of some arrays. `values` appends those that are not null. Returns how many are null.
    pub(super) fn page(&mut self, arrays: &[ArrayRef], values: impl FnOnce(&mut Vec<u8>)) -> usize {
        let rows: usize = arrays.iter().map(|array| array.len()).sum();
        let null_count: usize = arrays.iter().map(|array| array.null_count()).sum();
        let mut bytes = Vec::new();
        if self.column.max_rep_level() > 0 {
            // Of lists, only those that are null come here.
            with_length(&mut bytes, |out| hybrid::constant_level(0, rows, out));
        }
        if self.column.max_def_level() > 0 {
            levels(arrays, rows, null_count, &mut bytes);
        }
        values(&mut bytes);
        self.data.push(DataPage { bytes, rows });
        self.null_count += null_count;
        null_count
    }

    /// The number of nulls so far.
    pub(super) fn null_count(&self) -> u64 {
        self.null_count as u64
    }

    /// Compresses the pages, and tells what there is of the column.
    pub(super) fn finish(
        self,
        statistics: Statistics,
        column_index: Option<ColumnIndexMetaData>,
        compressor: &mut Compressor,
    ) -> Result<Encoded> {
        let mut first_page = None;
        if let Some(DataPage { bytes, .. }) = self.data.first() {
            let compressed = compressor.compress(bytes)?;
            let saved = bytes.len().saturating_sub(compressed.len());
            let is_worth_it = saved * 100 > bytes.len() * WORTH_COMPRESSING;
            first_page = is_worth_it.then_some(compressed);
        }
        let is_compressed = first_page.is_some();
        let mut compress = |bytes: Vec<u8>| match is_compressed {
            true => compressor.compress(&bytes),
            false => Ok(bytes),
        };
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let (mut raw_bytes, mut bytes, mut rows) = (0, 0, 0);
        let mut dictionary_offset = None;
        if let Some((dictionary, values)) = self.dictionary {
            let length = dictionary.len();
            let page = Page::DictionaryPage {
                buf: compress(dictionary)?.into(),
                num_values: count(values)?,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let written = writer.write_page(CompressedPage::new(page, length))?;
            (raw_bytes, bytes) = (written.uncompressed_size, written.compressed_size);
            dictionary_offset = Some(offset(written.offset)?);
        }
        let mut offsets = OffsetIndexBuilder::new();
        let mut first_offset = None;
        for DataPage {
            bytes: data,
            rows: page_rows,
        } in self.data
        {
            let length = data.len();
            let written = match first_page.take() {
                Some(compressed) => compressed,
                None => compress(data)?,
            };
            let page = Page::DataPage {
                buf: written.into(),
                num_values: count(page_rows)?,
                encoding: self.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let written = writer.write_page(CompressedPage::new(page, length))?;
            raw_bytes += written.uncompressed_size;
            bytes += written.compressed_size;
            let at = offset(written.offset)?;
            first_offset.get_or_insert(at);
            offsets.append_offset_and_size(at, i32::try_from(written.compressed_size)?);
            offsets.append_row_count(i64::from(count(page_rows)?));
            rows += page_rows;
        }
        writer.close()?;
        let mut encodings = EncodingMask::default();
        for encoding in [Encoding::RLE, self.encoding] {
            encodings.insert(encoding);
        }
        if dictionary_offset.is_some() {
            encodings.insert(Encoding::PLAIN);
        }
        let compression = match is_compressed {
            true => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
            false => Compression::UNCOMPRESSED,
        };
        let metadata = ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(compression)
            .set_encodings_mask(encodings)
            .set_total_compressed_size(i64::try_from(bytes)?)
            .set_total_uncompressed_size(i64::try_from(raw_bytes)?)
            .set_num_values(i64::try_from(rows)?)
            .set_data_page_offset(first_offset.unwrap_or(0))
            .set_dictionary_page_offset(dictionary_offset)
            .set_statistics(statistics)
            .build()?;
        Ok(Encoded {
            bytes: sink.into_inner()?.into(),
            close: ColumnCloseResult {
                bytes_written: bytes as u64,
                rows_written: rows as u64,
                metadata,
                bloom_filter: None,
                column_index,
                offset_index: Some(offsets.build()),
            },
        })
    }
}

/// The rows of some arrays in pages, each the parts of arrays that are in it.
pub(super) fn in_pages(arrays: &[ArrayRef]) -> Vec<Vec<ArrayRef>> {
    let mut pages = Vec::new();
    let (mut page, mut left) = (Vec::new(), PAGE_ROWS);
    for array in arrays {
        let mut from = 0;
        while from < array.len() {
            let length = left.min(array.len() - from);
            page.push(array.slice(from, length));
            from += length;
            left -= length;
            if left == 0 {
                pages.push(std::mem::take(&mut page));
                left = PAGE_ROWS;
            }
        }
    }
    if !page.is_empty() {
        pages.push(page);
    }
    pages
}

/// Appends which rows have a value.
fn levels(arrays: &[ArrayRef], rows: usize, null_count: usize, out: &mut Vec<u8>) {
    with_length(out, |out| {
        if null_count == 0 || null_count == rows {
            hybrid::constant_level(u8::from(null_count == 0), rows, out);
            return;
        }
        let mut valid = BooleanBufferBuilder::new(rows);
        for array in arrays {
            match array.nulls() {
                Some(nulls) => valid.append_buffer(nulls.inner()),
                None => valid.append_n(array.len(), true),
            }
        }
        hybrid::levels(&valid.finish(), out);
    });
}

/// Appends something behind its length.
fn with_length(out: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    append(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// The least and the greatest time of each page, by which pages are left out.
pub(super) struct PageTimes(ColumnIndexBuilder);

impl PageTimes {
    pub(super) fn new() -> Self {
        let mut index = ColumnIndexBuilder::new(Type::INT64);
        // Rows lie in the order of this time.
        index.set_boundary_order(parquet::basic::BoundaryOrder::ASCENDING);
        Self(index)
    }

    /// Of the next page.
    pub(super) fn page(&mut self, times: Option<(i64, i64)>, null_count: usize) {
        let bytes = |time: i64| time.as_bytes().to_vec();
        let (first, last) = times.map_or_else(Default::default, |(a, b)| (bytes(a), bytes(b)));
        let null_count = i64::try_from(null_count).unwrap_or(i64::MAX);
        self.0.append(times.is_none(), first, last, null_count);
    }

    pub(super) fn finish(self) -> Result<ColumnIndexMetaData> {
        self.0.build()
    }
}

fn count(rows: usize) -> Result<u32> {
    Ok(u32::try_from(rows)?)
}

fn offset(bytes: u64) -> Result<i64> {
    Ok(i64::try_from(bytes)?)
}
