//! The canned queries: the files of `sql/`, part of the binary.
//!
//! What a person asks first lies in `sql/` itself; what serves something else lies in a folder called
//! after that: the steps of the account, what the report, exports, comparisons and replays read.

use xxhash_rust::xxh3::Xxh3;

use super::header::Header;
use crate::error::Result;

/// Folder, name and text of each.
static FILES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/canned_files.rs"));

/// The folder whose queries are asked of each broker by itself, without saying so.
const BY_BROKER: &str = "account";

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
    find(name).map(load)
}

/// The name of a canned query, as it is called without `.sql`.
pub(super) fn known_name(name: &str) -> Option<&'static str> {
    find(name).map(|file| file.1)
}

fn find(name: &str) -> Option<&'static (&'static str, &'static str, &'static str)> {
    let name = name.strip_suffix(".sql").unwrap_or(name);
    FILES.iter().find(|(_, file, _)| *file == name)
}

/// The name of the canned query that a text is.
pub(super) fn name_of(sql: &str) -> Option<&'static str> {
    let mut files = FILES.iter();
    let file = files.find(|(_, _, text)| *text == sql)?;
    Some(file.1)
}

/// A hash of the texts of all: two programs of one version, too, compute other rows if theirs differ.
pub fn rules_digest() -> u64 {
    let mut hash = Xxh3::new();
    for text in texts() {
        hash.update(text.as_bytes());
        hash.update(&[0xff]);
    }
    hash.digest()
}

/// The texts of all.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|&(_, _, sql)| sql)
}

fn load(&(folder, name, sql): &(&'static str, &'static str, &'static str)) -> Result<CannedQuery> {
    let mut header = Header::parse(sql)?;
    header.is_by_broker |= folder == BY_BROKER && !header.is_over_brokers;
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
    fn a_terminal_shows_columns_that_a_query_has() {
        for query in canned_queries().unwrap() {
            let Some(terminal) = &query.header.terminal else {
                continue;
            };
            assert!(!terminal.first.is_empty(), "{}", query.name);
            let mut names: Vec<&String> = terminal.first.iter().chain(&terminal.more).collect();
            for name in &names {
                let is_it = |column: &crate::query::OutputColumn| column.name == **name;
                let has_it = query.header.columns.iter().any(is_it);
                assert!(has_it, "{}: {name}", query.name);
            }
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{}", query.name);
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
