//! Rows of all brokers, of a query that is asked of each by itself.

use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::sql::sqlparser::ast::{Expr, OrderByExpr, OrderByKind, Query};

use super::canned::CannedQuery;
use super::header::Header;
use super::statements::{parse, query_of};
use crate::error::{Error, ErrorKind, Result};

/// A table of the rows of all brokers, from one of each.
pub(super) fn union(
    name: &str,
    tables: Vec<Arc<dyn TableProvider>>,
) -> Result<Arc<dyn TableProvider>> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for (part, table) in tables.into_iter().enumerate() {
        // DataFusion knows tables of a plan by their names.
        let name = format!("{name}_of_part_{part}");
        let rows = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
        all = Some(match all {
            Some(others) => others.union(rows.build()?)?,
            None => rows,
        });
    }
    let none = || Error::new(ErrorKind::Query, "there is no broker to ask");
    let plan = all.ok_or_else(none)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// What a query over several brokers is where there is one: a table without rows.
pub(super) fn of_one(header: &Header) -> Result<Arc<dyn TableProvider>> {
    let table = MemTable::try_new(header.schema(), vec![Vec::new()])?;
    Ok(Arc::new(table))
}

/// The text that gives the rows of a canned query for all brokers, in the order that it has for one.
pub(super) fn of_all(query: &CannedQuery) -> Result<String> {
    let mut text = format!("SELECT * FROM {}", query.name);
    for statement in parse(query.sql)? {
        let Some(statement) = query_of(&statement) else {
            continue;
        };
        let order: Vec<String> = order_of(statement)
            .iter()
            .filter_map(|order| order_by_column(order, query))
            .collect();
        if !order.is_empty() {
            text.push_str(&format!(" ORDER BY {}", order.join(", ")));
        }
        if let Some(limit) = &statement.limit_clause {
            text.push_str(&limit.to_string());
        }
    }
    Ok(text)
}

fn order_of(query: &Query) -> &[OrderByExpr] {
    match query.order_by.as_ref().map(|order| &order.kind) {
        Some(OrderByKind::Expressions(order)) => order,
        _ => &[],
    }
}

/// A key of an order by the column of the result that it is; `None` for one that is no column of it.
fn order_by_column(order: &OrderByExpr, query: &CannedQuery) -> Option<String> {
    let column = match &order.expr {
        Expr::Identifier(column) => column,
        Expr::CompoundIdentifier(path) => path.last()?,
        _ => return None,
    };
    let mut columns = query.header.columns.iter();
    columns.find(|known| known.name == column.value)?;
    let options = order.options.to_string();
    Some(format!("{column}{options}"))
}

#[cfg(test)]
mod tests {
    use super::super::canned::{canned_queries, canned_query};
    use super::*;

    /// There it would be the table.
    #[test]
    fn no_query_that_is_asked_of_each_broker_has_the_name_of_a_table() {
        let queries = canned_queries().unwrap().into_iter();
        for query in queries.filter(|query| query.header.is_by_broker) {
            let table = kcorr_model::tables::by_name(query.name);
            assert!(table.is_none(), "{}", query.name);
        }
    }

    #[test]
    fn rows_of_all_brokers_have_the_order_that_those_of_one_have() {
        let query = canned_query("blame_partitions").unwrap().unwrap();
        assert_eq!(
            of_all(&query).unwrap(),
            "SELECT * FROM blame_partitions ORDER BY latency_ms DESC, request_id, topic, partition"
        );
    }
}
