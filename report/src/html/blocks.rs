//! Blocks of a report as HTML.

use maud::{Markup, html};

use crate::cause::{class, label};
use crate::names::shown;
use crate::{Block, Cell, Drawing, Figure, QueryText, Row, Span, Table, Text};

/// Writes a block.
pub fn block(block: &Block) -> Markup {
    written(block, true)
}

/// Writes a block. In the many rows of a table, numbers are not `linked` one by one.
fn written(block: &Block, linked: bool) -> Markup {
    html! {
        @match block {
            Block::Headline(it) => p class="headline" { (sentence(it, linked)) },
            Block::Paragraph(it) => p { (sentence(it, linked)) },
            Block::Note(it) => p class="note" { (text(it)) },
            Block::Heading(id, it) => h3 id=(id) { (text(it)) },
            Block::List(items) => ul { @for item in items { li { (sentence(item, linked)) } } },
            Block::Figures(it) => dl class="figures" { @for each in it { (figure(each)) } },
            Block::Table(it) => (table(it)),
            Block::Drawing(it) => (drawing(it)),
            Block::Beside(drawings) => div class="beside" { @for each in drawings { (drawing(each)) } },
            Block::More(summary, blocks) => details class="more" {
                summary { (text(summary)) }
                @for each in blocks { (written(each, linked)) }
            },
        }
    }
}

/// Writes a sentence; each number leads to its query.
pub(super) fn text(it: &Text) -> Markup {
    sentence(it, true)
}

fn sentence(it: &Text, linked: bool) -> Markup {
    html! {
        @for span in &it.0 {
            @match span {
                Span::Words(words) => (words),
                Span::Strong(words) => strong { (words) },
                Span::Code(code) => code { (code) },
                Span::Link(words, id) => a href={ "#" (id) } { (words) },
                Span::Cell(cell) => (linked_data(cell, linked)),
                Span::CellCode(cell) => code { (linked_data(cell, linked)) },
            }
        }
    }
}

/// A value that leads to its query, if it is to be `linked`.
fn linked_data(cell: &Cell, linked: bool) -> Markup {
    html! {
        @if linked {
            a class="cell" href={ "#query-" (cell.query) }
                title={ "Query " (cell.query) ", column " (cell.column) } { (data(cell, true)) }
        } @else {
            (data(cell, true))
        }
    }
}

/// A value with its place in its query.
fn data(cell: &Cell, with_unit: bool) -> Markup {
    let words = match cell.value.text() {
        Some(name) => shown(&cell.column, name).into_owned(),
        None if with_unit => cell.text_with_unit(),
        None => cell.text(),
    };
    html! {
        data value=(cell.value.exact()) data-q=(cell.query) data-r=(cell.row)
            data-c=(cell.column) { (words) }
    }
}

fn figure(figure: &Figure) -> Markup {
    html! {
        div {
            dt { (figure.label) }
            dd { (text(&figure.cell.clone().into())) }
            @if let Some(note) = &figure.note { dd class="note" { (text(note)) } }
        }
    }
}

fn drawing(drawing: &Drawing) -> Markup {
    html! {
        figure id=(drawing.id) {
            @if drawing.title != Text::default() {
                figcaption {
                    (text(&drawing.title))
                    " "
                    @for query in &drawing.queries {
                        a class="source" href={ "#query-" (query) } { (query) }
                    }
                }
            }
            @if !drawing.legend.is_empty() {
                ul class="legend" {
                    @for (class, words) in &drawing.legend {
                        li { span class={ "swatch " (class) } aria-hidden="true" {} (words) }
                    }
                }
            }
            div class="scroll" { (drawing.svg) }
        }
    }
}

fn table(table: &Table) -> Markup {
    let numeric: Vec<bool> = (0..table.columns.len())
        .map(|at| {
            table.rows.iter().any(|row| {
                row.cells
                    .get(at)
                    .is_some_and(|c| c.value.number().is_some())
            })
        })
        .collect();
    let has_detail = table.rows.iter().any(|row| !row.detail.is_empty());
    html! {
        div class="table" id=(table.id) data-filtered[table.is_filtered] data-first=[table.first_rows] {
            p class="caption" {
                (text(&table.caption)) " "
                a class="source" href={ "#query-" (table.query) } { (table.query) }
            }
            @if table.is_filtered { (filter(table)) }
            div class="scroll" role="region" aria-label=(table.caption.plain()) tabindex="0" {
                table data-query=(table.query) aria-label=(table.caption.plain()) {
                    thead {
                        tr {
                            @if has_detail { th class="open" { span class="hidden" { "Chain" } } }
                            @for (at, column) in table.columns.iter().enumerate() {
                                th scope="col" title=(column.doc) class=[numeric[at].then_some("number")] {
                                    (column.label)
                                }
                            }
                        }
                    }
                    tbody {
                        @for (at, each) in table.rows.iter().enumerate() {
                            (row(table, each, at, &numeric, has_detail))
                        }
                    }
                }
            }
            @if table.first_rows.is_some_and(|first| table.rows.len() > first) {
                p class="script-only rest" { button type="button" { "Show all " (table.rows.len()) } }
            }
            @if let Some(omitted) = &table.omitted { p class="note" { (text(omitted)) } }
        }
    }
}

fn row(table: &Table, row: &Row, at: usize, numeric: &[bool], has_detail: bool) -> Markup {
    let id = (!row.id.is_empty()).then_some(row.id.as_str());
    let width = table.columns.len() + 1;
    let is_later = table.first_rows.is_some_and(|first| at >= first);
    html! {
        tr id=[id] class=[is_later.then_some("later")] data-start=[row.time.map(|t| t.0)] data-end=[row.time.map(|t| t.1)] data-place=(at) {
            @if has_detail { td class="open" {} }
            @for (cell, is_number) in row.cells.iter().zip(numeric) {
                td class=(if *is_number { "number" } else { width_class(cell) }) { (table_cell(cell)) }
            }
        }
        @if has_detail {
            tr class=(if is_later { "detail later" } else { "detail" }) { td colspan=(width) { @for each in &row.detail { (written(each, false)) } } }
        }
    }
}

/// Whether a text is a name, kept on one line, or a sentence.
fn width_class(cell: &Cell) -> &'static str {
    let length = cell.value.text().map_or(0, |text| text.chars().count());
    if length > 40 { "long" } else { "short" }
}

fn table_cell(cell: &Cell) -> Markup {
    let name = cell.value.text().unwrap_or_default();
    html! {
        @match &*cell.column {
            "cause" if !name.is_empty() && name != "any" => {
                span class={ "swatch " (class(name)) } aria-hidden="true" {}
                (data(cell, false))
            }
            "episode" if cell.value.int().is_some() => a href={ "#episode-" (cell.text()) } { (data(cell, false)) },
            // A window of `kcorr live`, of which there is a report.
            "report" if !name.is_empty() => a href={ "reports/" (name) } { "open" span class="hidden" { " the report of " (name) } },
            _ => (data(cell, false)),
        }
    }
}

/// What the script shows above a table: it is of no use without it.
fn filter(table: &Table) -> Markup {
    let mut causes: Vec<&str> = table
        .rows
        .iter()
        .flat_map(|row| &row.cells)
        .filter(|cell| &*cell.column == "cause")
        .filter_map(|cell| cell.value.text())
        .collect();
    causes.sort_unstable();
    causes.dedup();
    html! {
        form class="filter script-only" {
            label { "Filter " input type="search" name="text" placeholder="topic, client, thread, id" autocomplete="off"; }
            label {
                "Cause "
                select name="cause" {
                    option value="" { "all" }
                    @for name in causes { option value=(name) { (label(name)) } }
                }
            }
            output aria-live="polite" {}
        }
    }
}

/// The text of a query.
pub(super) fn query(query: &QueryText) -> Markup {
    html! {
        details class="query" id={ "query-" (query.name) } {
            summary { code { (query.name) } " " (query.purpose) }
            @if !query.parameters.is_empty() {
                p {
                    "With "
                    @for (name, value) in &query.parameters { code { (name) "=" (value) } " " }
                }
            }
            pre tabindex="0" { code { (query.sql) } }
        }
    }
}
