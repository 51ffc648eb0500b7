//! `stacks`: stacks that samples, waits and writes refer to.

use crate::{Column, Table, Type};

/// A distinct stack.
pub static STACKS: Table = Table {
    name: "stacks",
    doc: "A distinct stack.",
    sorted_by: None,
    columns: &[
        Column::required("stack_id", Type::Int64, "Id of the stack."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "frames",
            Type::Texts,
            "Frames, innermost first; Java frames as `package.Class.method`.",
        ),
        Column::required("is_truncated", Type::Bool, "Whether the recorder cut it."),
    ],
};
