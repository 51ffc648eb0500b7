//! What `kcorr live` has seen lately as a page: the tables of the last windows, and the episodes in them.
//!
//! Its answers are tables by the names in [`TABLES`], which `kcorr live` makes of its roll-ups.

use crate::cause::{class, label, rank};
use crate::chart::{Gap, HeatCell, Heatmap, StackedBars, StackedPart, heatmap, stacked_bars};
use crate::sections::heat_legend;
use crate::{Answer, Answers, Block, Drawing, Figure, Report, Section, Table, Text};

/// A table that the page is made of: its name, and what it answers.
type TableName = (&'static str, &'static str);

/// The tables.
pub static TABLES: &[TableName] = &[
    (
        "standing",
        "How it goes: what became of windows, and of the requests in those that are shown.",
    ),
    (
        "latency_over_time",
        "How many requests of a step of time had which latency.",
    ),
    ("gaps", "Times without an account, and why."),
    (
        "causes_over_time",
        "Slow requests of a step by what they waited for.",
    ),
    ("causes", "Slow requests by what they waited for."),
    ("topics", "The topics with the most slow requests."),
    ("episodes", "Stretches of slow requests with one root."),
    (
        "episode_windows",
        "The windows that have requests of an episode.",
    ),
    ("windows", "The last windows, and what became of them."),
];

/// What the columns of the tables hold.
static COLUMNS: &[(&str, &str)] = &[
    ("start_time", "when it begins"),
    ("end_time", "when it ends"),
    ("first_time", "when the first of it was answered"),
    ("last_time", "when the last of it was answered"),
    ("is_open", "whether it goes on"),
    (
        "root",
        "what its requests waited for at the end of the chain",
    ),
    ("cause", "what the requests waited for"),
    (
        "reason",
        "the mechanism behind it, where a row of the recording shows one",
    ),
    ("request_count", "requests"),
    ("request_ratio", "their share of the slow requests"),
    ("slow_count", "requests over the objective"),
    ("slow_ratio", "their share of all requests"),
    ("late_count", "of these, those that ended before the window"),
    ("lost_count", "things lost of the recording that matter"),
    ("account_s", "how long its account took"),
    ("mean_ms", "their mean latency"),
    ("mean_slow_ms", "mean latency of the slow ones"),
    ("worst_ms", "the longest latency"),
    (
        "waited_ms",
        "time that they waited for their causes, added up",
    ),
    ("apis", "the APIs of most of them"),
    ("topics", "the topics of most of them"),
    ("above_ms", "latencies above this"),
    (
        "bound_ms",
        "and up to this; none for those above the last bound",
    ),
    (
        "outcome",
        "what became of it: accounted, skipped, failed or gap",
    ),
    ("day", "the day on which the episode began, in UTC"),
    ("episode_time", "when the episode began"),
    (
        "report",
        "the window whose recording a report is made of; none when it is kept no more",
    ),
];

/// What a column of the tables holds.
pub fn column_doc(name: &str) -> &'static str {
    let known = COLUMNS.iter().find(|(known, _)| *known == name);
    known.map_or("", |(_, doc)| doc)
}

impl Report {
    /// What a broker's requests waited for lately; `broker` names it, where its name is known.
    pub fn live(answers: &Answers, broker: &str) -> Self {
        let title = match broker {
            "" => "What slow requests wait for".to_owned(),
            broker => format!("Broker {broker}: what slow requests wait for"),
        };
        Self {
            title,
            subtitle: subtitle(answers),
            facts: facts(answers),
            sections: [
                Some(now(answers)),
                Some(episodes(answers)),
                latency(answers),
                causes(answers),
                windows(answers),
            ]
            .into_iter()
            .flatten()
            .collect(),
            queries_note: "Every number above is a cell of one of these tables, which kcorr live makes of the lines of \
                           its windows. What is in them is in its folder, too, for longer than the page has it; how \
                           DuckDB reads it there stands with each."
                .into(),
            queries: answers.iter().map(|answer| answer.query().clone()).collect(),
        }
    }
}

fn subtitle(answers: &Answers) -> Text {
    let Some(standing) = answers.rows("standing") else {
        return Text::default();
    };
    match (
        standing.time(0, "first_time"),
        standing.time(0, "last_time"),
    ) {
        (Some(first), Some(_)) => Text::from(crate::cell::day(first))
            .and(", ")
            .and(standing.cell(0, "first_time"))
            .and(" to ")
            .and(standing.cell(0, "last_time"))
            .and(" UTC"),
        _ => "No window has an account yet".into(),
    }
}

fn facts(answers: &Answers) -> Vec<(&'static str, Text)> {
    let mut facts = Vec::new();
    if let Some(standing) = answers.rows("standing") {
        facts.push(("Objective", Text::from(standing.cell(0, "objective_ms"))));
        facts.push(("Records", Text::from(standing.cell(0, "sources"))));
        if !standing.text(0, "absent_sources").is_empty() {
            facts.push(("Does not record", standing.cell(0, "absent_sources").into()));
        }
    }
    if !answers.tool.is_empty() {
        facts.push(("Made with", Text::default().code(&answers.tool)));
    }
    if let Some(made) = &answers.made_at {
        facts.push(("As of", Text::default().code(made)));
    }
    facts
}

fn now(answers: &Answers) -> Section {
    let mut blocks = Vec::new();
    if let Some(standing) = answers.rows("standing") {
        blocks.push(Block::Headline(headline(standing)));
        let figures = [
            ("Requests", "request_count"),
            ("Slow", "slow_count"),
            ("Share", "slow_ratio"),
            ("Windows since the start", "accounted_count"),
            ("Waiting", "waiting_count"),
            ("Skipped", "skipped_count"),
            ("Failed", "failed_count"),
        ];
        let figures = figures.map(|(label, column)| Figure {
            label: label.to_owned(),
            cell: standing.cell(0, column),
            note: None,
        });
        blocks.push(Block::Figures(figures.into()));
        if standing.number(0, "missing_ratio") > Some(0.0) {
            let text = Text::from(standing.cell(0, "missing_ratio"))
                .and(" of the windows since the start have no account: what was slow in them is not in these numbers.");
            blocks.push(Block::Note(text));
        }
    }
    section("now", "Now", blocks)
}

fn headline(standing: &Answer) -> Text {
    let mut text = match standing.text(0, "open_episodes") {
        "" => Text::from("Nothing goes on. "),
        _ => Text::from("Going on: ")
            .and(standing.cell(0, "open_episodes"))
            .and(". "),
    };
    if standing.number(0, "request_count").unwrap_or(0.0) == 0.0 {
        return text.and("No request has been accounted for yet.");
    }
    text = text
        .and(standing.cell(0, "slow_count"))
        .and(" of ")
        .and(standing.cell(0, "request_count"))
        .and(" requests were slow");
    if !standing.text(0, "worst_cause").is_empty() {
        text = text
            .and(", ")
            .and(standing.cell(0, "worst_cause_ratio"))
            .and(" of them by: ")
            .and(&*label(standing.text(0, "worst_cause")));
    }
    text.and(".")
}

fn episodes(answers: &Answers) -> Section {
    let Some(episodes) = answers.rows("episodes") else {
        let none = "There was none in the accounts that are kept.";
        return section("episodes", "Episodes", vec![Block::Paragraph(none.into())]);
    };
    let table = Table::of(
        episodes,
        "episodes-table",
        "Stretches of slow requests with one root, the last first".into(),
        &[
            ("report", "Report"),
            ("day", "Day"),
            ("first_time", "From (UTC)"),
            ("last_time", "To"),
            ("is_open", "Goes on"),
            ("cause", "Cause"),
            ("reason", "Mechanism"),
            ("request_count", "Requests"),
            ("worst_ms", "Slowest"),
            ("waited_ms", "Time lost"),
            ("apis", "APIs"),
            ("topics", "Topics"),
        ],
    );
    let mut blocks = vec![Block::Table(table)];
    if let Some(windows) = answers.rows("episode_windows") {
        let table = Table::of(
            windows,
            "episode-windows-table",
            "Windows that have requests of an episode".into(),
            &[
                ("report", "Report"),
                ("day", "Day"),
                ("episode_time", "Episode (UTC)"),
                ("cause", "Cause"),
                ("start_time", "Window from"),
                ("end_time", "to"),
                ("request_count", "Requests"),
            ],
        );
        let summary = "The windows of each".into();
        blocks.push(Block::More(summary, vec![Block::Table(table)]));
    }
    section("episodes", "Episodes", blocks)
}

/// The begin of the first step of the charts and the end of the last.
fn times(latency: &Answer) -> Option<(i64, i64)> {
    let times = |column| (0..latency.len()).filter_map(move |row| latency.time(row, column));
    Some((times("start_time").min()?, times("end_time").max()?))
}

fn latency(answers: &Answers) -> Option<Section> {
    let steps = answers.rows("latency_over_time")?;
    let gaps = gaps(answers);
    let label = "Heatmap: how many requests had which latency when, on a logarithmic axis; darker is more. The table \
                 below has the numbers.";
    let mut legend = heat_legend();
    legend.push(("l-limit".to_owned(), "objective".to_owned()));
    if !gaps.is_empty() {
        legend.push(("gap".to_owned(), "no account".to_owned()));
    }
    let standing = answers.rows("standing");
    let drawing = Drawing {
        id: "latency-heatmap".to_owned(),
        title: "Latency of requests by the time of their answer".into(),
        description: label.to_owned(),
        svg: heatmap(&Heatmap {
            label: label.to_owned(),
            time: times(steps)?,
            cells: (0..steps.len()).map(|row| cell(steps, row)).collect(),
            fine: None,
            gaps,
            limit: standing.and_then(|it| it.number(0, "objective_ms")),
            shared: None,
        }),
        legend,
        queries: vec!["latency_over_time".to_owned()],
    };
    let table = Table {
        first_rows: Some(30),
        ..Table::of(
            steps,
            "latency-table",
            "Requests by the time of their answer and latency".into(),
            &[
                ("start_time", "From (UTC)"),
                ("end_time", "To"),
                ("above_ms", "Latency above"),
                ("bound_ms", "up to"),
                ("request_count", "Requests"),
            ],
        )
    };
    let as_table = Block::More(
        "Latency over time as a table".into(),
        vec![Block::Table(table)],
    );
    Some(section(
        "latency",
        "Latency",
        vec![Block::Drawing(drawing), as_table],
    ))
}

fn cell(steps: &Answer, row: usize) -> HeatCell {
    let (low, high) = (steps.number(row, "above_ms"), steps.number(row, "bound_ms"));
    // Nothing says how far those above the last bound go, and a logarithmic axis has no 0.
    let low = low.or(high.map(|high| high / 2.5)).unwrap_or(1.0);
    let latency = match high {
        Some(_) => format!("up to {}", steps.cell(row, "bound_ms").text_with_unit()),
        None => format!("above {}", steps.cell(row, "above_ms").text_with_unit()),
    };
    HeatCell {
        start_ns: steps.time(row, "start_time").unwrap_or(0),
        end_ns: steps.time(row, "end_time").unwrap_or(0),
        low,
        high: high.unwrap_or(low * 2.5),
        count: steps.number(row, "request_count").unwrap_or(1.0).max(1.0),
        title: format!(
            "{}, {latency}: {} requests",
            steps.cell(row, "start_time").text(),
            steps.cell(row, "request_count").text()
        ),
    }
}

fn gaps(answers: &Answers) -> Vec<Gap> {
    let Some(gaps) = answers.rows("gaps") else {
        return Vec::new();
    };
    let gap = |row| {
        Some(Gap {
            start_ns: gaps.time(row, "start_time")?,
            end_ns: gaps.time(row, "end_time")?,
            title: format!(
                "{} to {}: no account ({})",
                gaps.cell(row, "start_time").text(),
                gaps.cell(row, "end_time").text(),
                gaps.text(row, "outcome")
            ),
        })
    };
    (0..gaps.len()).filter_map(gap).collect()
}

fn causes(answers: &Answers) -> Option<Section> {
    let causes = answers.rows("causes")?;
    let mut blocks = Vec::new();
    if let (Some(over_time), Some(steps)) = (
        answers.rows("causes_over_time"),
        answers.rows("latency_over_time"),
    ) {
        blocks.push(Block::Drawing(stacked(over_time, times(steps)?)));
    }
    blocks.push(Block::Table(Table::of(
        causes,
        "causes-table",
        "Slow requests by what they waited for".into(),
        &[
            ("cause", "Cause"),
            ("reason", "Mechanism"),
            ("request_count", "Requests"),
            ("request_ratio", "Share"),
            ("mean_ms", "Mean latency"),
        ],
    )));
    if let Some(topics) = answers.rows("topics") {
        blocks.push(Block::Table(Table::of(
            topics,
            "topics-table",
            "Topics with the most slow requests".into(),
            &[
                ("topic", "Topic"),
                ("slow_count", "Slow requests"),
                ("request_count", "Requests"),
                ("slow_ratio", "Share"),
                ("mean_slow_ms", "Mean latency of the slow ones"),
            ],
        )));
    }
    Some(section("causes", "Causes", blocks))
}

fn stacked(over_time: &Answer, time: (i64, i64)) -> Drawing {
    let mut rows: Vec<usize> = (0..over_time.len()).collect();
    rows.sort_by_key(|&row| {
        (
            over_time.time(row, "start_time"),
            rank(over_time.text(row, "cause")),
        )
    });
    let part = |&row: &usize| StackedPart {
        start_ns: over_time.time(row, "start_time").unwrap_or(0),
        end_ns: over_time.time(row, "end_time").unwrap_or(0),
        value: over_time.number(row, "request_count").unwrap_or(0.0),
        class: class(over_time.text(row, "cause")),
        title: format!(
            "{}: {} requests, {}",
            over_time.cell(row, "start_time").text(),
            over_time.cell(row, "request_count").text(),
            label(over_time.text(row, "cause"))
        ),
    };
    let mut names: Vec<&str> = rows
        .iter()
        .map(|&row| over_time.text(row, "cause"))
        .collect();
    names.sort_by_key(|name| rank(name));
    names.dedup();
    let description = "Stacked bars: slow requests over time by what they waited for.";
    Drawing {
        id: "causes-over-time".to_owned(),
        title: "Slow requests by the time of their answer and cause".into(),
        description: description.to_owned(),
        svg: stacked_bars(&StackedBars {
            label: description.to_owned(),
            time,
            parts: rows.iter().map(part).collect(),
        }),
        legend: names
            .iter()
            .map(|name| (class(name), label(name).into_owned()))
            .collect(),
        queries: vec!["causes_over_time".to_owned()],
    }
}

fn windows(answers: &Answers) -> Option<Section> {
    let windows = answers.rows("windows")?;
    let table = Table::of(
        windows,
        "windows-table",
        "The last windows".into(),
        &[
            ("report", "Report"),
            ("start_time", "From (UTC)"),
            ("end_time", "To"),
            ("outcome", "What became of it"),
            ("request_count", "Requests"),
            ("slow_count", "Slow"),
            ("late_count", "Late"),
            ("lost_count", "Lost"),
            ("account_s", "Account took"),
        ],
    );
    Some(section("windows", "Windows", vec![Block::Table(table)]))
}

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section {
        id,
        title: title.to_owned(),
        blocks,
    }
}
