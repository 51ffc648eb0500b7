//! Tables as they would be if some recordings had been made at another time: for the null test, which
//! asks what would be blamed by chance. Nothing is copied: rows are
//! moved as they are read (`shifted_table`).

use kcorr_model::Table;

use kcorr_store::Store;

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
    /// By how much a row is moved, ns; `None` for rows that stay.
    pub(super) fn moves(&self, source_id: i64, start_ns: i64) -> Option<i64> {
        let is_moved = self.source_ids.contains(&source_id)
            && (self.first_ns..self.last_ns).contains(&start_ns);
        let length = self.last_ns.saturating_sub(self.first_ns).max(1);
        let by = self.by_ns.rem_euclid(length);
        is_moved.then(|| {
            let place = start_ns - self.first_ns;
            // Both are less than the length, whose double may be more than there are numbers.
            let until_end = length - place;
            if by < until_end { by } else { by - length }
        })
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
    use datafusion::prelude::{SessionConfig, SessionContext};
    use kcorr_model::{Column, Table, Type};

    use super::super::shifted_table::ShiftedTable;
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

    /// Starts and ends of four events once the first source is shifted between 100 and 200, of those with an end
    /// after a time.
    async fn shifted(by_ns: i64, after_ns: i64) -> Vec<(i64, i64)> {
        let shift = Shift {
            source_ids: vec![1],
            by_ns,
            first_ns: 100,
            last_ns: 200,
        };
        let config = SessionConfig::new().with_extension(std::sync::Arc::new(shift));
        let context = SessionContext::new_with_config(config);
        for function in crate::functions::all() {
            context.register_udf(function);
        }
        let rows = "SELECT source_id, add_ns(CAST(0 AS TIMESTAMP), s) AS start_time,
            add_ns(CAST(0 AS TIMESTAMP), e) AS end_time
            FROM (VALUES (1, 110, 130), (1, 190, 250), (2, 110, 120), (1, 99, 150)) AS t(source_id, s, e)";
        let recorded = context.sql(rows).await.unwrap().into_view();
        let table = ShiftedTable::of(&EVENTS, recorded).unwrap();
        context
            .register_table("events", std::sync::Arc::new(table))
            .unwrap();
        let sql = format!(
            "SELECT CAST(start_time AS BIGINT) AS s, CAST(end_time AS BIGINT) AS e FROM events
             WHERE CAST(end_time AS BIGINT) > {after_ns} AND source_id > 0"
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
            assert_eq!(shifted(by_ns, 0).await, expected, "{by_ns}");
        }
    }

    #[tokio::test]
    async fn conditions_hold_for_times_as_they_are_shown() {
        assert_eq!(shifted(20, 160).await, [(110, 170)]);
        assert_eq!(shifted(-20, 160).await, [(170, 230), (190, 210)]);
    }
}
