//! The comparison of stores as a report: what differs, heatmaps on one scale, and the tables.
//!
//! Its answers are the tables `latency`, `causes`, `differences` and `heatmap` of `kcorr compare`; the
//! first store in them is what the others are compared with.

use crate::chart::{HeatCell, HeatScale, Heatmap, heatmap};
use crate::sections::heat_legend;
use crate::{Answer, Answers, Block, Cell, Drawing, Report, Section, Table, Text, Value};

const NS: i64 = 1_000_000_000;

/// What the columns of the tables hold.
static COLUMNS: &[(&str, &str)] = &[
    ("store", "the store"),
    ("statistic", "what was measured of its produce requests"),
    ("value", "its value"),
    ("low", "lower end of the value's 95 % confidence interval"),
    ("high", "upper end of the value's 95 % confidence interval"),
    ("ratio", "the value divided by that of the first store"),
    (
        "ratio_low",
        "lower end of the ratio's 95 % confidence interval; an interval that holds 1 may be chance",
    ),
    (
        "ratio_high",
        "upper end of the ratio's 95 % confidence interval",
    ),
    ("place", "1 for the store with the highest value"),
    ("cause", "what the slow requests waited for"),
    ("slow_count", "slow requests"),
    ("slow_per_1000", "slow requests among 1,000"),
    ("dimension", "what the requests are grouped by"),
    ("name", "the group"),
    (
        "change_per_1000",
        "slow requests among 1,000, more than in the first store",
    ),
    (
        "base_slow_per_1000",
        "slow requests among 1,000 in the first store",
    ),
    ("base_slow_count", "slow requests in the first store"),
    ("request_count", "produce requests"),
    ("base_request_count", "produce requests in the first store"),
    ("p99_ms", "99th percentile of the latency"),
    (
        "base_p99_ms",
        "99th percentile of the latency in the first store",
    ),
    (
        "bin_start_s",
        "start of the column, after the first arrival",
    ),
    ("bin_s", "its width"),
    (
        "bound_ms",
        "latencies up to this; none for those above the last bound",
    ),
];

/// What a column of a comparison's tables holds.
pub fn column_doc(name: &str) -> &'static str {
    let known = COLUMNS.iter().find(|(known, _)| *known == name);
    known.map_or("", |(_, doc)| doc)
}

impl Report {
    /// The comparison of stores.
    pub fn comparison(answers: &Answers) -> Self {
        Self {
            title: "Kafka tail latency: comparison".to_owned(),
            subtitle: subtitle(answers),
            facts: Vec::new(),
            sections: [
                summary(answers),
                heatmaps(answers),
                latency(answers),
                causes(answers),
                differences(answers),
            ]
            .into_iter()
            .flatten()
            .collect(),
            queries_note: Text::from("Every number above is a cell of one of these tables; ")
                .code("kcorr compare --format json")
                .and(
                    " gives them whole. With each is the canned query that it is computed from. Confidence \
                     intervals come from resampling the latencies in blocks of time.",
                ),
            queries: answers.iter().map(|answer| answer.query().clone()).collect(),
        }
    }
}

/// The stores in order, each as the first cell that names it.
fn stores(answer: &Answer) -> Vec<Cell> {
    let mut stores: Vec<Cell> = Vec::new();
    for row in 0..answer.len() {
        let cell = answer.cell(row, "store");
        if stores.iter().all(|known| known.value != cell.value) {
            stores.push(cell);
        }
    }
    stores
}

fn subtitle(answers: &Answers) -> Text {
    let mut text = Text::default();
    let stores = answers.rows("latency").map(stores).unwrap_or_default();
    for (at, store) in stores.into_iter().enumerate() {
        text = match at {
            0 => text,
            1 => text.and(" against "),
            _ => text.and(", "),
        };
        text = text.and(store);
    }
    text
}

fn summary(answers: &Answers) -> Option<Section> {
    let latency = answers.rows("latency")?;
    let stores = stores(latency);
    let (first, others) = stores.split_first()?;
    let mut blocks = Vec::new();
    for store in others {
        if let Some(text) = change(latency, "p999_ms", store, first) {
            blocks.push(Block::Headline(text));
        }
        let statistics = ["p50_ms", "p99_ms", "max_ms", "slow_count"];
        let points = statistics
            .iter()
            .filter_map(|name| change(latency, name, store, first));
        blocks.push(Block::List(points.collect()));
    }
    blocks.push(Block::Note(
        "A recording shows what one broker did under the load it had: whether the stores had the same load \
         is for whoever recorded them to know."
            .into(),
    ));
    Some(section("summary", "Summary", blocks))
}

/// A statistic of a store against that of the first.
fn change(latency: &Answer, statistic: &str, store: &Cell, first: &Cell) -> Option<Text> {
    let row_of = |store: &Cell| {
        (0..latency.len()).find(|&row| {
            latency.text(row, "statistic") == statistic
                && *latency.value(row, "store") == store.value
        })
    };
    let (own, base) = (row_of(store)?, row_of(first)?);
    let (before, behind) = match statistic {
        "p50_ms" => ("The median latency of ", " ms"),
        "p99_ms" => ("The 99th percentile of ", " ms"),
        "p999_ms" => ("The 99.9th percentile of ", " ms"),
        "max_ms" => ("The slowest request of ", " ms"),
        _ => ("The number of slow requests of ", ""),
    };
    let verb = if statistic == "max_ms" {
        " took "
    } else {
        " is "
    };
    let mut text = Text::from(before)
        .and(latency.cell(own, "store"))
        .and(verb)
        .and(latency.cell(own, "value"))
        .and(behind)
        .and(" against ")
        .and(latency.cell(base, "value"))
        .and(behind)
        .and(" of ")
        .and(latency.cell(base, "store"));
    if *latency.value(own, "ratio") != Value::Null {
        text = text.and(", ").and(latency.cell(own, "ratio")).and(" times");
    }
    let low = latency.number(own, "ratio_low");
    if let Some((low, high)) = low.zip(latency.number(own, "ratio_high")) {
        text = text
            .and(" (95 % interval ")
            .and(latency.cell(own, "ratio_low"))
            .and(" to ")
            .and(latency.cell(own, "ratio_high"))
            .and(if low <= 1.0 && 1.0 <= high {
                ", so this may be chance)"
            } else {
                ")"
            });
    }
    Some(text.and("."))
}

fn heatmaps(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("heatmap")?;
    let stores = stores(answer);
    let rows_of = |store: &Cell| -> Vec<usize> {
        let rows = 0..answer.len();
        rows.filter(|&row| *answer.value(row, "store") == store.value)
            .collect()
    };
    let cells: Vec<Vec<HeatCell>> = stores
        .iter()
        .map(|store| {
            rows_of(store)
                .iter()
                .map(|&row| cell(answer, row))
                .collect()
        })
        .collect();
    let shared = HeatScale::holding(cells.iter().flatten());
    let end_ns = cells.iter().flatten().map(|cell| cell.end_ns).max()?;
    let drawing = |(at, (store, cells)): (usize, (&Cell, Vec<HeatCell>))| {
        let label = format!(
            "Heatmap of {}: how many produce requests had which latency when; darker is more. All heatmaps \
             have one scale.",
            store.text()
        );
        Drawing {
            id: format!("heatmap-{at}"),
            title: store.clone().into(),
            svg: heatmap(&Heatmap {
                fine: None,
                label: label.clone(),
                time: (0, end_ns),
                cells,
                limit: objective(answer).and_then(|objective| objective.parse().ok()),
                gaps: Vec::new(),
                shared: Some(shared),
            }),
            description: label,
            legend: heat_legend(),
            queries: vec!["heatmap".to_owned()],
        }
    };
    let drawings = stores.iter().zip(cells).enumerate().map(drawing).collect();
    let note = "Time is counted from the first request of each store. The axes and the shades are the same \
                in all; the dashed line is the objective.";
    Some(section(
        "heatmaps",
        "Latency over time",
        vec![Block::Paragraph(note.into()), Block::Beside(drawings)],
    ))
}

fn cell(answer: &Answer, row: usize) -> HeatCell {
    let seconds = |column| answer.value(row, column).int().unwrap_or(0);
    let start = seconds("bin_start_s");
    let bound = answer.number(row, "bound_ms");
    // Nothing says how far those above the last bound go.
    let (low, high) = bound.map_or((10_000.0, 25_000.0), |bound| (bound_below(bound), bound));
    HeatCell {
        start_ns: start.saturating_mul(NS),
        end_ns: start.saturating_add(seconds("bin_s")).saturating_mul(NS),
        low,
        high,
        count: answer.number(row, "request_count").unwrap_or(1.0),
        title: format!(
            "{} after the first: {} requests {}",
            answer.cell(row, "bin_start_s").text_with_unit(),
            answer.cell(row, "request_count").text(),
            match bound {
                Some(_) => format!("up to {}", answer.cell(row, "bound_ms").text_with_unit()),
                None => "above the last bound".to_owned(),
            }
        ),
    }
}

/// The bound before one in 1, 2.5, 5, 10, 25, 50, …
fn bound_below(bound: f64) -> f64 {
    let leading = bound / 10_f64.powf(bound.log10().floor());
    if (2.0..4.0).contains(&leading) {
        bound / 2.5
    } else {
        bound / 2.0
    }
}

fn latency(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("latency")?;
    let caption = match objective(answer) {
        Some(objective) => {
            let default = match answers.objective_is_default {
                true => " (the default objective; --slo sets another)",
                false => "",
            };
            format!("Latency of produce requests; slow: at least {objective} ms{default}")
        }
        None => "Latency of produce requests".to_owned(),
    };
    let mut columns = vec![("statistic", "Statistic"), ("store", "Store")];
    columns.extend(INTERVALS);
    columns.push(("place", "Place (1 is the highest)"));
    let table = Table::of(answer, "latency-table", caption.into(), &columns);
    let blocks = vec![Block::Table(table)];
    Some(section("latency", "Latency", blocks))
}

const INTERVALS: [(&str, &str); 6] = [
    ("value", "Value"),
    ("low", "95 % from"),
    ("high", "to"),
    ("ratio", "Times the first store's"),
    ("ratio_low", "95 % from"),
    ("ratio_high", "to"),
];

fn causes(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("causes")?;
    let mut columns = vec![
        ("cause", "Cause"),
        ("store", "Store"),
        ("slow_count", "Slow requests"),
        ("slow_per_1000", "Among 1,000 requests"),
    ];
    columns.extend(INTERVALS.iter().skip(1));
    let caption = "Slow requests by what they waited for";
    let blocks = vec![Block::Table(Table::of(
        answer,
        "causes-table",
        caption.into(),
        &columns,
    ))];
    Some(section("causes", "Causes", blocks))
}

fn differences(answers: &Answers) -> Option<Section> {
    let answer = answers.rows("differences")?;
    let caption = "What differs most from the first store: slow requests among 1,000";
    let blocks = vec![Block::Table(Table::whole(
        answer,
        "differences-table",
        caption.into(),
    ))];
    Some(section("differences", "Differences", blocks))
}

/// The objective that the comparison was made with, in ms.
fn objective(answer: &Answer) -> Option<&str> {
    let mut parameters = answer.query().parameters.iter();
    let found = parameters.find(|(name, _)| name == "slo_ms");
    found.map(|(_, value)| value.as_str())
}

fn section(id: &'static str, title: &str, blocks: Vec<Block>) -> Section {
    Section {
        id,
        title: title.to_owned(),
        blocks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_latency_leave_no_gap() {
        let bounds = [
            0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0,
        ];
        for pair in bounds.windows(2) {
            let below = bound_below(pair[1]);
            assert!((below - pair[0]).abs() < 1e-9, "{below} below {}", pair[1]);
        }
    }
}
