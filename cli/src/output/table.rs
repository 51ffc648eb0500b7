//! Results as a table that fits the terminal.

use std::io::Write;

use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::output::visible::visible;
use crate::screen::Screen;

/// Rows that a table shows; who wants more wants another format.
const MAX_ROWS: usize = 10_000;

/// Widest a cell gets before its text is cut.
const MAX_CELL_WIDTH: usize = 60;

/// Collects rows as text; widths are known only at the end.
pub(super) struct TableWriter<'a> {
    schema: SchemaRef,
    screen: &'a Screen,
    is_terminal: bool,
    rows: Vec<Vec<String>>,
    row_count: usize,
}

impl<'a> TableWriter<'a> {
    pub(super) fn new(schema: &SchemaRef, screen: &'a Screen, is_terminal: bool) -> Self {
        Self {
            schema: SchemaRef::clone(schema),
            screen,
            is_terminal,
            rows: Vec::new(),
            row_count: 0,
        }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        self.row_count += batch.num_rows();
        let room = MAX_ROWS
            .saturating_sub(self.rows.len())
            .min(batch.num_rows());
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

    pub(super) fn finish(self, out: &mut impl Write) -> anyhow::Result<()> {
        let names: Vec<&String> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name())
            .collect();
        let shown = self.shown_columns();
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if self.screen.colors_output() {
            table.enforce_styling();
        }
        table.set_header(shown.iter().map(|&column| {
            let cell = Cell::new(visible(names[column])).set_alignment(self.alignment(column));
            if self.screen.colors_output() {
                cell.add_attribute(Attribute::Bold)
            } else {
                cell
            }
        }));
        for row in &self.rows {
            table.add_row(
                shown
                    .iter()
                    .map(|&column| Cell::new(&row[column]).set_alignment(self.alignment(column))),
            );
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        let rows = if self.row_count == 1 { "row" } else { "rows" };
        let count = format!("({} {rows})", self.row_count);
        writeln!(out, "{}", self.screen.dim(&count))?;
        out.flush()?; // before the notes, which go to standard error
        if self.row_count > self.rows.len() {
            let text = format!(
                "only the first {} rows are shown: use LIMIT, or --format csv, ndjson or parquet",
                self.rows.len()
            );
            self.screen.note(&text);
        }
        if shown.len() < names.len() {
            let hidden = (0..names.len()).filter(|column| !shown.contains(column));
            let hidden: Vec<&str> = hidden.map(|column| names[column].as_str()).collect();
            let text = format!(
                "columns that did not fit: {} (a wider terminal, --format csv, or SELECT shows them)",
                hidden.join(", ")
            );
            self.screen.note(&text);
        }
        Ok(())
    }

    /// The leading columns that fit the terminal; all of them when there is none. Canned queries
    /// therefore put the columns that matter most first.
    fn shown_columns(&self) -> Vec<usize> {
        let all = 0..self.schema.fields().len();
        let Some(width) = self.is_terminal.then(terminal_width).flatten() else {
            return all.collect();
        };
        let mut used = 0;
        let fits = |column: &usize| {
            let cells = self.rows.iter().map(|row| row[*column].chars().count());
            let name = self.schema.field(*column).name().chars().count();
            used += cells.max().unwrap_or(0).max(name) + 2;
            used <= width || *column == 0
        };
        all.take_while(fits).collect()
    }

    fn alignment(&self, column: usize) -> CellAlignment {
        if self.schema.field(column).data_type().is_numeric() {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        }
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
    let text = visible(&text);
    if text.chars().count() > MAX_CELL_WIDTH {
        text.chars().take(MAX_CELL_WIDTH - 1).chain(['…']).collect()
    } else {
        text.into_owned()
    }
}

fn terminal_width() -> Option<usize> {
    let from_variable = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok());
    from_variable.or_else(|| comfy_table::Table::new().width().map(usize::from))
}
