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
    if let Some(blockers) = answers.rows("blockers") {
        let table = Table::of(
            blockers,
            "blockers-table",
            "The writes, journal commits, locks and threads behind which slow requests lost most time".into(),
            &[
                ("kind", "Kind"),
                ("place", "Place"),
                ("name", "Name"),
                ("thread", "Thread"),
                ("start_time", "Start (UTC)"),
                ("duration_ms", "Duration"),
                ("request_count", "Slow requests"),
                ("cost_ms", "Time they lost"),
                ("worst_ms", "Most of one"),
            ],
        );
        let note = "One moment of a request may count for a write, for the commit over it, for the lock \
                    and for the thread: compare within a kind.";
        blocks.push(Block::More(
            "What cost slow requests most, one by one".into(),
            vec![Block::Table(table), Block::Note(note.into())],
        ));
    }
    (!blocks.is_empty()).then(|| Section {
        id: "locks",
        title: "Logs, threads and locks".to_owned(),
        blocks,
    })
}
