//! One line of the request log, in either form.
//!
//! Source: `RequestConvertToJson.requestDescMetrics` (KIP-673, Kafka 2.8 on) and
//! `RequestChannel.Request.updateRequestMetrics` (before).

use std::net::{IpAddr, SocketAddr};

use kcorr_kafka::api;
use kcorr_model::integer_from_decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::body::{self, Body};

const NS_PER_MS: i64 = 1_000_000;
const MARK: &str = "Completed request:";

/// A completed request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) api: String,
    pub(crate) api_key: Option<i16>,
    pub(crate) api_version: Option<i16>,
    pub(crate) correlation_id: Option<i32>,
    pub(crate) client_id: Option<String>,
    pub(crate) connection: Option<Connection>,
    pub(crate) total_ns: i64,
    pub(crate) request_queue_ns: Option<i64>,
    pub(crate) local_ns: Option<i64>,
    pub(crate) remote_ns: Option<i64>,
    pub(crate) throttle_ns: Option<i64>,
    pub(crate) response_queue_ns: Option<i64>,
    pub(crate) send_ns: Option<i64>,
    pub(crate) listener: Option<String>,
    pub(crate) security_protocol: Option<String>,
    pub(crate) body: Body,
}

/// A connection by its name: `127.0.0.1:9092-127.0.0.1:35542-3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) server: String,
    pub(crate) client: String,
    pub(crate) index: i64,
}

impl Connection {
    /// Reads a connection's name. Some versions put the network thread's number before the index.
    fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let server = address(parts.next()?)?;
        let client = address(parts.next()?)?;
        let index = parts.next_back()?.parse().ok()?;
        Some(Self {
            server,
            client,
            index,
        })
    }
}

/// `ip:port`, IPv6 in brackets. Java prints IPv6 without, in its longest form.
fn address(text: &str) -> Option<String> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // A scope (`fe80::1%eth0`) is no part of the address on the wire.
    let plain = host.split_once('%').map_or(host, |(host, _)| host);
    Some(match plain.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    })
}

/// The form of a request's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Text,
}

/// Where the request begins in a line, its form, and what stands before it; `None` when the line tells
/// no completed request.
pub(crate) fn split(line: &str) -> Option<(&str, Form, &str)> {
    let (prefix, body) = line.split_once(MARK)?;
    let body = body.trim();
    if body.starts_with('{') {
        Some((prefix, Form::Json, body))
    } else if body.starts_with("RequestHeader(") {
        Some((prefix, Form::Text, body))
    } else {
        None
    }
}

/// Whether a cut line without a request may have been one's: it has the mark, or a part of it at its end, or
/// is the start of JSON around one.
pub(crate) fn may_be_cut(line: &str) -> bool {
    let part = (3..MARK.len()).any(|end| MARK.get(..end).is_some_and(|part| line.ends_with(part)));
    line.contains(MARK) || part || line.trim_start().starts_with('{')
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonRequest<'a> {
    request_header: JsonHeader,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    connection: Option<String>,
    #[serde(borrow)]
    total_time_ms: &'a RawValue,
    #[serde(borrow)]
    request_queue_time_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    local_time_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    remote_time_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    throttle_time_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    response_queue_time_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    send_time_ms: Option<&'a RawValue>,
    security_protocol: Option<String>,
    listener: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonHeader {
    request_api_key: Option<i16>,
    request_api_version: Option<i16>,
    correlation_id: Option<i32>,
    client_id: Option<String>,
    request_api_key_name: Option<String>,
}

/// Reads a request; the error says what is wrong. With it comes what the layout put behind it.
pub(crate) fn request(form: Form, body: &str) -> Result<(Request, &str), String> {
    match form {
        Form::Json => json(body),
        Form::Text => text(body)
            .map(|request| (request, behind(body)))
            .ok_or_else(|| {
                "expected RequestHeader(apiKey=…) … from connection …;totalTime:…".to_owned()
            }),
    }
}

/// What follows a request in text: the last of its values has no space.
fn behind(body: &str) -> &str {
    let last = ["listener:", "sendTime:"]
        .iter()
        .find_map(|name| body.rfind(name));
    let values = last.and_then(|at| body.get(at..)).unwrap_or_default();
    values.split_once(' ').map_or("", |(_, behind)| behind)
}

fn json(body: &str) -> Result<(Request, &str), String> {
    // The layout may put something behind the message (`… (kafka.request.logger)`): the first value
    // is the request.
    let mut values = serde_json::Deserializer::from_str(body).into_iter::<JsonRequest<'_>>();
    let line = match values.next() {
        Some(Ok(line)) => line,
        Some(Err(error)) => return Err(error.to_string()),
        None => return Err("expected a JSON object".to_owned()),
    };
    let behind = body.get(values.byte_offset()..).unwrap_or_default();
    let ms = |raw: &RawValue| integer_from_decimal(raw.get(), NS_PER_MS);
    let header = line.request_header;
    let api = api_name(
        header.request_api_key_name.as_deref(),
        header.request_api_key,
    );
    let request = Request {
        body: body::json(&api, line.request, line.response),
        api,
        api_key: header.request_api_key,
        api_version: header.request_api_version,
        correlation_id: header.correlation_id,
        client_id: header.client_id,
        connection: line.connection.as_deref().and_then(Connection::from_text),
        total_ns: ms(line.total_time_ms)
            .ok_or_else(|| format!("totalTimeMs is {}", line.total_time_ms.get()))?,
        request_queue_ns: line.request_queue_time_ms.and_then(ms),
        local_ns: line.local_time_ms.and_then(ms),
        remote_ns: line.remote_time_ms.and_then(ms),
        throttle_ns: line.throttle_time_ms.and_then(ms),
        response_queue_ns: line.response_queue_time_ms.and_then(ms),
        send_ns: line.send_time_ms.and_then(ms),
        listener: line.listener,
        security_protocol: line.security_protocol,
    };
    Ok((request, behind))
}

/// The name of an API as `requests.api` has it, by the broker's name of it or by its key.
fn api_name(constant: Option<&str>, key: Option<i16>) -> String {
    match (constant, key.and_then(api::name)) {
        (Some(constant), _) => api::name_from_constant(constant),
        (None, Some(name)) => name.to_owned(),
        (None, None) => format!("Unknown({})", key.unwrap_or(-1)),
    }
}

fn text(body: &str) -> Option<Request> {
    let (head, tail) = body.rsplit_once(" from connection ")?;
    let header = head.strip_prefix("RequestHeader(")?;
    let (header, body) = header.split_once(") -- ").unwrap_or((header, ""));
    let (connection, times) = tail.split_once(';')?;
    let name = between(header, "apiKey=", ", apiVersion=")?;
    let ms = |name| integer_from_decimal(field(times, name)?, NS_PER_MS);
    // A client id may hold anything, so it ends where the last correlation id begins.
    let client_id = header.split_once("clientId=").map(|(_, rest)| {
        rest.rsplit_once(", correlationId=")
            .map_or(rest, |(id, _)| id)
    });
    let correlation_id = header.rsplit_once("correlationId=").map(|(_, rest)| rest);
    let correlation_id = correlation_id.map(first_number);
    let api_key = api::key(&api::name_from_constant(name));
    let api = api_name(Some(name), api_key);
    Some(Request {
        body: body::text(&api, body),
        api,
        api_key,
        api_version: between(header, "apiVersion=", ",").and_then(|text| text.parse().ok()),
        correlation_id: correlation_id.and_then(|text| text.parse().ok()),
        client_id: client_id.filter(|id| *id != "null").map(ToOwned::to_owned),
        connection: Connection::from_text(connection),
        total_ns: ms("totalTime")?,
        request_queue_ns: ms("requestQueueTime"),
        local_ns: ms("localTime"),
        remote_ns: ms("remoteTime"),
        throttle_ns: ms("throttleTime"),
        response_queue_ns: ms("responseQueueTime"),
        send_ns: ms("sendTime"),
        listener: field(times, "listener").map(ToOwned::to_owned),
        security_protocol: field(times, "securityProtocol").map(ToOwned::to_owned),
    })
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found)
}

fn first_number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-');
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

/// A value of `name:value,name:value`, which other values (a principal) may hold commas between.
fn field<'a>(times: &'a str, name: &str) -> Option<&'a str> {
    let value = times.split(',').find_map(|part| {
        part.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(':'))
    })?;
    // The layout may put something behind the message.
    Some(value.split_once(' ').map_or(value, |(value, _)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_both_address_families_are_read() {
        let read = |text| Connection::from_text(text).map(|c| (c.server, c.client, c.index));
        assert_eq!(
            read("127.0.0.1:9092-10.1.2.3:35542-3"),
            Some(("127.0.0.1:9092".into(), "10.1.2.3:35542".into(), 3))
        );
        assert_eq!(
            read("0:0:0:0:0:0:0:1:9092-fe80:0:0:0:0:0:0:2%eth0:40000-2-17"),
            Some(("[::1]:9092".into(), "[fe80::2]:40000".into(), 17))
        );
        assert_eq!(read("nowhere"), None);
        assert_eq!(read("a:1-b:2"), None);
    }

    #[test]
    fn both_forms_tell_the_same() {
        let text = "RequestHeader(apiKey=PRODUCE, apiVersion=7, clientId=a, b, correlationId=12) -- \
            {acks=1,timeout=30000} from connection 127.0.0.1:9092-127.0.0.1:35542-3;totalTime:60.933,\
            requestQueueTime:0.721,localTime:54.82,remoteTime:0.0,throttleTime:0,responseQueueTime:1.56,\
            sendTime:3.83,securityProtocol:SSL,principal:User:CN=a,OU=b,listener:EXTERNAL (kafka.request.logger)";
        let json = r#"{"requestHeader":{"requestApiKey":0,"requestApiVersion":7,"correlationId":12,
            "clientId":"a, b","requestApiKeyName":"PRODUCE"},"request":{"acks":1},"connection":
            "127.0.0.1:9092-127.0.0.1:35542-3","totalTimeMs":60.933,"requestQueueTimeMs":0.721,
            "localTimeMs":54.82,"remoteTimeMs":0.0,"throttleTimeMs":0,"responseQueueTimeMs":1.56,
            "sendTimeMs":3.83,"securityProtocol":"SSL","listener":"EXTERNAL"} (kafka.request.logger)"#;
        let (from_text, behind) = request(Form::Text, text).unwrap();
        assert_eq!(
            (from_text.clone(), behind),
            request(Form::Json, json)
                .map(|(request, behind)| (request, behind.trim()))
                .unwrap()
        );
        assert_eq!(behind, "(kafka.request.logger)");
        assert_eq!(from_text.total_ns, 60_933_000);
        assert_eq!(from_text.api, "Produce");
    }
}
