//! What the recordings hold, lost, and cannot show.

use crate::{Answers, Block, Section, Table};

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
    if let Some(verify) = answers.rows("false_attribution") {
        let caption = "How often a request would be blamed by chance";
        blocks.push(Block::Table(Table::whole(
            verify,
            "chance-table",
            caption.into(),
        )));
    }
    Some(Section {
        id: "quality",
        title: "Data quality".to_owned(),
        blocks,
    })
}
