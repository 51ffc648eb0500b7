//! One exchange that many tests are about.

use crate::support::Decoded;
use crate::support::capture::{BROKER, CLIENT, Capture, Tcp};
use crate::support::kafka::{Topic, batch, produce, produced, request, response};

pub const TIMES: &[&str] = &["correlation_id", "latency_ns", "no_response"];

/// A produce request of version 7 to partition 0 of `orders`.
pub fn order(correlation: i32, ids: &[&str]) -> Vec<u8> {
    let records = batch(0, -1, ids, 20);
    let body = produce(7, -1, &[(Topic::Name("orders"), &[(0, records)])]);
    request(0, 7, correlation, "app", &body)
}

pub fn ordered(correlation: i32, base: i64) -> Vec<u8> {
    let body = produced(7, &[(Topic::Name("orders"), &[(0, 0, base)])]);
    response(correlation, false, &body)
}

/// One exchange on a fresh connection, captured as the test wants.
pub fn exchange() -> Capture {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(1, &["a", "b"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(1, 77), 1000);
    capture.close(&mut tcp);
    capture
}

pub fn partitions(decoded: &Decoded) -> Vec<String> {
    decoded.rows(
        "request_partitions",
        &[
            "topic",
            "partition",
            "base_offset",
            "record_count",
            "message_ids",
        ],
    )
}
