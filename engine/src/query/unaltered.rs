//! What a session in which tables are altered has in common with the one of the store as it is: the steps that
//! rest on nothing altered need not be run again, nor those that rest only on steps whose rows came out the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{Row, RowConverter, Rows, SortField};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::ScalarValue;

use super::below::Below;
use super::step_rows::KeptTable;

/// The session of the store as it is, seen from an altered one.
#[derive(Debug, Default)]
pub(super) struct Unaltered {
    /// Tables that have other rows here.
    pub(super) changed: BTreeSet<&'static str>,
    /// Its steps.
    pub(super) steps: HashMap<&'static str, UnalteredStep>,
    /// Steps that have the same rows here.
    pub(super) same: BTreeSet<&'static str>,
}

/// A step as it is when nothing is altered.
#[derive(Debug, Clone)]
pub(super) struct UnalteredStep {
    /// The values that it was run with.
    pub(super) values: Vec<(String, ScalarValue)>,
    pub(super) table: Arc<dyn TableProvider>,
    /// Its rows, where they are in memory.
    pub(super) rows: Option<Vec<RecordBatch>>,
    pub(super) is_empty: bool,
}

impl Unaltered {
    /// A step with these values, and whether it is sure to have the same rows here. What is below it must be
    /// registered.
    pub(super) fn step(
        &self,
        below: &Below,
        place: usize,
        values: &[(String, ScalarValue)],
    ) -> Option<(UnalteredStep, bool)> {
        let step = self.steps.get(below.used(place).query.name)?;
        (step.values == values).then(|| (step.clone(), self.rests_on_same(below, place)))
    }

    /// Says of a step whether it has the same rows here.
    pub(super) fn set_same(&mut self, name: &'static str, is_same: Option<bool>) {
        if is_same == Some(true) {
            self.same.insert(name);
        } else {
            self.same.remove(name);
        }
    }

    fn rests_on_same(&self, below: &Below, place: usize) -> bool {
        let mut tables = below.own_tables(place);
        let is_same = |used: &usize| {
            let query = &below.used(*used).query;
            if query.header.is_materialized {
                self.same.contains(query.name)
            } else {
                self.rests_on_same(below, *used)
            }
        };
        !tables.any(|table| self.changed.contains(table))
            && below.used(place).uses.iter().all(is_same)
    }
}

/// The rows of a table that is in memory.
pub(super) async fn rows_in_memory(table: &Arc<dyn TableProvider>) -> Option<Vec<RecordBatch>> {
    let memory = table.downcast_ref::<MemTable>()?;
    let mut batches = Vec::new();
    for partition in &memory.batches {
        batches.extend(partition.read().await.iter().cloned());
    }
    Some(batches)
}

/// Whether a step's rows are those that it has when nothing is altered. In which order they come is not asked: no
/// query may rest on that. Rows in files are not looked at.
pub(super) fn have_same_rows(unaltered: &UnalteredStep, rows: &KeptTable) -> bool {
    let (Some(one), Some(other)) = (&unaltered.rows, &rows.batches) else {
        return false;
    };
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    if count(one) != count(other) {
        return false;
    }
    if count(one) == 0 {
        return true;
    }
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => one == other || differ_in_order(&one, &other).unwrap_or(false),
        _ => false,
    }
}

/// All rows in one batch; `None` where there is none, or they do not fit into one.
fn whole(batches: &[RecordBatch]) -> Option<RecordBatch> {
    let schema = batches.first()?.schema();
    concat_batches(&schema, batches).ok()
}

/// Whether each row is in both as often.
fn differ_in_order(one: &RecordBatch, other: &RecordBatch) -> Result<bool, ArrowError> {
    if one.schema() != other.schema() {
        return Ok(false);
    }
    let fields = one.schema();
    let fields = fields.fields().iter();
    let fields = fields.map(|field| SortField::new(field.data_type().clone()));
    let converter = RowConverter::new(fields.collect())?;
    let (one, other) = (
        converter.convert_columns(one.columns())?,
        converter.convert_columns(other.columns())?,
    );
    let sorted = |rows| {
        let mut rows: Vec<Row<'_>> = Rows::iter(rows).collect();
        rows.sort_unstable();
        rows
    };
    Ok(sorted(&one) == sorted(&other))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(numbers: Vec<Option<i64>>, texts: Vec<&str>) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        RecordBatch::try_from_iter_with_nullable([("n", numbers, true), ("t", texts, true)])
            .unwrap()
    }

    fn are_same(one: RecordBatch, others: Vec<RecordBatch>) -> bool {
        let table = |rows: &[RecordBatch]| {
            let schema = rows[0].schema();
            Arc::new(MemTable::try_new(schema, vec![rows.to_vec()]).unwrap())
        };
        let unaltered = UnalteredStep {
            values: Vec::new(),
            table: table(std::slice::from_ref(&one)),
            rows: Some(vec![one]),
            is_empty: false,
        };
        let rows = KeptTable {
            table: table(&others),
            row_count: 0,
            batches: Some(others),
        };
        have_same_rows(&unaltered, &rows)
    }

    #[test]
    fn rows_are_the_same_in_any_order_and_only_as_often() {
        let whole = || batch(vec![Some(1), None, Some(1)], vec!["a", "b", "a"]);
        let first = batch(vec![None, Some(1)], vec!["b", "a"]);
        let last = |n| batch(vec![n], vec!["a"]);
        assert!(are_same(whole(), vec![whole()]));
        assert!(are_same(whole(), vec![first.clone(), last(Some(1))]));
        assert!(!are_same(whole(), vec![first.clone(), last(None)]));
        assert!(!are_same(whole(), vec![first.clone()]));
        let twice = batch(vec![None, None, Some(1)], vec!["b", "b", "a"]);
        assert!(!are_same(whole(), vec![twice]));
    }
}
