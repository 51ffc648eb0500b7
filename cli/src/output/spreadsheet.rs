//! Answers as an Excel workbook: a sheet each, times as dates, and text that is never a formula.
//!
//! A cell of Excel is a float of 15 digits: whole numbers with more are text. Dates are those of the zone that was
//! asked for, which their format names, to the ms; before March 1900, where Excel's calendar is wrong, they are text. A
//! text of more than 32,767 characters is cut, and says so. What is more than a sheet has rows for goes on in another.

use anyhow::Context;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt64Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef, TimeUnit};
use datafusion::arrow::datatypes::{TimestampNanosecondType, UInt64Type};
use rust_xlsxwriter::{Format, Workbook, Worksheet};

use super::formula::is_like_a_formula;
use super::visible::visible;
use crate::time_zone::TimeZone;

/// Rows of a sheet, its header among them.
const MOST_ROWS: u32 = 1 << 20;

/// Characters of a cell, as Excel counts them.
const MOST_CHARACTERS: usize = 32_767;

/// Characters of a sheet's name.
const MOST_OF_NAME: usize = 31;

/// Whole numbers from this on have more digits than a cell.
const FIRST_INEXACT: u64 = 1_000_000_000_000_000;

/// Days from the first of Excel's calendar to 1970.
const DAYS_TO_1970: i64 = 25_569;

/// The first of March 1900: Excel has a 29th of February before it.
const FIRST_RIGHT_DAY: i64 = 61;

const NS_OF_DAY: i64 = 86_400_000_000_000;

/// A workbook that grows by sheets.
pub(super) struct Spreadsheet {
    book: Workbook,
    /// Names of the sheets, as Excel compares them.
    names: Vec<String>,
    /// The columns and the title of the sheet that is written.
    schema: Option<(String, SchemaRef)>,
    zone: TimeZone,
    /// Its next row.
    row: u32,
    header: Format,
    whole: Format,
    date: Format,
    guarded: Format,
}

/// A column's cells.
enum Cells {
    Boolean(BooleanArray),
    Int(Int64Array),
    Unsigned(UInt64Array),
    Float(Float64Array),
    Time(TimestampNanosecondArray),
    Text(StringArray),
}

impl Spreadsheet {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            book: Workbook::new(),
            names: Vec::new(),
            schema: None,
            zone,
            row: 0,
            header: Format::new().set_bold(),
            // All of its digits are shown.
            whole: Format::new().set_num_format("0"),
            date: Format::new()
                .set_num_format(format!("yyyy-mm-dd hh:mm:ss.000 \"{}\"", zone.name())),
            // It stays text when somebody edits it.
            guarded: Format::new().set_quote_prefix(),
        }
    }

    /// Begins a sheet with these columns.
    pub(super) fn begin(&mut self, title: &str, schema: &SchemaRef) -> anyhow::Result<()> {
        self.end()?;
        let name = self.name(title);
        let sheet = self.book.add_worksheet_with_constant_memory();
        sheet.set_name(&name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (at, field) in schema.fields().iter().enumerate() {
            let column = column(at)?;
            let least = match field.data_type() {
                DataType::Timestamp(..) => 26,
                kind if kind.is_numeric() => 10,
                _ => 18,
            };
            let width = field.name().chars().count().saturating_add(3).max(least);
            sheet.set_column_width(column, u16::try_from(width.min(60))?)?;
            sheet.write_string_with_format(0, column, cell_text(field.name()), &self.header)?;
        }
        self.schema = Some((title.to_owned(), SchemaRef::clone(schema)));
        self.row = 1;
        Ok(())
    }

    /// Adds rows to the sheet that was begun.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let columns = batch.columns().iter().map(Cells::of);
        let columns = columns.collect::<anyhow::Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            if self.row == MOST_ROWS {
                let (title, schema) = self.schema.clone().context("no sheet was begun")?;
                self.begin(&title, &schema)?;
            }
            let place = self.names.len().saturating_sub(1);
            let sheet = self.book.worksheet_from_index(place)?;
            let writer = Writer {
                whole: &self.whole,
                date: &self.date,
                guarded: &self.guarded,
                zone: self.zone,
                row: self.row,
            };
            for (at, cells) in columns.iter().enumerate() {
                writer.write(sheet, column(at)?, cells, row)?;
            }
            self.row += 1;
        }
        Ok(())
    }

    /// The file.
    pub(super) fn into_bytes(mut self) -> anyhow::Result<Vec<u8>> {
        self.end()?;
        Ok(self.book.save_to_buffer()?)
    }

    /// Lets the rows of the sheet be filtered.
    fn end(&mut self) -> anyhow::Result<()> {
        let Some((_, schema)) = self.schema.take() else {
            return Ok(());
        };
        if let Some(last) = schema.fields().len().checked_sub(1) {
            let place = self.names.len().saturating_sub(1);
            let sheet = self.book.worksheet_from_index(place)?;
            sheet.autofilter(0, 0, self.row.saturating_sub(1), column(last)?)?;
        }
        Ok(())
    }

    /// A name that no other sheet has, and that Excel takes.
    fn name(&mut self, title: &str) -> String {
        let is_refused = |c: char| c.is_control() || "[]:*?/\\'".contains(c);
        let plain: String = title
            .chars()
            .map(|c| if is_refused(c) { '_' } else { c })
            .collect();
        let plain = if plain.trim().is_empty() {
            "rows".to_owned()
        } else {
            plain
        };
        let numbers = 1_usize..;
        let mut names = numbers.map(|number| {
            let suffix = match number {
                1 => String::new(),
                _ => format!(" {number}"),
            };
            let room = MOST_OF_NAME.saturating_sub(suffix.len());
            // Excel counts in UTF-16.
            let mut used = 0;
            let fits = plain.chars().take_while(|c| {
                used += c.len_utf16();
                used <= room
            });
            fits.chain(suffix.chars()).collect::<String>()
        });
        let free = names.find(|name| !self.names.contains(&name.to_lowercase()));
        let name = free.unwrap_or_default();
        self.names.push(name.to_lowercase());
        name
    }
}

impl Cells {
    fn of(column: &ArrayRef) -> anyhow::Result<Self> {
        let to = |kind| cast(column, &kind);
        Ok(match column.data_type() {
            DataType::Boolean => Self::Boolean(column.as_boolean().clone()),
            DataType::UInt64 => Self::Unsigned(column.as_primitive::<UInt64Type>().clone()),
            kind if kind.is_integer() => {
                Self::Int(to(DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            kind if kind.is_floating() => {
                Self::Float(to(DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            DataType::Timestamp(_, Some(zone)) => {
                let moments = to(DataType::Timestamp(
                    TimeUnit::Nanosecond,
                    Some(zone.clone()),
                ))?;
                Self::Time(moments.as_primitive::<TimestampNanosecondType>().clone())
            }
            _ => Self::Text(to(DataType::Utf8)?.as_string::<i32>().clone()),
        })
    }

    fn array(&self) -> &dyn Array {
        match self {
            Self::Boolean(array) => array,
            Self::Int(array) => array,
            Self::Unsigned(array) => array,
            Self::Float(array) => array,
            Self::Time(array) => array,
            Self::Text(array) => array,
        }
    }
}

/// Writes cells of a row.
struct Writer<'a> {
    whole: &'a Format,
    date: &'a Format,
    guarded: &'a Format,
    zone: TimeZone,
    row: u32,
}

impl Writer<'_> {
    fn write(
        &self,
        sheet: &mut Worksheet,
        column: u16,
        cells: &Cells,
        at: usize,
    ) -> anyhow::Result<()> {
        if cells.array().is_null(at) {
            return Ok(());
        }
        match cells {
            Cells::Boolean(cells) => {
                sheet.write_boolean(self.row, column, cells.value(at))?;
            }
            Cells::Int(cells) => self.whole_number(sheet, column, i128::from(cells.value(at)))?,
            Cells::Unsigned(cells) => {
                self.whole_number(sheet, column, i128::from(cells.value(at)))?
            }
            Cells::Float(cells) if cells.value(at).is_finite() => {
                sheet.write_number(self.row, column, cells.value(at))?;
            }
            Cells::Float(cells) => {
                sheet.write_string(self.row, column, cells.value(at).to_string())?;
            }
            Cells::Time(cells) => self.time(sheet, column, cells.value(at))?,
            Cells::Text(cells) => self.text(sheet, column, cells.value(at))?,
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "it is less than 2^53")]
    fn whole_number(&self, sheet: &mut Worksheet, column: u16, number: i128) -> anyhow::Result<()> {
        match i64::try_from(number) {
            Ok(exact) if exact.unsigned_abs() < FIRST_INEXACT => {
                sheet.write_number_with_format(self.row, column, exact as f64, self.whole)?;
            }
            _ => {
                sheet.write_string(self.row, column, number.to_string())?;
            }
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a day has less than 2^53 ns")]
    fn time(&self, sheet: &mut Worksheet, column: u16, ns: i64) -> anyhow::Result<()> {
        let wall = self.zone.wall_time(ns).and_utc();
        let day = wall.timestamp().div_euclid(86_400) + DAYS_TO_1970;
        if day < FIRST_RIGHT_DAY {
            return self.text(sheet, column, &wall.naive_utc().to_string());
        }
        let ns_of_day = wall.timestamp().rem_euclid(86_400) * 1_000_000_000
            + i64::from(wall.timestamp_subsec_nanos());
        let serial = day as f64 + ns_of_day as f64 / NS_OF_DAY as f64;
        sheet.write_number_with_format(self.row, column, serial, self.date)?;
        Ok(())
    }

    fn text(&self, sheet: &mut Worksheet, column: u16, text: &str) -> anyhow::Result<()> {
        let shown = cell_text(text);
        if is_like_a_formula(text) {
            sheet.write_string_with_format(self.row, column, shown, self.guarded)?;
        } else {
            sheet.write_string(self.row, column, shown)?;
        }
        Ok(())
    }
}

/// What a cell can have of a text, control characters shown.
fn cell_text(text: &str) -> String {
    let text = visible(text);
    if text.encode_utf16().count() <= MOST_CHARACTERS {
        return text.into_owned();
    }
    let note = " … (cut)";
    let room = MOST_CHARACTERS - note.len();
    let mut used = 0;
    let fits = text.chars().take_while(|c| {
        used += c.len_utf16();
        used <= room
    });
    fits.chain(note.chars()).collect()
}

fn column(at: usize) -> anyhow::Result<u16> {
    u16::try_from(at).context("a sheet has no more than 16,384 columns")
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use datafusion::arrow::array::{DictionaryArray, ListArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    /// The parts of the file of some answers.
    fn parts(answers: &[(&str, RecordBatch)]) -> Vec<(String, String)> {
        let mut sheets = Spreadsheet::new("Asia/Tokyo".parse().expect("a zone"));
        for (title, batch) in answers {
            sheets.begin(title, &batch.schema()).expect("a sheet");
            sheets.add(batch).expect("rows");
        }
        let bytes = sheets.into_bytes().expect("a file");
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
        let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
        let read = |name: &String| {
            let mut text = String::new();
            let mut file = archive.by_name(name).expect("a part");
            file.read_to_string(&mut text).expect("text");
            (name.clone(), text)
        };
        names.iter().map(read).collect()
    }

    fn part<'a>(parts: &'a [(String, String)], name: &str) -> &'a str {
        let part = parts.iter().find(|(of, _)| of == name);
        &part.expect("a part").1
    }

    fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(
            columns
                .into_iter()
                .map(|(name, column)| (name, column, true)),
        )
        .expect("rows")
    }

    #[test]
    fn numbers_and_times_are_such_and_what_a_float_cannot_hold_is_text() {
        let times = TimestampNanosecondArray::from(vec![
            Some(1_795_219_201_234_567_891),
            Some(-2_500_000_000_000_000_000),
            None,
        ]);
        let batch = rows(vec![
            (
                "id",
                Arc::new(Int64Array::from(vec![30_000_000_012, i64::MIN, 0])),
            ),
            (
                "address",
                Arc::new(UInt64Array::from(vec![u64::MAX, 7, 999_999_999_999_999])),
            ),
            (
                "ms",
                Arc::new(Float64Array::from(vec![1.5, f64::NAN, f64::INFINITY])),
            ),
            ("time", Arc::new(times.with_timezone("UTC"))),
            (
                "is_slow",
                Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
            ),
        ]);
        let parts = parts(&[("blame", batch)]);
        let sheet = part(&parts, "xl/worksheets/sheet1.xml");
        let has = |cell: &str| assert!(sheet.contains(cell), "no {cell} in {sheet}");
        // With a format that shows all of its digits.
        has(r#"<c r="A2" s="2"><v>30000000012</v></c>"#);
        has("<t>-9223372036854775808</t>");
        has("<t>18446744073709551615</t>");
        has(r#"<c r="B4" s="2"><v>999999999999999</v></c>"#);
        has(r#"<c r="C2"><v>1.5</v></c>"#);
        has("<t>NaN</t>");
        has("<t>inf</t>");
        // 2026-11-21 09:00:01.234 in Tokyo; and a day of 1890.
        has("<v>46347.3750142");
        has("<t>1890-10-12 04:33:20</t>");
        has(r#"<c r="E2" t="b"><v>1</v></c>"#);
        assert!(part(&parts, "xl/styles.xml").contains("Asia/Tokyo"));
    }

    #[test]
    fn text_is_never_a_formula_and_its_control_characters_are_shown() {
        let texts = [
            "=1+1",
            "@SUM(A1)",
            "https://a.example/",
            "a\u{1b}[31m<b>&",
            "7",
        ];
        let labels: DictionaryArray<Int32Type> = texts.into_iter().collect();
        let list = vec![Some(vec![Some(1), Some(2)]); 5];
        let batch = rows(vec![
            ("=name", Arc::new(StringArray::from(texts.to_vec()))),
            ("label", Arc::new(labels)),
            (
                "list",
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(list)),
            ),
        ]);
        let parts = parts(&[("rows", batch)]);
        let sheet = part(&parts, "xl/worksheets/sheet1.xml");
        for formula in ["<f>", "<hyperlink", "t=\"str\""] {
            assert!(!sheet.contains(formula), "{sheet}");
        }
        let cells = |text: &str| sheet.matches(&format!("<t>{text}</t>")).count();
        assert_eq!(cells("=1+1"), 2);
        assert_eq!(cells("https://a.example/"), 2);
        assert_eq!(cells("a\\u{1b}[31m&lt;b&gt;&amp;"), 2);
        assert_eq!(cells("7"), 2);
        assert_eq!(cells(r"\[1, 2\]") + cells("[1, 2]"), 5);
        assert!(part(&parts, "xl/styles.xml").contains("quotePrefix=\"1\""));
    }

    #[test]
    fn each_answer_has_a_sheet_with_a_name_of_its_own() {
        let batch = || rows(vec![("n", Arc::new(Int64Array::from(vec![1])))]);
        let long = "causes [of]: a/name that is longer than Excel takes";
        let answers = [
            ("blame", batch()),
            ("Blame", batch()),
            (long, batch()),
            ("", batch()),
        ];
        let parts = parts(&answers);
        let book = part(&parts, "xl/workbook.xml");
        for name in [
            "blame",
            "Blame 2",
            "causes _of__ a_name that is lon",
            "rows",
        ] {
            assert!(book.contains(&format!("name=\"{name}\"")), "{name}: {book}");
        }
    }

    #[test]
    fn a_text_that_no_cell_holds_is_cut_and_says_so() {
        let text = cell_text(&"ä".repeat(40_000));
        assert!(text.encode_utf16().count() <= MOST_CHARACTERS && text.ends_with("… (cut)"));
        assert_eq!(cell_text("ä"), "ä");
    }
}
