//! Declarations of `jfr_<name>` tables, which depend on what a recording declares.
//!
//! The model's tables live for the whole program; so do these: they are leaked once for each
//! distinct declaration, and found again when another recording declares the same.

use std::sync::{Mutex, PoisonError};

use kcorr_model::{Column, Table, Type};

static KNOWN: Mutex<Vec<&'static Table>> = Mutex::new(Vec::new());

/// The table of an event with given columns; ids, source and stack are added.
pub(crate) fn event_table(name: &str, event: &str, columns: &[(&str, Type)]) -> &'static Table {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_same = |table: &&&'static Table| {
        let own = table
            .columns
            .get(2..table.columns.len() - 1)
            .unwrap_or_default();
        let own = own.iter().map(|column| (column.name, column.kind));
        table.name == name && own.eq(columns.iter().copied())
    };
    if let Some(table) = known.iter().find(is_same) {
        return table;
    }
    let mut declared = vec![
        Column::required("jfr_event_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
    ];
    for (column, kind) in columns {
        declared.push(Column {
            name: String::leak((*column).to_owned()),
            kind: *kind,
            nullable: true,
            doc: String::leak(format!("Field of {event}.")),
        });
    }
    declared.push(Column::optional(
        "stack_id",
        Type::Int64,
        "The stack: `stacks.stack_id`.",
    ));
    let has_start = columns.contains(&("start_time", Type::Time));
    let table: &'static Table = Box::leak(Box::new(Table {
        name: String::leak(name.to_owned()),
        doc: String::leak(format!("An event {event} of a JFR recording.")),
        sorted_by: has_start.then_some("start_time"),
        columns: Vec::leak(declared),
    }));
    known.push(table);
    table
}
