//! `socket_threads`: which thread reads and writes which connection.

use crate::{Column, Table, Type};

/// A thread that was seen at a connection.
pub static SOCKET_THREADS: Table = Table {
    name: "socket_threads",
    doc: "A read or write of a TCP connection by a thread: the first that was seen of the two, and a later one now and then.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("socket_thread_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("time", Type::Time, "When the thread called the kernel."),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional("comm", Type::Label, "The thread's name in the kernel."),
        Column::required(
            "peer_address",
            Type::Label,
            "Address and port of the other end, as the socket knows it, written as `requests.client_address` is. Where something between translates addresses, it is another than in the capture.",
        ),
        Column::required(
            "local_address",
            Type::Label,
            "Address and port of the process's own end.",
        ),
    ],
};
