//! Windows that close or are too small, and senders that have nothing to send.

use crate::support::capture::{BROKER, CLIENT, Link, SYN};
use crate::support::segments::{MS, Seg, capture, connection, decoded, opened, seg, stretches};
use crate::support::{Decoded, decode};

#[test]
fn a_sender_that_has_nothing_to_send_inside_of_a_message_is_told() {
    // A request of 3,000 bytes: its length, then the rest, of which the last part comes late.
    let message = crate::support::kafka::request(18, 0, 7, "app", &[0; 2_983]);
    assert_eq!(message.len(), 3_000);
    let sent = |window: u16, acknowledged: u32, messages: bool| {
        let mut segments = opened(MS);
        segments.push(seg(20 * MS, CLIENT, 0, 0, 2_000));
        segments.push(Seg {
            window,
            ..seg(21 * MS, BROKER, 0, acknowledged, 0)
        });
        segments.push(seg(81 * MS, CLIENT, 2_000, 0, 1_000));
        let mut all = capture(&segments);
        if messages {
            let [.., first, _, last] = &mut all.packets[..] else {
                panic!()
            };
            first.ip[40..].copy_from_slice(&message[..2_000]);
            last.ip[40..].copy_from_slice(&message[2_000..]);
        }
        stretches(&decode(&all.pcap_as(Link::Ethernet, false, true)))
    };
    // The acknowledgement takes a millisecond to the client, and the rest one back.
    assert_eq!(
        sent(512, 2_000, true),
        ["idle to_broker 22000 81000 true 0 -"]
    );
    // The window has no room, the bytes are still on their way, or where messages end is not known.
    assert_eq!(sent(10, 2_000, true), [] as [&str; 0]);
    assert_eq!(sent(512, 1_000, true), [] as [&str; 0]);
    assert_eq!(sent(512, 2_000, false), [] as [&str; 0]);
}

#[test]
fn a_window_that_closed_is_told_without_a_handshake() {
    let closed = Seg {
        window: 0,
        ..seg(2 * MS, CLIENT, 0, 1000, 0)
    };
    let segments = [
        seg(0, CLIENT, 0, 0, 10),
        seg(MS, BROKER, 0, 10, 1000),
        closed,
        // A probe as Linux sends it, and its answer; then one with a byte.
        seg(300 * MS, BROKER, 999, 10, 0),
        Seg {
            at: 301 * MS,
            ..closed
        },
        seg(302 * MS, BROKER, 999, 10, 1),
        seg(700 * MS, CLIENT, 10, 1000, 0),
        seg(701 * MS, BROKER, 1000, 10, 1000),
    ];
    let opened_again = decoded(&segments);
    assert_eq!(
        stretches(&opened_again),
        ["zero_window from_broker 2000 700000 true 2 -"]
    );
    let row = connection(
        &opened_again,
        &[
            "from_broker_zero_window_ns",
            "from_broker_zero_windows",
            "from_broker_retransmissions",
            "from_broker_window_limited_ns",
        ],
    );
    assert_eq!(row, "698000000 1 0 -");
    let open = decoded(&segments[..6]);
    assert_eq!(
        stretches(&open),
        ["zero_window from_broker 2000 302000 false 2 -"]
    );
}

#[test]
fn what_looks_like_a_probe_much_later_or_is_a_copy_is_none() {
    let closed = Seg {
        window: 0,
        ..seg(2 * MS, CLIENT, 0, 1000, 0)
    };
    let probe = |at| seg(at, BROKER, 999, 10, 0);
    let decoded = decoded(&[
        seg(0, CLIENT, 0, 0, 10),
        seg(MS, BROKER, 0, 10, 1000),
        closed,
        Seg {
            id: 77,
            ..probe(300 * MS)
        },
        // The capture holds it twice.
        Seg {
            id: 77,
            ..probe(300 * MS + 20_000)
        },
        // An acknowledgement of bytes of the other direction.
        seg(400 * MS, BROKER, 1000, 10, 0),
        // A keep-alive.
        probe(7_200_000 * MS),
        seg(7_200_001 * MS, CLIENT, 10, 1000, 0),
    ]);
    assert_eq!(
        stretches(&decoded),
        ["zero_window from_broker 2000 7200001000 true 1 -"]
    );
}

#[test]
fn bytes_sent_again_while_the_window_is_closed_are_no_probes() {
    let closed = Seg {
        window: 0,
        ..seg(2 * MS, CLIENT, 10, 1000, 0)
    };
    let decoded = decoded(&[
        seg(0, CLIENT, 0, 0, 10),
        seg(MS, BROKER, 0, 10, 1000),
        // In flight when the window closes, and lost.
        seg(MS + 100_000, BROKER, 1000, 10, 500),
        closed,
        seg(250 * MS, BROKER, 1000, 10, 500),
        seg(251 * MS, CLIENT, 10, 1500, 0),
    ]);
    assert_eq!(
        stretches(&decoded),
        [
            "retransmission from_broker 1100 251000 true 1 500",
            "zero_window from_broker 2000 251000 true 0 -",
        ]
    );
    assert_eq!(connection(&decoded, &["from_broker_retransmissions"]), "1");
}

/// A client that sends a message of many bytes through a window of 4 KiB, a round trip of 20 ms away.
fn through_small_window(message: u32, is_at_client: bool) -> Decoded {
    let (rtt, window) = (20 * MS, 4096_u32);
    let mut segments = opened(if is_at_client { MS / 10 } else { rtt });
    for segment in &mut segments {
        segment.window = (window >> 7) as u16;
        if segment.flags & SYN != 0 {
            segment.window = window as u16;
        }
    }
    if is_at_client {
        segments[1].at = rtt;
        segments[2].at = rtt + MS / 10;
    }
    // Of the client's bytes, the first tell a message's length: Kafka's framing knows that more follows.
    let mut at = 100 * MS;
    let mut sent = 0;
    let mut data = Vec::new();
    while sent < message {
        let mut here = 0;
        while here < window && sent < message {
            let size = 1024.min(message - sent);
            let time = at + i64::from(here);
            data.push(Seg {
                window: 32,
                ..seg(time, CLIENT, sent, 0, size as usize)
            });
            let acknowledged = if is_at_client { time + rtt } else { time + 1 };
            data.push(Seg {
                window: 32,
                ..seg(acknowledged, BROKER, 0, sent + size, 0)
            });
            sent += size;
            here += size;
        }
        at += rtt + 50_000;
    }
    data.sort_by_key(|segment| segment.at);
    segments.extend(data);
    let mut capture = capture(&segments);
    let first = capture
        .packets
        .iter_mut()
        .find(|packet| packet.ip.len() > 60)
        .unwrap();
    // Produce 9, correlation id 1, client id "a".
    let header = [
        &(message - 4).to_be_bytes()[..],
        &[0, 0, 0, 9, 0, 0, 0, 1, 0, 1, b'a', 0],
    ]
    .concat();
    let options = first.ip.len() - 1024;
    first.ip[options..options + header.len()].copy_from_slice(&header);
    decode(&capture.pcap_as(Link::Ethernet, false, true))
}

#[test]
fn a_sender_that_the_window_keeps_is_told_at_both_ends_of_the_link() {
    for is_at_client in [false, true] {
        let decoded = through_small_window(40_960, is_at_client);
        let rows = decoded.rows(
            "tcp_stretches",
            &["kind", "direction", "segments", "duration_ns", "waited_ns"],
        );
        assert_eq!(rows.len(), 1, "{rows:?}");
        let words: Vec<&str> = rows[0].split(' ').collect();
        assert_eq!(words[..3], ["window_limited", "to_broker", "9"]);
        let waited: i64 = words[4].parse().unwrap();
        // Nine round trips but for the time in which bytes were sent.
        assert!((179 * MS..182 * MS).contains(&waited), "{waited}");
        let total = connection(&decoded, &["to_broker_window_limited_ns"]);
        assert_eq!(total, words[4]);
    }
}

#[test]
fn messages_that_fit_the_window_do_not_wait_for_it() {
    for is_at_client in [false, true] {
        let decoded = through_small_window(4096, is_at_client);
        assert_eq!(stretches(&decoded), [] as [&str; 0]);
        let total = connection(&decoded, &["to_broker_window_limited_ns"]);
        assert_eq!(total, "0");
    }
}
