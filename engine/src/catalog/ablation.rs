//! Tables as they would be if something had not been recorded: for the ablation test, which asks whether
//! a verdict that loses its evidence becomes another. Nothing is copied; the tables are views.

use kcorr_model::{Table, tables};

use super::manifest_tables;
use kcorr_store::Store;

/// Something that is taken away from a store's recordings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ablation {
    /// What it is.
    pub taken: Taken,
    /// A recording that rows are taken from: the first, if there are several.
    pub source_id: i64,
    /// Rows that are taken away.
    pub row_count: u64,
}

/// What can be taken away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// A recording, with all that it tells of itself.
    Recording(i64),
    /// All rows of a table that are of one kind: an event type, or a class of operations.
    Kind(&'static str, String),
    /// All rows of a table.
    Table(&'static str),
}

impl std::fmt::Display for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind(table, kind) => write!(f, "{table}: {kind}"),
            Self::Table(table) => f.write_str(table),
            Self::Recording(source_id) => write!(f, "recording {source_id}"),
        }
    }
}

/// The expression that tells the kinds of a table's rows apart; null for rows that are never taken away
/// as a kind. `None` for tables that are no events of their own.
pub fn kind_expression(table: &Table) -> Option<&'static str> {
    Some(match table.name {
        // Without slow requests there are no verdicts.
        "requests" => "CASE WHEN replica_id IS NOT NULL THEN 'follower fetch' END",
        "writes" => "file_operation(operation)",
        "lock_waits" => "origin || ' ' || kind",
        "function_calls" => "function",
        "pauses" => "kind",
        "stack_samples" => "state",
        "isr_changes" => "change",
        // Parts of other rows, and what is known of rows.
        "request_partitions"
        | "broker_request_partitions"
        | "event_types"
        | "shifted_verdicts"
        | "ablated_verdicts"
        | "what_ifs" => return None,
        // No verdict of a request rests on what clients saw.
        "client_messages" | "client_metrics" => return None,
        _ => "''",
    })
}

impl Ablation {
    /// The query that stands for a table whose rows can be read under another name; `None` for tables
    /// that lose none.
    pub(super) fn sql(&self, table: &Table, stored_name: &str) -> Option<String> {
        let all = |condition: &str| {
            let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            let columns = columns.join(", ");
            Some(format!(
                "SELECT {columns} FROM {stored_name} WHERE {condition}"
            ))
        };
        match &self.taken {
            Taken::Recording(source_id) => all(&format!("source_id <> {source_id}")),
            Taken::Table(name) if *name == table.name => all("FALSE"),
            Taken::Kind(name, kind) if *name == table.name => {
                let expression = kind_expression(table)?;
                let kind = kind.replace('\'', "''");
                all(&format!("({expression}) IS DISTINCT FROM '{kind}'"))
            }
            // The partitions of a request go with it.
            Taken::Kind(name, _) | Taken::Table(name)
                if *name == tables::REQUESTS.name
                    && table.name == tables::REQUEST_PARTITIONS.name =>
            {
                all("request_id IN (SELECT request_id FROM requests)")
            }
            Taken::Kind(..) | Taken::Table(_) => None,
        }
    }

    /// Whether a table is sure to lose all its rows.
    pub(super) fn empties(&self, table: &Table, store: &Store) -> bool {
        match &self.taken {
            Taken::Recording(source_id) => {
                let others = store.manifest().sources.iter();
                let mut others = others.filter(|source| source.source_id != *source_id);
                !others.any(|other| {
                    let mut rows = store.manifest().rows_of(other.source_id);
                    rows.any(|(name, row_count)| name == table.name && row_count > 0)
                })
            }
            Taken::Kind(name, _) | Taken::Table(name) => {
                *name == table.name && self.row_count == store.row_count(table.name)
            }
        }
    }

    /// Whether a table loses rows.
    pub(super) fn changes(&self, table: &'static Table, store: &Store) -> bool {
        match self.taken {
            Taken::Recording(source_id) => {
                let mut rows = store.manifest().rows_of(source_id);
                rows.any(|(name, _)| name == table.name)
                    || manifest_tables::manifest_table(table, store.manifest()).is_some()
            }
            Taken::Kind(..) | Taken::Table(_) => self.sql(table, "stored").is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(taken: Taken) -> Ablation {
        Ablation {
            taken,
            source_id: 1,
            row_count: 1,
        }
    }

    #[test]
    fn a_kind_is_quoted_and_taken_from_its_own_table_only() {
        let ablation = taken(Taken::Kind("function_calls", "it's".to_owned()));
        let sql = ablation.sql(&tables::FUNCTION_CALLS, "stored");
        let sql = sql.expect("a query");
        assert!(
            sql.ends_with("FROM stored WHERE (function) IS DISTINCT FROM 'it''s'"),
            "{sql}"
        );
        assert_eq!(ablation.sql(&tables::PAUSES, "stored"), None);
    }

    #[test]
    fn a_request_that_is_taken_away_takes_its_partitions_with_it() {
        let ablation = taken(Taken::Kind("requests", "follower fetch".to_owned()));
        let sql = ablation.sql(&tables::REQUEST_PARTITIONS, "stored");
        assert!(sql.is_some_and(|sql| sql.contains("FROM requests")));
    }

    #[test]
    fn a_recording_is_taken_from_every_table() {
        let ablation = taken(Taken::Recording(3));
        for table in tables::ALL {
            let sql = ablation.sql(table, "stored").expect("a query");
            assert!(sql.ends_with("FROM stored WHERE source_id <> 3"), "{sql}");
        }
    }
}
