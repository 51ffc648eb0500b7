//! A report as Markdown, for a wiki or a ticket: the sentences and tables, and the queries by name.
//!
//! Drawings are not in it; what they show is named with the query that has the numbers.

use std::fmt::Write as _;

use crate::{Block, Cell, Report, Span, Table, Text};

/// Rows of a table that are written; a ticket is no place for more.
const MOST_ROWS: usize = 20;

/// Writes a report.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# {}\n\n{}",
        escaped(&report.title),
        text(&report.subtitle)
    );
    if !report.facts.is_empty() {
        let fact = |(name, what): &(&str, Text)| format!("{name}: {}", text(what));
        let facts: Vec<String> = report.facts.iter().map(fact).collect();
        let _ = writeln!(out, "\n{}", facts.join("; "));
    }
    for section in &report.sections {
        let _ = writeln!(out, "\n## {}", escaped(&section.title));
        for each in &section.blocks {
            block(&mut out, each);
        }
    }
    if report.queries.is_empty() {
        return out;
    }
    let _ = writeln!(out, "\n## Queries\n\n{}\n", text(&report.queries_note));
    for query in &report.queries {
        let _ = write!(out, "- `{}`: {}", query.name, escaped(&query.purpose));
        for (name, value) in &query.parameters {
            let _ = write!(out, " `--param {name}={value}`");
        }
        out.push('\n');
    }
    out
}

fn block(out: &mut String, it: &Block) {
    let _ = match it {
        Block::Headline(t) => writeln!(out, "\n**{}**", text(t)),
        Block::Paragraph(t) => writeln!(out, "\n{}", text(t)),
        Block::Note(t) => writeln!(out, "\n> {}", text(t)),
        Block::Heading(_, t) => writeln!(out, "\n### {}", text(t)),
        Block::List(items) => {
            out.push('\n');
            items
                .iter()
                .try_for_each(|item| writeln!(out, "- {}", text(item)))
        }
        Block::Figures(figures) => {
            let labels: Vec<String> = figures.iter().map(|f| escaped(&f.label)).collect();
            let values: Vec<String> = figures.iter().map(|f| cell_text(&f.cell, true)).collect();
            let rule = vec!["---:"; figures.len()].join(" | ");
            writeln!(
                out,
                "\n| {} |\n| {rule} |\n| {} |",
                labels.join(" | "),
                values.join(" | ")
            )
        }
        Block::Drawing(drawing) if drawing.title == Text::default() => Ok(()),
        Block::Beside(drawings) => {
            let each = drawings.iter().cloned().map(Block::Drawing);
            each.for_each(|it| block(out, &it));
            Ok(())
        }
        Block::Drawing(drawing) => {
            writeln!(
                out,
                "\n*Drawing, in the HTML report: {}* Query: `{}`.",
                text(&drawing.title),
                drawing.queries.join("`, `")
            )
        }
        Block::Table(it) => {
            table(out, it);
            Ok(())
        }
        Block::More(summary, blocks) => {
            let _ = writeln!(out, "\n<details><summary>{}</summary>", text(summary));
            blocks.iter().for_each(|it| block(out, it));
            writeln!(out, "\n</details>")
        }
    };
}

fn table(out: &mut String, table: &Table) {
    let _ = writeln!(
        out,
        "\n{} (query `{}`)\n",
        text(&table.caption),
        table.query
    );
    let labels: Vec<String> = table.columns.iter().map(|c| escaped(&c.label)).collect();
    let _ = writeln!(out, "| {} |", labels.join(" | "));
    let rules: Vec<&str> = (0..labels.len())
        .map(|at| {
            let numbers = table
                .rows
                .iter()
                .filter_map(|row| row.cells.get(at)?.value.number())
                .count();
            if numbers > 0 { "---:" } else { "---" }
        })
        .collect();
    let _ = writeln!(out, "| {} |", rules.join(" | "));
    for row in table.rows.iter().take(MOST_ROWS) {
        let cells: Vec<String> = row
            .cells
            .iter()
            .map(|cell| cell_text(cell, false))
            .collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    if table.rows.len() > MOST_ROWS {
        let _ = writeln!(
            out,
            "\nMore rows are in the HTML report and in `kcorr query {}`.",
            table.query
        );
    } else if let Some(omitted) = &table.omitted {
        let _ = writeln!(out, "\n{}", text(omitted));
    }
}

fn text(it: &Text) -> String {
    let span = |span: &Span| match span {
        Span::Words(words) | Span::Link(words, _) => escaped(words),
        Span::Strong(words) => format!("**{}**", escaped(words)),
        Span::Code(code) => format!("`{code}`"),
        Span::Cell(cell) => cell_text(cell, true),
        Span::CellCode(cell) => format!("`{}`", cell.text().replace(['`', '\n', '\r'], " ")),
    };
    it.0.iter().map(span).collect()
}

fn cell_text(cell: &Cell, with_unit: bool) -> String {
    let text = match cell.value.text() {
        Some(name) => crate::names::shown(&cell.column, name).into_owned(),
        None if with_unit => cell.text_with_unit(),
        None => cell.text(),
    };
    escaped(&text)
}

/// Text without the signs that Markdown would take for its own, in one line.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '#' | '&' | '~' => {
                out.extend(['\\', c]);
            }
            _ => out.push(c),
        }
    }
    out
}
