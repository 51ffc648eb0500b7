//! Several tables under headings: for people, as Markdown, or as one JSON object.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::json;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};

use kcorr_report::markdown::escaped;

use crate::output::table::{Layout, TableWriter};
use crate::output::visible::visible;
use crate::output::{OutputFile, json_writer};
use crate::screen::Screen;

/// How sections are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionFormat {
    /// For people
    Table,
    /// For a ticket or a wiki
    Markdown,
    /// One object, with an array of objects for each table
    Json,
}

/// A table with a heading.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    /// Its key in JSON.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) batch: &'a RecordBatch,
}

/// Where sections go: standard output or a file.
pub(crate) struct Sections<'a> {
    format: SectionFormat,
    screen: &'a Screen,
    layout: Layout,
    out: OutputFile,
    count: usize,
}

impl<'a> Sections<'a> {
    /// Opens the output file, or takes standard output.
    pub(crate) fn new(
        format: SectionFormat,
        file: Option<&Path>,
        screen: &'a Screen,
    ) -> anyhow::Result<Self> {
        let file = file.filter(|path| *path != Path::new("-"));
        let is_terminal = file.is_none() && io::stdout().is_terminal();
        Ok(Self {
            format,
            screen,
            layout: Layout {
                is_terminal,
                ..Layout::default()
            },
            out: match file {
                // A table's cells are made visible one by one; its own styles are not.
                None if format == SectionFormat::Table && is_terminal => OutputFile::paged(false),
                None if format == SectionFormat::Table => OutputFile::stdout(),
                file => OutputFile::create(file.unwrap_or(Path::new("-")))?,
            },
            count: 0,
        })
    }

    /// Writes a table.
    pub(crate) fn add(&mut self, section: &Section<'_>) -> anyhow::Result<()> {
        self.heading(&section.title)?;
        match self.format {
            SectionFormat::Table => {
                let schema = section.batch.schema();
                let mut table = TableWriter::new(&schema, self.screen, self.layout.clone());
                table.add(section.batch)?;
                table.finish(&mut self.out)?;
            }
            SectionFormat::Markdown => self.markdown(section.batch)?,
            SectionFormat::Json => {
                let start = if self.count == 0 { '{' } else { ',' };
                write!(self.out, "{start}\"{}\":", section.name)?;
                let mut writer = json_writer().build::<_, json::writer::JsonArray>(&mut self.out);
                writer.write(section.batch)?;
                writer.finish()?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// Writes a drawing, for people only.
    pub(crate) fn text(&mut self, title: &str, drawing: &str) -> anyhow::Result<()> {
        self.heading(title)?;
        match self.format {
            SectionFormat::Table => write!(self.out, "{}", visible(drawing))?,
            SectionFormat::Markdown => {
                let fence = fence(drawing);
                write!(self.out, "{fence}text\n{drawing}{fence}\n")?;
            }
            SectionFormat::Json => {}
        }
        self.count += 1;
        Ok(())
    }

    /// Makes sure that everything is written, and puts the file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if self.format == SectionFormat::Json {
            writeln!(self.out, "}}")?;
        }
        self.out.finish()
    }

    fn heading(&mut self, title: &str) -> anyhow::Result<()> {
        let gap = if self.count == 0 { "" } else { "\n" };
        match self.format {
            SectionFormat::Table => {
                writeln!(self.out, "{gap}{}", self.screen.heading(&visible(title)))?;
            }
            SectionFormat::Markdown => write!(self.out, "{gap}## {}\n\n", escaped(title))?,
            SectionFormat::Json => {}
        }
        Ok(())
    }

    fn markdown(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let schema = batch.schema();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        let names: Vec<String> = names.into_iter().map(escaped).collect();
        writeln!(self.out, "| {} |", names.join(" | "))?;
        let rules = schema.fields().iter().map(|field| {
            if field.data_type().is_numeric() {
                "---:"
            } else {
                "---"
            }
        });
        writeln!(self.out, "| {} |", rules.collect::<Vec<_>>().join(" | "))?;
        let options = FormatOptions::default();
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().zip(&formatters);
            let cells: Vec<String> = cells
                .map(|(column, formatter)| match column.data_type() {
                    _ if column.is_null(row) => String::new(),
                    DataType::Float64 => {
                        format!("{:.3}", column.as_primitive::<Float64Type>().value(row))
                    }
                    _ => escaped(&formatter.value(row).to_string()),
                })
                .collect();
            writeln!(self.out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// What encloses a text as it is: more back-ticks than it has in a row.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_what_it_encloses() {
        assert_eq!(fence("plain"), "```");
        assert_eq!(fence("a ``` b ````"), "`````");
    }
}
