//! When a request arrived and was answered, or why it was not.

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, Link, RST, Tcp};
use crate::support::decode;
use crate::support::exchange::{TIMES, order, ordered};
use crate::support::kafka::{Topic, batch, produce, request};

#[test]
fn times_are_those_of_first_and_last_segments() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let bytes = order(1, &["a"]);
    let (head, tail) = bytes.split_at(9);
    capture.segment(&mut tcp, CLIENT, ACK, head);
    let arrival = capture.now();
    capture.segment(&mut tcp, CLIENT, ACK, tail);
    let read = capture.now();
    capture.segment(&mut tcp, BROKER, ACK, &[]);
    let answer = ordered(1, 5);
    let (head, tail) = answer.split_at(3);
    capture.segment(&mut tcp, BROKER, ACK, head);
    let first = capture.now();
    capture.segment(&mut tcp, BROKER, ACK, tail);
    let end = capture.now();
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    let mut values = Vec::new();
    for (_, batch) in &decoded.batches[..1] {
        for name in ["arrival_time", "read_time", "response_time", "end_time"] {
            use arrow::array::AsArray;
            use arrow::datatypes::TimestampNanosecondType;
            let column = batch.column_by_name(name).unwrap();
            values.push(column.as_primitive::<TimestampNanosecondType>().value(0));
        }
    }
    assert_eq!(values, [arrival, read, first, end]);
    assert_eq!(
        decoded.rows(
            "requests",
            &["latency_ns", "request_bytes", "response_bytes", "api"]
        ),
        [format!(
            "{} {} {} Produce",
            end - arrival,
            bytes.len(),
            answer.len()
        )]
    );
}

#[test]
fn requests_without_a_response_say_why() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let body = produce(
        7,
        0,
        &[(Topic::Name("orders"), &[(0, batch(0, -1, &["a"], 5))])],
    );
    capture.send(&mut tcp, CLIENT, &request(0, 7, 1, "app", &body), 1000);
    capture.send(&mut tcp, CLIENT, &order(2, &["b"]), 1000);
    capture.segment(&mut tcp, BROKER, RST, &[]);
    let mut tcp = Tcp::new(40_001);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(3, &["c"]), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(
        decoded.rows("requests", TIMES),
        ["1 - acks_0", "2 - connection_closed", "3 - open_at_end"]
    );
}

#[test]
fn requests_before_an_unanswered_one_lost_their_response_to_a_gap() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    for correlation in 1..=3 {
        capture.send(&mut tcp, CLIENT, &order(correlation, &["a"]), 1000);
        if correlation == 2 {
            // The broker's packet is not captured.
            tcp.next[BROKER] += ordered(2, 0).len() as u32;
        } else {
            capture.send(&mut tcp, BROKER, &ordered(correlation, 0), 1000);
        }
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.lost("pcap_capture_gap"), 1);
    let mut rows = decoded.rows("requests", TIMES);
    rows.sort();
    assert_eq!(rows, ["1 2000 -", "2 - capture_gap", "3 2000 -"]);
}
