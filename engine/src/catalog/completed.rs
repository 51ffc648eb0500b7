//! Tables whose rows one recording leaves incomplete and another completes. They are shown as views, so
//! it does not matter which recording came first.

use kcorr_model::{Table, tables};

use crate::store::Store;

/// A table as it is stored, and the query that completes it.
pub(super) struct Completed {
    /// The name under which the stored rows can be queried.
    pub(super) stored_name: String,
    /// The query that stands for the table.
    pub(super) sql: String,
}

/// How a table is completed, if the store holds anything to complete it from.
pub(super) fn of(table: &'static Table, store: &Store) -> Option<Completed> {
    let (source, sql): (&str, fn(&str) -> String) = match table.name {
        "request_partitions" => (tables::TOPICS.name, named_partitions),
        _ => return None,
    };
    if store.row_count(source) == 0 {
        return None;
    }
    let stored_name = format!("stored_{}", table.name);
    let sql = sql(&stored_name);
    Some(Completed { stored_name, sql })
}

/// Newer clients name topics by id only: their names come from whatever recording has both.
fn named_partitions(stored: &str) -> String {
    let columns = columns(&tables::REQUEST_PARTITIONS, |name| match name {
        "topic" => Some("COALESCE(t.topic, n.topic)"),
        _ => None,
    });
    format!(
        "SELECT {columns} FROM {stored} AS t
         LEFT JOIN (SELECT topic_id, MIN(topic) AS topic FROM topics GROUP BY topic_id) AS n
         ON n.topic_id = t.topic_id"
    )
}

/// The columns of a table `t`, some of them computed.
fn columns(table: &Table, computed: impl Fn(&str) -> Option<&'static str>) -> String {
    let columns = table
        .columns
        .iter()
        .map(|column| match computed(column.name) {
            Some(expression) => format!("{expression} AS {}", column.name),
            None => format!("t.{}", column.name),
        });
    columns.collect::<Vec<_>>().join(", ")
}
