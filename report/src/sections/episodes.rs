//! Slow requests grouped by what was at their root, each as one story with its timeline.

use crate::cause::{class, label};
use crate::chart::{Bar, Lane, Timeline, timeline};
use crate::names::root;
use crate::{Answer, Answers, Block, Drawing, Section, Table, Text};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let episodes = answers.rows("episodes")?;
    let mut table = Table::of(
        episodes,
        "episodes-table",
        "Episodes, the costliest first".into(),
        &[
            ("episode", "Episode"),
            ("kind", "At the root"),
            ("start_time", "Start (UTC)"),
            ("duration_ms", "Duration"),
            ("request_count", "Slow requests"),
            ("cost_ms", "Time lost"),
            ("cost_ratio", "Share of time"),
            ("worst_ms", "Slowest"),
            ("logs", "Logs written"),
            ("confidence", "Confidence"),
        ],
    );
    for (at, row) in table.rows.iter_mut().enumerate() {
        row.time = episodes
            .time(at, "start_time")
            .zip(episodes.time(at, "end_time"));
    }
    let mut blocks = vec![
        Block::Paragraph(
            "An episode is one journal commit, one slow write without a commit, or one stop of the JVM, \
             with every slow request that waited for it: in its own write, at a lock, or in a queue."
                .into(),
        ),
        Block::Table(table),
    ];
    if let Some(bars) = answers.rows("episode_rows") {
        for row in 0..episodes.len() {
            if let Some(drawing) = drawing(episodes, bars, row) {
                let number = episodes.cell(row, "episode");
                let id = format!("episode-{}", number.text());
                let title = Text::from("Episode ")
                    .and(number)
                    .and(": ")
                    .and(name(episodes, row));
                blocks.push(Block::Heading(id, title));
                blocks.push(Block::Paragraph(story(episodes, row)));
                blocks.push(Block::Drawing(drawing));
            }
        }
    }
    Some(Section {
        id: "episodes",
        title: "Episodes".to_owned(),
        blocks,
    })
}

fn name(episodes: &Answer, row: usize) -> &str {
    root(episodes.text(row, "kind")).0
}

fn story(episodes: &Answer, row: usize) -> Text {
    let cell = |column| episodes.cell(row, column);
    let has = |column| episodes.number(row, column).unwrap_or(0.0) > 0.0;
    let mut text = Text::from("At ").and(cell("start_time"));
    text = match episodes.text(row, "kind") {
        "journal_commit" => {
            let mut text = text
                .and(", the journal thread ")
                .and(cell("thread_name"))
                .and(" committed");
            if has("transaction") {
                text = text.and(" transaction ").and(cell("transaction"));
            }
            text.and(" for ")
                .and(cell("duration_ms"))
                .and(" and held up writes to ")
                .and(cell("logs"))
        }
        "write" => text
            .and(", the thread ")
            .and(cell("thread_name"))
            .and(" was in one write to ")
            .and(cell("logs"))
            .and(" for ")
            .and(cell("duration_ms"))
            .and("; no recorded journal commit covers it"),
        kind @ ("sync" | "read") => text
            .and(", the thread ")
            .and(cell("thread_name"))
            .and(if kind == "sync" {
                " was in one sync to disk of "
            } else {
                " was in one read of "
            })
            .and(cell("logs"))
            .and(" for ")
            .and(cell("duration_ms")),
        _ => text.and(", the JVM stopped for ").and(cell("duration_ms")),
    };
    text = text
        .and(". ")
        .and(cell("request_count"))
        .and(" of the slow requests waited for it: ");
    let mut parts = Vec::new();
    let own = match episodes.text(row, "kind") {
        "sync" => " in their own sync",
        "read" => " in their own read",
        "pause" => " at work themselves",
        _ => " in their own write",
    };
    for (column, words) in [
        ("own_count", own),
        ("lock_count", " at a lock"),
        ("queued_count", " in a queue behind another request"),
    ] {
        if has(column) {
            parts.push((cell(column), words));
        }
    }
    for (at, (count, words)) in parts.into_iter().enumerate() {
        text = if at > 0 { text.and(", ") } else { text }
            .and(count)
            .and(words);
    }
    text.and(". That took ")
        .and(cell("cost_ms"))
        .and(" of their time, added up: ")
        .and(cell("cost_ratio"))
        .and(" of the time of all slow requests.")
}

fn drawing(episodes: &Answer, bars: &Answer, row: usize) -> Option<Drawing> {
    let episode = episodes.value(row, "episode").int()?;
    let rows: Vec<usize> = (0..bars.len())
        .filter(|&at| bars.value(at, "episode").int() == Some(episode))
        .collect();
    let start_ns = rows
        .iter()
        .filter_map(|&at| bars.time(at, "start_time"))
        .min()?;
    let end_ns = rows
        .iter()
        .filter_map(|&at| bars.time(at, "end_time"))
        .max()?;
    let lanes = lanes(bars, &rows);
    let requests = lanes
        .iter()
        .filter(|lane| lane.bars.iter().any(|bar| !bar.target.is_empty()))
        .count();
    let told = format!(
        "Timeline of episode {episode}: the journal, {} threads with their writes and waits, and {requests} of {} slow requests.",
        lanes.len().saturating_sub(requests),
        episodes.cell(row, "request_count").text()
    );
    let margin = (end_ns - start_ns) / 60 + 1;
    let mut title = Text::from("Who did what when in episode ").and(episodes.cell(row, "episode"));
    let all = episodes.value(row, "request_count").int().unwrap_or(0);
    if all > i64::try_from(requests).unwrap_or(i64::MAX) {
        title = title.and(": only its slowest requests are drawn");
    }
    Some(Drawing {
        id: format!("episode-{episode}-timeline"),
        title,
        svg: timeline(&Timeline {
            label: told.clone(),
            group: format!("episode-{episode}"),
            time: (start_ns - margin, end_ns + margin),
            lanes,
        }),
        description: told,
        legend: legend(bars, &rows),
        queries: vec!["episode_rows".to_owned()],
    })
}

fn lanes(bars: &Answer, rows: &[usize]) -> Vec<Lane> {
    let mut lanes: Vec<(String, &str, Lane)> = Vec::new();
    for &row in rows {
        let key = format!("{} {}", bars.text(row, "lane_kind"), bars.text(row, "lane"));
        let kind = bars.text(row, "lane_kind");
        if lanes.last().is_none_or(|last| last.0 != key) {
            let is_first = lanes.last().is_none_or(|last| last.1 != kind);
            let heading = match kind {
                "journal" => "Journal",
                "jvm" => "JVM",
                "thread" => "Threads",
                _ => "Slow requests",
            };
            let name = match kind {
                "request" => bars.text(row, "detail"),
                _ => bars.text(row, "lane"),
            };
            let lane = Lane {
                name: short(name),
                heading: is_first.then(|| heading.to_owned()),
                bars: Vec::new(),
            };
            lanes.push((key, kind, lane));
        }
        if let Some((_, _, lane)) = lanes.last_mut() {
            lane.bars.push(bar(bars, row));
        }
    }
    lanes.into_iter().map(|(_, _, lane)| lane).collect()
}

/// A lane's name without what all such names have in common; its bars tell the whole name.
fn short(name: &str) -> String {
    let name = name.strip_prefix("data-plane-kafka-").unwrap_or(name);
    name.replace(" correlation id ", " #")
}

fn bar(bars: &Answer, row: usize) -> Bar {
    let time = |column| bars.time(row, column).unwrap_or_default();
    let kind = bars.text(row, "bar");
    let class = match kind {
        "request" => class(bars.text(row, "cause")),
        "connection_queue" => "b-queue thin".to_owned(),
        "write" => "c-write".to_owned(),
        "lock_wait" => "c-lock".to_owned(),
        "pause" => "c-pause".to_owned(),
        _ => "b-commit".to_owned(),
    };
    let target = match kind {
        "request" => format!("request-{}", bars.cell(row, "row_id").text()),
        _ => String::new(),
    };
    Bar {
        start_ns: time("start_time"),
        end_ns: time("end_time"),
        class,
        title: format!(
            "{}: {} from {} for {}{}",
            bars.text(row, "lane"),
            bars.text(row, "detail"),
            bars.cell(row, "start_time").text(),
            bars.cell(row, "duration_ms").text_with_unit(),
            match bars.text(row, "cause") {
                "" => String::new(),
                name => format!("; {}", label(name)),
            }
        ),
        target,
    }
}

fn legend(bars: &Answer, rows: &[usize]) -> Vec<(String, String)> {
    let has = |kind: &str| rows.iter().any(|&row| bars.text(row, "bar") == kind);
    let mut legend = Vec::new();
    let mut add = |class: &str, text: &str| legend.push((class.to_owned(), text.to_owned()));
    if has("commit") {
        add("b-commit", "journal commit");
    }
    if has("pause") {
        add("c-pause", "JVM pause");
    }
    if has("write") {
        add(
            "c-write",
            "write, sync or read; request slow in its own write",
        );
    }
    if has("lock_wait") {
        add("c-lock", "lock wait; request behind a lock");
    }
    add("c-queue", "request queued behind a slow one");
    if has("connection_queue") {
        add("b-queue", "part before the broker could read it");
    }
    legend
}
