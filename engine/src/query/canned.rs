//! The canned queries: the files of `sql/`, part of the binary.

use super::header::Header;
use crate::error::Result;

static FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/canned_files.rs"));

/// A canned query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannedQuery {
    /// Its name: the file's without `.sql`.
    pub name: &'static str,
    /// The whole file.
    pub sql: &'static str,
    /// Its header.
    pub header: Header,
}

/// All canned queries, by name.
pub fn canned_queries() -> Result<Vec<CannedQuery>> {
    FILES.iter().map(|&(name, sql)| load(name, sql)).collect()
}

/// The canned query with a name, with or without `.sql`.
pub fn canned_query(name: &str) -> Option<Result<CannedQuery>> {
    let name = name.strip_suffix(".sql").unwrap_or(name);
    let &(name, sql) = FILES.iter().find(|(file, _)| *file == name)?;
    Some(load(name, sql))
}

fn load(name: &'static str, sql: &'static str) -> Result<CannedQuery> {
    let header = Header::parse(sql)?;
    Ok(CannedQuery { name, sql, header })
}
