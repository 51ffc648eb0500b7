//! A table: its name, meaning and columns.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use crate::Column;

/// A table of the model, declared as one `static` in [`crate::tables`].
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Name in SQL, a plural noun.
    pub name: &'static str,
    /// One sentence: what one row is.
    pub doc: &'static str,
    /// The column that stored files are sorted by, if the rows have a time.
    pub sorted_by: Option<&'static str>,
    /// The columns, in order.
    pub columns: &'static [Column],
}

impl Table {
    /// The Arrow schema of a batch of this table.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns.iter().map(Column::field).collect::<Vec<_>>(),
        ))
    }

    /// The position of a column, if the table has it.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
