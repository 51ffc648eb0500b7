//! `function_calls`: journal commits, waits for the journal, and whatever else was traced.

use crate::{Column, Table, Type};

/// A call of a traced kernel or user function.
pub static FUNCTION_CALLS: Table = Table {
    name: "function_calls",
    doc: "A call of a traced kernel or user function.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("function_call_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "function",
            Type::Label,
            "Name of the function, for example `jbd2_journal_commit_transaction`.",
        ),
        Column::required("start_time", Type::Time, "Start of the call."),
        Column::required("end_time", Type::Time, "Its end."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional(
            "comm",
            Type::Label,
            "Name of the thread in the kernel, cut to 15 bytes.",
        ),
        Column::optional("device", Type::Label, "Block device, as `major:minor`."),
        Column::optional(
            "transaction",
            Type::Int64,
            "Journal transaction (jbd2 tid).",
        ),
    ],
};
