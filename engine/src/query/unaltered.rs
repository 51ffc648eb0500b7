//! What a session in which tables are altered has in common with the one of the store as it is: the steps that
//! rest on nothing altered need not be run again, nor those that rest only on steps whose rows came out the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
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

/// Whether a step's rows are those that it has when nothing is altered, in the same order. Rows in files are not
/// looked at.
pub(super) fn have_same_rows(unaltered: &UnalteredStep, rows: &KeptTable) -> bool {
    let (Some(one), Some(other)) = (&unaltered.rows, &rows.batches) else {
        return false;
    };
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    match (count(one), count(other)) {
        (0, 0) => true,
        (one_count, other_count) => {
            one_count == other_count
                && matches!((whole(one), whole(other)), (Some(one), Some(other)) if one == other)
        }
    }
}

/// All rows in one batch; `None` where there is none, or they do not fit into one.
fn whole(batches: &[RecordBatch]) -> Option<RecordBatch> {
    let schema = batches.first()?.schema();
    concat_batches(&schema, batches).ok()
}
