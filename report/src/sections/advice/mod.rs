//! What to try next, each with the evidence that asks for it.

mod changes;
mod gain;

use changes::{Change, change_named};
pub(super) use gain::in_short as gain;

use crate::{Answer, Answers, Block, Section, Span, Table, Text, Value};

/// Evidence of journal commits, as the query calls it.
const JOURNAL: &str = "journal commits";

/// Changes that fit a ticket.
const MOST_BRIEF: usize = 4;

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let settled = answers.rows("settled_changes").map(settled);
    let Some(advice) = answers.rows("advice") else {
        return settled.map(|settled| titled(vec![Block::Paragraph(nothing_left()), settled]));
    };
    let mut blocks = vec![Block::Paragraph(
        "First what takes away the root, then what lets fewer requests wait for it. Changes under one heading \
         are alternatives, and gains do not add up. Record again after a change, and compare."
            .into(),
    )];
    if let Some(why) = answers.why_left_out("expected_gains") {
        blocks.push(Block::Note(why.clone()));
    }
    let mut folded = Vec::new();
    let mut has_commits = false;
    let mut row = 0;
    while row < advice.len() {
        let same = (row..advice.len()).take_while(|&at| is_alternative(advice, row, at));
        let rows: Vec<usize> = same.collect();
        let mut group = alternatives(answers, advice, &rows);
        if !has_commits && advice.text(row, "evidence") == JOURNAL {
            group.extend(answers.rows("root_commits").map(commits));
            has_commits = true;
        }
        let is_folded = row > 0 && !gain::is_measurable(answers, advice, row);
        let into = if is_folded { &mut folded } else { &mut blocks };
        into.extend(group);
        row += rows.len();
    }
    if !folded.is_empty() {
        let summary = "What would gain less than a hundredth of the time, or leave as many slow requests by a replay";
        blocks.push(Block::More(summary.into(), folded));
    }
    blocks.extend(settled);
    if let Some(why_not) = answers.rows("why_not") {
        let caption = "What is not explained, and what recording would settle it";
        let table = Table::whole(why_not, "why-not", caption.into());
        blocks.push(Block::More(caption.into(), vec![Block::Table(table)]));
    }
    Some(titled(blocks))
}

fn titled(blocks: Vec<Block>) -> Section {
    Section {
        id: "advice",
        title: "What to do".to_owned(),
        blocks,
    }
}

/// What to say where all that is known to help is so already.
pub(super) fn nothing_left() -> Text {
    "All that kcorr would change for these requests is so already, by the recorded context.".into()
}

/// What is on already, and is therefore not proposed.
fn settled(settled: &Answer) -> Block {
    let item = |row| {
        let title = change_named(settled.text(row, "change")).map_or("", |change| change.title);
        Text::from(title)
            .append(of_broker(settled, row))
            .and(": ")
            .and(settled.cell(row, "present"))
            .and(". ")
            .and(settled.cell(row, "evidence"))
            .and(" would ask for it: ")
            .and(settled.cell(row, "request_count"))
            .and(" slow requests.")
    };
    Block::More(
        "What is so already, and not proposed".into(),
        vec![Block::List((0..settled.len()).map(item).collect())],
    )
}

/// Whether a row has the evidence of another, at the same broker.
fn is_alternative(advice: &Answer, row: usize, other: usize) -> bool {
    advice.text(row, "evidence") == advice.text(other, "evidence")
        && advice.value(row, "broker") == advice.value(other, "broker")
}

/// Whose setting it is, where that is known.
fn of_broker(advice: &Answer, row: usize) -> Text {
    match advice.value(row, "broker") {
        Value::Null => Text::default(),
        _ => Text::from(" on broker ").and(advice.cell(row, "broker")),
    }
}

/// Changes with one evidence, under a heading.
fn alternatives(answers: &Answers, advice: &Answer, rows: &[usize]) -> Vec<Block> {
    let Some(&row) = rows.first() else {
        return Vec::new();
    };
    let mut id = format!("advice-{}", advice.text(row, "change"));
    if let Some(broker) = advice.value(row, "broker").int() {
        id.push_str(&format!("-{broker}"));
    }
    let heading = heading(advice.text(row, "evidence")).append(of_broker(advice, row));
    let mut blocks = vec![
        Block::Heading(id, heading),
        Block::Paragraph(why(advice, row)),
        Block::Paragraph(gain::expected(answers, advice.text(row, "whatif"))),
    ];
    let is_against = |&row: &usize| advice.text(row, "support") == "against";
    let (against, others): (Vec<usize>, Vec<usize>) = rows.iter().partition(|row| is_against(row));
    let list = |rows: &[usize]| Block::List(rows.iter().map(|&at| change(advice, at)).collect());
    if !others.is_empty() {
        blocks.push(list(&others));
    }
    if !against.is_empty() {
        let summary = "What the recording speaks against";
        blocks.push(Block::More(summary.into(), vec![list(&against)]));
    }
    blocks
}

/// The commits at the root, with what tells changes to the journal apart.
fn commits(commits: &Answer) -> Block {
    let mut columns = vec![
        ("start_time", "Start (UTC)"),
        ("duration_ms", "Duration"),
        ("gap_ms", "After the one before"),
        ("began_by", "Begun by"),
        ("flush_ratio", "Flushing file data"),
        ("request_count", "Slow requests"),
    ];
    if (0..commits.len()).any(|row| *commits.value(row, "broker") != Value::Null) {
        columns.push(("broker", "Broker"));
    }
    Block::Table(Table::of(
        commits,
        "root-commits",
        "What tells changes to the journal apart".into(),
        &columns,
    ))
}

/// What to do first for each kind of evidence.
pub(super) fn brief(answers: &Answers) -> Option<Section> {
    let Some(advice) = answers.rows("advice") else {
        let settled = answers.rows("settled_changes");
        return settled.map(|_| titled(vec![Block::Paragraph(nothing_left())]));
    };
    let mut told: Vec<usize> = Vec::new();
    let mut items = Vec::new();
    for row in 0..advice.len() {
        let is_told = told.iter().any(|&other| is_alternative(advice, other, row));
        if is_told || items.len() == MOST_BRIEF {
            continue;
        }
        told.push(row);
        let row = best(advice, row);
        let text = action(advice, row)
            .and(": at most ")
            .and(advice.cell(row, "gain_ratio"))
            .and(" of the slow requests' time.")
            .append(now(advice, row))
            .and(" Seen: ")
            .and(advice.cell(row, "evidence"))
            .and(", ")
            .and(advice.cell(row, "evidence_count"))
            .and(".");
        items.push(text);
    }
    Some(titled(vec![Block::List(items)]))
}

/// The change to begin with: of those that the recordings ask for most, one that they show.
pub(super) fn first(advice: &Answer) -> usize {
    best(advice, 0)
}

/// Of the changes with the evidence of a row, one that the recordings show; else one that they do not speak
/// against; else that row's.
fn best(advice: &Answer, row: usize) -> usize {
    let alternatives = || (row..advice.len()).filter(|&at| is_alternative(advice, row, at));
    let with = |support| alternatives().find(|&at| advice.text(at, "support") == support);
    with("shown").or_else(|| with("undecided")).unwrap_or(row)
}

/// What to do for a change, and the command that makes it.
pub(super) fn action(advice: &Answer, row: usize) -> Text {
    let Some(known) = change_named(advice.text(row, "change")) else {
        return advice.text(row, "change").into();
    };
    Text::default()
        .strong(known.title)
        .append(of_broker(advice, row))
        .and(" (")
        .and(command(known, advice, row))
        .and(")")
}

/// The command that makes a change: with the names of the recorded host, where its context tells them.
fn command(known: &Change, advice: &Answer, row: usize) -> Span {
    match advice.text(row, "command") {
        "" => Span::Code(known.option.to_owned()),
        _ => Span::CellCode(advice.cell(row, "command")),
    }
}

/// What is set now; of a setting that no recording tells, how to see it.
pub(super) fn now(advice: &Answer, row: usize) -> Text {
    if !advice.text(row, "present").is_empty() {
        return Text::from(" ")
            .strong("Now:")
            .and(" ")
            .and(advice.cell(row, "present"))
            .and(".");
    }
    match change_named(advice.text(row, "change")) {
        Some(known) if !known.shown_by.is_empty() => {
            Text::from(" What is set now is not recorded: ")
                .code(known.shown_by)
                .and(" shows it.")
        }
        _ => Text::default(),
    }
}

/// Whether the recordings tell a change from its alternatives, and what would.
fn support(advice: &Answer, row: usize) -> Option<Text> {
    let measure = match advice.text(row, "change") {
        "journal_writeback" => {
            "The probe journal records how long commits flush file data; or record with the option, and compare"
        }
        "journal_fast_commit" | "journal_interval" => {
            "Who begins commits shows in a recording of more of them, and in one of all processes' syncs"
        }
        "journal_other_fs" => "Record the same load there, and compare",
        "window_scaling" => "A capture that has the connections' first packets shows it",
        "reconnect_storm" => "Samples of the network threads show it (a profile of the broker)",
        _ => return None,
    };
    let text = match advice.text(row, "support") {
        "shown" => Text::default().strong("The recording asks for it:"),
        "against" => Text::default().strong("The recording speaks against it:"),
        _ => {
            return Some(
                Text::default()
                    .strong("The recording does not tell.")
                    .and(" ")
                    .and(measure)
                    .and("."),
            );
        }
    };
    let sign = match advice.text(row, "change") {
        "journal_writeback" => " commits spent half of their time or more flushing file data.",
        "journal_fast_commit" => " commits were asked for by a sync or the like.",
        "window_scaling" => " are on connections whose windows are not scaled.",
        "reconnect_storm" => " had most samples of network threads at handshakes.",
        _ => " commits were begun by the journal's timer.",
    };
    Some(
        text.and(" ")
            .and(advice.cell(row, "for_count"))
            .and(" of ")
            .and(advice.cell(row, "evidence_count"))
            .and(sign),
    )
}

/// The evidence, as a heading.
fn heading(evidence: &str) -> Text {
    let mut text = evidence.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text.into()
}

/// A change as an action: what, how, by which command, from what, at which risk, and how to see that it helped.
fn change(advice: &Answer, row: usize) -> Text {
    let Some(known) = change_named(advice.text(row, "change")) else {
        return advice.text(row, "change").into();
    };
    let mut text = Text::default()
        .strong(known.title)
        .and(". ")
        .and(known.how)
        .and(" ")
        .and(command(known, advice, row))
        .and(".")
        .append(now(advice, row));
    if let Some(support) = support(advice, row) {
        text = text.and(" ").append(support);
    }
    if !known.risk.is_empty() {
        text = text.and(" ").strong("Risk:").and(" ").and(known.risk);
    }
    let (check, says) = known.check;
    text.and(" ")
        .strong("Check afterwards:")
        .and(" ")
        .code(check)
        .and(format!(": {says}.").as_str())
}

fn why(advice: &Answer, row: usize) -> Text {
    let cell = |column| advice.cell(row, column);
    let text = Text::from("Seen: ")
        .and(cell("evidence_count"))
        .and(", the longest ")
        .and(cell("worst_ms"))
        .and(". Slow requests concerned: ")
        .and(cell("request_count"))
        .and(" (")
        .and(cell("request_ratio"))
        .and("). ");
    match advice.number(row, "gain_ms") {
        Some(_) => text
            .and("They spent on it ")
            .and(cell("gain_ratio"))
            .and(" of all slow requests' time (")
            .and(cell("gain_ms"))
            .and("): no change can gain more of it."),
        None => text,
    }
}
