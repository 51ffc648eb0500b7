//! Slow requests grouped by what was at their root, each as one story with its timeline.

use crate::cause::{cause, class, label};
use crate::chart::{Bar, Lane, Timeline, timeline};
use crate::names::{cause_of, is_row, root};
use crate::{Answer, Answers, Block, Drawing, Section, Table, Text, Value};

/// Episodes that fit a ticket.
const MOST_BRIEF: usize = 5;

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
            ("reason", "What made it slow"),
            ("logs", "Logs written"),
            ("confidence", "Confidence"),
        ],
    );
    for (at, row) in table.rows.iter_mut().enumerate() {
        row.time = episodes
            .time(at, "start_time")
            .zip(episodes.time(at, "end_time"));
    }
    let mut blocks = vec![Block::Paragraph(
        "An episode is one journal commit, one slow write without a commit, one sync, read or stop of the JVM, with \
         every slow request that waited for it: in its own write, at a lock, or in a queue. Where no such row is at \
         the root, it is a stretch of slow requests with one root in common, also where nothing explains them. Each \
         slow request is in one of them."
            .into(),
    )];
    // The costliest is what the reader came for; the others are opened by those who want them.
    let mut others = Vec::new();
    for row in 0..episodes.len() {
        let number = episodes.cell(row, "episode");
        let title = Text::from("Episode ")
            .and(number.clone())
            .and(": ")
            .and(name(episodes, row));
        let drawing = answers
            .rows("episode_rows")
            .and_then(|bars| drawing(episodes, bars, row));
        let is_first = row == 0;
        if drawing.is_none() && !is_first {
            continue;
        }
        let told = [
            Block::Heading(format!("episode-{}", number.text()), title),
            Block::Paragraph(story(episodes, row)),
        ];
        let told = told.into_iter().chain(drawing.map(Block::Drawing));
        if is_first {
            blocks.extend(told);
        } else {
            others.extend(told);
        }
    }
    if !others.is_empty() {
        blocks.push(Block::More(
            "The next costliest episodes, drawn".into(),
            others,
        ));
    }
    blocks.push(Block::Table(table));
    Some(Section {
        id: "episodes",
        title: "Episodes".to_owned(),
        blocks,
    })
}

/// The costliest episodes as a table.
pub(super) fn brief(answers: &Answers) -> Option<Section> {
    let episodes = answers.rows("episodes")?;
    let mut table = Table::of(
        episodes,
        "episodes-table",
        "The costliest episodes".into(),
        &[
            ("episode", "Episode"),
            ("kind", "At the root"),
            ("reason", "What made it slow"),
            ("start_time", "Start (UTC)"),
            ("duration_ms", "Duration"),
            ("request_count", "Slow requests"),
            ("cost_ratio", "Share of time"),
            ("worst_ms", "Slowest"),
        ],
    );
    table.rows.truncate(MOST_BRIEF);
    Some(Section {
        id: "episodes",
        title: "Episodes".to_owned(),
        blocks: vec![Block::Table(table)],
    })
}

fn name(episodes: &Answer, row: usize) -> &str {
    root(episodes.text(row, "kind")).0
}

/// What an episode was, in a few sentences.
fn story(episodes: &Answer, row: usize) -> Text {
    chain(episodes, row)
        .and(" ")
        .append(circumstances(episodes, row))
}

/// What was at an episode's root, and how it reached the requests.
pub(super) fn chain(episodes: &Answer, row: usize) -> Text {
    if is_row(episodes.text(row, "kind")) {
        root_story(episodes, row)
    } else {
        stretch_story(episodes, row)
    }
    .and(".")
}

/// A row that slow requests waited for, and how they did.
fn root_story(episodes: &Answer, row: usize) -> Text {
    let cell = |column| episodes.cell(row, column);
    let text = Text::from("At ").and(cell("start_time"));
    let has_logs = *episodes.value(row, "logs") != Value::Null;
    let on_logs = |text: Text, words: &str| match has_logs {
        true => text.and(words).and(cell("logs")),
        false => text,
    };
    let text = match episodes.text(row, "kind") {
        "journal_commit" => {
            let mut text = text
                .and(", the journal thread ")
                .and(cell("thread_name"))
                .and(" committed");
            if has(episodes, row, "transaction") {
                text = text.and(" transaction ").and(cell("transaction"));
            }
            if *episodes.value(row, "device") != Value::Null {
                text = text.and(" on device ").and(cell("device"));
            }
            let text = text
                .and(" for ")
                .and(cell("duration_ms"))
                .and(" and held up ");
            on_logs(text.and(cell("write_count")).and(" appends"), " to ")
        }
        "pause" => text.and(", the JVM stopped for ").and(cell("duration_ms")),
        kind => {
            let (operation, of) = match kind {
                "sync" => (" was in one sync to disk", " of "),
                "read" => (" was in one read", " of "),
                _ => (" was in one write", " to "),
            };
            let text = text.and(", the thread ").and(cell("thread_name"));
            let text = on_logs(text.and(operation), of)
                .and(" for ")
                .and(cell("duration_ms"));
            match kind {
                "write" => text.and("; no recorded journal commit covers it"),
                _ => text,
            }
        }
    };
    let own = match episodes.text(row, "kind") {
        "sync" => " in their own sync",
        "read" => " in their own read",
        "pause" => " at work themselves",
        _ => " in their own write",
    };
    ways(
        text.and(". ")
            .and(cell("request_count"))
            .and(" of the slow requests waited for it: "),
        episodes,
        row,
        own,
    )
}

/// Slow requests that have a root in common, and no row that it is.
fn stretch_story(episodes: &Answer, row: usize) -> Text {
    let cell = |column| episodes.cell(row, column);
    let is_one = episodes.value(row, "request_count").int() == Some(1);
    let text = Text::from("From ")
        .and(cell("start_time"))
        .and(", for ")
        .and(cell("duration_ms"))
        .and(", ")
        .and(cell("request_count"))
        .and(if is_one {
            " slow request"
        } else {
            " slow requests"
        });
    let kind = cause_of(episodes.text(row, "kind"));
    if kind == "unexplained" {
        return text
            .and(" spent most of their time where no recorded row shows what they waited for");
    }
    let known = cause(kind);
    let doing = known.map_or_else(|| kind.into(), |known| known.sentence());
    ways(
        text.and(if is_one { " was " } else { " were " })
            .and(&*doing)
            .and(": "),
        episodes,
        row,
        " themselves",
    )
}

/// In which ways its requests waited for an episode's root, and how long.
fn ways(mut text: Text, episodes: &Answer, row: usize, own: &str) -> Text {
    let ways = [
        ("own_count", own),
        ("lock_count", " at a lock"),
        ("queued_count", " in a queue behind another request"),
    ];
    let ways = ways
        .into_iter()
        .filter(|(column, _)| has(episodes, row, column));
    for (at, (column, words)) in ways.enumerate() {
        text = if at > 0 { text.and(", ") } else { text }
            .and(episodes.cell(row, column))
            .and(words);
    }
    text
}

/// What it cost, where in their lives the requests were, and how busy the machine was.
fn circumstances(episodes: &Answer, row: usize) -> Text {
    let cell = |column| episodes.cell(row, column);
    let mut text = Text::from("It took ")
        .and(cell("cost_ms"))
        .and(" of their time, added up: ")
        .and(cell("cost_ratio"))
        .and(" of the time of all slow requests.");
    if *episodes.value(row, "stages") != Value::Null {
        text = text
            .and(" Their time by stage: ")
            .and(cell("stages"))
            .and(".");
    }
    if *episodes.value(row, "cpu_ratio") != Value::Null {
        text = text
            .and(" Meanwhile the machine's CPUs were busy for ")
            .and(cell("cpu_ratio"))
            .and(" of the time.");
    }
    text
}

fn has(episodes: &Answer, row: usize, column: &str) -> bool {
    episodes.number(row, column).unwrap_or(0.0) > 0.0
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
