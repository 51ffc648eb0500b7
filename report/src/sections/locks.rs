//! Logs, locks and threads that requests waited for.

use crate::{Answers, Block, Section, Table};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let mut blocks = Vec::new();
    if let Some(logs) = answers.rows("log_ranking") {
        blocks.push(Block::Table(Table::of(
            logs,
            "logs-table",
            "Logs whose writes held requests up".into(),
            &[
                ("topic", "Topic"),
                ("partition", "Partition"),
                ("root_count", "Writes waited for"),
                ("worst_write_ms", "Longest of them"),
                ("request_count", "Slow requests"),
                ("cost_ms", "Time lost"),
                ("cost_ratio", "Share of time"),
            ],
        )));
    }
    if let Some(threads) = answers.rows("thread_ranking") {
        blocks.push(Block::Table(Table::of(
            threads,
            "threads-table",
            "Threads behind whose writes requests waited".into(),
            &[
                ("thread_name", "Thread"),
                ("tid", "Thread id"),
                ("write_count", "Log writes"),
                ("write_ms", "Time in them"),
                ("worst_write_ms", "Longest"),
                ("request_count", "Slow requests behind it"),
                ("cost_ms", "Time they lost"),
            ],
        )));
    }
    if let Some(locks) = answers.rows("lock_ranking") {
        blocks.push(Block::Table(Table::of(
            locks,
            "locks-table",
            "Locks that threads waited for while requests were recorded".into(),
            &[
                ("lock_class", "Class of the lock"),
                ("kind", "Kind"),
                ("origin", "Seen by"),
                ("wait_count", "Waits"),
                ("thread_count", "Threads"),
                ("total_ms", "Time waited"),
                ("worst_ms", "Longest"),
                ("request_count", "Requests held up"),
            ],
        )));
        blocks.push(Block::Note(
            "A wait that two recorders saw is counted in the row of each. Java does not name its \
             monitors: the lock of a log shows as its class."
                .into(),
        ));
    }
    (!blocks.is_empty()).then(|| Section {
        id: "locks",
        title: "Logs, threads and locks".to_owned(),
        blocks,
    })
}
