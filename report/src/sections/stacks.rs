//! Flame graphs of the write path.

use crate::chart::{FlameFrame, flame};
use crate::{Answer, Answers, Block, Drawing, Section, Text};

const STATES: &[(&str, &str, &str)] = &[
    (
        "off_cpu",
        "Waiting in the kernel (off-CPU)",
        "the time that threads were put aside in the kernel",
    ),
    (
        "wall",
        "Running or waiting (wall clock)",
        "samples of threads whether they ran or waited",
    ),
    ("on_cpu", "Running (on-CPU)", "samples of running threads"),
    ("lock", "Waiting for a lock", "time in lock waits"),
];

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let frames = answers.rows("flame_frames")?;
    let drawings: Vec<Block> = STATES
        .iter()
        .filter_map(|state| drawing(frames, *state))
        .map(Block::Drawing)
        .collect();
    if drawings.is_empty() {
        return None;
    }
    let mut blocks = vec![Block::Paragraph(
        "Where threads were on the way to a write: a frame is as wide as the time of the stacks it is in, \
         callers above those they call. The samples are of the whole recordings, not only of the slow requests."
            .into(),
    )];
    blocks.extend(drawings);
    Some(Section {
        id: "stacks",
        title: "Stacks of the write path".to_owned(),
        blocks,
    })
}

fn drawing(frames: &Answer, (state, title, what): (&str, &str, &str)) -> Option<Drawing> {
    let rows: Vec<usize> = (0..frames.len())
        .filter(|&row| frames.text(row, "state") == state)
        .collect();
    let outermost = |&&row: &&usize| frames.value(row, "depth").int() == Some(1);
    // Where the last outermost frame ends is the width of the whole.
    let end = |row: usize| {
        frames.number(row, "start_ms").unwrap_or(0.0)
            + frames.number(row, "weight_ms").unwrap_or(0.0)
    };
    let full = rows
        .iter()
        .filter(outermost)
        .map(|&row| end(row))
        .fold(0.0, f64::max);
    if full <= 0.0 {
        return None;
    }
    let frame = |&row: &usize| {
        let name = frames.text(row, "frame");
        FlameFrame {
            depth: frames.value(row, "depth").int().unwrap_or(1),
            name: name.to_owned(),
            start: frames.number(row, "start_ms").unwrap_or(0.0) / full,
            width: frames.number(row, "weight_ms").unwrap_or(0.0) / full,
            class: kind(name),
            title: format!(
                "{name}: {} ({})",
                frames.cell(row, "weight_ms").text_with_unit(),
                frames.cell(row, "weight_ratio").text_with_unit()
            ),
        }
    };
    let description = format!("Flame graph of {what}, outermost frames on top.");
    Some(Drawing {
        id: format!("flame-{}", state.replace('_', "-")),
        title: Text::from(title),
        svg: flame(&description, &rows.iter().map(frame).collect::<Vec<_>>()),
        description,
        legend: vec![
            ("f-java".to_owned(), "Java".to_owned()),
            ("f-native".to_owned(), "native or kernel".to_owned()),
        ],
        queries: vec!["flame_frames".to_owned()],
    })
}

/// Java frames have a package with dots and no shared library before it.
fn kind(name: &str) -> &'static str {
    let is_native = name.contains(".so") || name.contains("::") || !name.contains('.');
    if is_native { "f-native" } else { "f-java" }
}
