//! A session: a store opened for SQL.
//!
//! | file | what is in it |
//! |---|---|
//! | `values` | the header of a text, and the values that hold for it and for what is below it |
//! | `steps` | canned queries below a statement, as tables |
//! | `run` | a step that is run, and its parts |
//! | `brokers` | those that are asked of each broker by itself |
//! | `part` | a broker's part of a store, for a session in another process |
//! | `shown` | what is registered, and what is known of it |
//! | `altered` | a session that shows tables otherwise than they were recorded |
//! | `in_memory` | the tables of a small store, for such sessions |
//! | `shared` | plans that such sessions have in common |

mod altered;
mod brokers;
mod in_memory;
mod part;
mod run;
mod shared;
mod shown;
mod steps;
mod values;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::MemTable;
use datafusion::common::ScalarValue;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use kcorr_model::Table;
use kcorr_store::Store;

use super::below::Below;
use super::canned::{canned_query, name_of};
use super::kept_rows::KeptRows;
use super::parameters::{GivenParameters, bind, refuse_unknown};
use super::parsed::parsed_query;
use super::permission::{StatementKind, check_plan, check_statement, check_table};
use super::plan_pool::PlanPool;
use super::planned_query::PlannedQuery;
use super::session_context::SessionOptions;
use super::statements::parse;
use super::step::Step;
use super::step_planning::StepPlanner;
use super::step_rows::StepRows;
use super::unaltered::Unaltered;
use crate::catalog;
use crate::catalog::{Altered, RowsInMemory, Stored};
use crate::error::{Error, ErrorKind, Result};
use brokers::{Part, PartElsewhere, stores_of_brokers};
use in_memory::TablesInMemory;
pub use part::PartSession;
use shared::SharedPlans;
use steps::Registered;
pub use values::parameters_in;
use values::{check_names, header_of, with_defaults, with_values};

/// A store opened for SQL. Canned queries can be used like tables in other queries, unless a table
/// has their name.
pub struct Session {
    context: SessionContext,
    /// Materialized queries whose rows are registered, with the values they were computed with. A
    /// session shows one state of the store, so they stay true.
    kept: Mutex<HashMap<&'static str, Vec<(String, ScalarValue)>>>,
    /// Rows of such queries from one session to the next; `None` when they are neither read nor kept.
    kept_rows: Option<KeptRows>,
    /// What a session that shows something else than the store, and keeps no rows, takes from one of the store.
    unaltered: Option<Mutex<Unaltered>>,
    /// Plans of the sessions that show its tables altered.
    plan_pool: Arc<PlanPool>,
    /// The tables of a small store, for these, once one was opened; `None` within when it is not small.
    in_memory: futures::lock::Mutex<Option<Option<Arc<TablesInMemory>>>>,
    /// What an altered session shares of these; else none.
    shared: Mutex<Option<Arc<SharedPlans>>>,
    /// Tables whose rows are not those of the store.
    replaced: Mutex<BTreeSet<&'static str>>,
    /// Tables that are shown without rows.
    unrecorded: Mutex<Vec<&'static str>>,
    /// Materialized queries, and parts of queries, whose rows are registered, and are none.
    empty: Mutex<BTreeSet<String>>,
    steps: Mutex<Vec<Step>>,
    /// Held while a statement is planned: meanwhile parts of queries are tables of the context.
    planning: futures::lock::Mutex<()>,
    step_rows: StepRows,
    /// How steps are planned; `None` for as anything else.
    step_planner: Option<Arc<StepPlanner>>,
    options: SessionOptions,
    /// Of a store with recordings of several brokers, a session of each broker's; else none.
    brokers: Vec<Part>,
    /// Whether it is one of these.
    is_part: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// Opens a store.
    pub async fn open(store: &Store) -> Result<Self> {
        Self::open_with(store, &SessionOptions::default()).await
    }

    /// Opens a store, with limits.
    pub async fn open_with(store: &Store, options: &SessionOptions) -> Result<Self> {
        Self::open_as(store, options, None, None).await
    }

    /// How many altered sessions of it may be open at once: each may take as much memory as itself.
    pub fn at_once(&self) -> usize {
        match self.options.memory_limit_bytes {
            Some(_) => 1,
            None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    async fn open_as(
        store: &Store,
        options: &SessionOptions,
        altered: Option<Altered<'_>>,
        stored: Option<&RowsInMemory>,
    ) -> Result<Self> {
        // Whoever may make tables may have made others than the store's. Who makes a view leaves the store when
        // that is done.
        let keeps = !options.is_fresh && !options.allows_files;
        let kept_rows = keeps.then(|| KeptRows::of(store)).flatten();
        let runtime = options.runtime()?;
        catalog::register_store(&runtime, store)?;
        let parts = stores_of_brokers(store);
        let share = options
            .memory_limit_bytes
            .map(|bytes| bytes / (parts.len() + 1));
        let step_rows = || StepRows::new(share);
        let is_replaced =
            |table: &&'static Table| altered.is_some_and(|altered| altered.changes(table, store));
        let tables = kcorr_model::tables::ALL.iter().copied();
        let replaced = tables.filter(is_replaced).map(|table| table.name);
        let replaced: BTreeSet<&'static str> = replaced.collect();
        let whole = options.context(Arc::clone(&runtime), store)?;
        let mut session =
            Self::open_one(whole, store, altered, stored, step_rows(), options).await?;
        session.replaced = Mutex::new(replaced.clone());
        // What is altered is this process's alone.
        let elsewhere = options.elsewhere.as_ref().filter(|_| altered.is_none());
        if let Some(elsewhere) = elsewhere.filter(|_| !parts.is_empty()) {
            let brokers: Vec<Option<i32>> = parts.iter().map(|(broker, _)| *broker).collect();
            let parts = elsewhere.open(store, &brokers, options.is_fresh).await?;
            session.brokers = parts
                .into_iter()
                .map(|part| Part::Elsewhere(PartElsewhere::new(part)))
                .collect();
            session.kept_rows = kept_rows;
            return Ok(session);
        }
        for (broker, store) in parts {
            let context = options.context(Arc::clone(&runtime), &store)?;
            let mut part =
                Self::open_one(context, &store, altered, None, step_rows(), options).await?;
            part.is_part = true;
            part.replaced = Mutex::new(replaced.clone());
            part.kept_rows = kept_rows.as_ref().map(|kept| kept.of_broker(broker));
            session.brokers.push(Part::Here(Box::new(part)));
        }
        session.kept_rows = kept_rows;
        Ok(session)
    }

    /// A session of one broker's recordings, or of a whole store.
    async fn open_one(
        context: SessionContext,
        store: &Store,
        altered: Option<Altered<'_>>,
        stored: Option<&RowsInMemory>,
        step_rows: StepRows,
        options: &SessionOptions,
    ) -> Result<Self> {
        if let Some(Altered::Shifted(shift)) = altered {
            let state = context.state_ref();
            let mut state = state.write();
            state.config_mut().set_extension(Arc::new(shift.clone()));
        }
        let stored = match stored {
            Some(stored) => Stored::Memory(stored),
            None if options.reads_once(store) => Stored::FilesOnce,
            None => Stored::Files,
        };
        catalog::register(&context, store, altered, stored).await?;
        let has_few_rows = options.plans_for_few_rows(store);
        Ok(Self {
            step_planner: has_few_rows.then(|| Arc::new(StepPlanner::of(context.state()))),
            context,
            kept: Mutex::default(),
            kept_rows: None,
            unaltered: altered.is_some().then(Mutex::default),
            plan_pool: Arc::default(),
            in_memory: futures::lock::Mutex::default(),
            shared: Mutex::default(),
            replaced: Mutex::default(),
            unrecorded: Mutex::new(catalog::unrecorded(store, altered)),
            empty: Mutex::default(),
            steps: Mutex::default(),
            planning: futures::lock::Mutex::default(),
            step_rows,
            options: options.clone(),
            brokers: Vec::new(),
            is_part: false,
        })
    }

    /// Shows rows in place of a table's, in this session only.
    pub fn replace_rows(&self, table: &'static Table, rows: RecordBatch) -> Result<()> {
        let memory = MemTable::try_new(table.schema(), vec![vec![rows]])?;
        self.context.deregister_table(table.name)?;
        self.context.register_table(table.name, Arc::new(memory))?;
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.insert(table.name);
        drop(replaced);
        self.unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|name| *name != table.name);
        self.with_unaltered(|unaltered| *unaltered = Unaltered::default());
        self.share_no_plans();
        // What was made of the rows that are replaced is not kept.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<&'static str> = kept.keys().copied().collect();
        for name in names {
            let below = self.tables_below_query(name, &[])?;
            if below.iter().any(|used| used.name == table.name) {
                kept.remove(name);
            }
        }
        Ok(())
    }

    /// How many brokers' recordings the store has.
    pub fn broker_count(&self) -> usize {
        self.brokers.len().max(1)
    }

    /// The materialized queries that were run since this was asked last, in the order they were run.
    pub fn take_steps(&self) -> Vec<Step> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *steps)
    }

    /// Plans every statement of a text, with its parameters bound. Fails before anything is run for a
    /// statement that does more than the session allows.
    pub async fn plan(&self, sql: &str, given: &GivenParameters) -> Result<Vec<PlannedQuery>> {
        let mut planned = Vec::new();
        let of_all = self.of_all_brokers(sql)?;
        let sql = of_all.as_deref().unwrap_or(sql);
        let statements = parse(sql)?;
        if !self.options.allows_files {
            statements.iter().try_for_each(|s| self.check(s))?;
        }
        // What somebody else writes may use a part of any size, and little of it at each place.
        let canned = name_of(sql).and_then(parsed_query).transpose()?;
        let parts = canned.as_ref().map(|canned| canned.parts()).transpose()?;
        let below = Below::of(&statements)?;
        let header = header_of(sql, &below)?;
        let given = &with_defaults(&header, given);
        check_names(sql, &below.parameters(&header), given)?;
        let _planning = self.planning.lock().await;
        for statement in statements {
            let kind = StatementKind::of(&statement);
            let below = Below::of(std::slice::from_ref(&statement))?;
            if matches!(kind, StatementKind::View | StatementKind::Setting) {
                self.leave_the_store();
            }
            self.register(&below, below.direct(), given, &mut Registered::new())
                .await?;
            let values = bind(&below.parameters(&header), given)?;
            let plan = match &parts {
                Some(parts) => {
                    self.run_parts(parts, &values, |_| None).await?;
                    let rest = parts.rest.clone();
                    self.context.state().statement_to_plan(rest).await?
                }
                None => self.context.state().statement_to_plan(statement).await?,
            };
            if !self.options.allows_files {
                check_plan(kind, &plan)?;
            }
            let plan = with_values(plan, &values)?;
            let frame = self.context.execute_logical_plan(plan).await?;
            if let Some(parts) = &parts {
                self.forget_parts(parts)?;
            }
            let planner = parts.as_ref().and(self.step_planner.clone());
            planned.push(PlannedQuery { frame, planner });
        }
        if planned.is_empty() {
            return Err(Error::new(
                ErrorKind::Query,
                "there is no statement in the query",
            ));
        }
        Ok(planned)
    }

    /// From now on tables may be others than the store's, or be read otherwise: no rows are taken from
    /// earlier sessions, none is kept for later ones, and steps are computed again.
    fn leave_the_store(&self) {
        let all = kcorr_model::tables::ALL.iter().map(|table| table.name);
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        replaced.extend(all);
        drop(replaced);
        self.unrecorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.with_unaltered(|unaltered| *unaltered = Unaltered::default());
        self.share_no_plans();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
        drop(kept);
        let mut empty = self.empty.lock().unwrap_or_else(PoisonError::into_inner);
        empty.clear();
    }

    /// Refuses a statement that needs leave, by what it says.
    fn check(&self, statement: &Statement) -> Result<()> {
        check_statement(statement)?;
        let tables = self.context.state().resolve_table_references(statement)?;
        tables
            .iter()
            .try_for_each(|table| check_table(table.table()))
    }

    /// Refuses given parameters that none of some canned queries has, nor any that they build on. Those
    /// that are `set` otherwise, each with what sets them, are refused too: they would have no effect.
    pub fn check_given(
        &self,
        names: &[&str],
        given: &GivenParameters,
        set: &[(&str, &str)],
    ) -> Result<()> {
        for (name, by) in set {
            if given.contains_key(*name) {
                let message = format!("the parameter {name} would have no effect: use {by}");
                return Err(Error::new(ErrorKind::Query, message));
            }
        }
        let mut known = Vec::new();
        for name in names {
            if let Some(query) = canned_query(name).transpose()? {
                known.extend(query.parameters()?);
            }
        }
        known.retain(|parameter| set.iter().all(|(name, _)| *name != parameter.name));
        refuse_unknown(known.iter().map(|p| p.name.as_str()), given)
    }

    /// The tables that a text uses, by itself or through canned queries.
    pub fn tables_below(&self, sql: &str) -> Result<Vec<&'static Table>> {
        Ok(Below::text(sql)?.all_tables())
    }

    /// The tables that a canned query uses, but for what some steps alone use that stay as they are.
    fn tables_below_query(&self, name: &str, stays: &[&str]) -> Result<Vec<&'static Table>> {
        if stays.contains(&name) {
            return Ok(Vec::new());
        }
        Ok(Below::query(name)?.all_tables_without(stays))
    }

    /// Runs a canned query. Parameters that it does not have are left out, so that one set of them
    /// serves several queries.
    pub async fn run_canned(
        &self,
        name: &str,
        given: &GivenParameters,
    ) -> Result<SendableRecordBatchStream> {
        let no_query = || {
            let message = format!("there is no canned query {name}");
            Error::new(ErrorKind::Query, message)
        };
        let query = canned_query(name).ok_or_else(no_query)??;
        let mut given = given.clone();
        let known = query.parameters()?;
        given.retain(|name, _| known.iter().any(|parameter| parameter.name == *name));
        let mut planned = self.plan(query.sql, &given).await?;
        let last = planned.pop().ok_or_else(no_query)?;
        last.run().await
    }
}
