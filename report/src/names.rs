//! Names that queries give, in words.

use std::borrow::Cow;

use crate::cause::{cause, label};

/// Whether an episode of a kind is one row: a commit, an operation or a stop; else it is a stretch of requests
/// with one root.
pub(crate) fn is_row(kind: &str) -> bool {
    matches!(kind, "journal_commit" | "write" | "sync" | "read" | "pause")
}

/// The cause that an episode of a kind is shown as.
pub(crate) fn cause_of(kind: &str) -> &str {
    match kind {
        "journal_commit" | "write" => "slow_write",
        "sync" => "slow_sync",
        "read" => "slow_read",
        "other_pause" => "pause",
        other => other,
    }
}

/// The words for what is at the root of an episode: one, and several.
pub(crate) fn root(kind: &str) -> (&str, &str) {
    match kind {
        "journal_commit" => ("journal commit", "journal commits"),
        "write" => ("slow write", "slow writes"),
        "sync" => ("slow sync", "slow syncs"),
        "read" => ("slow read", "slow reads"),
        "pause" => ("stop of the JVM", "stops of the JVM"),
        other => {
            let known = cause(cause_of(other));
            let words = known.map_or(other, |known| known.noun());
            (words, words)
        }
    }
}

/// What a write, sync or read was doing.
pub(crate) fn write_state(name: &str) -> &str {
    match name {
        "journal_wait" => "waiting for the journal",
        "journal_commit" => "under a journal commit",
        "block_io" => "waiting for the disk",
        "run_queue" => "waiting for a CPU",
        "on_cpu" => "on a CPU",
        "journal_handle" => "waiting for a handle of the journal",
        "journal_buffer" => "waiting for a block that the journal writes",
        "journal_commit_wait" => "waiting for the journal's commit",
        "journal_fast_commit" => "waiting for a fast commit",
        "journal_space" => "waiting for space in the journal",
        "inode_rwsem" | "extent_rwsem" | "mapping_rwsem" => "waiting for the file's lock",
        "folio_lock" => "waiting for a page's lock",
        "writeback" => "waiting for a page to be written back",
        "dirty_throttle" => "held back because of dirty pages",
        "block_read" => "waiting for a read from the disk",
        "block_write" => "waiting for a write to the disk",
        "block_flush" => "waiting for the disk's flush",
        "block_throttle" | "block_queue" => "waiting for the disk's queue",
        "file_fault" => "waiting for a page of a mapped file",
        "direct_reclaim" | "compaction" | "memory_limit" => "waiting for memory",
        "unknown" => "not known",
        "any" => "any state",
        other => other,
    }
}

/// A name that a query gives, in words where there are some.
pub(crate) fn shown<'a>(column: &str, name: &'a str) -> Cow<'a, str> {
    match column {
        "cause" | "runner_up_cause" | "example_cause" | "example_ablated_cause" => match name {
            "any" => "any cause".into(),
            name => label(name),
        },
        "taken" if name == "any" => "any of these".into(),
        _ => words(column, name).into(),
    }
}

/// The words of names that are not made of others.
fn words<'a>(column: &str, name: &'a str) -> &'a str {
    match column {
        "statistic" => match name {
            "p50_ms" => "median (ms)",
            "p99_ms" => "p99 (ms)",
            "p999_ms" => "p99.9 (ms)",
            "max_ms" => "slowest (ms)",
            "slow_count" => "slow requests",
            "slow_ratio" => "share that is slow (0 to 1)",
            "request_count" => "requests",
            other => other,
        },
        "write_state" => write_state(name),
        "operation" => match name {
            "any" => "any operation",
            other => other,
        },
        "kind" => root(name).0,
        _ => name,
    }
}
