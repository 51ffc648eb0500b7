//! What the recordings hold, lost, and cannot show.

use crate::{Answers, Block, Section, Table, Text};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let recordings = answers.rows("recordings")?;
    let mut blocks = vec![Block::Table(Table::of(
        recordings,
        "recordings-table",
        "Recordings".into(),
        &[
            ("source_id", "No."),
            ("kind", "Recording"),
            ("format", "Format"),
            ("size_bytes", "Size"),
            ("row_count", "Rows"),
            ("loss_count", "Lost"),
            ("first_time", "From (UTC)"),
            ("last_time", "To (UTC)"),
            ("covered_ratio", "Of the requests' time"),
            ("path", "File"),
        ],
    ))];
    let columns = [
        ("source", "Recording"),
        ("aspect", "What"),
        ("name", "Name"),
        ("severity", "Severity"),
        ("amount", "Amount"),
        ("meaning", "What it means"),
        ("detail", "First found"),
    ];
    match answers.rows("data_quality") {
        Some(quality) => blocks.push(Block::Table(Table::of(
            quality,
            "quality-table",
            "Losses and limits".into(),
            &columns,
        ))),
        None => blocks.push(Block::Paragraph(
            "Nothing was lost, and no limits are known.".into(),
        )),
    }
    blocks.extend(chance(answers));
    blocks.extend(ablation(answers));
    Some(Section {
        id: "quality",
        title: "Data quality".to_owned(),
        blocks,
    })
}

/// How much of the blame would be there by chance.
fn chance(answers: &Answers) -> Vec<Block> {
    let Some(rates) = answers.rows("false_attribution") else {
        let why = answers.why_left_out("false_attribution");
        return why.into_iter().cloned().map(Block::Note).collect();
    };
    let how = Text::from("All recordings but the capture were shifted in time, by ")
        .and(rates.cell(0, "shift_count"))
        .and(
            " amounts, and the slow requests blamed anew each time. What is then still blamed is a \
             coincidence, or rests on the capture alone. ",
        )
        .code("kcorr verify --shifts")
        .and(" ")
        .and(rates.cell(0, "shift_count"))
        .and(" gives the same.");
    let table = Table::of(
        rates,
        "chance-table",
        "How often a slow request would be blamed by chance".into(),
        &[
            ("cause", "Cause"),
            ("request_count", "Slow requests"),
            ("request_ratio", "Share of them"),
            ("chance_ratio", "By chance: mean"),
            ("chance_p95_ratio", "95th percentile"),
            ("chance_max_ratio", "Most"),
            ("waited_ratio", "Share of time"),
            ("chance_waited_ratio", "By chance"),
        ],
    );
    vec![Block::Paragraph(how), Block::Table(table)]
}

/// What verdicts become when something is taken away.
fn ablation(answers: &Answers) -> Vec<Block> {
    let Some(rows) = answers.rows("ablation") else {
        let why = answers.why_left_out("ablation");
        return why.into_iter().cloned().map(Block::Note).collect();
    };
    let how = Text::from(
        "Each recording and each kind of rows was taken away, one at a time, and the slow requests \
         blamed anew. Without its evidence a verdict may become unexplained or say less; one that \
         became another cause was inferred from what was not recorded: ",
    )
    .and(rows.cell(0, "changed_count"))
    .and(" of ")
    .and(rows.cell(0, "request_count"))
    .and(" (")
    .and(rows.cell(0, "changed_ratio"))
    .and("). ")
    .code("kcorr verify --shifts 0")
    .and(" gives the same.");
    let table = Table::of(
        rows,
        "ablation-table",
        "What the verdicts become when something is taken away".into(),
        &[
            ("taken", "Without"),
            ("taken_count", "Rows"),
            ("request_count", "Slow requests"),
            ("kept_count", "Same cause"),
            ("less_count", "Says less"),
            ("unexplained_count", "Unexplained"),
            ("changed_count", "Another cause"),
            ("changed_ratio", "Share"),
            ("example_request_id", "For example"),
            ("example_cause", "Its cause"),
            ("example_ablated_cause", "Without it"),
        ],
    );
    vec![Block::Paragraph(how), Block::Table(table)]
}
