//! Canned queries below a statement, as tables: steps are run, the others planned.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use datafusion::catalog::view::ViewTable;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Session;
use super::values::{with_defaults, with_values};
use crate::error::Result;
use crate::query::below::Below;
use crate::query::kept_rows::{Kept, KeptRows};
use crate::query::parameters::GivenParameters;
use crate::query::parts::Parts;
use crate::query::step::Step;
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
        if !self.brokers.is_empty() && used.query.header.is_by_broker {
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
        let plan = self.with_parts(parts, &values).await?;
        let plan = with_values(plan, &values)?;
        if !is_materialized {
            let plan = self.with_empty_tables(|tables| tables.leave_out_of(plan))?;
            self.forget_parts(parts)?;
            return self.show(name, Arc::new(ViewTable::new(plan, None)));
        }
        let (mut step, rows) = self.run_step(name, plan).await?;
        self.forget_parts(parts)?;
        parts.tables().for_each(|part| self.step_rows.let_go(part));
        step.damaged = damaged;
        if let Some(unaltered) = unaltered
            && have_same_rows(&unaltered.table, &rows).await
        {
            self.with_unaltered(|unaltered| unaltered.same.insert(name));
        }
        let kept_rows = kept_rows.filter(|_| self.unaltered.is_none());
        if let (Some(kept_rows), Some(batches)) = (kept_rows, &rows.batches) {
            kept_rows.keep(name, &values, &rows.table.schema(), batches);
        }
        self.show_step(name, step, rows.table, values)
    }

    /// Runs a step, unless it is sure to have no rows.
    pub(super) async fn run_step(
        &self,
        name: &str,
        plan: LogicalPlan,
    ) -> Result<(Step, KeptTable)> {
        let has_rows = self.with_empty_tables(|tables| !tables.leave_nothing_of(&plan));
        let frame = self.context.execute_logical_plan(plan).await?;
        if has_rows {
            Step::run(name, frame, self.options.shows_plans, &self.step_rows).await
        } else {
            Step::without_rows(name, &frame)
        }
    }

    /// A query whose parts that are better run by themselves are tables, each run now. They are to be forgotten when
    /// the query is planned.
    pub(super) async fn with_parts(
        &self,
        parts: &Parts,
        values: &[(String, ScalarValue)],
    ) -> Result<LogicalPlan> {
        for (name, statement) in &parts.runs {
            self.run_part(name, statement.clone(), values).await?;
        }
        let state = self.context.state();
        Ok(state.statement_to_plan(parts.rest.clone()).await?)
    }

    /// Runs a part of a query, and registers its rows.
    pub(super) async fn run_part(
        &self,
        name: &str,
        statement: Statement,
        values: &[(String, ScalarValue)],
    ) -> Result<()> {
        let plan = self.context.state().statement_to_plan(statement).await?;
        let (step, rows) = self.run_step(name, with_values(plan, values)?).await?;
        let table = TableReference::bare(name);
        self.context.deregister_table(table.clone())?;
        self.context.register_table(table, rows.table)?;
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
