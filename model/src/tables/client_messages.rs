//! `client_messages`: what a client saw of its own messages.

use crate::{Column, Table, Type};

/// A message as the client saw it that produced it and consumed it again.
pub static CLIENT_MESSAGES: Table = Table {
    name: "client_messages",
    doc: "A message as the client saw it that produced it and consumed it again; all times are of one clock, the client's.",
    sorted_by: Some("intended_time"),
    columns: &[
        Column::required("client_message_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "message_id",
            Type::Text,
            "Id of the message in its record header: `request_partitions.message_ids`.",
        ),
        Column::required(
            "run",
            Type::Label,
            "The run of the client: it begins anew with each start.",
        ),
        Column::required(
            "setting",
            Type::Label,
            "Name of the client's settings, of several that run side by side.",
        ),
        Column::optional("client_id", Type::Label, "Client id of the producer."),
        Column::optional("consumer_id", Type::Label, "Client id of the consumer."),
        Column::required("topic", Type::Label, "Topic."),
        Column::required("partition", Type::Int32, "Index of the partition."),
        Column::optional(
            "message_offset",
            Type::Int64,
            "Offset of the message in its partition; null when the client was told none.",
        ),
        Column::required("bytes", Type::Int64, "Size of the message's value."),
        Column::optional(
            "leader",
            Type::Int32,
            "The broker that led the partition when the message was intended, as the client knew.",
        ),
        Column::optional(
            "broker",
            Type::Int32,
            "The broker that the last request with the message was made for.",
        ),
        Column::required(
            "intended_time",
            Type::Time,
            "When its schedule wanted it sent, whether or not anything was late then.",
        ),
        Column::optional(
            "queued_time",
            Type::Time,
            "When the client library took it; null when it did not.",
        ),
        Column::optional(
            "first_sent_time",
            Type::Time,
            "When the client library put it into a request, the first time; null when it did not, or did not say.",
        ),
        Column::optional(
            "sent_time",
            Type::Time,
            "When the client library put it into a request, the last time.",
        ),
        Column::optional(
            "acknowledged_time",
            Type::Time,
            "When the client library reported it delivered.",
        ),
        Column::optional(
            "failed_time",
            Type::Time,
            "When the client gave it up; `error` says why.",
        ),
        Column::optional(
            "consumed_time",
            Type::Time,
            "When the consumer had it, the first time.",
        ),
        Column::optional(
            "attempts",
            Type::Int32,
            "Requests that it was put into; null when the client library did not say.",
        ),
        Column::optional(
            "error",
            Type::Label,
            "Why it was given up: the client library's error, `not_taken_…` when that did not take it, `not_consumed`, `open_at_end`; null without.",
        ),
        Column::optional(
            "disturbed_by",
            Type::Label,
            "What the client saw disturb it: `client` (late itself), `failover` (another broker led its partition, or had it), `retry`, `metadata` (nobody led, or the client did not know who), `rebalance` (of the consumer's group); null when nothing did, or the client did not say.",
        ),
        Column::required(
            "is_again",
            Type::Bool,
            "Whether the row is a further consumption of a message that has a row already: a copy, or one that came after it was given up.",
        ),
    ],
};
