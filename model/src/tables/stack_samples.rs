//! `stack_samples`: profiles: samples of stacks.

use crate::{Column, Table, Type};

/// A sample of a thread's stack.
pub static STACK_SAMPLES: Table = Table {
    name: "stack_samples",
    doc: "A sample of a thread's stack.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("stack_sample_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::optional(
            "time",
            Type::Time,
            "When it was taken; null for sums without a time.",
        ),
        Column::required(
            "state",
            Type::Label,
            "`on_cpu`, `off_cpu`, `wall` or `lock`.",
        ),
        Column::optional(
            "sampler",
            Type::Label,
            "Event that the recorder wrote it as: `jdk.ExecutionSample`, `jdk.CPUTimeSample`, `jdk.NativeMethodSample`, `profiler.WallClockSample`. Samples of two samplers are of the same time: never add them up.",
        ),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional("thread_name", Type::Label, "Name of the thread."),
        Column::required(
            "sample_count",
            Type::Int64,
            "Samples that the row stands for.",
        ),
        Column::optional("weight_ns", Type::Int64, "Time that the row stands for."),
        Column::optional(
            "stack_id",
            Type::Int64,
            "The stack: `stacks.stack_id`; null when none was recorded.",
        ),
    ],
};
