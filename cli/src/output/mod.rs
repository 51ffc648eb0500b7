//! Writing query results: as a table for people, or in a format for programs.

mod columns;
mod formula;
mod output_file;
mod pager;
mod result_output;
pub(crate) mod sections;
mod spreadsheet;
mod table;
pub(crate) mod text_heatmap;
pub(crate) mod visible;
mod zoned;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ValueEnum;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::arrow::{csv, json};
use datafusion::parquet::arrow::ArrowWriter;
use futures::StreamExt;
use kcorr_engine::{PlannedQuery, TerminalColumns};

use crate::objective::Objective;
use crate::screen::Screen;
use crate::time_zone::TimeZone;
pub(crate) use output_file::OutputFile;
pub(crate) use result_output::ResultOutput;
use spreadsheet::Spreadsheet;
use table::{Layout, TableWriter};
use visible::visible;
pub(crate) use zoned::zoned;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; columns that do not fit the terminal are left out and named
    Table,
    /// A header line, then rows
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Ndjson,
    /// A Parquet file
    Parquet,
    /// An Arrow IPC file (Feather)
    Arrow,
    /// An Excel workbook, a sheet for each result; texts are never formulas
    Xlsx,
}

impl Format {
    /// Refuses several results in a format that holds one.
    pub(crate) fn check_count(self, results: usize) -> anyhow::Result<()> {
        if results > 1 && matches!(self, Self::Parquet | Self::Arrow | Self::Json) {
            bail!(
                "the query has several statements: only table, csv, ndjson and xlsx take several results"
            );
        }
        Ok(())
    }
}

/// Where results go: standard output or a file.
pub(crate) struct Destination<'a> {
    format: Format,
    screen: &'a Screen,
    out: Option<OutputFile>,
    /// Whether cells of CSV that begin like a formula are marked as text.
    guards_formulas: bool,
    /// How a table is laid out.
    layout: Layout,
    /// The workbook, of that format, and what its next sheet is called.
    sheets: Option<Spreadsheet>,
    title: String,
}

impl<'a> Destination<'a> {
    /// Begins the output file, or takes standard output.
    pub(crate) fn new(
        format: Format,
        file: Option<&Path>,
        is_wide: bool,
        screen: &'a Screen,
    ) -> anyhow::Result<Self> {
        let file = file.filter(|path| *path != Path::new("-"));
        let is_terminal = file.is_none() && io::stdout().is_terminal();
        if matches!(format, Format::Parquet | Format::Arrow | Format::Xlsx) && is_terminal {
            bail!("Parquet, Arrow and Excel are not for a terminal: name a file with --output");
        }
        let out = match file {
            // A table's cells are made visible one by one; its own styles are not.
            None if format == Format::Table && is_terminal => OutputFile::paged(is_wide),
            None if format == Format::Table => OutputFile::stdout(),
            file => OutputFile::create(file.unwrap_or(Path::new("-")))?,
        };
        Ok(Self {
            format,
            screen,
            out: Some(out),
            guards_formulas: false,
            layout: Layout {
                is_terminal,
                is_wide,
                ..Layout::default()
            },
            sheets: (format == Format::Xlsx).then(|| Spreadsheet::new(screen.zone())),
            title: "rows".to_owned(),
        })
    }

    /// What the next sheet of a workbook is called.
    pub(crate) fn titles(&mut self, title: &str) {
        title.clone_into(&mut self.title);
    }

    /// Whether cells of CSV that a spreadsheet would take for a formula are marked as text.
    pub(crate) fn guards_formulas(&mut self, guards: bool) {
        self.guards_formulas = guards;
    }

    /// How many rows of a table a terminal shows; `None` for all.
    pub(crate) fn shows_on_terminal(&mut self, row_count: Option<usize>) {
        self.layout.terminal_rows = row_count;
    }

    /// Whether a table has a column a line, a row below the other.
    pub(crate) fn expands(&mut self, is_expanded: bool) {
        self.layout.is_expanded = is_expanded;
    }

    /// The columns that a terminal shows; the leading ones when that is not said.
    pub(crate) fn chooses(&mut self, columns: Option<TerminalColumns>) {
        self.layout.columns = columns;
    }

    /// Runs a query and writes its rows as they come.
    pub(crate) async fn write(&mut self, query: PlannedQuery) -> anyhow::Result<()> {
        let schema = query.schema();
        let mut stream = query.run().await?;
        // Queries are planned without their rows: the stream's schema is the one that rows have.
        let schema = if stream.schema().fields().is_empty() {
            schema
        } else {
            stream.schema()
        };
        let mut out = self.out.take().context("the output is closed")?;
        let mut sheets = self.sheets.take();
        let mut rows = RowWriter::new(self, &schema, &mut out, &mut sheets)?;
        while let Some(batch) = stream.next().await {
            rows.add(&batch?)?;
        }
        rows.finish()?;
        (self.out, self.sheets) = (Some(out), sheets);
        Ok(())
    }

    /// Runs an EXPLAIN and writes its plans as text, an operator a line.
    pub(crate) async fn write_plan(&mut self, query: PlannedQuery) -> anyhow::Result<()> {
        let mut stream = query.run().await?;
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let options = FormatOptions::default();
            let columns = batch.columns().iter();
            let columns = columns.map(|column| ArrayFormatter::try_new(column, &options));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
                self.write_text(&format!("{}\n", cells.join("\n")))?;
            }
        }
        Ok(())
    }

    /// Writes a line or more.
    pub(crate) fn write_text(&mut self, text: &str) -> anyhow::Result<()> {
        let out = self.out.as_mut().context("the output is closed")?;
        writeln!(out, "{}", visible(text.trim_end()))?;
        Ok(())
    }

    /// Writes a heading, after a gap.
    pub(crate) fn write_heading(&mut self, title: &str) -> anyhow::Result<()> {
        let out = self.out.as_mut().context("the output is closed")?;
        writeln!(out, "\n{}", self.screen.heading(&visible(title)))?;
        Ok(())
    }

    /// Says from which latency on requests are slow in what was written: below a table, or beside what is for
    /// programs.
    pub(crate) fn say_objective(&mut self, objective: Option<&Objective>) -> anyhow::Result<()> {
        match objective {
            Some(objective) if self.format == Format::Table => {
                self.write_text(&objective.to_string())
            }
            Some(objective) => {
                self.screen.note(&objective.to_string());
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Writes rows that are there.
    pub(crate) fn write_batch(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let mut out = self.out.take().context("the output is closed")?;
        let mut sheets = self.sheets.take();
        let mut rows = RowWriter::new(self, &batch.schema(), &mut out, &mut sheets)?;
        rows.add(batch)?;
        rows.finish()?;
        (self.out, self.sheets) = (Some(out), sheets);
        Ok(())
    }

    /// Makes sure that everything is written, and puts the file in its place.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Some(mut out) = self.out else {
            return Ok(());
        };
        if let Some(sheets) = self.sheets {
            out.write_all(&sheets.into_bytes()?)?;
        }
        out.finish()
    }
}

type Out = OutputFile;

/// The rows of one result on their way out.
enum RowWriter<'a, 'b> {
    Table(TableWriter<'a>, &'b mut Out),
    Csv(Box<csv::Writer<&'b mut Out>>, bool, TimeZone),
    Json(json::Writer<&'b mut Out, json::writer::JsonArray>, TimeZone),
    Ndjson(
        json::Writer<&'b mut Out, json::writer::LineDelimited>,
        TimeZone,
    ),
    Parquet(Box<ArrowWriter<&'b mut Out>>),
    Arrow(Box<FileWriter<&'b mut Out>>),
    Xlsx(&'b mut Spreadsheet),
}

impl<'a, 'b> RowWriter<'a, 'b> {
    fn new(
        destination: &Destination<'a>,
        schema: &SchemaRef,
        out: &'b mut Out,
        sheets: &'b mut Option<Spreadsheet>,
    ) -> anyhow::Result<Self> {
        let zone = destination.screen.zone();
        Ok(match destination.format {
            Format::Table => {
                let layout = destination.layout.clone();
                Self::Table(TableWriter::new(schema, destination.screen, layout), out)
            }
            Format::Csv => {
                let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
                let is_guarded = destination.guards_formulas;
                // The header, also of no rows.
                let none = RecordBatch::new_empty(SchemaRef::clone(schema));
                writer.write(&csv_cells(&none, is_guarded)?)?;
                Self::Csv(Box::new(writer), is_guarded, zone)
            }
            Format::Json => Self::Json(json_writer().build(out), zone),
            Format::Ndjson => Self::Ndjson(json_writer().build(out), zone),
            Format::Parquet => {
                let schema = SchemaRef::clone(schema);
                Self::Parquet(Box::new(ArrowWriter::try_new(out, schema, None)?))
            }
            Format::Arrow => Self::Arrow(Box::new(FileWriter::try_new(out, schema)?)),
            Format::Xlsx => {
                let sheets = sheets.as_mut().context("there is no workbook")?;
                sheets.begin(&destination.title, schema)?;
                Self::Xlsx(sheets)
            }
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        match self {
            Self::Table(writer, _) => writer.add(batch)?,
            Self::Csv(writer, is_guarded, zone) => {
                writer.write(&csv_cells(&zoned(batch, *zone)?, *is_guarded)?)?;
            }
            Self::Json(writer, zone) => writer.write(&zoned(batch, *zone)?)?,
            Self::Ndjson(writer, zone) => writer.write(&zoned(batch, *zone)?)?,
            Self::Parquet(writer) => writer.write(batch)?,
            Self::Arrow(writer) => writer.write(batch)?,
            Self::Xlsx(sheets) => sheets.add(batch)?,
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Table(writer, out) => writer.finish(out)?,
            Self::Csv(..) | Self::Xlsx(_) => {}
            Self::Json(mut writer, _) => {
                writer.finish()?;
                writeln!(writer.into_inner())?;
            }
            Self::Ndjson(mut writer, _) => writer.finish()?,
            Self::Parquet(writer) => {
                writer.close()?;
            }
            Self::Arrow(mut writer) => writer.finish()?,
        }
        Ok(())
    }
}

/// Every object has every key.
fn json_writer() -> json::WriterBuilder {
    json::WriterBuilder::new().with_explicit_nulls(true)
}

/// Rows as CSV has them, and as a spreadsheet may have them.
fn csv_cells(batch: &RecordBatch, is_guarded: bool) -> anyhow::Result<RecordBatch> {
    let flat = flat(batch)?;
    if is_guarded {
        formula::guarded(&flat)
    } else {
        Ok(flat)
    }
}

/// CSV has no lists: they become text.
fn flat(batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = batch.schema();
    if !schema
        .fields()
        .iter()
        .any(|field| field.data_type().is_nested())
    {
        return Ok(batch.clone());
    }
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
            columns.push(cast(column, &DataType::Utf8)?);
        } else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
        }
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new(schema, columns)?)
}
