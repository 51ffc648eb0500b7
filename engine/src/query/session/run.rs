//! Running a step, and the parts of one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use datafusion::common::{ScalarValue, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;

use super::Session;
use super::shared::SharedPlan;
use super::values::with_values;
use crate::error::Result;
use crate::query::parts::{PartRun, Parts};
use crate::query::step::{Step, drawn};
use crate::query::step_rows::KeptTable;
use crate::query::union_rows::one_after_another;

impl Session {
    /// The plan of a statement, with its values; that of another session where one fits.
    pub(super) async fn planned(
        &self,
        statement: &Statement,
        values: &[(String, ScalarValue)],
        shared: Option<&SharedPlan>,
    ) -> Result<LogicalPlan> {
        if let Some(plan) = shared.and_then(SharedPlan::logical) {
            return Ok(plan);
        }
        let state = self.context.state();
        let plan = state.statement_to_plan(statement.clone()).await?;
        let plan = with_values(plan, values)?;
        if let Some(shared) = shared {
            shared.keep(&plan)?;
        }
        Ok(plan)
    }

    /// Runs a step, unless it is sure to have no rows.
    pub(super) async fn run_step(
        &self,
        name: &str,
        plan: LogicalPlan,
        shared: Option<&SharedPlan>,
    ) -> Result<(Step, KeptTable)> {
        let columns = Arc::clone(plan.schema().inner());
        if self.with_empty_tables(|tables| tables.leave_nothing_of(&plan)) {
            return Step::without_rows(name, columns);
        }
        let start = Instant::now();
        let physical = match shared.and_then(SharedPlan::take) {
            Some(physical) => physical,
            None => self.physical(&plan).await?,
        };
        let task = match shared {
            Some(shared) => Arc::clone(shared.task()),
            None => self.context.task_ctx(),
        };
        let shows_plan = self.options.shows_plans;
        let run = Step::run(name, Arc::clone(&physical), columns, task, &self.step_rows);
        let (mut step, rows) = run.await?;
        step.elapsed = start.elapsed();
        step.plan = shows_plan.then(|| drawn(physical.as_ref()));
        if let Some(shared) = shared {
            shared.give_back(physical);
        }
        Ok((step, rows))
    }

    /// A step's plan, to run it.
    async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        if let Some(planner) = &self.step_planner
            && let Ok(physical) = planner.physical(plan).await
        {
            return Ok(physical);
        }
        Ok(self.context.state().create_physical_plan(plan).await?)
    }

    /// Runs the parts of a query that are better run by themselves, and registers their rows. They are to be
    /// forgotten when the query is planned.
    pub(super) async fn run_parts(
        &self,
        parts: &Parts,
        values: &[(String, ScalarValue)],
        shares: impl Fn(&str) -> Option<SharedPlan>,
    ) -> Result<()> {
        let mut rows_of = HashMap::new();
        for run in &parts.runs {
            let rows = self.run_part(run, values, &shares, &rows_of).await?;
            rows_of.insert(run.name.as_str(), rows);
        }
        Ok(())
    }

    async fn run_part<'a>(
        &self,
        run: &'a PartRun,
        values: &[(String, ScalarValue)],
        shares: &impl Fn(&str) -> Option<SharedPlan>,
        rows_of: &HashMap<&'a str, KeptTable>,
    ) -> Result<KeptTable> {
        let name = run.name.as_str();
        let branches = run.branches.iter();
        let branches = branches.map(|branch| rows_of.get(branch.as_str()));
        let (step, rows) = match one_after_another(branches) {
            Some((columns, rows)) => {
                let task = self.context.task_ctx();
                Step::of_rows(name, columns, rows, &task, &self.step_rows).await?
            }
            None => {
                let shared = shares(name);
                let plan = self
                    .planned(&run.statement, values, shared.as_ref())
                    .await?;
                self.run_step(name, plan, shared.as_ref()).await?
            }
        };
        let table = TableReference::bare(name);
        self.context.deregister_table(table.clone())?;
        let shown = self.table_of(name, values, &rows);
        self.context.register_table(table, shown)?;
        self.set_empty(name, step.row_count == 0);
        self.add_step(step);
        Ok(rows)
    }

    /// Forgets tables of parts. Plans that read them go on to do so.
    pub(super) fn forget_parts(&self, parts: &Parts) -> Result<()> {
        for name in parts.tables() {
            self.context.deregister_table(TableReference::bare(name))?;
            self.set_empty(name, false);
        }
        Ok(())
    }
}
