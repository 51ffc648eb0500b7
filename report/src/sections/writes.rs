//! How long writes to the log took.

use super::latency::{fine_cells, heat_cells, heat_legend, heat_table, step_times};
use crate::chart::{Heatmap, heatmap};
use crate::{Answer, Answers, Block, Drawing, Figure, Section, Text, gaps};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let figures = answers.rows("write_figures")?;
    if figures.value(0, "write_count").int().unwrap_or(0) == 0 {
        return None;
    }
    let mut blocks = vec![Block::Paragraph(sentence(figures))];
    if let Some(cells) = answers.rows("write_heatmap") {
        blocks.push(Block::Drawing(heat(answers, cells)));
        blocks.extend(gaps::note(answers, "writes"));
        blocks.push(heat_table(
            cells,
            "write-cells",
            "How many writes took how long, as a table",
            ("write_count", "Writes"),
        ));
    }
    let figure = |label: &str, column: &str| Figure {
        label: label.to_owned(),
        cell: figures.cell(0, column),
        note: None,
    };
    blocks.push(Block::Figures(vec![
        figure("median write", "p50_ms"),
        figure("p99", "p99_ms"),
        figure("p99.9", "p999_ms"),
        figure("longest", "max_ms"),
    ]));
    Some(Section {
        id: "writes",
        title: "Writes to the log".to_owned(),
        blocks,
    })
}

fn sentence(figures: &Answer) -> Text {
    let cell = |column| figures.cell(0, column);
    Text::from(cell("slow_count"))
        .and(" of ")
        .and(cell("write_count"))
        .and(
            " writes to log files took as long as a slow request. A few such writes hold up many \
             requests, so percentiles of write latency alone do not show the cause.",
        )
}

fn heat(answers: &Answers, cells: &Answer) -> Drawing {
    let own = (step_times(cells, 0).0, step_times(cells, cells.len() - 1).1);
    let time = answers.rows("latency_over_time").map_or(own, |steps| {
        (step_times(steps, 0).0, step_times(steps, steps.len() - 1).1)
    });
    let limit = answers.rows("headline").and_then(|a| a.number(0, "slo_ms"));
    let label = "Heatmap: how many writes to log files took how long when; darker is more. The table below has the \
                 count of each cell.";
    let gaps = gaps::of(answers, "writes");
    let mut legend = heat_legend();
    legend.extend(gaps::legend(&gaps));
    Drawing {
        id: "write-heatmap".to_owned(),
        title: "How long writes to log files took, by their start".into(),
        description: label.to_owned(),
        svg: heatmap(&Heatmap {
            label: label.to_owned(),
            time,
            cells: heat_cells(cells, "write_count", "writes"),
            fine: fine_cells(answers, "writes"),
            gaps,
            limit,
            shared: None,
        }),
        legend,
        queries: vec!["write_heatmap".to_owned(), "fine_cells".to_owned()],
    }
}
