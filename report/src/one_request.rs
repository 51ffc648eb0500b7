//! The verdict of one slow request in sentences: what it waited for, what shows that, and why it is no other cause.

use crate::cause::{cause, label};
use crate::{Answer, Answers, Block, Report, Section, Text, Value};

/// Queries of its answers: the request itself; then, with its id as `request_id`, what its time was in and what
/// waited for what.
pub const ONE_REQUEST_QUERIES: [&str; 3] = ["one_request", "request_parts", "chain"];

/// Shares of a request's time below which a cause is not told, but added up in the sum.
const LEAST_RATIO: f64 = 0.001;

impl Report {
    /// What is known of one request; `None` without an answer of `one_request`.
    pub fn one_request(answers: &Answers) -> Option<Self> {
        let request = answers.rows("one_request")?;
        let mut sections = vec![verdict(request)];
        if let Some(parts) = answers.rows("request_parts") {
            sections.push(others(parts));
        }
        sections.extend(rests_on(request));
        let mut subtitle = Text::from(request.cell(0, "api"))
            .and(" request ")
            .and(request.cell(0, "request_id"));
        if let Some(first) = request.time(0, "arrival_time") {
            subtitle = subtitle
                .and(", ")
                .and(crate::cell::day(first).as_str())
                .and(" ")
                .and(request.cell(0, "arrival_time"))
                .and(" to ")
                .and(request.cell(0, "end_time"))
                .and(format!(" {}", request.zone()).as_str());
        }
        Some(Self {
            title: "One slow request".to_owned(),
            subtitle,
            facts: Vec::new(),
            sections,
            queries_note: Text::default(),
            queries: Vec::new(),
        })
    }
}

fn has(answer: &Answer, row: usize, column: &str) -> bool {
    !matches!(answer.value(row, column), Value::Null)
        && answer.value(row, column).text() != Some("")
}

/// Who waited how long for what.
fn verdict(request: &Answer) -> Section {
    let cell = |column| request.cell(0, column);
    let has = |column| has(request, 0, column);
    let mut who = Text::from("The request took ")
        .and(cell("latency_ms"))
        .and(" and is number ")
        .and(cell("place"))
        .and(" of ")
        .and(cell("slow_count"))
        .and(" slow ones. It came from ");
    if has("client_id") {
        who = who.and(cell("client_id")).and(" at ");
    }
    who = who
        .and(cell("client_address"))
        .and(" with correlation id ")
        .and(cell("correlation_id"));
    if has("partitions") {
        who = who.and(" and was for ").and(cell("partitions"));
    }
    if has("thread_name") {
        who = who.and("; ").and(cell("thread_name")).and(" handled it");
    }
    let mut blocks = vec![Block::Paragraph(who.and("."))];
    if request.number(0, "requested_wait_ms").unwrap_or(0.0) > 0.0 {
        blocks.push(Block::Paragraph(
            Text::from("It asked to wait for ")
                .and(cell("requested_wait_ms"))
                .and(" of that, which is no slowness."),
        ));
    }
    blocks.push(Block::Headline(headline(request)));
    if has("reason") {
        let mut text = Text::from("Mechanism: ").and(cell("reason"));
        if has("reason_meaning") {
            text = text.and(": ").and(cell("reason_meaning"));
        }
        blocks.push(Block::Paragraph(text.and(".")));
    }
    if has("stage") {
        blocks.push(Block::Paragraph(
            Text::from("By the broker's own request log the stage ")
                .and(cell("stage"))
                .and(" took longest."),
        ));
    }
    Section {
        id: "verdict",
        title: "Verdict".to_owned(),
        blocks,
    }
}

fn headline(request: &Answer) -> Text {
    let cell = |column| request.cell(0, column);
    let has = |column| has(request, 0, column);
    let name = request.text(0, "cause");
    let text = Text::from("For ")
        .and(cell("waited_ms"))
        .and(" of it, ")
        .and(cell("share_ratio"))
        .and(", ");
    let mut text = match (name, cause(name)) {
        ("unexplained", _) => {
            let text = text.and("no recorded row shows where it was");
            return match has("left_open") {
                true => text.and(": ").and(cell("left_open")).and("."),
                false => text.and("."),
            };
        }
        (_, Some(known)) => text.and("it was ").and(&*known.place()),
        (other, None) => text.and("it was in ").and(other),
    };
    if has("blocker_broker") {
        text = text.and(" (broker ").and(cell("blocker_broker")).and(")");
    }
    if has("blocker_thread") {
        text = text
            .and("; ")
            .and(cell("blocker_thread"))
            .and(" was in that");
        if has("blocker_ms") {
            text = text.and(" for ").and(cell("blocker_ms"));
        }
        if has("blocker_file") {
            text = text.and(", on ").and(cell("blocker_file"));
        }
    }
    if request.number(0, "commit_ms").unwrap_or(0.0) > 0.0 {
        text = text
            .and(", ")
            .and(cell("commit_ms"))
            .and(" of it under a commit of the file system's journal");
    }
    text.and(". Confidence ").and(cell("confidence")).and(".")
}

/// What else its time was in, and what is not known of it.
fn others(parts: &Answer) -> Section {
    let told = |row: &usize| {
        let ratio = parts.number(*row, "part_ratio").unwrap_or(0.0);
        ratio >= LEAST_RATIO
    };
    let item = |row: usize| {
        let cell = |column| parts.cell(row, column);
        let has = |column| has(parts, row, column);
        let name = parts.text(row, "cause");
        let text = Text::from(cell("part_ms"))
            .and(" (")
            .and(cell("part_ratio"))
            .and("): ")
            .and(&*label(name));
        if has("left_open") {
            let text = text.and(": ").and(cell("left_open"));
            return match has("settled_by") {
                true => text
                    .and(". To know more: ")
                    .and(cell("settled_by"))
                    .and("."),
                false => text.and("."),
            };
        }
        match has("meaning") {
            true => text.and(", shown by ").and(cell("meaning")).and("."),
            false => text.and("."),
        }
    };
    let rows = (0..parts.len()).filter(told);
    let mut items: Vec<Text> = rows.map(item).collect();
    let left = parts.len() - items.len();
    if left > 0 {
        items.push(Text::from(
            "What took less than 0.1 % of its time is left out.",
        ));
    }
    Section {
        id: "others",
        title: "Why that and no other".to_owned(),
        blocks: vec![
            Block::Paragraph("Its time, cause by cause; the longest is the verdict.".into()),
            Block::List(items),
        ],
    }
}

/// The rows behind the verdict, and what may be missing of them.
fn rests_on(request: &Answer) -> Option<Section> {
    let mut items = Vec::new();
    if has(request, 0, "rule_meaning") {
        items.push(
            Text::from("What shows the cause: ")
                .and(request.cell(0, "rule_meaning"))
                .and(" (rule ")
                .and(request.cell(0, "rule"))
                .and(")."),
        );
    }
    if has(request, 0, "evidence") {
        items.push(
            Text::from("Rows: ")
                .and(request.cell(0, "evidence"))
                .and("."),
        );
    }
    if has(request, 0, "limits") {
        items.push(
            Text::from("What the recordings may have missed: ")
                .and(request.cell(0, "limits"))
                .and("."),
        );
    }
    (!items.is_empty()).then(|| Section {
        id: "evidence",
        title: "Evidence".to_owned(),
        blocks: vec![Block::List(items)],
    })
}
