//! Text → statements.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use kcorr_interval_join::nest;

use super::length::check_length;
use crate::error::Result;

/// The statements of a text, in order.
pub(super) fn parse(sql: &str) -> Result<Vec<Statement>> {
    check_length(sql)?;
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&PostgreSqlDialect {})
        .build()?
        .parse_statements()?;
    statements.iter_mut().for_each(nest);
    Ok(statements.into())
}
