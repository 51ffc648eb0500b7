//! A session: a store opened for SQL.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use super::canned::{CannedQuery, canned_query};
use super::header::Header;
use super::parameters::{GivenParameters, bind};
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;
use crate::{catalog, functions};

/// A store opened for SQL. Canned queries can be used like tables in other queries, unless a table
/// has their name.
pub struct Session {
    context: SessionContext,
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

impl Session {
    /// Opens a store.
    pub async fn open(store: &Store) -> Result<Self> {
        let mut config = SessionConfig::new().with_information_schema(true);
        config.options_mut().sql_parser.dialect = datafusion::config::Dialect::PostgreSQL;
        config.options_mut().execution.parquet.pushdown_filters = true;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .build();
        let context = SessionContext::new_with_state(state).enable_url_table();
        for function in functions::all() {
            context.register_udf(function);
        }
        catalog::register(&context, store).await?;
        Ok(Self { context })
    }

    /// Plans every statement of a text, with its parameters bound.
    pub async fn plan(&self, sql: &str, given: &GivenParameters) -> Result<Vec<PlannedQuery>> {
        let header = Header::parse(sql)?;
        let given = &with_defaults(&header, given);
        let mut planned = Vec::new();
        for statement in parse(sql)? {
            let views = self.register_views(&statement, given).await?;
            let mut headers = vec![&header];
            headers.extend(&views);
            check_names(sql, &headers, given)?;
            let values = bind(&headers, given)?;
            let plan = self.context.state().statement_to_plan(statement).await?;
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
        given.retain(|key, _| query.header.parameters.iter().any(|p| p.name == *key));
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
        let plan = self.context.state().statement_to_plan(statement).await?;
        let plan = with_values(plan, &values)?;
        let table: Arc<dyn TableProvider> = if header.is_materialized {
            let frame = self.context.execute_logical_plan(plan).await?;
            let planned = Arc::clone(frame.schema().inner());
            let rows = frame.collect().await?;
            let schema = rows.first().map_or(planned, |batch| batch.schema());
            Arc::new(MemTable::try_new(schema, vec![rows])?)
        } else {
            Arc::new(ViewTable::new(plan, None))
        };
        self.context.deregister_table(name)?;
        self.context.register_table(name, table)?;
        Ok(())
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
    let statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .build()?
        .parse_statements()?;
    Ok(statements.into())
}

fn with_values(plan: LogicalPlan, values: &[(String, ScalarValue)]) -> Result<LogicalPlan> {
    let values: Vec<(&str, ScalarValue)> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    Ok(plan.with_param_values(ParamValues::from(values))?)
}
