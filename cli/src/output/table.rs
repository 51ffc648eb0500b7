//! Results as a table that fits the terminal.

use std::borrow::Cow;
use std::io::Write;

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use kcorr_engine::TerminalColumns;
use kcorr_report::{Cause, cause};

use crate::output::columns::{self, Candidate, Shown};
use crate::output::visible::visible;
use crate::output::zoned::{is_moment, zoned};
use crate::screen::Screen;

/// Rows that a table shows; who wants more wants another format.
const MAX_ROWS: usize = 10_000;

/// Widest a cell gets before its text is cut.
const MAX_CELL_WIDTH: usize = 60;

/// Characters of a day in a time, and of the space behind it.
const DAY_WIDTH: usize = "2026-11-20 ".len();

/// How a table is laid out.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// Whether it goes to a terminal, which has a width.
    pub(super) is_terminal: bool,
    /// Rows that a terminal shows; `None` for all.
    pub(super) terminal_rows: Option<usize>,
    /// Whether a row is written as lines, a column a line.
    pub(super) is_expanded: bool,
    /// Whether a terminal shows all columns, whatever its width.
    pub(super) is_wide: bool,
    /// The columns that a terminal shows; the leading ones when that is not said.
    pub(super) columns: Option<TerminalColumns>,
}

/// Collects rows as text; widths are known only at the end.
pub(super) struct TableWriter<'a> {
    schema: SchemaRef,
    screen: &'a Screen,
    layout: Layout,
    most_rows: usize,
    /// The day of all times, when it is said once below the table.
    day: Option<String>,
    rows: Vec<Vec<String>>,
    row_count: usize,
}

impl<'a> TableWriter<'a> {
    pub(super) fn new(schema: &SchemaRef, screen: &'a Screen, layout: Layout) -> Self {
        let on_terminal = layout.terminal_rows.filter(|_| layout.is_terminal);
        Self {
            most_rows: on_terminal.unwrap_or(MAX_ROWS),
            schema: SchemaRef::clone(schema),
            screen,
            layout,
            day: None,
            rows: Vec::new(),
            row_count: 0,
        }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        self.row_count += batch.num_rows();
        let room = self
            .most_rows
            .saturating_sub(self.rows.len())
            .min(batch.num_rows());
        let batch = &zoned(batch, self.screen.zone())?;
        let options = FormatOptions::default()
            .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
            .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.3f"));
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..room {
            let cells = batch.columns().iter().zip(&formatters);
            let cells = cells.map(|(column, formatter)| cell(column.as_ref(), formatter, row));
            self.rows.push(cells.collect());
        }
        Ok(())
    }

    pub(super) fn finish(mut self, out: &mut impl Write) -> anyhow::Result<()> {
        let hidden = match self.layout.is_expanded {
            true => {
                self.write_expanded(out)?;
                0
            }
            false => {
                self.day = self.common_day();
                self.schema.fields().len() - self.write_table(out)?
            }
        };
        writeln!(out, "{}", self.screen.dim(&self.counted()))?;
        out.flush()?; // before the notes, which go to standard error
        if self.row_count > self.rows.len() {
            let more = match self.most_rows {
                MAX_ROWS => "use LIMIT, or --format csv, ndjson or parquet",
                _ => "--all shows the others",
            };
            let text = format!("only the first {} rows are shown: {more}", self.rows.len());
            self.note(&text, out)?;
        }
        if hidden > 0 {
            let columns = if hidden == 1 { "column" } else { "columns" };
            let text = format!("{hidden} more {columns}: --wide or --format csv shows all");
            self.note(&text, out)?;
        }
        Ok(())
    }

    /// A line for people: on a terminal below the table, which a pager may show, else beside it.
    fn note(&self, text: &str, out: &mut impl Write) -> anyhow::Result<()> {
        if !self.layout.is_terminal {
            self.screen.note(text);
        } else if !self.screen.is_quiet() {
            writeln!(out, "{}", self.screen.dim(&visible(text)))?;
        }
        Ok(())
    }

    /// `(81 rows; times in UTC)`
    fn counted(&self) -> String {
        let rows = if self.row_count == 1 { "row" } else { "rows" };
        let zone = self.screen.zone();
        let has_times = self.schema.fields().iter().any(|field| is_moment(field));
        match &self.day {
            Some(day) => format!("({} {rows}; times of {day} in {zone})", self.row_count),
            None if has_times => format!("({} {rows}; times in {zone})", self.row_count),
            None => format!("({} {rows})", self.row_count),
        }
    }

    /// The day of all times of a table for a terminal, which needs to say it only once.
    fn common_day(&self) -> Option<String> {
        if !self.layout.is_terminal || self.layout.is_wide {
            return None;
        }
        let fields = self.schema.fields().iter().enumerate();
        let times: Vec<usize> = fields
            .filter(|(_, field)| is_moment(field))
            .map(|(at, _)| at)
            .collect();
        let cells = self.rows.iter().flat_map(|row| {
            let cells = times.iter().map(|&column| row[column].as_str());
            cells.filter(|text| !text.is_empty())
        });
        let mut days = cells.map(|text| text.get(..DAY_WIDTH).unwrap_or_default().trim_end());
        let first = days.next().filter(|day| !day.is_empty())?;
        days.all(|day| day == first).then(|| first.to_owned())
    }

    /// Writes the columns that are shown, and says how many they are.
    fn write_table(&self, out: &mut impl Write) -> anyhow::Result<usize> {
        let fields = self.schema.fields();
        let shown = self.shown_columns();
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if self.screen.colors_output() {
            table.enforce_styling();
        }
        table.set_header(shown.iter().map(|&Shown { column, .. }| {
            let name = visible(fields[column].name());
            let cell = Cell::new(name).set_alignment(self.alignment(column));
            if self.screen.colors_output() {
                cell.add_attribute(Attribute::Bold)
            } else {
                cell
            }
        }));
        for row in &self.rows {
            let cells = shown.iter().map(|&Shown { column, width }| {
                let cell = Cell::new(cut(&self.shown(column, &row[column]), width));
                let known = self.cause(column, &row[column]);
                let cell = match known {
                    Some(known) if self.screen.colors_output() => cell.fg(colour_of(known)),
                    _ => cell,
                };
                cell.set_alignment(self.alignment(column))
            });
            table.add_row(cells);
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(shown.len())
    }

    /// Writes a column a line, a row below the other.
    fn write_expanded(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let fields = self.schema.fields();
        let widths = fields.iter().map(|field| field.name().chars().count());
        let width = widths.max().unwrap_or(0);
        for (at, row) in self.rows.iter().enumerate() {
            writeln!(out, "{}", self.screen.dim(&format!("row {}", at + 1)))?;
            for (column, text) in row.iter().enumerate() {
                let name = visible(fields[column].name());
                let text = self.shown(column, text);
                writeln!(out, "{}", format!("  {name:width$}  {text}").trim_end())?;
            }
        }
        Ok(())
    }

    /// The columns that are shown: those that answer, else the leading ones that fit the terminal, or all of them
    /// when there is none.
    fn shown_columns(&self) -> Vec<Shown> {
        let fields = self.schema.fields().iter().enumerate();
        let candidates = fields.map(|(column, field)| {
            let cells = self.rows.iter();
            let cells = cells.map(|row| self.shown(column, &row[column]).chars().count());
            Candidate {
                name: visible(field.name()).chars().count(),
                cells: cells.max().unwrap_or(0),
                is_text: !field.data_type().is_numeric() && !field.data_type().is_temporal(),
            }
        });
        let candidates: Vec<Candidate> = candidates.collect();
        let is_bounded = self.layout.is_terminal && !self.layout.is_wide;
        let width = is_bounded.then(terminal_width).flatten();
        match (width, &self.layout.columns) {
            (None, _) => columns::all(&candidates),
            (Some(width), None) => columns::leading(&candidates, width),
            (Some(width), Some(named)) => {
                columns::answering(&candidates, &self.schema, named, width)
            }
        }
    }

    /// A cell as people read it: on a terminal causes are told in words, and a day that all times have is not
    /// repeated.
    fn shown<'b>(&self, column: usize, text: &'b str) -> Cow<'b, str> {
        if self.day.is_some() && is_moment(self.schema.field(column)) {
            return text.get(DAY_WIDTH..).unwrap_or_default().into();
        }
        match self.cause(column, text).filter(|_| self.layout.is_terminal) {
            Some(known) => known.label(),
            None => text.into(),
        }
    }

    /// The cause that a cell tells.
    fn cause(&self, column: usize, text: &str) -> Option<Cause> {
        let is_one = self.schema.field(column).name() == "cause";
        is_one.then(|| cause(text)).flatten()
    }

    fn alignment(&self, column: usize) -> CellAlignment {
        if self.schema.field(column).data_type().is_numeric() {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        }
    }
}

/// The colour of a cause, by what was at its root.
fn colour_of(cause: Cause) -> Color {
    match cause.root() {
        "slow_write" | "slow_sync" | "slow_read" => Color::Red,
        "lock_other" => Color::Blue,
        "pause" | "cpu" | "cpu_throttle" | "memory" => Color::Yellow,
        "remote" | "network" | "network_thread" | "receive" | "response" => Color::Cyan,
        "throttled" => Color::Magenta,
        _ => Color::DarkGrey,
    }
}

fn cell(column: &dyn Array, formatter: &ArrayFormatter<'_>, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    let text = match column.data_type() {
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(row);
            format!("{value:.3}")
        }
        _ => formatter.value(row).to_string(),
    };
    let text = text.replace(['\n', '\r', '\t'], " ");
    cut(&visible(&text), MAX_CELL_WIDTH)
}

/// The text, or its beginning where it has more characters than that.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() > width {
        text.chars().take(width.max(1) - 1).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

fn terminal_width() -> Option<usize> {
    let from_variable = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    from_variable.or_else(|| comfy_table::Table::new().width().map(usize::from))
}
