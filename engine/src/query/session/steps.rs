//! Canned queries below a statement, as tables: steps are run, the others planned.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::view::ViewTable;
use datafusion::common::ScalarValue;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Session;
use super::values::with_defaults;
use crate::error::Result;
use crate::query::below::{Below, Used};
use crate::query::columns_without_rows::columns_without_rows;
use crate::query::kept_rows::{Kept, KeptRows};
use crate::query::no_rows::NoRows;
use crate::query::parameters::GivenParameters;
use crate::query::step::Step;
use crate::query::step_rows::KeptTable;
use crate::query::unaltered::have_same_rows;

/// What is left out of a query that has no rows.
const ALL: &str = "all of it";

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
        let columns = columns_without_rows(&used.query).filter(|_| self.has_no_rows(used));
        let is_without_rows = columns.is_some();
        if !is_materialized {
            self.set_empty(name, is_without_rows);
            return match columns {
                Some(columns) => self.show_without_rows(name, columns, &values),
                None => self.show_view(below, place, &values).await,
            };
        }
        let (mut step, rows) = match columns {
            Some(columns) => Step::without_rows(name, columns)?,
            None => self.run_query(below, place, &values).await?,
        };
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

    /// Whether a query is sure to have no rows, by its text and what is known of those below it.
    fn has_no_rows(&self, used: &Used) -> bool {
        let functions = self.context.state_ref();
        let is_aggregate = |name: &str| functions.read().aggregate_functions().contains_key(name);
        self.with_empty_tables(|empty| {
            let no_rows = NoRows {
                empty,
                is_aggregate: &is_aggregate,
            };
            no_rows.of(&used.statement)
        })
    }

    /// Registers a query that is planned where it is used as a table of its columns, without rows.
    fn show_without_rows(
        &self,
        name: &'static str,
        columns: SchemaRef,
        values: &[(String, ScalarValue)],
    ) -> Result<()> {
        if let Some(plans) = self.shared_plans() {
            plans.note_left_out(name, vec![ALL.to_owned()]);
        }
        let rows = KeptTable::without_rows(columns)?;
        self.show(name, self.table_of(name, values, &rows))
    }

    /// Registers a query that is planned where it is used.
    async fn show_view(
        &self,
        below: &Below,
        place: usize,
        values: &[(String, ScalarValue)],
    ) -> Result<()> {
        let used = below.used(place);
        let name = used.query.name;
        let parts = used.parts()?;
        let shares = |part: &str| self.shared_plan(below, place, part, values);
        self.run_parts(parts, values, shares).await?;
        let shared = shares(name);
        let plan = self.planned(&parts.rest, values, shared.as_ref()).await?;
        if let Some(plans) = self.shared_plans() {
            let empty = self.with_empty_tables(|tables| tables.names_in(&plan))?;
            plans.note_left_out(name, empty);
        }
        let plan = self.with_empty_tables(|tables| tables.leave_out_of(plan))?;
        self.forget_parts(parts)?;
        self.show(name, Arc::new(ViewTable::new(plan, None)))
    }

    /// Runs a step.
    async fn run_query(
        &self,
        below: &Below,
        place: usize,
        values: &[(String, ScalarValue)],
    ) -> Result<(Step, KeptTable)> {
        let used = below.used(place);
        let parts = used.parts()?;
        let shares = |part: &str| self.shared_plan(below, place, part, values);
        self.run_parts(parts, values, shares).await?;
        let name = used.query.name;
        let shared = shares(name);
        let plan = self.planned(&parts.rest, values, shared.as_ref()).await?;
        let run = self.run_step(name, plan, shared.as_ref()).await?;
        self.forget_parts(parts)?;
        for part in parts.tables() {
            self.step_rows.let_go(part);
            if let Some(plans) = self.shared_plans() {
                plans.forget(part, values);
            }
        }
        Ok(run)
    }
}
