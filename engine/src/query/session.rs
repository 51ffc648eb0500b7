//! A session: a store opened for SQL.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use kcorr_interval_join::{AsOfPlanner, IntervalJoinRule, UnspilledRepartitionPool, nest};
use kcorr_model::Table;
use kcorr_store::Store;

use super::canned::{CannedQuery, canned_query};
use super::header::Header;
use super::length::check_length;
use super::parameters::{GivenParameters, bind};
use super::permission::{StatementKind, check_plan, check_statement, check_table};
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
    steps: Mutex<Vec<Step>>,
    step_rows: StepRows,
    options: SessionOptions,
}

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
        let header = Header::parse(sql)?;
        let given = &with_defaults(&header, given);
        let mut planned = Vec::new();
        let statements = parse(sql)?;
        if !self.options.allows_files {
            statements.iter().try_for_each(|s| self.check(s))?;
        }
        for statement in statements {
            let kind = StatementKind::of(&statement);
            let views = self.register_views(&statement, given).await?;
            let mut headers = vec![&header];
            headers.extend(&views);
            check_names(sql, &headers, given)?;
            let values = bind(&headers, given)?;
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

    /// Refuses a statement that needs leave, by what it says.
    fn check(&self, statement: &Statement) -> Result<()> {
        check_statement(statement)?;
        let tables = self.context.state().resolve_table_references(statement)?;
        tables
            .iter()
            .try_for_each(|table| check_table(table.table()))
    }

    /// The canned queries that a text uses as tables, and those that they use, each after those it uses
    /// itself.
    pub fn canned_below(&self, sql: &str) -> Result<Vec<CannedQuery>> {
        let mut order = Vec::new();
        for statement in parse(sql)? {
            self.order_queries(&statement, &mut Vec::new(), &mut order)?;
        }
        Ok(order.into_iter().map(|(query, _)| query).collect())
    }

    /// The parameters of a canned query and of those that it builds on, with their defaults: a query's
    /// own default stands for all below it.
    pub fn parameters_of(&self, query: &CannedQuery) -> Result<BTreeMap<String, Option<String>>> {
        let mut parameters = BTreeMap::new();
        let below = self.canned_below(query.sql)?;
        let below = below.iter().rev().map(|query| &query.header);
        for header in below.chain([&query.header]) {
            for parameter in &header.parameters {
                parameters.insert(parameter.name.clone(), parameter.default.clone());
            }
        }
        Ok(parameters)
    }

    /// Refuses given parameters that none of some canned queries has, nor any that they build on. Those
    /// that are `set` otherwise, each with what sets them, are refused too: they would have no effect.
    pub fn check_given(
        &self,
        names: &[&str],
        given: &GivenParameters,
        set: &[(&str, &str)],
    ) -> Result<()> {
        let mut known = BTreeSet::new();
        for name in names {
            if let Some(query) = canned_query(name).transpose()? {
                known.extend(self.parameters_of(&query)?.into_keys());
            }
        }
        for name in given.keys() {
            if let Some((_, by)) = set.iter().find(|(set, _)| set == name) {
                let message = format!("the parameter {name} would have no effect: use {by}");
                return Err(Error::new(ErrorKind::Query, message));
            }
            if !known.contains(name) {
                known.retain(|name| !set.iter().any(|(set, _)| set == name));
                let known: Vec<String> = known.into_iter().collect();
                let message = format!(
                    "there is no parameter {name}; there are {}",
                    known.join(", ")
                );
                return Err(Error::new(ErrorKind::Query, message));
            }
        }
        Ok(())
    }

    /// The tables that a text uses, by itself or through canned queries.
    pub fn tables_below(&self, sql: &str) -> Result<Vec<&'static Table>> {
        let mut statements = parse(sql)?;
        for query in self.canned_below(sql)? {
            statements.extend(parse(query.sql)?);
        }
        let mut tables = Vec::new();
        for statement in &statements {
            let references = self.context.state().resolve_table_references(statement)?;
            let names = references.iter().map(|reference| reference.table());
            tables.extend(names.filter_map(kcorr_model::tables::by_name));
        }
        tables.sort_unstable_by_key(|table| table.name);
        tables.dedup_by_key(|table| table.name);
        Ok(tables)
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
        let known = self.parameters_of(&query)?;
        given.retain(|name, _| known.contains_key(name));
        let mut planned = self.plan(query.sql, &given).await?;
        let last = planned.pop().ok_or_else(no_query)?;
        last.run().await
    }

    /// Registers the canned queries that a statement uses as tables, and those that they use, with
    /// their parameters bound. Returns their headers.
    async fn register_views(
        &self,
        statement: &Statement,
        given: &GivenParameters,
    ) -> Result<Vec<Header>> {
        let mut order = Vec::new();
        self.order_queries(statement, &mut Vec::new(), &mut order)?;
        let mut headers = Vec::new();
        for (query, statement) in order {
            self.register_view(query.name, statement, &query.header, &headers, given)
                .await?;
            headers.push(query.header);
        }
        Ok(headers)
    }

    /// The canned queries below a statement, each after those it uses itself.
    fn order_queries(
        &self,
        statement: &Statement,
        open: &mut Vec<&'static str>,
        order: &mut Vec<(CannedQuery, Statement)>,
    ) -> Result<()> {
        for query in self.used_queries(statement)? {
            if order.iter().any(|(done, _)| done.name == query.name) {
                continue;
            }
            if open.contains(&query.name) {
                let message = format!("the canned query {} uses itself", query.name);
                return Err(Error::new(ErrorKind::Query, message));
            }
            let [statement] = <[Statement; 1]>::try_from(parse(query.sql)?).map_err(|_| {
                let message = format!("the canned query {} is not one statement", query.name);
                Error::new(ErrorKind::Query, message)
            })?;
            open.push(query.name);
            self.order_queries(&statement, open, order)?;
            open.pop();
            order.push((query, statement));
        }
        Ok(())
    }

    /// Canned queries that a statement names and that are not tables.
    fn used_queries(&self, statement: &Statement) -> Result<Vec<CannedQuery>> {
        let mut used = Vec::new();
        for table in self.context.state().resolve_table_references(statement)? {
            let name = table.table();
            let is_table = kcorr_model::tables::by_name(name).is_some();
            if let (false, Some(query)) = (is_table, canned_query(name)) {
                used.push(query?);
            }
        }
        Ok(used)
    }

    async fn register_view(
        &self,
        name: &'static str,
        statement: Statement,
        header: &Header,
        used: &[Header],
        given: &GivenParameters,
    ) -> Result<()> {
        let headers: Vec<&Header> = std::iter::once(header).chain(used).collect();
        let values = bind(&headers, given)?;
        let bearing = self.bearing_values(&statement, header, &values)?;
        if self.keeps(name, &bearing) {
            return Ok(());
        }
        let is_materialized = header.is_materialized;
        let plan = self.context.state().statement_to_plan(statement).await?;
        let plan = with_values(plan, &values)?;
        let table: Arc<dyn TableProvider> = if header.is_materialized {
            let frame = self.context.execute_logical_plan(plan).await?;
            let shows_plans = self.options.shows_plans;
            let (step, table) = Step::run(name, frame, shows_plans, &self.step_rows).await?;
            let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
            steps.push(step);
            table
        } else {
            Arc::new(ViewTable::new(plan, None))
        };
        self.context.deregister_table(name)?;
        self.context.register_table(name, table)?;
        if is_materialized {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(name, bearing);
        }
        Ok(())
    }

    /// The values that the rows of a query depend on: those of its parameters, and of the parameters of
    /// the queries it uses.
    fn bearing_values(
        &self,
        statement: &Statement,
        header: &Header,
        values: &[(String, ScalarValue)],
    ) -> Result<Vec<(String, ScalarValue)>> {
        let mut below = Vec::new();
        self.order_queries(statement, &mut Vec::new(), &mut below)?;
        let headers = below.iter().map(|(query, _)| &query.header);
        let bears = |name: &String| {
            let mut headers = headers.clone().chain([header]);
            headers.any(|header| header.parameters.iter().any(|p| p.name == *name))
        };
        let bearing = values.iter().filter(|(name, _)| bears(name));
        Ok(bearing.cloned().collect())
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

/// A parameter that nothing declares or uses is a slip of the pen.
fn check_names(sql: &str, headers: &[&Header], given: &GivenParameters) -> Result<()> {
    let declared = || headers.iter().flat_map(|header| &header.parameters);
    for name in given.keys() {
        let placeholder = format!("${name}");
        let is_used = sql.match_indices(&placeholder).any(|(at, found)| {
            let behind = sql
                .get(at + found.len()..)
                .and_then(|rest| rest.chars().next());
            behind.is_none_or(|c| !c.is_alphanumeric() && c != '_')
        });
        if !is_used && !declared().any(|parameter| parameter.name == *name) {
            let mut names: Vec<&str> = declared().map(|p| p.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            let message = format!(
                "the query has no parameter {name}; it has {}",
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            );
            return Err(Error::new(ErrorKind::Query, message));
        }
    }
    Ok(())
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

fn parse(sql: &str) -> Result<Vec<Statement>> {
    check_length(sql)?;
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .build()?
        .parse_statements()?;
    statements.iter_mut().for_each(nest);
    Ok(statements.into())
}

fn with_values(plan: LogicalPlan, values: &[(String, ScalarValue)]) -> Result<LogicalPlan> {
    let values: Vec<(&str, ScalarValue)> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    Ok(plan.with_param_values(ParamValues::from(values))?)
}
