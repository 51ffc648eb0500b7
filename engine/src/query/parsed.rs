//! Canned queries as statements. Their texts are part of the program, so each is parsed once while it runs: every
//! plan looks at all that is below it, which are a hundred texts for an account.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;
use kcorr_model::Table;

use super::canned::{CannedQuery, canned_query, known_name};
use super::parts::Parts;
use super::statements::parse_own;
use crate::error::{Error, ErrorKind, Result};

/// A canned query, parsed.
#[derive(Debug)]
pub(super) struct ParsedQuery {
    pub(super) query: CannedQuery,
    pub(super) statement: Statement,
    /// The canned queries that it uses itself.
    pub(super) used_names: Vec<&'static str>,
    /// The tables that it reads itself.
    pub(super) tables: Vec<&'static Table>,
    parts: OnceLock<Parts>,
}

static PARSED: Mutex<BTreeMap<&'static str, Arc<ParsedQuery>>> = Mutex::new(BTreeMap::new());

/// The canned query with a name, parsed.
pub(super) fn parsed_query(name: &str) -> Option<Result<Arc<ParsedQuery>>> {
    let known = {
        let parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.get(name).cloned()
    };
    if let Some(known) = known {
        return Some(Ok(known));
    }
    let query = canned_query(name)?.and_then(ParsedQuery::of).map(Arc::new);
    if let Ok(query) = &query {
        let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.insert(query.query.name, Arc::clone(query));
    }
    Some(query)
}

impl ParsedQuery {
    fn of(query: CannedQuery) -> Result<Self> {
        let [statement] = <[Statement; 1]>::try_from(parse_own(query.sql)?).map_err(|_| {
            let message = format!("the canned query {} is not one statement", query.name);
            Error::new(ErrorKind::Query, message)
        })?;
        let (used_names, tables) = named(&statement)?;
        Ok(Self {
            query,
            statement,
            used_names,
            tables,
            parts: OnceLock::new(),
        })
    }

    /// It, and its parts that are better run by themselves.
    pub(super) fn parts(&self) -> Result<&Parts> {
        if let Some(parts) = self.parts.get() {
            return Ok(parts);
        }
        let parts = Parts::of(self.query.name, &self.statement)?;
        Ok(self.parts.get_or_init(|| parts))
    }
}

/// Canned queries and tables that a statement names. A name that is a table's stands for the table.
pub(super) fn named(statement: &Statement) -> Result<(Vec<&'static str>, Vec<&'static Table>)> {
    let (mut queries, mut tables) = (Vec::new(), Vec::new());
    let (references, _) = resolve_table_references(statement, true)?;
    for reference in references {
        let name = reference.table();
        if let Some(table) = kcorr_model::tables::by_name(name) {
            tables.push(table);
        } else if let Some(name) = known_name(name) {
            queries.push(name);
        }
    }
    Ok((queries, tables))
}
