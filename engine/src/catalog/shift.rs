//! Tables as they would be if some recordings had been made at another time: for the null test, which
//! asks what would be blamed by chance. Nothing is copied; the tables are views.

use kcorr_model::{Table, Type};

use crate::store::Store;

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

    /// Whether a table has rows of the recordings that are shifted.
    pub(super) fn changes(&self, table: &Table, store: &Store) -> bool {
        self.source_ids.iter().any(|source_id| {
            let mut rows = store.manifest().rows_of(*source_id);
            rows.any(|(name, _)| name == table.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::prelude::SessionContext;
    use kcorr_model::{Column, Table, Type};

    use super::*;

    static EVENTS: Table = Table {
        name: "events",
        doc: "An event.",
        sorted_by: Some("start_time"),
        columns: &[
            Column::required("source_id", Type::Int64, "Source."),
            Column::required("start_time", Type::Time, "Start."),
            Column::optional("end_time", Type::Time, "End."),
        ],
    };

    /// Starts and ends of four events once the first source is shifted between 100 and 200.
    async fn shifted(by_ns: i64) -> Vec<(i64, i64)> {
        let context = SessionContext::new();
        for function in crate::functions::all() {
            context.register_udf(function);
        }
        let rows = "SELECT source_id, add_ns(CAST(0 AS TIMESTAMP), s) AS start_time,
            add_ns(CAST(0 AS TIMESTAMP), e) AS end_time
            FROM (VALUES (1, 110, 130), (1, 190, 250), (2, 110, 120), (1, 99, 150)) AS t(source_id, s, e)";
        let view = context.sql(rows).await.unwrap().into_view();
        context.register_table("stored", view).unwrap();
        let shift = Shift {
            source_ids: vec![1],
            by_ns,
            first_ns: 100,
            last_ns: 200,
        };
        let sql = format!(
            "SELECT CAST(start_time AS BIGINT) AS s, CAST(end_time AS BIGINT) AS e FROM ({})",
            shift.sql(&EVENTS, "stored").unwrap()
        );
        let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
        let mut found = Vec::new();
        for batch in batches {
            let column = |i: usize| {
                batch
                    .column(i)
                    .as_primitive::<Int64Type>()
                    .values()
                    .to_vec()
            };
            found.extend(column(0).into_iter().zip(column(1)));
        }
        found.sort_unstable();
        found
    }

    #[tokio::test]
    async fn rows_are_shifted_in_a_circle_and_keep_their_length() {
        let unmoved = [(99, 150), (110, 120)];
        for (by_ns, moved) in [
            (0, [(110, 130), (190, 250)]),
            (20, [(130, 150), (110, 170)]),
            (-20, [(190, 210), (170, 230)]),
            (120, [(130, 150), (110, 170)]),
        ] {
            let mut expected = [unmoved, moved].concat();
            expected.sort_unstable();
            assert_eq!(shifted(by_ns).await, expected, "{by_ns}");
        }
    }
}
