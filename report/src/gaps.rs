//! When nothing was recorded of what a chart shows.

use crate::chart::Gap;
use crate::{Answers, Block, Text};

/// The gaps in the recordings of `requests` or `writes`.
pub(crate) fn of(answers: &Answers, what: &str) -> Vec<Gap> {
    let Some(gaps) = answers.rows("recording_gaps") else {
        return Vec::new();
    };
    let gap = |row| {
        Some(Gap {
            start_ns: gaps.time(row, "start_time")?,
            end_ns: gaps.time(row, "end_time")?,
            title: format!(
                "{} to {}: no {what} were recorded",
                gaps.cell(row, "start_time").text(),
                gaps.cell(row, "end_time").text(),
            ),
        })
    };
    let rows = (0..gaps.len()).filter(|&row| gaps.text(row, "what") == what);
    rows.filter_map(gap).collect()
}

/// The entry of a legend, where there are gaps.
pub(crate) fn legend(gaps: &[Gap]) -> Option<(String, String)> {
    (!gaps.is_empty()).then(|| ("gap".to_owned(), "nothing recorded".to_owned()))
}

/// The gaps in a sentence.
pub(crate) fn note(answers: &Answers, what: &str) -> Option<Block> {
    let gaps = answers.rows("recording_gaps")?;
    let mut rows = (0..gaps.len())
        .filter(|&row| gaps.text(row, "what") == what)
        .peekable();
    rows.peek()?;
    let mut text = Text::from(format!("No {what} were recorded from "));
    for (at, row) in rows.enumerate() {
        text = text
            .and(if at > 0 { "; from " } else { "" })
            .and(gaps.cell(row, "start_time"))
            .and(" to ")
            .and(gaps.cell(row, "end_time"))
            .and(" (")
            .and(gaps.cell(row, "gap_s"))
            .and(")");
    }
    Some(Block::Note(text.and(
        ". That charts are empty there says nothing of the load.",
    )))
}
