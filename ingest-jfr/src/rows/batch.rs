//! A batch as a chunk's worker builds it, before ids are known.

use arrow::array::ArrayRef;
use kcorr_model::Table;

/// Rows of a batch: few enough that its columns stay in the processor's cache while they fill.
pub(crate) const BATCH_ROWS: usize = 8192;

/// Stands for "no stack" among stack numbers.
pub(crate) const NO_STACK: u32 = u32::MAX;

/// Columns of a table but for those that are the same in all rows (source, process, origin) and
/// those that depend on the chunks before (row ids, stack ids): see [`crate::merge`].
#[derive(Debug)]
pub(crate) struct RowBatch {
    pub(crate) table: &'static Table,
    pub(crate) rows: usize,
    /// None stands for a column of nulls.
    pub(crate) columns: Vec<(&'static str, Option<ArrayRef>)>,
    /// The stack number of each row in its chunk, for tables with a `stack_id`.
    pub(crate) stacks: Vec<u32>,
}
