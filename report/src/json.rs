//! A report as JSON, for programs: the model with every number's query, row and column, and the
//! answers themselves.

use serde_json::{Map, Value as Json, json};

use crate::{Answers, Block, Cell, Drawing, Report, Span, Text};

/// Writes a report and the answers behind it.
pub fn render(report: &Report, answers: &Answers) -> String {
    let sections: Vec<Json> = report
        .sections
        .iter()
        .map(|section| {
            json!({
                "id": section.id,
                "title": section.title,
                "blocks": section.blocks.iter().map(block).collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut queries = Map::new();
    for query in &report.queries {
        let mut entry = json!({
            "purpose": query.purpose,
            "parameters": query.parameters.iter().map(|(k, v)| (k.clone(), json!(v))).collect::<Map<_, _>>(),
            "sql": query.sql,
        });
        if let Some(answer) = answers.get(&query.name) {
            entry["columns"] = answer.columns().iter().map(|c| &*c.name).collect();
            let row = |row| -> Vec<Json> {
                answer
                    .columns()
                    .iter()
                    .map(|c| answer.value(row, &c.name).json())
                    .collect()
            };
            entry["rows"] = (0..answer.len()).map(row).collect();
        }
        queries.insert(query.name.clone(), entry);
    }
    let facts: Map<String, Json> = report
        .facts
        .iter()
        .map(|(name, what)| ((*name).to_owned(), text(what)))
        .collect();
    let whole = json!({
        "title": report.title,
        "subtitle": text(&report.subtitle),
        "facts": facts,
        "headline": rows(answers, "headline").into_iter().next(),
        "causes": rows(answers, "causes"),
        "episodes": rows(answers, "episodes"),
        "advice": rows(answers, "advice"),
        "sections": sections,
        "queries": queries,
    });
    let mut out = serde_json::to_string_pretty(&whole).unwrap_or_default();
    out.push('\n');
    out
}

/// The rows of an answer, each as an object: what programs ask for first.
fn rows(answers: &Answers, query: &str) -> Vec<Json> {
    let Some(answer) = answers.get(query) else {
        return Vec::new();
    };
    let row = |row| -> Json {
        let columns = answer.columns().iter();
        let values = columns.map(|c| (c.name.to_string(), answer.value(row, &c.name).json()));
        Json::Object(values.collect())
    };
    (0..answer.len()).map(row).collect()
}

fn block(block: &Block) -> Json {
    match block {
        Block::Headline(t) => json!({"kind": "headline", "text": text(t)}),
        Block::Paragraph(t) => json!({"kind": "paragraph", "text": text(t)}),
        Block::Note(t) => json!({"kind": "note", "text": text(t)}),
        Block::Heading(id, t) => json!({"kind": "heading", "id": id, "text": text(t)}),
        Block::List(items) => {
            json!({"kind": "list", "items": items.iter().map(text).collect::<Vec<_>>()})
        }
        Block::Figures(figures) => {
            let figure = |f: &crate::Figure| json!({"label": f.label, "cell": cell(&f.cell)});
            json!({"kind": "figures", "figures": figures.iter().map(figure).collect::<Vec<_>>()})
        }
        Block::More(summary, blocks) => json!({
            "kind": "more",
            "summary": text(summary),
            "blocks": blocks.iter().map(self::block).collect::<Vec<_>>(),
        }),
        Block::Drawing(it) => drawing(it),
        Block::Beside(drawings) => json!({
            "kind": "beside",
            "drawings": drawings.iter().map(drawing).collect::<Vec<_>>(),
        }),
        Block::Table(table) => {
            let row = |row: &crate::Row| {
                json!({
                    "id": row.id,
                    "cells": row.cells.iter().map(cell).collect::<Vec<_>>(),
                    "detail": row.detail.iter().map(self::block).collect::<Vec<_>>(),
                })
            };
            let column = |c: &crate::TableColumn| json!({"column": c.column, "label": c.label, "doc": c.doc});
            json!({
                "kind": "table",
                "id": table.id,
                "caption": text(&table.caption),
                "query": table.query,
                "columns": table.columns.iter().map(column).collect::<Vec<_>>(),
                "rows": table.rows.iter().map(row).collect::<Vec<_>>(),
                "omitted": table.omitted.as_ref().map(text),
            })
        }
    }
}

fn drawing(drawing: &Drawing) -> Json {
    json!({
        "kind": "drawing",
        "id": drawing.id,
        "title": text(&drawing.title),
        "description": drawing.description,
        "queries": drawing.queries,
    })
}

/// The text, and the cells in it.
fn text(text: &Text) -> Json {
    let cells: Vec<Json> = text
        .0
        .iter()
        .filter_map(|span| match span {
            Span::Cell(it) | Span::CellCode(it) => Some(cell(it)),
            _ => None,
        })
        .collect();
    json!({"text": text.plain(), "cells": cells})
}

fn cell(cell: &Cell) -> Json {
    json!({
        "query": &*cell.query,
        "row": cell.row,
        "column": &*cell.column,
        "value": cell.value.json(),
        "text": cell.text_with_unit(),
    })
}
