//! Latency over time.

use super::steps_table;
use crate::chart::{HeatCell, Heatmap, Line, LineChart, heatmap, line_chart};
use crate::{Answer, Answers, Block, Drawing, Section, Text};

const LINES: &[(&str, &str, &str)] = &[
    ("max_ms", "slowest", "l-max"),
    ("p999_ms", "p99.9", "l-p999"),
    ("p99_ms", "p99", "l-p99"),
    ("p50_ms", "median", "l-p50"),
];

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let steps = answers.rows("latency_over_time")?;
    let limit = answers.rows("headline").and_then(|a| a.number(0, "slo_ms"));
    let mut blocks = vec![Block::Drawing(lines(steps, limit))];
    if let Some(cells) = answers.rows("latency_heatmap") {
        blocks.push(Block::Drawing(heat(steps, cells, limit)));
    }
    blocks.push(Block::More(
        "Latency over time as a table".into(),
        vec![Block::Table(steps_table(
            steps,
            "latency-steps",
            "Produce requests by the time of their arrival".into(),
            &[
                ("start_time", "From (UTC)"),
                ("request_count", "Requests"),
                ("slow_count", "Over the objective"),
                ("p50_ms", "Median"),
                ("p99_ms", "p99"),
                ("p999_ms", "p99.9"),
                ("max_ms", "Slowest"),
            ],
        ))],
    ));
    Some(Section {
        id: "latency",
        title: "Latency over time".to_owned(),
        blocks,
    })
}

fn lines(steps: &Answer, limit: Option<f64>) -> Drawing {
    let rows = 0..steps.len();
    let title = |row: usize| {
        let part = |(column, name, _): &(&str, &str, &str)| {
            format!("{name} {}", steps.cell(row, column).text_with_unit())
        };
        let parts: Vec<String> = LINES.iter().map(part).collect();
        format!(
            "{}: {} requests, {} over the objective; {}",
            steps.cell(row, "start_time").text(),
            steps.cell(row, "request_count").text(),
            steps.cell(row, "slow_count").text(),
            parts.join(", ")
        )
    };
    let line = |(column, _, class): &(&str, &str, &str)| Line {
        class: (*class).to_owned(),
        values: rows.clone().map(|row| steps.number(row, column)).collect(),
    };
    let label = "Lines of the slowest, 99.9th percentile, 99th percentile and median latency of \
                 produce requests over time, on a logarithmic axis; the table below has the numbers.";
    let chart = LineChart {
        label: label.to_owned(),
        steps: rows.clone().map(|row| step_times(steps, row)).collect(),
        titles: rows.clone().map(title).collect(),
        lines: LINES.iter().map(line).collect(),
        limit: limit.map(|limit| (limit, "objective".to_owned())),
    };
    let mut legend: Vec<(String, String)> = LINES
        .iter()
        .map(|(_, name, class)| ((*class).to_owned(), (*name).to_owned()))
        .collect();
    legend.push(("l-limit".to_owned(), "objective".to_owned()));
    Drawing {
        id: "latency-lines".to_owned(),
        title: "Latency of produce requests by arrival".into(),
        description: label.to_owned(),
        svg: line_chart(&chart),
        legend,
        queries: vec!["latency_over_time".to_owned()],
    }
}

fn heat(steps: &Answer, cells: &Answer, limit: Option<f64>) -> Drawing {
    let label = "Heatmap: how many produce requests had which latency when; darker is more.";
    let map = Heatmap {
        label: label.to_owned(),
        time: (step_times(steps, 0).0, step_times(steps, steps.len() - 1).1),
        cells: heat_cells(cells, "request_count", "requests"),
        limit,
        shared: None,
    };
    Drawing {
        id: "latency-heatmap".to_owned(),
        title: Text::from("How many requests had which latency"),
        description: label.to_owned(),
        svg: heatmap(&map),
        legend: heat_legend(),
        queries: vec!["latency_heatmap".to_owned()],
    }
}

pub(super) fn step_times(steps: &Answer, row: usize) -> (i64, i64) {
    let time = |column| steps.time(row, column).unwrap_or_default();
    (time("start_time"), time("end_time"))
}

pub(super) fn heat_cells(cells: &Answer, count: &str, noun: &str) -> Vec<HeatCell> {
    let cell = |row: usize| HeatCell {
        start_ns: cells.time(row, "start_time").unwrap_or_default(),
        end_ns: cells.time(row, "end_time").unwrap_or_default(),
        low: cells.number(row, "low_ms").unwrap_or_default(),
        high: cells.number(row, "high_ms").unwrap_or_default(),
        count: cells.number(row, count).unwrap_or(1.0),
        title: format!(
            "{}, {} to {}: {} {noun}",
            cells.cell(row, "start_time").text(),
            cells.cell(row, "low_ms").text(),
            cells.cell(row, "high_ms").text_with_unit(),
            cells.cell(row, count).text(),
        ),
    };
    (0..cells.len()).map(cell).collect()
}

pub(crate) fn heat_legend() -> Vec<(String, String)> {
    vec![
        ("h1".to_owned(), "few".to_owned()),
        ("h2".to_owned(), String::new()),
        ("h3".to_owned(), String::new()),
        ("h4".to_owned(), String::new()),
        ("h5".to_owned(), "many".to_owned()),
    ]
}
