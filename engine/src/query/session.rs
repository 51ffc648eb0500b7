//! A session: a store opened for SQL.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use futures::FutureExt;
use futures::future::BoxFuture;
use kcorr_interval_join::{AsOfPlanner, IntervalJoinRule, UnspilledRepartitionPool};
use kcorr_model::Table;
use kcorr_store::Store;

use super::below::Below;
use super::canned::canned_query;
use super::header::{Header, Parameter};
use super::in_order::InOrderRule;
use super::kept_rows::{Kept, KeptRows};
use super::parameters::{
    API_SLO_PARAMETER, GivenParameters, SLO_PARAMETER, bind, refuse_unknown, uses,
};
use super::permission::{StatementKind, check_plan, check_statement, check_table};
use super::statements::parse;
use super::step::Step;
use super::step_rows::StepRows;
use crate::catalog::Altered;
use crate::error::{Error, ErrorKind, Result};
use crate::{catalog, functions};

/// A store opened for SQL. Canned queries can be used like tables in other queries, unless a table
/// has their name.
pub struct Session {
    context: SessionContext,
    /// Materialized queries whose rows are registered, with the values they were computed with. A
    /// session shows one state of the store, so they stay true.
    kept: Mutex<HashMap<&'static str, Vec<(String, ScalarValue)>>>,
    /// Rows of such queries from one session to the next; `None` when they are neither read nor kept.
    kept_rows: Option<KeptRows>,
    /// Whether it shows something else than the store, so that it keeps no rows.
    is_altered: bool,
    /// Tables whose rows are not those of the store.
    replaced: Mutex<BTreeSet<&'static str>>,
    steps: Mutex<Vec<Step>>,
    step_rows: StepRows,
    options: SessionOptions,
}

/// The canned queries that were registered for a statement, by place, each with the values it was planned with.
type Registered = HashMap<usize, Vec<(String, ScalarValue)>>;

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// A statement that is planned, ready to run.
#[derive(Debug)]
pub struct PlannedQuery {
    frame: DataFrame,
}

/// What a session may take of the machine.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Memory for the rows that queries hold at a time, in bytes. What does not fit is put into
    /// temporary files where that is possible, else the query fails. `None` for no limit.
    pub memory_limit_bytes: Option<usize>,
    /// Whether `Session::take_steps` tells how each step was run.
    pub shows_plans: bool,
    /// Whether SQL may do more than read the store's tables: read and write files (`FROM 'a.parquet'`, COPY,
    /// external tables), make tables, and change any setting.
    pub allows_files: bool,
    /// Whether steps are computed anew, and their rows not kept for later sessions.
    pub is_fresh: bool,
}

impl Session {
    /// Opens a store.
    pub async fn open(store: &Store) -> Result<Self> {
        Self::open_with(store, &SessionOptions::default()).await
    }

    /// Opens a store, with limits.
    pub async fn open_with(store: &Store, options: &SessionOptions) -> Result<Self> {
        Self::open_as(store, options, None).await
    }

    /// Opens a store whose tables are shown otherwise than they were recorded. What a session of the
    /// store as it is has kept of materialized queries serves this one too, where it rests on no table
    /// that is altered.
    pub async fn open_altered(store: &Store, altered: Altered<'_>, whole: &Self) -> Result<Self> {
        let session = Self::open_as(store, &whole.options, Some(altered)).await?;
        let whole_kept = {
            let kept = whole.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.clone()
        };
        for (name, rows_kept) in whole_kept {
            let below = whole.tables_below_query(name)?;
            if below.iter().any(|table| altered.changes(table, store)) {
                continue;
            }
            let rows = whole.context.table_provider(name).await?;
            session.context.register_table(name, rows)?;
            let mut kept = session.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(name, rows_kept);
        }
        Ok(session)
    }

    async fn open_as(
        store: &Store,
        options: &SessionOptions,
        altered: Option<Altered<'_>>,
    ) -> Result<Self> {
        // Whoever may make tables may have made others than the store's. Who makes a view leaves the store when
        // that is done.
        let keeps = !options.is_fresh && !options.allows_files;
        let is_replaced =
            |table: &&'static Table| altered.is_some_and(|altered| altered.changes(table, store));
        let tables = kcorr_model::tables::ALL.iter().copied();
        let replaced = tables.filter(is_replaced).map(|table| table.name).collect();
        let mut config = SessionConfig::new().with_information_schema(true);
        config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        // Views of text keep whole buffers alive: passed through several sorts and joins, each batch
        // came to hold every buffer of the query, tens of thousands of them.
        config.options_mut().sql_parser.map_string_types_to_utf8view = false;
        config
            .options_mut()
            .execution
            .parquet
            .schema_force_view_types = false;
        config.options_mut().execution.parquet.pushdown_filters = true;
        // Files are looked at one after another: with a LIMIT the first ones are read, not those that were
        // looked at first.
        config.options_mut().execution.meta_fetch_concurrency = ConfigNonZeroUsize::try_new(1)?;
        let mut runtime = RuntimeEnvBuilder::new();
        if let Some(bytes) = options.memory_limit_bytes {
            runtime = runtime.with_memory_pool(Arc::new(UnspilledRepartitionPool::new(bytes)));
            // A sort sets this much aside to merge what it wrote to files: 10 MB by default, times the
            // number of sorts.
            let reserved = &mut config.options_mut().execution.sort_spill_reservation_bytes;
            *reserved = (*reserved).min(bytes / 64);
        }
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime.build_arc()?)
            .with_default_features()
            .with_physical_optimizer_rules(IntervalJoinRule::default().with_default_rules())
            .with_physical_optimizer_rule(Arc::new(InOrderRule))
            .build();
        let mut context = SessionContext::new_with_state(state);
        if options.allows_files {
            context = context.enable_url_table();
        }
        context.register_relation_planner(Arc::new(AsOfPlanner))?;
        for function in functions::all() {
            context.register_udf(function);
        }
        catalog::register(&context, store, altered).await?;
        Ok(Self {
            context,
            kept: Mutex::default(),
            kept_rows: keeps.then(|| KeptRows::of(store)).flatten(),
            is_altered: altered.is_some(),
            replaced: Mutex::new(replaced),
            steps: Mutex::default(),
            step_rows: StepRows::new(options.memory_limit_bytes),
            options: options.clone(),
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
        // What was made of the rows that are replaced is not kept.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<&'static str> = kept.keys().copied().collect();
        for name in names {
            let below = self.tables_below_query(name)?;
            if below.iter().any(|used| used.name == table.name) {
                kept.remove(name);
            }
        }
        Ok(())
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
        let statements = parse(sql)?;
        if !self.options.allows_files {
            statements.iter().try_for_each(|s| self.check(s))?;
        }
        let below = Below::of(&statements)?;
        let header = header_of(sql, &below)?;
        let given = &with_defaults(&header, given);
        check_names(sql, &below.parameters(&header), given)?;
        for statement in statements {
            let kind = StatementKind::of(&statement);
            let below = Below::of(std::slice::from_ref(&statement))?;
            if matches!(kind, StatementKind::View | StatementKind::Setting) {
                self.leave_the_store();
            }
            self.register(&below, below.direct(), given, &mut Registered::new())
                .await?;
            let values = bind(&below.parameters(&header), given)?;
            let plan = self.context.state().statement_to_plan(statement).await?;
            if !self.options.allows_files {
                check_plan(kind, &plan)?;
            }
            let plan = with_values(plan, &values)?;
            let frame = self.context.execute_logical_plan(plan).await?;
            planned.push(PlannedQuery { frame });
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
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
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

    /// The tables that a canned query uses.
    fn tables_below_query(&self, name: &str) -> Result<Vec<&'static Table>> {
        match canned_query(name).transpose()? {
            Some(query) => self.tables_below(query.sql),
            None => Ok(Vec::new()),
        }
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

    /// Registers canned queries below a statement as tables, with their parameters bound, and what they need.
    /// The default that one declares for itself holds for all below it.
    fn register<'a>(
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
    fn kept_rows(&self, below: &Below, place: usize) -> Option<&KeptRows> {
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
    async fn register_query(
        &self,
        below: &Below,
        place: usize,
        given: &GivenParameters,
        registered: &mut Registered,
    ) -> Result<()> {
        let used = below.used(place);
        let name = used.query.name;
        let is_materialized = used.query.header.is_materialized;
        let values = below.values(place, given)?;
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
                    return self.show_step(step, rows.table, values);
                }
            }
            Some(Kept::Damaged(path)) => damaged = Some(path),
            Some(Kept::Nothing) | None => {}
        }
        self.register(below, &used.uses, given, registered).await?;
        let statement = used.statement.clone();
        let plan = self.context.state().statement_to_plan(statement).await?;
        let plan = with_values(plan, &values)?;
        if !is_materialized {
            return self.show(name, Arc::new(ViewTable::new(plan, None)));
        }
        let frame = self.context.execute_logical_plan(plan).await?;
        let shows_plans = self.options.shows_plans;
        let (mut step, rows) = Step::run(name, frame, shows_plans, &self.step_rows).await?;
        step.damaged = damaged;
        let kept_rows = kept_rows.filter(|_| !self.is_altered);
        if let (Some(kept_rows), Some(batches)) = (kept_rows, &rows.batches) {
            kept_rows.keep(name, &values, &rows.table.schema(), batches);
        }
        self.show_step(step, rows.table, values)
    }

    /// Registers the rows of a step.
    fn show_step(
        &self,
        step: Step,
        table: Arc<dyn TableProvider>,
        values: Vec<(String, ScalarValue)>,
    ) -> Result<()> {
        let name = step.name;
        self.show(name, table)?;
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push(step);
        drop(steps);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(name, values);
        Ok(())
    }

    fn show(&self, name: &'static str, table: Arc<dyn TableProvider>) -> Result<()> {
        self.context.deregister_table(name)?;
        self.context.register_table(name, table)?;
        Ok(())
    }

    /// Whether the rows of a materialized query with these values are registered already.
    fn keeps(&self, name: &str, bearing: &[(String, ScalarValue)]) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).is_some_and(|values| values == bearing)
    }
}

impl PlannedQuery {
    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.frame.schema().inner())
    }

    /// Runs the statement; rows come as they are found.
    pub async fn run(self) -> Result<SendableRecordBatchStream> {
        Ok(self.frame.execute_stream().await?)
    }
}

/// The parameters of a text and of the canned queries that it uses, each once.
pub fn parameters_in(sql: &str) -> Result<Vec<Parameter>> {
    let below = Below::text(sql)?;
    Ok(below.parameters(&header_of(sql, &below)?))
}

/// The step that says which requests are slow, and from when on unless somebody says otherwise.
const SLOW_REQUESTS: &str = "accounted_requests";

/// The header of a text. One that uses the objective, and neither declares it nor uses a query that does, has it
/// as the account has it.
fn header_of(sql: &str, below: &Below) -> Result<Header> {
    let mut header = Header::parse(sql)?;
    let declared = below.parameters(&header);
    let used = [SLO_PARAMETER, API_SLO_PARAMETER].into_iter();
    let open: Vec<&str> = used
        .filter(|name| uses(sql, name) && declared.iter().all(|p| p.name != *name))
        .collect();
    if !open.is_empty()
        && let Some(account) = canned_query(SLOW_REQUESTS).transpose()?
    {
        let known = account.parameters()?.into_iter();
        header
            .parameters
            .extend(known.filter(|parameter| open.contains(&parameter.name.as_str())));
    }
    Ok(header)
}

/// A parameter that nothing declares or uses is a slip of the pen.
fn check_names(sql: &str, declared: &[Parameter], given: &GivenParameters) -> Result<()> {
    let used = given.keys().filter(|name| uses(sql, name));
    let declared = declared.iter().map(|parameter| &parameter.name);
    refuse_unknown(declared.chain(used).map(String::as_str), given)
}

/// The defaults of a query also hold for the canned queries it uses.
fn with_defaults(header: &Header, given: &GivenParameters) -> GivenParameters {
    let mut values = given.clone();
    for parameter in &header.parameters {
        if let Some(default) = &parameter.default {
            values
                .entry(parameter.name.clone())
                .or_insert_with(|| default.clone());
        }
    }
    values
}

fn with_values(plan: LogicalPlan, values: &[(String, ScalarValue)]) -> Result<LogicalPlan> {
    let values: Vec<(&str, ScalarValue)> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    Ok(plan.with_param_values(ParamValues::from(values))?)
}
