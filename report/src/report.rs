//! What a report is made of: sections of blocks. The three forms write the same model.

use maud::Markup;

use crate::{Cell, QueryText, Text};

/// A report.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// What it is about, below the title.
    pub subtitle: Text,
    /// What it rests on and was made with, each with its name.
    pub facts: Vec<(&'static str, Text)>,
    /// Its sections, in order.
    pub sections: Vec<Section>,
    /// How the queries and the numbers belong together.
    pub queries_note: Text,
    /// The queries behind its numbers, and those that these build on.
    pub queries: Vec<QueryText>,
}

/// A section.
#[derive(Debug, Clone)]
pub struct Section {
    /// Name in links.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug, Clone)]
pub enum Block {
    /// The sentence to read if only one is read.
    Headline(Text),
    /// A paragraph.
    Paragraph(Text),
    /// Points.
    List(Vec<Text>),
    /// A heading inside a section, with the id that links lead to.
    Heading(String, Text),
    /// Single numbers.
    Figures(Vec<Figure>),
    /// A table.
    Table(Table),
    /// A drawing.
    Drawing(Drawing),
    /// Drawings to be compared, on one scale.
    Beside(Vec<Drawing>),
    /// Something that limits what the section shows.
    Note(Text),
    /// Blocks that are shown when asked for, under a summary.
    More(Text, Vec<Block>),
}

/// A number with a label.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number.
    pub cell: Cell,
    /// More about it.
    pub note: Option<Text>,
}

/// A table: rows of one query.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Name in links.
    pub id: String,
    /// What its rows are.
    pub caption: Text,
    /// Its query.
    pub query: String,
    /// Its columns.
    pub columns: Vec<TableColumn>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// What was left out; empty when nothing was.
    pub omitted: Option<Text>,
    /// Whether it can be filtered and follows the zoom of charts.
    pub is_filtered: bool,
    /// How many rows are shown before the others are asked for; `None` for all.
    pub first_rows: Option<usize>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Column of the query.
    pub column: String,
    /// Its heading, with the unit.
    pub label: String,
    /// What it holds.
    pub doc: String,
}

/// A row of a table.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// One cell a column.
    pub cells: Vec<Cell>,
    /// Name in links; empty when nothing leads to it.
    pub id: String,
    /// When it begins and ends, in ns since 1970, to follow the zoom of charts.
    pub time: Option<(i64, i64)>,
    /// What is shown of it when asked for.
    pub detail: Vec<Block>,
}

/// A drawing.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// Name in links.
    pub id: String,
    /// What it shows.
    pub title: Text,
    /// The same for those who do not see it.
    pub description: String,
    /// The SVG.
    pub svg: Markup,
    /// Colour classes and what they mean.
    pub legend: Vec<(String, String)>,
    /// The queries it is drawn from.
    pub queries: Vec<String>,
}

impl Table {
    /// A table of the rows of an answer in some columns, each given with its label.
    pub fn of(answer: &crate::Answer, id: &str, caption: Text, columns: &[(&str, &str)]) -> Self {
        let column = |&(name, label): &(&str, &str)| {
            let known = answer.columns().iter().find(|c| &*c.name == name);
            let unit = crate::cell::unit(name);
            // Headings name the zone of times where that is UTC.
            let label = label.replace("(UTC)", &format!("({})", answer.zone()));
            TableColumn {
                column: name.to_owned(),
                label: match unit.trim() {
                    "" => label,
                    unit => format!("{label} ({unit})"),
                },
                doc: known.map(|c| c.doc.clone()).unwrap_or_default(),
            }
        };
        let row = |row| Row {
            cells: columns
                .iter()
                .map(|(name, _)| answer.cell(row, name))
                .collect(),
            ..Row::default()
        };
        Self {
            id: id.to_owned(),
            caption,
            query: answer.query().name.clone(),
            columns: columns.iter().map(column).collect(),
            rows: (0..answer.len()).map(row).collect(),
            ..Self::default()
        }
    }

    /// A table of all columns of an answer, headed by their names.
    pub fn whole(answer: &crate::Answer, id: &str, caption: Text) -> Self {
        let names: Vec<String> = answer
            .columns()
            .iter()
            .map(|c| c.name.to_string())
            .collect();
        let labels: Vec<String> = names.iter().map(|name| label_from_name(name)).collect();
        let columns: Vec<(&str, &str)> = names
            .iter()
            .zip(&labels)
            .map(|(name, label)| (name.as_str(), label.as_str()))
            .collect();
        Self::of(answer, id, caption, &columns)
    }
}

/// `clock_offset_ms` → `Clock offset`.
fn label_from_name(name: &str) -> String {
    let stem = ["_ms", "_us", "_ns", "_ppm", "_ratio", "_s"]
        .iter()
        .find_map(|unit| name.strip_suffix(unit))
        .unwrap_or(name);
    let mut label = stem.replace('_', " ");
    if let Some(first) = label.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    label
}
