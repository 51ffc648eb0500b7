//! Plans that a session and those that show its store altered have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use kcorr_store::Store;

use super::Session;
use crate::catalog::Altered;
use crate::error::Result;
use crate::query::below::Below;
use crate::query::plan_pool::{PlanPool, Rests};
use crate::query::step_rows::KeptTable;
use crate::query::step_table::ShownRows;

/// What a session has of plans, and what tells which are its own.
#[derive(Debug)]
pub(super) struct SharedPlans {
    pool: Arc<PlanPool>,
    rows: Arc<ShownRows>,
    task: Arc<TaskContext>,
    /// Tables that have other rows here.
    changed: BTreeSet<&'static str>,
    /// Whether these are shifted. Else rows are taken away, and which is in the plans.
    is_shifted: bool,
    /// Of each query that is planned where it is used, what of it was without rows then.
    left_out: Mutex<BTreeMap<&'static str, Vec<String>>>,
}

/// A statement among the shared plans.
pub(super) struct SharedPlan {
    plans: Arc<SharedPlans>,
    key: String,
    left_out: String,
}

impl Session {
    /// From now on plans are shared with a session and others that show its store altered. Those of a store of several
    /// brokers are not: there a table is the rows of several sessions.
    pub(super) fn share_plans(&self, store: &Store, altered: Option<Altered<'_>>, whole: &Self) {
        if !self.brokers.is_empty() || self.is_part {
            return;
        }
        let rows = Arc::new(ShownRows::default());
        let state = self.context.state_ref();
        let mut state = state.write();
        state.config_mut().set_extension(Arc::clone(&rows));
        drop(state);
        let tables = kcorr_model::tables::ALL.iter().copied();
        let changed =
            tables.filter(|table| altered.is_some_and(|altered| altered.changes(table, store)));
        let plans = SharedPlans {
            pool: Arc::clone(&whole.plan_pool),
            rows,
            task: self.context.task_ctx(),
            changed: changed.map(|table| table.name).collect(),
            is_shifted: matches!(altered, Some(Altered::Shifted(_))),
            left_out: Mutex::default(),
        };
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(plans));
    }

    /// From now on tables are not what the sessions' plans take them for.
    pub(super) fn share_no_plans(&self) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn shared_plans(&self) -> Option<Arc<SharedPlans>> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.clone()
    }

    /// A query's place among the shared plans, or that of a part of it.
    pub(super) fn shared_plan(
        &self,
        below: &Below,
        place: usize,
        name: &str,
        values: &[(String, ScalarValue)],
    ) -> Option<SharedPlan> {
        let plans = self.shared_plans()?;
        let mut left_out = String::new();
        plans.add_left_out(below, place, &mut left_out);
        Some(SharedPlan {
            key: with_values(name, values),
            left_out,
            plans,
        })
    }

    /// The rows of a step as a table, for plans of this session.
    pub(super) fn table_of(
        &self,
        name: &str,
        values: &[(String, ScalarValue)],
        rows: &KeptTable,
    ) -> Arc<dyn TableProvider> {
        let shared = self.shared_plans();
        match (shared, &rows.batches) {
            (Some(shared), Some(batches)) => {
                shared.show(name, values, rows.table.schema(), batches.clone())
            }
            _ => Arc::clone(&rows.table),
        }
    }
}

impl SharedPlans {
    /// A table of some rows, by the name of their step.
    pub(super) fn show(
        &self,
        name: &str,
        values: &[(String, ScalarValue)],
        schema: SchemaRef,
        batches: Vec<RecordBatch>,
    ) -> Arc<dyn TableProvider> {
        let name = with_values(name, values);
        self.rows.show(&name, schema, batches)
    }

    /// Forgets rows that nobody reads any more.
    pub(super) fn forget(&self, name: &str, values: &[(String, ScalarValue)]) {
        self.rows.forget(&with_values(name, values));
    }

    /// Notes what of a query had no rows when it was planned.
    pub(super) fn note_left_out(&self, name: &'static str, empty: Vec<String>) {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        left_out.insert(name, empty);
    }

    /// What had no rows of the queries that are planned with a query.
    fn add_left_out(&self, below: &Below, place: usize, text: &mut String) {
        for &used in &below.used(place).uses {
            let query = &below.used(used).query;
            if !query.header.is_materialized {
                let left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
                let empty = left_out.get(query.name).map_or(&[][..], Vec::as_slice);
                text.push_str(&format!("{}: {}; ", query.name, empty.join(" ")));
                drop(left_out);
                self.add_left_out(below, used, text);
            }
        }
    }

    fn shifted(&self, tables: &[&'static str]) -> Vec<&'static str> {
        let tables = tables.iter().copied();
        tables
            .filter(|table| self.changed.contains(table))
            .collect()
    }
}

impl SharedPlan {
    /// Whether a plan is as it would be here.
    fn fits(&self, rests: &Rests) -> bool {
        let plans = &self.plans;
        let changed = plans.shifted(&rests.tables);
        let has = |(name, schema): (&String, &SchemaRef)| plans.rows.has(name, schema);
        rests.left_out == self.left_out
            && (plans.is_shifted || changed.is_empty())
            && rests.shifted == changed
            && rests.steps.iter().all(has)
    }

    /// The statement's plan, if one is there.
    pub(super) fn logical(&self) -> Option<LogicalPlan> {
        let pool = &self.plans.pool;
        pool.logical(&self.key, |rests| self.fits(rests))
    }

    /// Keeps the statement's plan for others, unless it has in it what is here alone.
    pub(super) fn keep(&self, plan: &LogicalPlan) -> Result<()> {
        let Some(mut rests) = Rests::of(plan)? else {
            return Ok(());
        };
        rests.shifted = self.plans.shifted(&rests.tables);
        rests.left_out.clone_from(&self.left_out);
        if self.plans.is_shifted || rests.shifted.is_empty() {
            self.plans.pool.keep(&self.key, rests, plan);
        }
        Ok(())
    }

    /// A plan to run, if there is one that nobody runs.
    pub(super) fn take(&self) -> Option<Arc<dyn ExecutionPlan>> {
        let pool = &self.plans.pool;
        pool.take(&self.key, |rests| self.fits(rests))
    }

    /// Gives back a plan that was run, or was made for this statement.
    pub(super) fn give_back(&self, plan: Arc<dyn ExecutionPlan>) {
        let pool = &self.plans.pool;
        pool.give_back(&self.key, |rests| self.fits(rests), plan);
    }

    /// What plans are run with.
    pub(super) fn task(&self) -> &Arc<TaskContext> {
        &self.plans.task
    }
}

/// A name with the values that its rows depend on.
fn with_values(name: &str, values: &[(String, ScalarValue)]) -> String {
    let values = values
        .iter()
        .map(|(name, value)| format!(" {name}={value:?}"));
    name.to_owned() + &values.collect::<String>()
}
