//! Canned queries below a statement, as tables: steps are run, the others planned.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use datafusion::catalog::view::ViewTable;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Session;
use super::shared::SharedPlan;
use super::values::{with_defaults, with_values};
use crate::error::Result;
use crate::query::below::Below;
use crate::query::kept_rows::{Kept, KeptRows};
use crate::query::parameters::GivenParameters;
use crate::query::parts::Parts;
use crate::query::step::{Step, drawn};
use crate::query::step_rows::KeptTable;
use crate::query::unaltered::have_same_rows;

/// The canned queries that were registered for a statement, by place, each with the values it was planned with.
pub(super) type Registered = HashMap<usize, Vec<(String, ScalarValue)>>;

impl Session {
    /// Registers canned queries below a statement as tables, with their parameters bound, and what they need.
    /// The default that one declares for itself holds for all below it.
    pub(super) fn register<'a>(
        &'a self,
        below: &'a Below,
        places: &'a [usize],
        given: &'a GivenParameters,
        registered: &'a mut Registered,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            // One may have needed a step with other values than another does: until all are as they are to be.
            // What is below a query has lower places, so that this comes to an end.
            loop {
                let mut is_done = true;
                for &place in places {
                    let given = with_defaults(&below.used(place).query.header, given);
                    let values = below.values(place, &given)?;
                    if registered.get(&place) != Some(&values) {
                        is_done = false;
                        self.register_query(below, place, &given, registered)
                            .await?;
                        registered.insert(place, values);
                    }
                }
                if is_done {
                    return Ok(());
                }
            }
        }
        .boxed()
    }

    /// Where rows of a query are kept, when they rest on nothing but the store.
    pub(super) fn kept_rows(&self, below: &Below, place: usize) -> Option<&KeptRows> {
        let kept_rows = self.kept_rows.as_ref()?;
        let replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let rests_on_others = !replaced.is_empty()
            && below
                .tables_of(place)
                .iter()
                .any(|t| replaced.contains(t.name));
        (!rests_on_others).then_some(kept_rows)
    }

    /// Registers a query as a table: its rows if it is materialized, else its plan. Of a step whose rows are
    /// kept, nothing below is looked at.
    pub(super) async fn register_query(
        &self,
        below: &Below,
        place: usize,
        given: &GivenParameters,
        registered: &mut Registered,
    ) -> Result<()> {
        let used = below.used(place);
        let name = used.query.name;
        let is_materialized = used.query.header.is_materialized;
        // What reads no table is the same of every broker: once for all, not once for each.
        let is_by_broker = used.query.header.is_by_broker && !below.tables_of(place).is_empty();
        if !self.brokers.is_empty() && is_by_broker {
            return self.register_by_broker(below, place, given).await;
        }
        let values = below.values(place, given)?;
        if self.brokers.is_empty()
            && used.query.header.is_over_brokers
            && !self.keeps(name, &values)
        {
            return self.show_of_one(&used.query);
        }
        if is_materialized && self.keeps(name, &values) {
            return Ok(());
        }
        let kept_rows = self.kept_rows(below, place).filter(|_| is_materialized);
        let mut damaged = None;
        match kept_rows.map(|kept_rows| kept_rows.find(name, &values)) {
            Some(Kept::Rows(file)) => {
                let task = self.context.task_ctx();
                // Otherwise it cannot be read to its end any more.
                if let Ok((step, rows)) = Step::read(name, file, &task, &self.step_rows).await {
                    return self.show_step(name, step, rows.table, values);
                }
            }
            Some(Kept::Damaged(path)) => damaged = Some(path),
            Some(Kept::Nothing) | None => {}
        }
        self.register(below, &used.uses, given, registered).await?;
        let unaltered = self.with_unaltered(|unaltered| unaltered.step(below, place, &values));
        let (unaltered, is_same) = unaltered.flatten().unzip();
        if let (Some(step), Some(true), true) = (&unaltered, is_same, is_materialized) {
            return self.take_unaltered(name, step);
        }
        self.with_unaltered(|unaltered| unaltered.same.remove(name));
        let parts = used.parts()?;
        for (part, statement) in &parts.runs {
            let shared = self.shared_plan(below, place, part, &values);
            self.run_part(part, statement, &values, shared.as_ref())
                .await?;
        }
        let shared = self.shared_plan(below, place, name, &values);
        let shared = shared.as_ref();
        let plan = self.planned(&parts.rest, &values, shared).await?;
        if !is_materialized {
            if let Some(plans) = self.shared_plans() {
                let empty = self.with_empty_tables(|tables| tables.names_in(&plan))?;
                plans.note_left_out(name, empty);
            }
            let plan = self.with_empty_tables(|tables| tables.leave_out_of(plan))?;
            self.forget_parts(parts)?;
            return self.show(name, Arc::new(ViewTable::new(plan, None)));
        }
        let (mut step, rows) = self.run_step(name, plan, shared).await?;
        self.forget_parts(parts)?;
        for part in parts.tables() {
            self.step_rows.let_go(part);
            if let Some(plans) = self.shared_plans() {
                plans.forget(part, &values);
            }
        }
        step.damaged = damaged;
        if let Some(unaltered) = unaltered
            && have_same_rows(&unaltered, &rows)
        {
            self.with_unaltered(|unaltered| unaltered.same.insert(name));
        }
        let kept_rows = kept_rows.filter(|_| self.unaltered.is_none());
        if let (Some(kept_rows), Some(batches)) = (kept_rows, &rows.batches) {
            kept_rows.keep(name, &values, &rows.table.schema(), batches);
        }
        let table = self.table_of(name, &values, &rows);
        self.show_step(name, step, table, values)
    }

    /// The plan of a statement, with its values; that of another session where one fits.
    async fn planned(
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
            None => self.context.state().create_physical_plan(&plan).await?,
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

    /// Runs a part of a query that is better run by itself, and registers its rows. It is to be forgotten when the
    /// query is planned.
    pub(super) async fn run_part(
        &self,
        name: &str,
        statement: &Statement,
        values: &[(String, ScalarValue)],
        shared: Option<&SharedPlan>,
    ) -> Result<()> {
        let plan = self.planned(statement, values, shared).await?;
        let (step, rows) = self.run_step(name, plan, shared).await?;
        let table = TableReference::bare(name);
        self.context.deregister_table(table.clone())?;
        let rows = self.table_of(name, values, &rows);
        self.context.register_table(table, rows)?;
        self.set_empty(name, step.row_count == 0);
        self.add_step(step);
        Ok(())
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
