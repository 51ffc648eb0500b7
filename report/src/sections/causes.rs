//! What the slow requests waited for.

use std::collections::BTreeSet;

use super::latency::step_times;
use super::steps_table;
use crate::cause::{cause, class, label, rank};
use crate::chart::{StackedBars, StackedPart, stacked_bars};
use crate::{Answer, Answers, Block, Drawing, Section, Table, Text};

/// Causes that fit a ticket.
const MOST_BRIEF: usize = 8;

/// Whether rows of `brokers` are of more than one.
fn are_several(brokers: &Answer) -> bool {
    let mut named = BTreeSet::new();
    for row in 0..brokers.len() {
        for column in ["broker", "blocker_broker"] {
            named.extend(brokers.value(row, column).int());
        }
    }
    named.len() > 1
}

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let causes = answers.rows("causes")?;
    let mut blocks = Vec::new();
    if let (Some(over_time), Some(steps)) = (
        answers.rows("causes_over_time"),
        answers.rows("latency_over_time"),
    ) {
        blocks.push(Block::Drawing(stacked(over_time, steps)));
    }
    blocks.push(Block::Table(Table::of(
        causes,
        "causes-table",
        "Causes of the slow requests".into(),
        &[
            ("cause", "Cause"),
            ("request_count", "Requests"),
            ("request_ratio", "Share"),
            ("waited_ms", "Time lost"),
            ("waited_ratio", "Share of time"),
            ("reasons", "What made it slow"),
            ("median_ms", "Median latency"),
            ("worst_ms", "Slowest"),
            ("commit_count", "Under a journal commit"),
            ("confidence", "Confidence"),
        ],
    )));
    if let Some(brokers) = answers.rows("brokers").filter(|rows| are_several(rows)) {
        blocks.push(Block::Table(Table::of(
            brokers,
            "brokers-table",
            "Brokers whose requests were slow, and where the reason was".into(),
            &[
                ("broker", "Broker"),
                ("blocker_broker", "Reason at"),
                ("cause", "Cause"),
                ("request_count", "Requests"),
                ("waited_ms", "Time lost"),
                ("waited_ratio", "Share of time"),
                ("reasons", "What made it slow"),
                ("worst_ms", "Slowest"),
                ("confidence", "Confidence"),
            ],
        )));
    }
    if let Some(states) = answers.rows("root_states") {
        blocks.push(Block::Table(Table::of(
            states,
            "states-table",
            "What the writes, syncs and reads at the root were doing".into(),
            &[
                ("operation", "Operation"),
                ("write_state", "State"),
                ("request_count", "Requests, each once"),
                ("waited_ms", "Time lost"),
                ("waited_ratio", "Share of time"),
            ],
        )));
    }
    blocks.push(Block::More(
        "What the causes mean".into(),
        vec![meanings(causes)],
    ));
    if let Some(rules) = answers.rows("rule_shares") {
        let table = Table::of(
            rules,
            "rules-table",
            "What shows where the slow requests' time was".into(),
            &[
                ("rule", "Rule"),
                ("meaning", "Shown by"),
                ("told_ms", "Time"),
                ("told_ratio", "Share of time"),
                ("request_count", "Requests"),
                ("confidence", "Confidence"),
            ],
        );
        blocks.push(Block::More(
            "The rules that this rests on".into(),
            vec![Block::Table(table)],
        ));
    }
    if let Some(over_time) = answers.rows("causes_over_time") {
        let table = steps_table(
            over_time,
            "causes-steps",
            "Slow requests by arrival and cause".into(),
            &[
                ("start_time", "From (UTC)"),
                ("cause", "Cause"),
                ("request_count", "Requests"),
                ("waited_ms", "Time lost"),
            ],
        );
        blocks.push(Block::More(
            "Causes over time as a table".into(),
            vec![Block::Table(table)],
        ));
    }
    Some(Section {
        id: "causes",
        title: "Causes".to_owned(),
        blocks,
    })
}

/// The most frequent causes as a table.
pub(super) fn brief(answers: &Answers) -> Option<Section> {
    let causes = answers.rows("causes")?;
    let mut table = Table::of(
        causes,
        "causes-table",
        "Causes of the slow requests".into(),
        &[
            ("cause", "Cause"),
            ("reasons", "What made it slow"),
            ("request_count", "Requests"),
            ("request_ratio", "Share"),
            ("worst_ms", "Slowest"),
        ],
    );
    table.rows.truncate(MOST_BRIEF);
    Some(Section {
        id: "causes",
        title: "Causes".to_owned(),
        blocks: vec![Block::Table(table)],
    })
}

fn meanings(causes: &Answer) -> Block {
    let names = (0..causes.len()).map(|row| causes.text(row, "cause"));
    let meaning = |name| {
        let sentence = cause(name)
            .map(|cause| cause.sentence())
            .unwrap_or_default();
        Text::default()
            .code(name)
            .and(": ")
            .and(&*sentence)
            .and(".")
    };
    Block::List(names.map(meaning).collect())
}

fn stacked(over_time: &Answer, steps: &Answer) -> Drawing {
    let mut rows: Vec<usize> = (0..over_time.len()).collect();
    rows.sort_by_key(|&row| {
        (
            over_time.time(row, "start_time"),
            rank(over_time.text(row, "cause")),
        )
    });
    let part = |&row: &usize| {
        let (start_ns, end_ns) = step_times(over_time, row);
        let name = over_time.text(row, "cause");
        StackedPart {
            start_ns,
            end_ns,
            value: over_time.number(row, "request_count").unwrap_or(0.0),
            class: class(name),
            title: format!(
                "{}: {} requests, {}",
                over_time.cell(row, "start_time").text(),
                over_time.cell(row, "request_count").text(),
                label(name)
            ),
        }
    };
    let mut names: Vec<&str> = rows
        .iter()
        .map(|&row| over_time.text(row, "cause"))
        .collect();
    names.sort_by_key(|name| rank(name));
    names.dedup();
    let description =
        "Stacked bars: slow requests over time by cause; the table below has the numbers.";
    Drawing {
        id: "causes-over-time".to_owned(),
        title: "Slow requests by arrival and cause".into(),
        description: description.to_owned(),
        svg: stacked_bars(&StackedBars {
            label: description.to_owned(),
            time: (step_times(steps, 0).0, step_times(steps, steps.len() - 1).1),
            parts: rows.iter().map(part).collect(),
        }),
        legend: names
            .iter()
            .map(|name| (class(name), label(name).into_owned()))
            .collect(),
        queries: vec!["causes_over_time".to_owned()],
    }
}
