//! What the steps below a query took: its materialized queries, each run once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::DataFrame;

use crate::error::Result;

/// A materialized query that was run for the queries that use it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Step {
    /// Name of the canned query.
    pub name: &'static str,
    /// Rows that it keeps.
    pub row_count: usize,
    /// Wall time of planning and running it.
    pub elapsed: Duration,
    /// How it was run, an operator a line with its metrics; only when the session was opened to show it.
    pub plan: Option<String>,
}

impl Step {
    /// Runs a materialized query; answers what it took, its columns and its rows.
    pub(super) async fn run(
        name: &'static str,
        frame: DataFrame,
        shows_plan: bool,
    ) -> Result<(Self, SchemaRef, Vec<RecordBatch>)> {
        let start = Instant::now();
        let planned = Arc::clone(frame.schema().inner());
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let rows = collect(Arc::clone(&plan), task).await?;
        let step = Self {
            name,
            row_count: rows.iter().map(RecordBatch::num_rows).sum(),
            elapsed: start.elapsed(),
            plan: shows_plan.then(|| drawn(plan.as_ref())),
        };
        let schema = rows.first().map_or(planned, RecordBatch::schema);
        Ok((step, schema, rows))
    }
}

/// A plan that was run, an operator a line.
fn drawn(plan: &dyn ExecutionPlan) -> String {
    let plan = DisplayableExecutionPlan::with_metrics(plan);
    plan.indent(true).to_string()
}
