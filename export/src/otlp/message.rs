//! The messages of the OpenTelemetry protocol that kcorr writes, as protobuf and as JSON.
//!
//! Field numbers and names are those of `opentelemetry/proto/trace/v1/trace.proto` 1.x and of the
//! files it imports. In JSON, ids are hex and 64-bit integers are text, as OTLP/JSON asks.

use serde_json::{Value, json};

/// Spans, by who made them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TracesData {
    /// The spans of each resource.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// The spans of a resource.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResourceSpans {
    /// What made them.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// The spans.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
}

/// What makes spans: a service.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Resource {
    /// What is known of it.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// The spans of an instrumentation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ScopeSpans {
    /// The instrumentation.
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    /// Its spans.
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

/// An instrumentation: kcorr.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Scope {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// A span.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Span {
    /// 16 bytes, the same for all spans of a trace.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// The span it is a part of; empty for the first.
    #[prost(bytes = "vec", tag = "4")]
    pub parent_span_id: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "5")]
    pub name: String,
    /// [`KIND_SERVER`] or [`KIND_INTERNAL`].
    #[prost(int32, tag = "6")]
    pub kind: i32,
    /// Start, in ns since 1970.
    #[prost(fixed64, tag = "7")]
    pub start_time_unix_nano: u64,
    /// End, in ns since 1970.
    #[prost(fixed64, tag = "8")]
    pub end_time_unix_nano: u64,
    /// What is known of it.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    /// Spans of other traces that it waited for.
    #[prost(message, repeated, tag = "13")]
    pub links: Vec<Link>,
}

/// `SPAN_KIND_INTERNAL`.
pub const KIND_INTERNAL: i32 = 1;
/// `SPAN_KIND_SERVER`.
pub const KIND_SERVER: i32 = 2;

/// A pointer to a span of another trace.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Link {
    /// Its trace.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// The span.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
}

/// An attribute.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValue {
    /// Its name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// The value of an attribute.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AnyValue {
    /// The value.
    #[prost(oneof = "Scalar", tags = "1, 3, 4")]
    pub value: Option<Scalar>,
}

/// Text or a number.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Scalar {
    /// Text.
    #[prost(string, tag = "1")]
    Text(String),
    /// An integer.
    #[prost(int64, tag = "3")]
    Integer(i64),
    /// A floating-point number.
    #[prost(double, tag = "4")]
    Float(f64),
}

impl KeyValue {
    /// An attribute.
    pub fn new(key: &str, value: Scalar) -> Self {
        Self {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
        }
    }

    fn to_json(&self) -> Value {
        let value = match self.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Scalar::Text(text)) => json!({ "stringValue": text }),
            Some(Scalar::Integer(number)) => json!({ "intValue": number.to_string() }),
            Some(Scalar::Float(number)) => json!({ "doubleValue": number }),
            None => json!({}),
        };
        json!({ "key": self.key, "value": value })
    }
}

impl TracesData {
    /// The same as OTLP/JSON.
    pub fn to_json(&self) -> Value {
        let resources = self.resource_spans.iter().map(ResourceSpans::to_json);
        json!({ "resourceSpans": resources.collect::<Vec<_>>() })
    }
}

impl ResourceSpans {
    fn to_json(&self) -> Value {
        let attributes = self.resource.iter().flat_map(|r| &r.attributes);
        let scopes = self.scope_spans.iter().map(|scope| {
            let named = scope.scope.clone().unwrap_or_default();
            json!({
                "scope": { "name": named.name, "version": named.version },
                "spans": scope.spans.iter().map(Span::to_json).collect::<Vec<_>>(),
            })
        });
        json!({
            "resource": { "attributes": attributes.map(KeyValue::to_json).collect::<Vec<_>>() },
            "scopeSpans": scopes.collect::<Vec<_>>(),
        })
    }
}

impl Span {
    fn to_json(&self) -> Value {
        let links = self
            .links
            .iter()
            .map(|link| json!({ "traceId": hex(&link.trace_id), "spanId": hex(&link.span_id) }));
        json!({
            "traceId": hex(&self.trace_id),
            "spanId": hex(&self.span_id),
            "parentSpanId": hex(&self.parent_span_id),
            "name": self.name,
            "kind": self.kind,
            "startTimeUnixNano": self.start_time_unix_nano.to_string(),
            "endTimeUnixNano": self.end_time_unix_nano.to_string(),
            "attributes": self.attributes.iter().map(KeyValue::to_json).collect::<Vec<_>>(),
            "links": links.collect::<Vec<_>>(),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_hex_ids_and_text_for_64_bit_integers() {
        let span = Span {
            trace_id: vec![0xab; 16],
            span_id: vec![1; 8],
            start_time_unix_nano: u64::MAX,
            attributes: vec![KeyValue::new("n", Scalar::Integer(7))],
            ..Span::default()
        };
        let json = span.to_json();
        assert_eq!(json["traceId"], "ab".repeat(16));
        assert_eq!(json["startTimeUnixNano"], "18446744073709551615");
        assert_eq!(json["attributes"][0]["value"]["intValue"], "7");
        assert_eq!(json["parentSpanId"], "");
    }
}
