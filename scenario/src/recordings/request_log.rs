//! `request.log`: the broker's request logger, in JSON (KIP-673).

use std::io::{self, Write};

use serde_json::json;

use super::{Recorder, date_time};
use crate::history::{BROKER_PORT, History, Kind, Request, broker_ip};

/// Writes a line for each request, when its response has left.
pub(super) fn write(
    history: &History,
    mut recorder: Recorder,
    mut output: impl Write,
) -> io::Result<()> {
    let mut order: Vec<&Request> = history.requests.iter().filter(|r| r.end > 0).collect();
    order.sort_by_key(|request| request.end);
    for request in order {
        if recorder.loses() {
            continue;
        }
        let (date, time) = date_time(recorder.clock.wall(request.end));
        let line = line(history, request);
        let time = time.replace('.', ",");
        writeln!(
            output,
            "[{date} {time}] DEBUG Completed request:{line} (kafka.request.logger)"
        )?;
    }
    output.flush()
}

/// An API's name as the broker prints it: `API_VERSIONS` for `ApiVersions`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// A time as the broker prints it: ms with three digits.
fn ms(ns: i64) -> f64 {
    (ns / 1_000) as f64 / 1_000.0
}

fn line(history: &History, request: &Request) -> serde_json::Value {
    let connection = &history.connections[request.connection];
    let (key, name) = request.kind.api();
    let [a, b, c, d] = broker_ip(history.broker_id);
    let name = screaming(name);
    let is_produce = request.kind == Kind::Produce;
    let parts = |of: &dyn Fn(&crate::history::Part) -> serde_json::Value| {
        let topics = request.parts.iter().map(|part| {
            let log = &history.logs[part.log];
            json!({"name": history.topics[log.topic].name, "partitionData": [of(part)]})
        });
        topics.collect::<Vec<_>>()
    };
    let (asked, answered) = if is_produce {
        let asked = parts(
            &|part| json!({"index": history.logs[part.log].partition, "recordsSizeInBytes": part.records_bytes}),
        );
        let answered = request.parts.iter().map(|part| {
            let log = &history.logs[part.log];
            json!({"name": history.topics[log.topic].name, "partitionResponses": [{
                "index": log.partition, "errorCode": 0, "baseOffset": part.offset,
                "logAppendTimeMs": -1, "logStartOffset": 0, "recordErrors": [], "errorMessage": null}]})
        });
        (
            json!({"transactionalId": null, "acks": request.acks, "timeoutMs": 30000, "topicData": asked}),
            json!({"responses": answered.collect::<Vec<_>>(), "throttleTimeMs": 0}),
        )
    } else {
        (json!({}), json!({}))
    };
    json!({
        "isForwarded": false,
        "requestHeader": {"requestApiKey": key, "requestApiVersion": request.version,
            "correlationId": request.correlation_id, "clientId": connection.client_id,
            "requestApiKeyName": name},
        "request": asked,
        "response": answered,
        "connection": format!("{a}.{b}.{c}.{d}:{BROKER_PORT}-{}-{}", connection.client_address(), request.connection),
        "totalTimeMs": ms(request.end - request.queued),
        "requestQueueTimeMs": ms(request.taken - request.queued),
        "localTimeMs": ms(request.local_end - request.taken),
        "remoteTimeMs": ms(request.completed - request.local_end),
        "throttleTimeMs": ms(request.throttle),
        "responseQueueTimeMs": ms(request.sending - request.released),
        "sendTimeMs": ms(request.end - request.sending),
        "securityProtocol": "PLAINTEXT", "principal": "User:ANONYMOUS", "listener": "PLAINTEXT",
        "clientInformation": {"softwareName": "apache-kafka-java", "softwareVersion": "4.1.1"},
    })
}
