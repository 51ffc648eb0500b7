//! Plans of steps, for sessions that differ in rows only.
//!
//! The tests of verdicts make the same account some twenty times, each of altered tables. Most of an account of a
//! small recording is planning, so that what one session planned the others run. Steps are read by name
//! ([`super::step_table`]), as is by how much recordings are shifted; what a plan knows besides is compared before
//! another session takes it ([`Rests`]).
//!
//! A plan that is run has state: tables of hashes, filters found on the way. So whoever runs one has it alone, and
//! gives it back as new. (To run copies would be wrong: those of DataFusion 55.2 have the results of scalar subqueries
//! in common.)

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::LogicalPlan;
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

    /// Takes back a plan that was run to its end. One that cannot be as it was before is made anew for the next.
    pub(super) fn give_back(
        &self,
        key: &str,
        fits: impl Fn(&Rests) -> bool,
        plan: Arc<dyn ExecutionPlan>,
    ) {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let found = planned.get_mut(key).map(|planned| planned.iter_mut());
        if let Some(planned) = found.and_then(|mut found| found.find(|p| fits(&p.rests)))
            && let Ok(Some(plan)) = as_new(plan)
        {
            planned.idle.push(plan);
        }
    }
}

/// A plan as it was before it was run; `None` when it has state that cannot be taken from it.
fn as_new(plan: Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if keeps_what_it_found(&plan)? {
        return Ok(None);
    }
    reset_plan_states(plan).map(Some)
}

/// Whether a plan has filters, found as it was run, that outlast it. Who reads through one has it still when its operator
/// makes another, and a task may go on for a moment when the rows have ended, and find more. Some operators go on
/// from what they found.
fn keeps_what_it_found(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let filters = plan.dynamic_expressions_produced();
    let begins_anew =
        plan.is::<HashJoinExec>() || plan.is::<SortExec>() || plan.is::<IntervalJoinExec>();
    if !filters.is_empty() && !begins_anew {
        return Ok(true);
    }
    for input in plan.children() {
        for filter in &filters {
            if reads(input, filter.expression_id())? {
                return Ok(true);
            }
        }
        if keeps_what_it_found(input)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an expression is in a plan. One without an id may be anywhere.
fn reads(plan: &Arc<dyn ExecutionPlan>, id: Option<u64>) -> Result<bool> {
    let Some(id) = id else {
        return Ok(true);
    };
    let mut is_read = false;
    plan.apply(|plan| {
        plan.apply_expressions(&mut |root| {
            root.apply(|expression| {
                is_read |= expression.expression_id() == Some(id);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(if is_read {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    Ok(is_read)
}

#[cfg(test)]
mod tests {
    use datafusion::dataframe::DataFrameWriteOptions;
    use datafusion::prelude::{ParquetReadOptions, SessionContext};

    use super::*;

    async fn planned(context: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
        let rows = context.sql(sql).await.expect("a statement");
        rows.create_physical_plan().await.expect("a plan")
    }

    #[tokio::test]
    async fn a_plan_whose_files_are_read_through_what_it_finds_is_run_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.parquet").display().to_string();
        let context = SessionContext::new();
        let rows = context.sql("SELECT value AS x FROM range(0, 100000)").await;
        let rows = rows.expect("rows");
        let options = DataFrameWriteOptions::new();
        rows.write_parquet(&path, options, None)
            .await
            .expect("a file");
        let options = ParquetReadOptions::default();
        let read = context.register_parquet("file", &path, options).await;
        read.expect("a table");
        let memory = context
            .sql("SELECT CAST(1 AS BIGINT) AS x")
            .await
            .expect("rows");
        let memory = memory.cache().await.expect("rows");
        let table = memory.into_view();
        context.register_table("memory", table).expect("a table");

        let join = "SELECT * FROM memory AS m INNER JOIN file AS f ON f.x = m.x";
        let through = planned(&context, join).await;
        assert!(as_new(through).expect("no error").is_none());

        let join = "SELECT * FROM memory AS m INNER JOIN memory AS o ON o.x = m.x";
        let alone = planned(&context, join).await;
        assert!(as_new(alone).expect("no error").is_some());
    }
}
