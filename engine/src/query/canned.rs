//! The canned queries: the files of `sql/`, part of the binary.
//!
//! What a person asks first lies in `sql/` itself; what serves something else lies in a folder called
//! after that: the steps of the account, what the report, exports, comparisons and replays read.

use super::header::Header;
use crate::error::Result;

/// Folder, name and text of each.
static FILES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/canned_files.rs"));

/// A canned query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CannedQuery {
    /// What it serves: the folder it lies in (`account`, `report`, …); empty for what people ask first.
    pub folder: &'static str,
    /// Its name: the file's without `.sql`.
    pub name: &'static str,
    /// The whole file.
    pub sql: &'static str,
    /// Its header.
    pub header: Header,
}

/// All canned queries, by name.
pub fn canned_queries() -> Result<Vec<CannedQuery>> {
    FILES.iter().map(load).collect()
}

/// The canned query with a name, with or without `.sql`.
pub fn canned_query(name: &str) -> Option<Result<CannedQuery>> {
    let name = name.strip_suffix(".sql").unwrap_or(name);
    let file = FILES.iter().find(|(_, file, _)| *file == name)?;
    Some(load(file))
}

fn load(&(folder, name, sql): &(&'static str, &'static str, &'static str)) -> Result<CannedQuery> {
    let header = Header::parse(sql)?;
    Ok(CannedQuery {
        folder,
        name,
        sql,
        header,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_query_whatever_folder_it_lies_in() {
        for pair in FILES.windows(2) {
            assert!(pair[0].1 < pair[1].1, "{} and {}", pair[0].1, pair[1].1);
        }
    }
}
