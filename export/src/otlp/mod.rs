//! Slow requests as OpenTelemetry traces: a span for the request, a child for each segment of its time,
//! and a link from a segment to the slow request that it waited for.

pub mod message;

use std::io::Write;

use futures::StreamExt;
use kcorr_engine::{Columns, FloatColumn, GivenParameters, NumberColumn, Session, TextColumn};
use prost::Message;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::{Error, Result};
use message::{
    KIND_INTERNAL, KIND_SERVER, KeyValue, Link, Resource, ResourceSpans, Scalar, Scope, ScopeSpans,
    Span, TracesData,
};

/// The two encodings of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One `TracesData` object in one line, as collectors' file receivers read it.
    Json,
    /// A `TracesData` message.
    Protobuf,
}

/// Writes the traces; `given` are parameters of `trace_spans`. Returns the number of spans.
pub async fn write(
    session: &Session,
    given: &GivenParameters,
    encoding: Encoding,
    out: &mut (dyn Write + Send),
) -> Result<usize> {
    let spans = spans(session, given).await?;
    let count = spans.len();
    let traces = TracesData {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    KeyValue::new("service.name", Scalar::Text("kafka".to_owned())),
                    KeyValue::new("messaging.system", Scalar::Text("kafka".to_owned())),
                ],
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(Scope {
                    name: "kcorr".to_owned(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                }),
                spans,
            }],
        }],
    };
    match encoding {
        Encoding::Json => {
            serde_json::to_writer(&mut *out, &traces.to_json())
                .map_err(|e| Error::Encode(e.to_string()))?;
            out.write_all(b"\n")?;
        }
        Encoding::Protobuf => out.write_all(&traces.encode_to_vec())?,
    }
    out.flush()?;
    Ok(count)
}

async fn spans(session: &Session, given: &GivenParameters) -> Result<Vec<Span>> {
    let mut rows = session.run_canned("trace_spans", given).await?;
    let mut spans = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = SpanColumns::new(&Columns(&batch))?;
        for row in 0..batch.num_rows() {
            spans.extend(columns.span(row));
        }
    }
    Ok(spans)
}

/// Columns that become attributes, with OpenTelemetry's names where it has one.
const TEXTS: &[(&str, &str)] = &[
    ("cause", "kcorr.cause"),
    ("write_state", "kcorr.write_state"),
    ("topic", "messaging.destination.name"),
    ("client_id", "messaging.client.id"),
    ("client_address", "client.address"),
    ("server_address", "server.address"),
    ("api", "rpc.method"),
    ("thread_name", "thread.name"),
    ("file", "file.path"),
    ("lock_class", "kcorr.lock_class"),
];
const NUMBERS: &[(&str, &str)] = &[
    ("request_id", "kcorr.request_id"),
    ("correlation_id", "messaging.kafka.correlation_id"),
    ("api_version", "messaging.kafka.api_version"),
    ("request_bytes", "messaging.message.envelope.size"),
    ("error_code", "messaging.kafka.error_code"),
    ("root_write_id", "kcorr.root_write_id"),
    ("linked_request_id", "kcorr.waited_for_request_id"),
];
const FLOATS: &[(&str, &str)] = &[
    ("confidence", "kcorr.confidence"),
    ("joined_ms", "kcorr.joined_ms"),
];

struct SpanColumns {
    request_id: NumberColumn,
    place: NumberColumn,
    recording: TextColumn,
    name: TextColumn,
    start: NumberColumn,
    end: NumberColumn,
    linked: NumberColumn,
    texts: Vec<(&'static str, TextColumn)>,
    numbers: Vec<(&'static str, NumberColumn)>,
    floats: Vec<(&'static str, FloatColumn)>,
}

impl SpanColumns {
    fn new(columns: &Columns<'_>) -> Result<Self> {
        let texts = TEXTS.iter();
        let numbers = NUMBERS.iter();
        let floats = FLOATS.iter();
        Ok(Self {
            request_id: columns.number("request_id")?,
            place: columns.number("place")?,
            recording: columns.text("recording")?,
            name: columns.text("name")?,
            start: columns.number("start_time")?,
            end: columns.number("end_time")?,
            linked: columns.number("linked_request_id")?,
            texts: texts
                .map(|(column, key)| Ok((*key, columns.text(column)?)))
                .collect::<Result<_>>()?,
            numbers: numbers
                .map(|(column, key)| Ok((*key, columns.number(column)?)))
                .collect::<Result<_>>()?,
            floats: floats
                .map(|(column, key)| Ok((*key, columns.float(column)?)))
                .collect::<Result<_>>()?,
        })
    }

    /// The span of a row; none when it has no request or no time.
    fn span(&self, row: usize) -> Option<Span> {
        let request = self.request_id.get(row)?;
        let place = self.place.get(row)?;
        let recording = self.recording.get(row).unwrap_or_default();
        let is_first = place == 0;
        let link = self.linked.get(row).map(|request| Link {
            trace_id: trace_id(recording, request),
            span_id: span_id(recording, request, 0),
        });
        Some(Span {
            trace_id: trace_id(recording, request),
            span_id: span_id(recording, request, place),
            parent_span_id: if is_first {
                Vec::new()
            } else {
                span_id(recording, request, 0)
            },
            name: self.name.get(row).unwrap_or_default().to_owned(),
            kind: if is_first { KIND_SERVER } else { KIND_INTERNAL },
            start_time_unix_nano: self.start.unsigned(row)?,
            end_time_unix_nano: self.end.unsigned(row)?,
            attributes: self.attributes(row),
            links: link.into_iter().collect(),
        })
    }

    fn attributes(&self, row: usize) -> Vec<KeyValue> {
        let mut attributes = Vec::new();
        for (key, column) in &self.texts {
            let value = column.get(row).map(|value| Scalar::Text(value.to_owned()));
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        }
        for (key, column) in &self.numbers {
            let value = column.get(row).map(Scalar::Integer);
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        }
        for (key, column) in &self.floats {
            let value = column.get(row).map(Scalar::Float);
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        }
        attributes
    }
}

/// The same request of the same recording has the same trace id in every export, and another one than
/// in any other recording.
fn trace_id(recording: &str, request: i64) -> Vec<u8> {
    let hash = xxh3_128(format!("{recording}/{request}").as_bytes());
    hash.to_be_bytes().to_vec()
}

fn span_id(recording: &str, request: i64, place: i64) -> Vec<u8> {
    let hash = xxh3_128(format!("{recording}/{request}/{place}").as_bytes());
    hash.to_be_bytes().iter().take(8).copied().collect()
}
