//! The slowest requests, each with its chain.

use crate::cause::{cause, class, label};
use crate::chart::{Share, share_bar};
use crate::{Answer, Answers, Block, Drawing, Section, Table, Text};

/// Requests that are listed before the others are asked for.
const FIRST_ROWS: usize = 20;

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let requests = answers.rows("worst_requests")?;
    let mut table = Table::of(
        requests,
        "requests-table",
        "Slow requests, the slowest first".into(),
        &[
            ("arrival_time", "Arrival (UTC)"),
            ("latency_ms", "Latency"),
            ("cause", "Cause"),
            ("waited_ms", "Waited"),
            ("partitions", "Topic-partitions"),
            ("client_id", "Client"),
            ("blocker_thread", "Waited behind"),
            ("confidence", "Confidence"),
            ("episode", "Episode"),
        ],
    );
    table.is_filtered = true;
    table.first_rows = Some(FIRST_ROWS);
    for (at, row) in table.rows.iter_mut().enumerate() {
        row.id = format!("request-{}", requests.cell(at, "request_id").text());
        row.time = requests
            .time(at, "arrival_time")
            .zip(requests.time(at, "end_time"));
        row.detail = detail(requests, answers.rows("request_chains"), at);
    }
    table.omitted = omitted(answers, requests);
    let blocks = vec![
        Block::Paragraph(
            "Open a request to see what it waited for, one thing after another, and the rows that show it."
                .into(),
        ),
        Block::Table(table),
    ];
    Some(Section {
        id: "requests",
        title: "Slow requests".to_owned(),
        blocks,
    })
}

fn omitted(answers: &Answers, requests: &Answer) -> Option<Text> {
    let headline = answers.rows("headline")?;
    let all = headline.value(0, "slow_count").int()?;
    let shown = i64::try_from(requests.len()).ok()?;
    let last = requests.len().checked_sub(1)?;
    (all > shown).then(|| {
        Text::from("Only the slowest ")
            .and(requests.cell(last, "place"))
            .and(" of ")
            .and(headline.cell(0, "slow_count"))
            .and(" slow requests are listed. All of them: ")
            .code("kcorr query blame")
            .and(".")
    })
}

fn detail(requests: &Answer, chains: Option<&Answer>, at: usize) -> Vec<Block> {
    let cell = |column| requests.cell(at, column);
    let has = |column| *requests.value(at, column) != crate::Value::Null;
    let mut who = Text::from("Request ").and(cell("request_id"));
    if has("client_id") {
        who = who.and(", client ").and(cell("client_id"));
    }
    who = who
        .and(" at ")
        .and(cell("client_address"))
        .and(", correlation id ")
        .and(cell("correlation_id"));
    if has("thread_name") {
        who = who.and(", handled by ").and(cell("thread_name"));
    }
    let mut blocks = vec![Block::Paragraph(who.and("."))];
    if let Some(chains) = chains {
        let id = requests.value(at, "request_id").int();
        let rows: Vec<usize> = (0..chains.len())
            .filter(|&row| chains.value(row, "request_id").int() == id)
            .collect();
        if !rows.is_empty() {
            blocks.push(Block::Drawing(parts(requests, chains, at, &rows)));
            blocks.push(Block::List(
                rows.iter().map(|&row| part(chains, row)).collect(),
            ));
        }
    }
    if has("evidence") {
        blocks.push(Block::Paragraph(
            Text::from("Rests on: ").and(cell("evidence")).and("."),
        ));
    }
    blocks
}

/// One part of a chain: `After 0.4 ms: waited 1,376 ms for …`.
fn part(chains: &Answer, row: usize) -> Text {
    let cell = |column| chains.cell(row, column);
    let has = |column| *chains.value(row, column) != crate::Value::Null;
    let mut text = Text::from("After ")
        .and(cell("after_ms"))
        .and(": ")
        .and(cell("part_ms"))
        .and(" ");
    let name = chains.text(row, "cause");
    let known = cause(name);
    text = match known {
        Some(cause) => text.and(&*cause.place()),
        None => text.and(name),
    };
    if has("log") {
        text = text.and(" to ").and(cell("log"));
    }
    if has("thread_name") && !known.is_some_and(|cause| cause.is_own()) {
        text = text.and(" by ").and(cell("thread_name"));
    }
    if has("root_ms") {
        text = text
            .and(", which took ")
            .and(cell("root_ms"))
            .and(" in all");
    }
    if has("transaction") {
        text = text
            .and(", under the commit of journal transaction ")
            .and(cell("transaction"));
    }
    if has("ahead_correlation_id") {
        text = text
            .and("; the earlier request on its connection was ")
            .and(cell("ahead_correlation_id"));
    }
    if has("lock_class") {
        text = text.and("; lock ").and(cell("lock_class"));
    }
    if has("confidence") && name != "unexplained" {
        text = text.and("; confidence ").and(cell("confidence"));
    }
    text.and(".")
}

fn parts(requests: &Answer, chains: &Answer, at: usize, rows: &[usize]) -> Drawing {
    let share = |&row: &usize| Share {
        ratio: chains.number(row, "part_ratio").unwrap_or(0.0),
        class: class(chains.text(row, "cause")),
        title: format!(
            "{}: {}",
            label(chains.text(row, "cause")),
            chains.cell(row, "part_ms").text_with_unit()
        ),
    };
    let shares: Vec<Share> = rows.iter().map(share).collect();
    let told: Vec<&str> = shares.iter().map(|share| share.title.as_str()).collect();
    let description = told.join("; ");
    Drawing {
        id: format!("parts-{}", requests.cell(at, "request_id").text()),
        title: Text::default(),
        svg: share_bar(&description, 14.0, &shares),
        description,
        legend: Vec::new(),
        queries: vec!["request_chains".to_owned()],
    }
}
