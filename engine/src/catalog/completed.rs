//! Tables whose rows one recording leaves incomplete and another completes. They are shown as views, so
//! it does not matter which recording came first.

use kcorr_model::{Table, tables};
use kcorr_store::Store;

use super::STORED;

/// A table as it is stored, and the query that completes it.
pub(super) struct Completed {
    /// The name under which the stored rows can be queried.
    pub(super) stored_name: String,
    /// The query that stands for the table.
    pub(super) sql: String,
}

/// How a table is completed, if the store holds anything to complete it from.
pub(super) fn of(table: &'static Table, store: &Store) -> Option<Completed> {
    let sql: fn(&str) -> String = match table.name {
        "request_partitions" => |stored| named(&tables::REQUEST_PARTITIONS, stored),
        "isr_requests" => |stored| named(&tables::ISR_REQUESTS, stored),
        "writes" => writes_with_offsets,
        _ => return None,
    };
    if store.row_count(completing(table)?.name) == 0 {
        return None;
    }
    let stored_name = format!("{STORED}{}", table.name);
    let sql = sql(&stored_name);
    Some(Completed { stored_name, sql })
}

/// The table that a table is completed from.
pub(super) fn completing(table: &Table) -> Option<&'static Table> {
    match table.name {
        "request_partitions" | "isr_requests" => Some(&tables::TOPICS),
        "writes" => Some(&tables::LOG_BATCHES),
        _ => None,
    }
}

/// Newer clients name topics by id only: their names come from whatever recording has both.
fn named(table: &Table, stored: &str) -> String {
    let columns = columns(table, |name| match name {
        "topic" => Some("COALESCE(t.topic, n.topic)"),
        _ => None,
    });
    format!(
        "SELECT {columns} FROM {stored} AS t
         LEFT JOIN (SELECT topic_id, MIN(topic) AS topic FROM topics GROUP BY topic_id) AS n
         ON n.topic_id = t.topic_id"
    )
}

/// What a write wrote is in the log segments: the batch where it starts, and the one where it ends. (A
/// write of several batches has the ids of the first.)
fn writes_with_offsets(stored: &str) -> String {
    let columns = columns(&tables::WRITES, |name| match name {
        "base_offset" => Some("COALESCE(t.base_offset, f.base_offset)"),
        "last_offset" => Some("COALESCE(t.last_offset, l.last_offset)"),
        "record_count" => {
            Some("COALESCE(t.record_count, CASE WHEN f.bytes = t.bytes THEN f.record_count END)")
        }
        "message_ids" => Some("COALESCE(t.message_ids, f.message_ids)"),
        _ => None,
    });
    let batches = "SELECT topic, partition, segment_base_offset, file_offset,
         MIN(bytes) AS bytes, MIN(base_offset) AS base_offset, MIN(last_offset) AS last_offset,
         MIN(record_count) AS record_count, FIRST_VALUE(message_ids) AS message_ids
         FROM log_batches GROUP BY topic, partition, segment_base_offset, file_offset";
    format!(
        "SELECT {columns} FROM {stored} AS t
         LEFT JOIN ({batches}) AS f
         ON f.topic = t.topic AND f.partition = t.partition
         AND f.segment_base_offset = t.segment_base_offset AND f.file_offset = t.file_offset
         AND t.file_kind = 'log'
         LEFT JOIN ({batches}) AS l
         ON l.topic = t.topic AND l.partition = t.partition
         AND l.segment_base_offset = t.segment_base_offset
         AND l.file_offset + l.bytes = t.file_offset + t.bytes
         AND t.file_kind = 'log'"
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
