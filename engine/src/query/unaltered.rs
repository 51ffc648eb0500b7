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

/// Whether a step's rows are those of a table, in the same order. Rows in files are not looked at.
pub(super) async fn have_same_rows(table: &Arc<dyn TableProvider>, rows: &KeptTable) -> bool {
    let Some(memory) = table.downcast_ref::<MemTable>() else {
        return false;
    };
    let mut batches = Vec::new();
    for partition in &memory.batches {
        batches.extend(partition.read().await.iter().cloned());
    }
    match (whole(&batches), rows.batches.as_deref().map(whole)) {
        (Some(one), Some(Some(other))) => one == other,
        (None, Some(None)) => true,
        _ => false,
    }
}

/// All rows in one batch; `None` when there are none.
fn whole(batches: &[RecordBatch]) -> Option<RecordBatch> {
    let schema = batches.first()?.schema();
    let whole = concat_batches(&schema, batches).ok()?;
    (whole.num_rows() > 0).then_some(whole)
}
