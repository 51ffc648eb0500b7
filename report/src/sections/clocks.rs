//! How the recordings' clocks were brought together.

use crate::{Answers, Block, Section, Table};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let recordings = answers.rows("recordings")?;
    let mut blocks = vec![
        Block::Paragraph(
            "All times are wall time. The offset was added to a recording's own clock; the uncertainty says how \
             far it may be off."
                .into(),
        ),
        Block::Table(Table::of(
            recordings,
            "clocks-table",
            "Clocks of the recordings".into(),
            &[
                ("kind", "Recording"),
                ("clock", "Clock"),
                ("clock_offset_ms", "Offset"),
                ("clock_uncertainty_ms", "Uncertainty"),
                ("clock_basis", "Rests on"),
            ],
        )),
    ];
    if let Some(clocks) = answers.rows("clocks") {
        blocks.push(Block::Table(Table::of(
            clocks,
            "clock-check",
            "Clocks checked against the data".into(),
            &[
                ("kind", "Recording"),
                ("verdict", "Verdict"),
                ("refined_ms", "Moved by"),
                ("drift_ppm", "Drift"),
                ("uncertainty_us", "Uncertainty"),
                ("agreeing_count", "Pairs that agree"),
                ("residual_p50_us", "Median residual"),
                ("residual_p99_us", "p99 residual"),
                ("detail", "In words"),
            ],
        )));
    }
    Some(Section {
        id: "clocks",
        title: "Clocks".to_owned(),
        blocks,
    })
}
