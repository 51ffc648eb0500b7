//! `socket_io`: reads and writes of sockets, as the JVM records them.

use crate::{Column, Table, Type};

/// An operation on a socket.
pub static SOCKET_IO: Table = Table {
    name: "socket_io",
    doc: "A read or write of a socket.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("socket_io_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("operation", Type::Label, "`read` or `write`."),
        Column::required("start_time", Type::Time, "Start of the operation."),
        Column::required("end_time", Type::Time, "Its end."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional("thread_name", Type::Label, "Name of the thread in Java."),
        Column::optional(
            "host",
            Type::Label,
            "Name of the peer, where the JVM knows it.",
        ),
        Column::optional("address", Type::Label, "Address of the peer."),
        Column::optional("port", Type::Int32, "Port of the peer."),
        Column::optional(
            "bytes",
            Type::Int64,
            "Bytes read or written; null at the end of a stream.",
        ),
        Column::optional(
            "stack_id",
            Type::Int64,
            "Stack of the operation: `stacks.stack_id`.",
        ),
    ],
};
