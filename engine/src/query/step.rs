//! What the steps below a query took: its materialized queries, each run once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::catalog::TableProvider;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::DataFrame;

use super::step_rows::StepRows;
use crate::error::Result;

/// A materialized query that was run for the queries that use it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Step {
    /// Name of the canned query.
    pub name: &'static str,
    /// Rows that it keeps.
    pub row_count: usize,
    /// Whether they are kept in a file, because they would take too much of the limit of memory.
    pub is_spilled: bool,
    /// Wall time of planning and running it.
    pub elapsed: Duration,
    /// How it was run, an operator a line with its metrics; only when the session was opened to show it.
    pub plan: Option<String>,
}

impl Step {
    /// Runs a materialized query; answers what it took, and its rows as a table.
    pub(super) async fn run(
        name: &'static str,
        frame: DataFrame,
        shows_plan: bool,
        kept: &StepRows,
    ) -> Result<(Self, Arc<dyn TableProvider>)> {
        let start = Instant::now();
        let planned = Arc::clone(frame.schema().inner());
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let rows = execute_stream(Arc::clone(&plan), Arc::clone(&task))?;
        let kept = kept.keep(name, planned, rows, &task).await?;
        let step = Self {
            name,
            row_count: kept.row_count,
            is_spilled: kept.is_spilled,
            elapsed: start.elapsed(),
            plan: shows_plan.then(|| drawn(plan.as_ref())),
        };
        Ok((step, kept.table))
    }
}

/// A plan that was run, an operator a line.
fn drawn(plan: &dyn ExecutionPlan) -> String {
    let plan = DisplayableExecutionPlan::with_metrics(plan);
    plan.indent(true).to_string()
}
