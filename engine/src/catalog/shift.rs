//! Tables as they would be if some recordings had been made at another time: for the null test, which
//! asks what would be blamed by chance. Nothing is copied; the tables are views.

use kcorr_model::{Table, Type};

/// Recordings that are shown shifted in time, all by the same amount, in a circle: what leaves a stretch
/// of time at its end comes back at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The recordings.
    pub source_ids: Vec<i64>,
    /// By how much, ns.
    pub by_ns: i64,
    /// The stretch, ns since 1970: only rows that start in it are moved.
    pub first_ns: i64,
    /// Its end, which is no part of it.
    pub last_ns: i64,
}

impl Shift {
    /// The query that stands for a table whose rows can be read under another name; `None` for tables
    /// that have no times.
    pub(super) fn sql(&self, table: &Table, stored_name: &str) -> Option<String> {
        let start = table.sorted_by?;
        let length = self.last_ns.saturating_sub(self.first_ns).max(1);
        let by = self.by_ns.rem_euclid(length);
        let sources: Vec<String> = self.source_ids.iter().map(i64::to_string).collect();
        let first = self.first_ns;
        let last = self.last_ns;
        let condition = format!(
            "source_id IN ({}) AND CAST({start} AS BIGINT) >= {first} AND CAST({start} AS BIGINT) < {last}",
            sources.join(", ")
        );
        let place = format!("(CAST({start} AS BIGINT) - {first})");
        let moved = format!("(({place} + {by}) % {length} - {place})");
        let columns = table.columns.iter().map(|column| {
            let name = column.name;
            if column.kind == Type::Time {
                format!(
                    "CASE WHEN {condition} THEN add_ns({name}, {moved}) ELSE {name} END AS {name}"
                )
            } else {
                name.to_owned()
            }
        });
        let columns: Vec<String> = columns.collect();
        Some(format!("SELECT {} FROM {stored_name}", columns.join(", ")))
    }
}
