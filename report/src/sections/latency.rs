//! Latency over time.

use std::ops::Range;

use super::steps_table;
use crate::chart::{
    Axis, FineCell, FineCells, FineClass, Gap, HeatCell, Heatmap, Line, LineChart, heatmap,
    line_chart,
};
use crate::{Answer, Answers, Block, Drawing, Section, Text, gaps};

/// A line: its column, its name, and the class of its colour.
type LineColumn = (&'static str, &'static str, &'static str);

const LINES: &[LineColumn] = &[
    ("max_ms", "slowest", "l-max"),
    ("p999_ms", "p99.9", "l-p999"),
    ("p99_ms", "p99", "l-p99"),
    ("p50_ms", "median", "l-p50"),
];

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let steps = answers.rows("latency_over_time")?;
    let limit = answers.rows("headline").and_then(|a| a.number(0, "slo_ms"));
    let gaps = gaps::of(answers, "requests");
    let mut blocks = vec![Block::Drawing(lines(steps, limit, &gaps))];
    blocks.extend(gaps::note(answers, "requests"));
    if let Some(loads) = answers.rows("load_over_time") {
        blocks.extend(loads_of_brokers(loads));
    }
    if let Some(cells) = answers.rows("latency_heatmap") {
        let fine = fine_cells(answers, "requests");
        blocks.push(Block::Drawing(heat(steps, cells, fine, limit, gaps)));
        blocks.push(heat_table(
            cells,
            "latency-cells",
            "How many requests had which latency, as a table",
            ("request_count", "Requests"),
        ));
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

fn lines(steps: &Answer, limit: Option<f64>, gaps: &[Gap]) -> Drawing {
    let counts = |row: usize| {
        format!(
            "{} requests, {} over the objective; ",
            steps.cell(row, "request_count").text(),
            steps.cell(row, "slow_count").text()
        )
    };
    let label = "Lines of the slowest, 99.9th percentile, 99th percentile and median latency of \
                 produce requests over time, on a logarithmic axis; the table below has the numbers.";
    let chart = LineChart {
        limit: limit.map(|limit| (limit, "objective".to_owned())),
        height: 220.0,
        gaps: gaps.to_vec(),
        ..chart(steps, 0..steps.len(), label, LINES, false, counts)
    };
    let mut legend = legend(LINES);
    legend.push(("l-limit".to_owned(), "objective".to_owned()));
    legend.extend(gaps::legend(gaps));
    Drawing {
        id: "latency-lines".to_owned(),
        title: "Latency of produce requests by arrival".into(),
        description: label.to_owned(),
        svg: line_chart(&chart),
        legend,
        queries: vec!["latency_over_time".to_owned()],
    }
}

/// A chart of some columns over the steps in some rows of an answer, on an axis of latencies. What is said of a step
/// begins with what `before` says.
fn chart(
    steps: &Answer,
    rows: Range<usize>,
    label: &str,
    columns: &[LineColumn],
    is_sampled: bool,
    before: impl Fn(usize) -> String,
) -> LineChart {
    let title = |row: usize| {
        let part = |(column, name, _): &LineColumn| {
            format!("{name} {}", steps.cell(row, column).text_with_unit())
        };
        let parts: Vec<String> = columns.iter().map(part).collect();
        let time = steps.cell(row, "start_time").text();
        format!("{time}: {}{}", before(row), parts.join(", "))
    };
    let line = |(column, _, class): &LineColumn| Line {
        class: (*class).to_owned(),
        values: rows.clone().map(|row| steps.number(row, column)).collect(),
        is_sampled,
    };
    LineChart {
        label: label.to_owned(),
        steps: rows.clone().map(|row| step_times(steps, row)).collect(),
        titles: rows.clone().map(title).collect(),
        lines: columns.iter().map(line).collect(),
        gaps: Vec::new(),
        limit: None,
        axis: Axis::Latency,
        height: 90.0,
    }
}

fn legend(columns: &[LineColumn]) -> Vec<(String, String)> {
    let entry = |(_, name, class): &LineColumn| ((*class).to_owned(), (*name).to_owned());
    columns.iter().map(entry).collect()
}

/// Brokers of which the load is drawn at once; that of more is folded.
const MOST_LOADS: usize = 3;

/// The load of each broker, those of many folded.
fn loads_of_brokers(loads: &Answer) -> Vec<Block> {
    let brokers = rows_of_brokers(loads);
    let are_several = brokers.len() > 1;
    let mut blocks = Vec::new();
    let mut folded = Vec::new();
    for (at, rows) in brokers.into_iter().enumerate() {
        let number = loads.value(rows.start, "broker").int();
        let broker = number.filter(|_| are_several);
        let load = Load {
            loads,
            rows,
            broker,
        };
        let into = if at < MOST_LOADS {
            &mut blocks
        } else {
            &mut folded
        };
        into.extend(load.rates().map(Block::Drawing));
        into.extend(load.busy().map(Block::Drawing));
    }
    if !folded.is_empty() {
        blocks.push(Block::More("The load of the other brokers".into(), folded));
    }
    blocks
}

/// The rows of each broker, which follow each other.
fn rows_of_brokers(loads: &Answer) -> Vec<Range<usize>> {
    let mut brokers: Vec<Range<usize>> = Vec::new();
    for row in 0..loads.len() {
        match brokers.last_mut() {
            Some(rows) if loads.value(rows.start, "broker") == loads.value(row, "broker") => {
                rows.end = row + 1;
            }
            _ => brokers.push(row..row + 1),
        }
    }
    brokers
}

/// The load of a broker.
struct Load<'a> {
    loads: &'a Answer,
    rows: Range<usize>,
    /// Which one it is, of several.
    broker: Option<i64>,
}

impl Load<'_> {
    /// How many requests came, where somebody recorded them.
    fn rates(&self) -> Option<Drawing> {
        let is_recorded = |row| self.loads.number(row, "request_rate").is_some();
        if !self.rows.clone().any(is_recorded) {
            return None;
        }
        let rate = [("request_rate", "requests a second", "l-p999")];
        let label = "Line of the answered requests of all APIs a second over time";
        let title = "Requests a second, of all APIs";
        Some(self.drawing("request-rate", title, label, &rate, Axis::FromZero(None)))
    }

    /// How busy the CPUs were, where somebody sampled it.
    fn busy(&self) -> Option<Drawing> {
        let mut lines = vec![
            ("machine_ratio", "machine", "l-p999"),
            ("process_ratio", "broker", "l-p99"),
            ("throttled_ratio", "out of CPU quota", "l-max"),
        ];
        let is_sampled = |row, column| self.loads.number(row, column).is_some();
        lines.retain(|(column, ..)| self.rows.clone().any(|row| is_sampled(row, column)));
        let label = "Lines of the busy part of the CPUs over time, from nothing to all";
        let axis = Axis::FromZero(Some(1.0));
        (!lines.is_empty()).then(|| Drawing {
            legend: legend(&lines),
            ..self.drawing("cpu-load", "Busy part of all CPUs", label, &lines, axis)
        })
    }

    /// A low chart of some columns.
    fn drawing(
        &self,
        id: &str,
        title: &str,
        label: &str,
        columns: &[LineColumn],
        axis: Axis,
    ) -> Drawing {
        let (id, title, label) = match self.broker {
            Some(broker) => (
                format!("{id}-{broker}"),
                Text::from(title)
                    .and(", broker ")
                    .and(self.loads.cell(self.rows.start, "broker")),
                format!("{label}, of broker {broker}."),
            ),
            None => (id.to_owned(), title.into(), format!("{label}.")),
        };
        let rows = self.rows.clone();
        let chart = chart(self.loads, rows, &label, columns, true, |_| String::new());
        Drawing {
            id,
            title,
            svg: line_chart(&LineChart { axis, ..chart }),
            description: label,
            legend: Vec::new(),
            queries: vec!["load_over_time".to_owned()],
        }
    }
}

fn heat(
    steps: &Answer,
    cells: &Answer,
    fine: Option<FineCells>,
    limit: Option<f64>,
    gaps: Vec<Gap>,
) -> Drawing {
    let label = "Heatmap: how many produce requests had which latency when; darker is more. The table below has \
                 the count of each cell.";
    let mut legend = heat_legend();
    legend.extend(gaps::legend(&gaps));
    let map = Heatmap {
        label: label.to_owned(),
        time: (step_times(steps, 0).0, step_times(steps, steps.len() - 1).1),
        cells: heat_cells(cells, "request_count", "requests"),
        fine,
        gaps,
        limit,
        shared: None,
    };
    Drawing {
        id: "latency-heatmap".to_owned(),
        title: Text::from("How many requests had which latency"),
        description: label.to_owned(),
        svg: heatmap(&map),
        legend,
        queries: vec!["latency_heatmap".to_owned(), "fine_cells".to_owned()],
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

/// The cells of a heatmap for parts of its time: of requests, or of writes.
pub(super) fn fine_cells(answers: &Answers, what: &str) -> Option<FineCells> {
    let answer = answers.rows("fine_cells")?;
    let rows = (0..answer.len()).filter(|row| answer.text(*row, "what") == what);
    let mut step_ns = 0;
    let mut classes: Vec<FineClass> = Vec::new();
    let mut cells = Vec::new();
    for row in rows {
        let low = answer.number(row, "low_ms")?;
        let known = classes.iter().position(|class| class.low == low);
        let class = known.unwrap_or(classes.len());
        if known.is_none() {
            classes.push(FineClass {
                low,
                high: answer.number(row, "high_ms")?,
                label: format!(
                    "{} to {}",
                    answer.cell(row, "low_ms").text(),
                    answer.cell(row, "high_ms").text_with_unit()
                ),
            });
        }
        step_ns = answer.value(row, "step_ns").int()?;
        cells.push(FineCell {
            start_ns: answer.time(row, "start_time")?,
            class,
            count: answer.value(row, "cell_count").int()?,
        });
    }
    (!cells.is_empty()).then(|| FineCells {
        step_ns,
        classes,
        cells,
        noun: what.to_owned(),
    })
}

/// The cells of a heatmap for those who do not see it, folded.
pub(super) fn heat_table(
    cells: &Answer,
    id: &str,
    title: &str,
    (count, heading): (&str, &str),
) -> Block {
    let table = steps_table(
        cells,
        id,
        title.into(),
        &[
            ("start_time", "From (UTC)"),
            ("low_ms", "At least"),
            ("high_ms", "Less than"),
            (count, heading),
        ],
    );
    Block::More(title.into(), vec![Block::Table(table)])
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
