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

/// The texts of all.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|&(_, _, sql)| sql)
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
    use crate::query::parameters::uses;

    #[test]
    fn a_name_stands_for_one_query_whatever_folder_it_lies_in() {
        for pair in FILES.windows(2) {
            assert!(pair[0].1 < pair[1].1, "{} and {}", pair[0].1, pair[1].1);
        }
    }

    #[test]
    fn a_header_declares_what_its_own_text_uses_or_gives_another_default() {
        for query in canned_queries().unwrap() {
            let below = query.below().unwrap();
            for parameter in &query.header.parameters {
                let statement = query.sql.lines().filter(|line| !line.starts_with("--"));
                let is_used = uses(&statement.collect::<Vec<_>>().join("\n"), &parameter.name);
                let of_below = below.iter().flat_map(|query| &query.header.parameters);
                let same = of_below.filter(|p| p.name == parameter.name);
                let mut defaults = same.map(|p| &p.default).peekable();
                let is_other =
                    defaults.peek().is_some() && defaults.all(|d| *d != parameter.default);
                assert!(is_used || is_other, "{}: {}", query.name, parameter.name);
            }
        }
    }
}
