//! Text → statements.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Query, Statement as SqlStatement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use kcorr_interval_join::nest;

use super::length::check_length;
use crate::error::Result;

/// The statements of a text, in order.
pub(super) fn parse(sql: &str) -> Result<Vec<Statement>> {
    check_length(sql)?;
    parse_own(sql)
}

/// The statements of a text that is the program's own, of which none is too long.
pub(super) fn parse_own(sql: &str) -> Result<Vec<Statement>> {
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .build()?
        .parse_statements()?;
    statements.iter_mut().for_each(nest);
    Ok(statements.into())
}

/// The query that a statement is.
pub(super) fn query_of(statement: &Statement) -> Option<&Query> {
    match statement {
        Statement::Statement(statement) => match statement.as_ref() {
            SqlStatement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}

/// The query that a statement is, to be changed.
pub(super) fn query_of_mut(statement: &mut Statement) -> Option<&mut Query> {
    match statement {
        Statement::Statement(statement) => match statement.as_mut() {
            SqlStatement::Query(query) => Some(query),
            _ => None,
        },
        _ => None,
    }
}
