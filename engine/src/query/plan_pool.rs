//! Plans of steps, for sessions that differ in rows only.
//!
//! The tests of verdicts make the same account some twenty times, each of altered tables. Most of an account of a
//! small recording is planning, so that what one session planned the others run. Steps are read by name
//! ([`super::step_table`]), as is by how much recordings are shifted; what a plan knows besides is compared before
//! another session takes it ([`Rests`]).
//!
//! A plan that is run has state: tables of hashes, filters found on the way. So whoever runs one has it alone, and
//! gives it back as new.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::expressions::{DynamicFilterPhysicalExpr, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use kcorr_interval_join::IntervalJoinExec;

use super::step_table::StepTable;
use crate::catalog::table_shown_as;

/// Plans of statements, by what tells one from another: its name, and values.
#[derive(Debug, Default)]
pub(super) struct PlanPool {
    planned: Mutex<HashMap<String, Vec<Planned>>>,
}

/// A statement as it was planned over some tables.
#[derive(Debug)]
struct Planned {
    rests: Rests,
    logical: LogicalPlan,
    /// Plans that nobody runs now.
    idle: Vec<Arc<dyn ExecutionPlan>>,
}

/// What a plan rests on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rests {
    /// The steps that it reads, and their columns.
    pub(super) steps: BTreeMap<String, SchemaRef>,
    /// The tables that it reads.
    pub(super) tables: Vec<&'static str>,
    /// Which of these are shifted.
    pub(super) shifted: Vec<&'static str>,
    /// Of what was left out since it had no rows, which tables that was.
    pub(super) left_out: String,
}

impl Rests {
    /// What a plan rests on; `None` when it reads something whose rows are in the plan.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        let mut rests = Self::default();
        let mut is_all = true;
        plan.apply_with_subqueries(|plan| {
            if let LogicalPlan::TableScan(scan) = plan {
                let provider = source_as_provider(&scan.source)?;
                if let Some(step) = provider.downcast_ref::<StepTable>() {
                    let schema = Arc::clone(&step.schema);
                    rests.steps.insert(step.name.clone(), schema);
                } else if let Some(table) = table_shown_as(scan.table_name.table()) {
                    rests.tables.push(table.name);
                } else {
                    is_all = false;
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        rests.tables.sort_unstable();
        rests.tables.dedup();
        Ok(is_all.then_some(rests))
    }
}

impl PlanPool {
    /// The plan of a statement that rests on what fits.
    pub(super) fn logical(&self, key: &str, fits: impl Fn(&Rests) -> bool) -> Option<LogicalPlan> {
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = planned.get(key)?.iter();
        let found = found.find(|planned| fits(&planned.rests))?;
        Some(found.logical.clone())
    }

    /// Keeps a plan of a statement.
    pub(super) fn keep(&self, key: &str, rests: Rests, logical: &LogicalPlan) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = planned.entry(key.to_owned()).or_default();
        if planned.iter().all(|planned| planned.rests != rests) {
            planned.push(Planned {
                rests,
                logical: logical.clone(),
                idle: Vec::new(),
            });
        }
    }

    /// Takes a plan of a statement to run it.
    pub(super) fn take(
        &self,
        key: &str,
        fits: impl Fn(&Rests) -> bool,
    ) -> Option<Arc<dyn ExecutionPlan>> {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = planned.get_mut(key)?.iter_mut();
        found.find(|planned| fits(&planned.rests))?.idle.pop()
    }

    /// Takes back a plan that was run to its end.
    pub(super) fn give_back(
        &self,
        key: &str,
        fits: impl Fn(&Rests) -> bool,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<()> {
        let Some(plan) = as_new(plan)? else {
            return Ok(());
        };
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let found = planned.get_mut(key).map(|planned| planned.iter_mut());
        if let Some(planned) = found.and_then(|mut found| found.find(|p| fits(&p.rests))) {
            planned.idle.push(plan);
        }
        Ok(())
    }
}

/// A plan as it was before it was run; `None` when it has state that cannot be taken from it.
fn as_new(plan: Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if !forget_filters(&plan)? {
        return Ok(None);
    }
    reset_plan_states(plan).map(Some)
}

/// Lets filters that were found when a plan was run be as they were: whoever reads through one has it still, even
/// where its operator makes another. False for those of an operator that goes on from what it found.
fn forget_filters(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let filters = plan.dynamic_expressions_produced();
    let begins_anew =
        plan.is::<HashJoinExec>() || plan.is::<SortExec>() || plan.is::<IntervalJoinExec>();
    if !filters.is_empty() && !begins_anew {
        return Ok(false);
    }
    for filter in filters {
        match filter.downcast_ref::<DynamicFilterPhysicalExpr>() {
            Some(filter) => filter.update(lit(true))?,
            None => return Ok(false),
        }
    }
    for input in plan.children() {
        if !forget_filters(input)? {
            return Ok(false);
        }
    }
    Ok(true)
}
