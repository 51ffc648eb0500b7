//! A broker over weeks by what it ran on and with, as a page: what a setting changed, when it was what, and what else
//! changed.
//!
//! Its answers are the tables `latency`, `causes`, `periods`, `also_changed` and `days` of `kcorr compare --over`.

use crate::{Answer, Answers, Block, Report, Section, Table, Text};

/// What the columns of the tables hold.
static COLUMNS: &[(&str, &str)] = &[
    ("statistic", "what was measured"),
    ("setting", "the value of the setting"),
    ("cause", "what the slow requests waited for"),
    ("value", "its value"),
    ("low", "lower end of the value's 95 % interval"),
    ("high", "upper end of the value's 95 % interval"),
    (
        "change_ratio",
        "how much more it is than with the first value of the setting",
    ),
    (
        "change_low_ratio",
        "lower end of the change's 95 % interval",
    ),
    (
        "change_high_ratio",
        "upper end of the change's 95 % interval",
    ),
    (
        "sure_ratio",
        "share of the resamples that differ from those of the first value in the same direction",
    ),
    ("block_count", "blocks of time that are resampled"),
    ("slow_count", "requests over the objective"),
    ("slow_per_1000", "requests over the objective among 1,000"),
    ("request_count", "requests"),
    ("window_count", "windows that have an account"),
    ("start_time", "since when"),
    ("end_time", "until when"),
    ("day", "the day, in UTC"),
    ("name", "another setting"),
    (
        "p99_ms",
        "99th percentile of the latency, within its bucket by a straight line",
    ),
    (
        "p999_ms",
        "99.9th percentile of the latency, within its bucket by a straight line",
    ),
];

/// What a column of the tables holds.
pub fn column_doc(name: &str) -> &'static str {
    let known = COLUMNS.iter().find(|(known, _)| *known == name);
    known.map_or("", |(_, doc)| doc)
}

/// What the comparison is of.
#[derive(Debug, Clone)]
pub struct OverTimeTitle {
    /// The setting.
    pub by: String,
    /// What is resampled: days, hours, 10 minutes.
    pub blocks: String,
    /// Whose requests: an API, or all.
    pub requests: String,
    /// The objective: `65 ms`, `65 ms, Fetch 200 ms`.
    pub objective: String,
}

impl Report {
    /// What a setting changed over weeks.
    pub fn over_time(answers: &Answers, title: &OverTimeTitle) -> Self {
        let OverTimeTitle {
            by,
            blocks,
            requests,
            objective,
        } = title;
        Self {
            title: format!("Kafka tail latency by {by}"),
            subtitle: format!("{requests}; slow: above {objective}").into(),
            facts: Vec::new(),
            sections: [
                summary(answers, by),
                latency(answers),
                causes(answers),
                changed(answers, by),
                days(answers),
            ]
            .into_iter()
            .flatten()
            .collect(),
            queries_note: Text::from(format!(
                "Every number above is a cell of one of these tables; intervals come from resampling {blocks}. "
            ))
            .code("kcorr compare --over … --format json")
            .and(" gives them whole."),
            queries: answers.iter().map(|answer| answer.query().clone()).collect(),
        }
    }
}

/// The sentences of what changed: of slow requests, of each value against the first.
pub fn sentences(latency: &Answer, by: &str) -> Vec<Text> {
    let rows: Vec<usize> = (0..latency.len())
        .filter(|&row| latency.text(row, "statistic") == "slow_per_1000")
        .collect();
    let Some((&base, others)) = rows.split_first() else {
        return Vec::new();
    };
    let sentence = |&row: &usize| {
        let text = Text::from("Slow requests among 1,000: ")
            .and(latency.cell(row, "value"))
            .and(format!(" with {by} ").as_str())
            .and(latency.cell(row, "setting"))
            .and(", ")
            .and(latency.cell(base, "value"))
            .and(" with ")
            .and(latency.cell(base, "setting"));
        let (low, high) = (
            latency.number(row, "change_low_ratio"),
            latency.number(row, "change_high_ratio"),
        );
        let Some((low, high)) = low.zip(high) else {
            return text.and(". There is too little of it to say how sure that is.");
        };
        let sign = |column| {
            if latency.number(row, column) > Some(0.0) {
                "+"
            } else {
                ""
            }
        };
        let text = text
            .and(": ")
            .and(sign("change_ratio"))
            .and(latency.cell(row, "change_ratio"))
            .and(" (95 % interval ")
            .and(sign("change_low_ratio"))
            .and(latency.cell(row, "change_low_ratio"))
            .and(" to ")
            .and(sign("change_high_ratio"))
            .and(latency.cell(row, "change_high_ratio"));
        if low <= 0.0 && 0.0 <= high {
            return text.and("), which may be chance.");
        }
        text.and("), in ")
            .and(latency.cell(row, "sure_ratio"))
            .and(" of the resamples.")
    };
    others.iter().map(sentence).collect()
}

fn summary(answers: &Answers, by: &str) -> Option<Section> {
    let latency = answers.rows("latency")?;
    let mut blocks: Vec<Block> = sentences(latency, by)
        .into_iter()
        .map(Block::Headline)
        .collect();
    if answers.rows("also_changed").is_some() {
        let note = "Other settings changed, too, or were not the same throughout: which of them it was, these numbers do \
                    not say. They are listed below.";
        blocks.push(Block::Note(note.into()));
    }
    blocks.push(Block::Note(
        "Whether the load was the same is for whoever ran it to know.".into(),
    ));
    if let Some(periods) = answers.rows("periods") {
        blocks.push(Block::Table(Table::of(
            periods,
            "periods-table",
            "When it was what".into(),
            &[
                ("setting", "Setting"),
                ("start_time", "From (UTC)"),
                ("end_time", "To"),
                ("window_count", "Windows"),
                ("request_count", "Requests"),
                ("slow_count", "Slow"),
            ],
        )));
    }
    Some(section("summary", "Summary", blocks))
}

const INTERVALS: [(&str, &str); 8] = [
    ("value", "Value"),
    ("low", "95 % from"),
    ("high", "to"),
    ("change_ratio", "Change"),
    ("change_low_ratio", "95 % from"),
    ("change_high_ratio", "to"),
    ("sure_ratio", "Same direction"),
    ("block_count", "Blocks"),
];

fn latency(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("latency")?;
    let mut columns = vec![("statistic", "Statistic"), ("setting", "Setting")];
    columns.extend(INTERVALS);
    let table = Table::of(
        answer,
        "latency-table",
        "Latency and misses".into(),
        &columns,
    );
    Some(section("latency", "Latency", vec![Block::Table(table)]))
}

fn causes(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("causes")?;
    let mut columns = vec![
        ("cause", "Cause"),
        ("setting", "Setting"),
        ("slow_count", "Slow requests"),
    ];
    columns.extend(INTERVALS);
    let caption = "Slow requests among 1,000 by what they waited for";
    let table = Table::of(answer, "causes-table", caption.into(), &columns);
    Some(section("causes", "Causes", vec![Block::Table(table)]))
}

fn changed(answers: &Answers, by: &str) -> Option<Section> {
    let answer = answers.rows("also_changed")?;
    let caption = format!("Other settings that were not the same with each value of {by}");
    let table = Table::of(
        answer,
        "changed-table",
        caption.into(),
        &[
            ("name", "Other setting"),
            ("setting", by),
            ("value", "Its values"),
        ],
    );
    Some(section(
        "changed",
        "What else changed",
        vec![Block::Table(table)],
    ))
}

fn days(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("days")?;
    let table = Table::of(
        answer,
        "days-table",
        "Day by day".into(),
        &[
            ("day", "Day (UTC)"),
            ("setting", "Setting"),
            ("request_count", "Requests"),
            ("slow_count", "Slow"),
            ("slow_per_1000", "Among 1,000"),
            ("p99_ms", "p99"),
            ("p999_ms", "p99.9"),
        ],
    );
    Some(section("days", "Days", vec![Block::Table(table)]))
}

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section {
        id,
        title: title.to_owned(),
        blocks,
    }
}
