//! What the steps below a query took: its materialized queries, each run once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::stream;

use super::kept_rows::KeptFile;
use super::step_rows::{KeptTable, StepRows};
use crate::error::Result;

/// A materialized query that was run for the queries that use it, or a part of one that it uses more than once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Step {
    /// Name of the canned query; of a part, after that of its query and a point.
    pub name: String,
    /// Rows that it keeps.
    pub row_count: usize,
    /// Whether they are kept in a file, because they would take too much of the limit of memory.
    pub is_spilled: bool,
    /// Whether they were computed by an earlier run, and only read now.
    pub is_kept: bool,
    /// A file with rows of an earlier run that was not as it had been written, so that they were computed
    /// again.
    pub damaged: Option<PathBuf>,
    /// Wall time of planning and running it, or of reading its rows.
    pub elapsed: Duration,
    /// How it was run, an operator a line with its metrics; only when the session was opened to show it.
    pub plan: Option<String>,
    /// The process that ran it, if that was another.
    pub worker: Option<String>,
}

impl Step {
    /// A step that another process ran, of which nothing more is known.
    pub fn of_worker(worker: &str, name: String, row_count: usize, elapsed: Duration) -> Self {
        Self {
            name,
            row_count,
            is_spilled: false,
            is_kept: false,
            damaged: None,
            elapsed,
            plan: None,
            worker: Some(worker.to_owned()),
        }
    }

    /// Runs a materialized query, planned, which has these columns; answers what it took, and its rows as a table.
    pub(super) async fn run(
        name: &str,
        plan: Arc<dyn ExecutionPlan>,
        columns: SchemaRef,
        task: Arc<TaskContext>,
        step_rows: &StepRows,
    ) -> Result<(Self, KeptTable)> {
        let start = Instant::now();
        let rows = execute_stream(plan, Arc::clone(&task))?;
        let table = step_rows.keep(name, columns, rows, &task).await?;
        Ok((Self::of(name, &table, start), table))
    }

    /// A step whose rows are there already.
    pub(super) async fn of_rows(
        name: &str,
        columns: SchemaRef,
        rows: Vec<RecordBatch>,
        task: &TaskContext,
        step_rows: &StepRows,
    ) -> Result<(Self, KeptTable)> {
        let start = Instant::now();
        let rows = stream::iter(rows.into_iter().map(Ok));
        let rows = RecordBatchStreamAdapter::new(Arc::clone(&columns), rows);
        let table = step_rows.keep(name, columns, Box::pin(rows), task).await?;
        Ok((Self::of(name, &table, start), table))
    }

    /// A query of these columns that is sure to give no rows: there is nothing to run.
    pub(super) fn without_rows(name: &str, columns: SchemaRef) -> Result<(Self, KeptTable)> {
        let start = Instant::now();
        let table = KeptTable::without_rows(columns)?;
        Ok((Self::of(name, &table, start), table))
    }

    /// Takes the rows that an earlier run has kept.
    pub(super) async fn read(
        name: &str,
        file: KeptFile,
        task: &TaskContext,
        step_rows: &StepRows,
    ) -> Result<(Self, KeptTable)> {
        let start = Instant::now();
        let schema = file.schema();
        let batches = file.batches().map(|batch| Ok(batch?));
        let rows = RecordBatchStreamAdapter::new(Arc::clone(&schema), stream::iter(batches));
        let rows = Box::pin(rows);
        let table = step_rows.keep(name, schema, rows, task).await?;
        let mut step = Self::of(name, &table, start);
        step.is_kept = true;
        Ok((step, table))
    }

    fn of(name: &str, table: &KeptTable, start: Instant) -> Self {
        Self {
            name: name.to_owned(),
            row_count: table.row_count,
            is_spilled: table.batches.is_none(),
            is_kept: false,
            damaged: None,
            elapsed: start.elapsed(),
            plan: None,
            worker: None,
        }
    }
}

/// A plan that was run, an operator a line.
pub(super) fn drawn(plan: &dyn ExecutionPlan) -> String {
    let plan = DisplayableExecutionPlan::with_metrics(plan);
    plan.indent(true).to_string()
}
