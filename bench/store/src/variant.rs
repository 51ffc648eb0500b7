//! Ways to write a table.

use arrow::datatypes::{DataType, Schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// How 64-bit numbers (ids, times, lengths, offsets) are encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Delta,
    Plain,
    Split,
    Dictionary,
}

/// One way.
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    compression: Compression,
    numbers: Numbers,
    /// 32-bit numbers (threads, partitions) with a dictionary.
    narrow_dictionary: bool,
    /// Text with a dictionary.
    text_dictionary: bool,
    group_rows: usize,
    page_rows: usize,
}

/// What the store does, and what changes one thing of it.
pub(crate) fn variants() -> Vec<Variant> {
    let zstd = |level| Compression::ZSTD(ZstdLevel::try_new(level).unwrap_or_default());
    let base = Variant {
        name: "as the store",
        compression: zstd(1),
        numbers: Numbers::Delta,
        narrow_dictionary: true,
        text_dictionary: true,
        group_rows: 64 * 1024,
        page_rows: 16 * 1024,
    };
    let codec = |name, compression| Variant {
        name,
        compression,
        ..base
    };
    let numbers = |name, numbers| Variant {
        name,
        numbers,
        ..base
    };
    let groups = |name, group_rows| Variant {
        name,
        group_rows,
        ..base
    };
    vec![
        base,
        codec("not compressed", Compression::UNCOMPRESSED),
        codec("snappy", Compression::SNAPPY),
        codec("lz4", Compression::LZ4_RAW),
        codec("zstd 3", zstd(3)),
        codec("zstd 9", zstd(9)),
        numbers("64-bit numbers plain", Numbers::Plain),
        numbers("64-bit numbers split by byte", Numbers::Split),
        numbers("64-bit numbers with a dictionary", Numbers::Dictionary),
        Variant {
            name: "32-bit numbers plain",
            narrow_dictionary: false,
            ..base
        },
        Variant {
            name: "text plain",
            text_dictionary: false,
            ..base
        },
        groups("row groups of 32 k", 32 * 1024),
        groups("row groups of 128 k", 128 * 1024),
        groups("row groups of 256 k", 256 * 1024),
        groups("row groups of 1 M", 1024 * 1024),
        Variant {
            name: "pages of 5,000 rows",
            page_rows: 5_000,
            ..base
        },
    ]
}

impl Variant {
    /// The writer's settings for a table in order of a time.
    pub(crate) fn properties(&self, schema: &Schema, time: &str) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(self.group_rows))
            .set_data_page_row_count_limit(self.page_rows)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_compression(self.compression)
            .set_column_statistics_enabled(ColumnPath::from(time), EnabledStatistics::Page);
        for field in schema.fields() {
            let column = || ColumnPath::from(field.name().as_str());
            let (dictionary, encoding) = match field.data_type() {
                DataType::Timestamp(..) | DataType::Int64 => match self.numbers {
                    Numbers::Delta => (false, Some(Encoding::DELTA_BINARY_PACKED)),
                    Numbers::Plain => (false, Some(Encoding::PLAIN)),
                    Numbers::Split => (false, Some(Encoding::BYTE_STREAM_SPLIT)),
                    Numbers::Dictionary => (true, None),
                },
                DataType::Int32 | DataType::Int16 => (self.narrow_dictionary, None),
                _ => (self.text_dictionary, None),
            };
            properties = properties.set_column_dictionary_enabled(column(), dictionary);
            if let Some(encoding) = encoding {
                properties = properties.set_column_encoding(column(), encoding);
            }
        }
        properties.build()
    }
}
