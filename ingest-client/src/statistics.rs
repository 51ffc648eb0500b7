//! librdkafka's statistics: the JSON that it gives a client's program every `statistics.interval.ms`.
//!
//! By STATISTICS.md of librdkafka 2.x: latencies in µs and throttling in ms, each a window since the statistics before.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

/// What is read of one such object.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(crate) struct Statistics<'a> {
    /// The client's handle: `rdkafka#producer-1`.
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) client_id: Cow<'a, str>,
    /// `producer` or `consumer`.
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'a, str>,
    /// A clock of the client's machine that only goes forward, µs.
    pub(crate) ts: i64,
    /// The wall clock, seconds since 1970.
    pub(crate) time: i64,
    /// Messages that wait for the program.
    replyq: Option<f64>,
    /// Messages and bytes in the producer's queues.
    msg_cnt: Option<f64>,
    msg_size: Option<f64>,
    #[serde(default, borrow)]
    brokers: BTreeMap<Cow<'a, str>, Broker>,
}

#[derive(Debug, Deserialize)]
struct Broker {
    nodeid: i32,
    outbuf_cnt: Option<f64>,
    outbuf_msg_cnt: Option<f64>,
    waitresp_cnt: Option<f64>,
    req_timeouts: Option<f64>,
    txretries: Option<f64>,
    int_latency: Option<Window>,
    outbuf_latency: Option<Window>,
    rtt: Option<Window>,
    throttle: Option<Window>,
}

#[derive(Debug, Deserialize)]
struct Window {
    cnt: f64,
    avg: f64,
    p50: Option<f64>,
    p99: Option<f64>,
    max: f64,
}

/// A number of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    /// The broker that it is about.
    pub(crate) broker: Option<i32>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) value: f64,
    pub(crate) unit: Option<&'static str>,
}

impl Statistics<'_> {
    /// Its numbers: of queues those that are told, of windows those in which anything was.
    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        let mut add = |broker, name, value: Option<f64>, unit| {
            if let Some(value) = value {
                metrics.push(Metric {
                    broker,
                    name,
                    value,
                    unit,
                });
            }
        };
        for (name, value, unit) in [
            ("replyq", self.replyq, None),
            ("msg_cnt", self.msg_cnt, None),
            ("msg_size", self.msg_size, Some("bytes")),
        ] {
            add(None, name.into(), value, unit);
        }
        // Those without a number are of addresses to begin with, and of the coordinator: the broker itself is there, too.
        for broker in self.brokers.values().filter(|it| it.nodeid >= 0) {
            let of = Some(broker.nodeid);
            for (name, value) in [
                ("outbuf_cnt", broker.outbuf_cnt),
                ("outbuf_msg_cnt", broker.outbuf_msg_cnt),
                ("waitresp_cnt", broker.waitresp_cnt),
                ("req_timeouts", broker.req_timeouts),
                ("txretries", broker.txretries),
            ] {
                add(of, name.into(), value, None);
            }
            for (name, window, unit) in [
                ("int_latency", &broker.int_latency, "us"),
                ("outbuf_latency", &broker.outbuf_latency, "us"),
                ("rtt", &broker.rtt, "us"),
                ("throttle", &broker.throttle, "ms"),
            ] {
                let Some(window) = window.as_ref().filter(|it| it.cnt > 0.0) else {
                    continue;
                };
                add(of, format!("{name}.cnt").into(), Some(window.cnt), None);
                for (which, value) in [
                    ("avg", Some(window.avg)),
                    ("p50", window.p50),
                    ("p99", window.p99),
                    ("max", Some(window.max)),
                ] {
                    add(of, format!("{name}.{which}").into(), value, Some(unit));
                }
            }
        }
        metrics
    }
}

/// Where an object of statistics begins in a line, which may have what a log puts before it.
pub(crate) fn begin(line: &[u8]) -> Option<usize> {
    let begin = line.iter().position(|&byte| byte == b'{')?;
    let head = line.get(begin..)?;
    let head = head.get(..head.len().min(MOST_HEAD_BYTES))?;
    let mut rest = head;
    // In the order in which librdkafka writes them.
    for name in [
        "\"name\"",
        "\"client_id\"",
        "\"type\"",
        "\"ts\"",
        "\"time\"",
    ] {
        let at = rest
            .windows(name.len())
            .position(|it| it == name.as_bytes())?;
        rest = rest.get(at + name.len()..)?;
    }
    Some(begin)
}

/// Whether these are the statistics that librdkafka writes: other programs have objects with such names, too.
pub(crate) fn is_whole_head(line: &[u8]) -> bool {
    let head = line
        .get(..line.len().min(MOST_HEAD_BYTES))
        .unwrap_or_default();
    [&b"\"replyq\""[..], b"\"msg_cnt\""]
        .iter()
        .all(|name| head.windows(name.len()).any(|it| it == *name))
}

/// Bytes in which the first names are.
const MOST_HEAD_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_brokers_that_have_one_and_of_windows_with_anything_are_told() {
        let line = r#"{ "name": "rdkafka#producer-1", "client_id": "rdkafka", "type": "producer", "ts":5016483227792, "time":1527060869, "replyq":0, "msg_cnt":22710, "msg_size":704010, "msg_max":500000, "brokers":{ "a:9092/2": { "name":"a:9092/2", "nodeid":2, "outbuf_cnt":1, "rtt": { "min":1580, "max":3389, "avg":2349, "sum":79868, "stddev":474, "p50":2319, "p75":2543, "p90":3183, "p95":3199, "p99":3391, "p99_99":3391, "cnt":34 }, "throttle": { "min":0, "max":0, "avg":0, "cnt":0 } }, "b:9092/bootstrap": { "nodeid":-1, "outbuf_cnt":7 } } }"#;
        assert_eq!(begin(line.as_bytes()), Some(0));
        let logged = format!("%7|STATS| {line}");
        assert_eq!(begin(logged.as_bytes()), Some(10));
        assert_eq!(begin(b"{\"client_message\":\"a\"}"), None);
        let statistics: Statistics<'_> = serde_json::from_str(line).unwrap();
        let names: Vec<String> = statistics
            .metrics()
            .iter()
            .map(|it| format!("{}={}", it.name, it.value))
            .collect();
        assert_eq!(
            names,
            [
                "replyq=0",
                "msg_cnt=22710",
                "msg_size=704010",
                "outbuf_cnt=1",
                "rtt.cnt=34",
                "rtt.avg=2349",
                "rtt.p50=2319",
                "rtt.p99=3391",
                "rtt.max=3389"
            ]
        );
    }
}
