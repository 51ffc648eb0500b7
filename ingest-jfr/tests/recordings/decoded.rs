//! What a recording was decoded to, in a form that is easy to compare.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_model::{Decoder, Error, SourceId, Summary, Table};

/// All rows, one batch a table, and the summary.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) tables: Vec<(&'static Table, RecordBatch)>,
    pub(crate) summary: Summary,
}

impl Decoded {
    /// Decodes a recording handed over whole.
    pub(crate) fn whole(bytes: &[u8], options: JfrOptions) -> Result<Self, Error> {
        let mut batches = Vec::new();
        let mut decoder = JfrDecoder::new(SourceId(1), options);
        decoder.push_whole(bytes, &mut batches)?;
        let summary = decoder.finish(&mut batches)?;
        Ok(Self::of(batches, summary))
    }

    /// Decodes a recording pushed in pieces.
    pub(crate) fn pushed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut batches = Vec::new();
        let mut decoder = JfrDecoder::new(SourceId(1), JfrOptions::default());
        for piece in pieces {
            decoder.push(piece, &mut batches)?;
        }
        let summary = decoder.finish(&mut batches)?;
        Ok(Self::of(batches, summary))
    }

    fn of(batches: Vec<(&'static Table, RecordBatch)>, summary: Summary) -> Self {
        let mut tables: Vec<(&'static Table, Vec<RecordBatch>)> = Vec::new();
        for (table, batch) in batches {
            assert_eq!(batch.schema(), table.schema());
            match tables
                .iter_mut()
                .find(|(known, _)| known.name == table.name)
            {
                Some((_, batches)) => batches.push(batch),
                None => tables.push((table, vec![batch])),
            }
        }
        tables.sort_by_key(|(table, _)| table.name);
        let joined = tables
            .into_iter()
            .map(|(table, batches)| (table, concat_batches(&table.schema(), &batches).unwrap()));
        Self {
            tables: joined.collect(),
            summary,
        }
    }

    /// The rows of a table.
    pub(crate) fn table(&self, name: &str) -> Option<&RecordBatch> {
        let found = self.tables.iter().find(|(table, _)| table.name == name);
        found.map(|(_, batch)| batch)
    }

    /// A column as texts; times and numbers as integers, null as nothing.
    pub(crate) fn texts(&self, table: &str, column: &str) -> Vec<Option<String>> {
        let Some(batch) = self.table(table) else {
            return Vec::new();
        };
        texts(batch.column_by_name(column).unwrap())
    }

    /// A column as integers; null as −1.
    pub(crate) fn numbers(&self, table: &str, column: &str) -> Vec<i64> {
        let Some(batch) = self.table(table) else {
            return Vec::new();
        };
        let column = cast(batch.column_by_name(column).unwrap(), &DataType::Int64).unwrap();
        let column = column.as_primitive::<Int64Type>();
        column.iter().map(|value| value.unwrap_or(-1)).collect()
    }

    /// The count of a kind of loss.
    pub(crate) fn loss(&self, name: &str) -> u64 {
        let mut losses = self.summary.losses.iter();
        losses
            .find(|loss| loss.kind.name == name)
            .map_or(0, |loss| loss.count)
    }

    /// Rows of all tables.
    pub(crate) fn row_count(&self) -> usize {
        self.tables.iter().map(|(_, batch)| batch.num_rows()).sum()
    }

    /// The first rows of each table as lines `column=value …`, and the summary.
    pub(crate) fn describe(&self, rows: usize) -> String {
        let mut text = String::new();
        for (table, batch) in &self.tables {
            text += &format!("{}: {} rows\n", table.name, batch.num_rows());
            let columns: Vec<_> = batch.columns().iter().map(texts).collect();
            for row in 0..batch.num_rows().min(rows) {
                for (column, values) in table.columns.iter().zip(&columns) {
                    if let Some(value) = &values[row] {
                        text += &format!("  {}={value}", column.name);
                    }
                }
                text += "\n";
            }
        }
        text += &format!(
            "format: {}, clock: {}\n",
            self.summary.format, self.summary.clock
        );
        for anchor in &self.summary.anchors {
            text += &format!("{anchor:?}\n");
        }
        for limit in &self.summary.limits {
            text += &format!("limit {}={}: {}\n", limit.name, limit.value, limit.detail);
        }
        for loss in &self.summary.losses {
            let (kind, at) = (loss.kind.name, loss.first_position);
            text += &format!("loss {kind} × {} at {at}: {}\n", loss.count, loss.detail);
        }
        text
    }
}

fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let column = match column.data_type() {
        DataType::Timestamp(..) => cast(column, &DataType::Int64).unwrap(),
        _ => column.clone(),
    };
    let text = |row| array_value_to_string(&column, row).unwrap();
    (0..column.len())
        .map(|row| column.is_valid(row).then(|| text(row)))
        .collect()
}
