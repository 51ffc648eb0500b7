//! How connections begin and end, as TCP and TLS tell it.

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, FIN, Link, RST, Tcp};
use crate::support::decode;
use crate::support::segments::{
    MS, SCALED, Seg, capture, connection, decoded, opened, seg, stretches,
};

#[test]
fn a_handshake_gives_options_and_both_parts_of_the_round_trip() {
    let decoded = decoded(&opened(20 * MS));
    let row = connection(
        &decoded,
        &[
            "client_mss",
            "client_window_scale",
            "broker_window_scale",
            "window_scaling",
            "sack",
            "timestamps",
            "handshake_client_rtt_ns",
            "handshake_broker_rtt_ns",
            "syn_retries",
            "closed_by",
        ],
    );
    assert_eq!(row, "1460 7 7 on true false 20000000 100000 0 -");
    assert_eq!(stretches(&decoded), [] as [&str; 0]);
}

#[test]
fn a_syn_ack_without_window_scaling_is_told() {
    let mut segments = opened(MS);
    segments[1].options = &SCALED[..4];
    let columns = ["window_scaling", "broker_window_scale", "sack"];
    let refused = connection(&decoded(&segments), &columns);
    assert_eq!(refused, "refused - false");
    segments[0].options = &[];
    let not_offered = connection(&decoded(&segments), &columns);
    assert_eq!(not_offered, "not_offered - false");
    let unknown = connection(
        &decoded(&[seg(0, CLIENT, 0, 0, 100)]),
        &[
            "window_scaling",
            "sack",
            "syn_retries",
            "to_broker_zero_windows",
            "from_broker_segments",
        ],
    );
    assert_eq!(unknown, "- - - - 0");
}

#[test]
fn a_syn_that_nobody_answered_in_time_is_a_wait() {
    let mut segments = opened(MS);
    for (index, segment) in segments.iter_mut().enumerate().skip(1) {
        segment.at += 3_000 * MS + index as i64;
    }
    let again = |at| Seg { at, ..segments[0] };
    let copy = Seg { id: 1, ..again(1) };
    let (first, second) = (again(1_000 * MS), again(3_000 * MS));
    segments.splice(1..1, [copy, first, second]);
    let answered = decoded(&segments);
    assert_eq!(
        stretches(&answered),
        ["syn_retry to_broker 0 3000100 true 2 -"]
    );
    let row = connection(&answered, &["syn_retries", "handshake_broker_rtt_ns"]);
    assert_eq!(row, "2 -");
    let unanswered = decoded(&segments[..4]);
    assert_eq!(
        stretches(&unanswered),
        ["syn_retry to_broker 0 3000000 false 2 -"]
    );
}

#[test]
fn a_reset_outside_of_the_window_ends_nothing() {
    let mut segments = opened(MS);
    let reset = |at, seq| Seg {
        flags: RST,
        window: 0,
        ..seg(at, BROKER, seq, 0, 0)
    };
    segments.extend([
        seg(10 * MS, BROKER, 0, 0, 1000),
        seg(11 * MS, CLIENT, 0, 1000, 0),
        // Behind what the client has, and beyond the largest window, which is 65,536 bytes.
        reset(20 * MS, 500),
        reset(21 * MS, 80_000),
    ]);
    let row =
        |segments: &[Seg<'_>]| connection(&decoded(segments), &["closed_by", "from_broker_resets"]);
    assert_eq!(row(&segments), "- 0");
    segments.push(reset(22 * MS, 1000));
    assert_eq!(row(&segments), "broker_reset 1");
}

#[test]
fn ends_and_what_follows_them_are_told() {
    let mut segments = opened(MS);
    segments.extend([
        Seg {
            flags: FIN | ACK,
            ..seg(10 * MS, BROKER, 0, 0, 0)
        },
        seg(11 * MS, CLIENT, 0, 1, 0),
        seg(11 * MS + 10, CLIENT, 0, 1, 0),
        Seg {
            flags: RST,
            window: 0,
            ..seg(12 * MS, CLIENT, 0, 0, 0)
        },
    ]);
    let mut all = capture(&segments);
    let mut next = Tcp::new(40_001);
    all.clock = 50 * MS;
    all.open(&mut next);
    let decoded = decode(&all.pcap_as(Link::Ethernet, false, true));
    let rows = decoded.rows(
        "tcp_connections",
        &[
            "closed_by",
            "reconnect_of",
            "to_broker_resets",
            "from_broker_duplicate_acks",
            "to_broker_zero_windows",
        ],
    );
    assert_eq!(rows, ["broker_fin - 1 0 0", "- 10000000001 0 0 0"]);
    assert_eq!(
        stretches(&decoded),
        ["reset to_broker 12000 12000 true 1 -"]
    );
}

#[test]
fn a_tls_handshake_has_its_times() {
    let mut tcp = Tcp::new(40_000);
    let mut capture = Capture::default();
    capture.open(&mut tcp);
    let hello = [0x16, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3];
    let mut done = vec![0x14, 3, 3, 0, 1, 1];
    done.extend([0x17, 3, 3, 0, 4, 1, 2, 3, 4]);
    capture.send(&mut tcp, CLIENT, &hello, 1448);
    let hello_time = capture.packets[3].time;
    // The broker chooses TLS 1.3, and a session that it knows.
    let mut answer = vec![0x16, 3, 3, 0, 56, 2, 0, 0, 52, 3, 3];
    answer.extend([9; 32]);
    answer.extend([0, 0x13, 1, 0, 0, 12, 0, 43, 0, 2, 3, 4, 0, 41, 0, 2, 0, 0]);
    capture.send(&mut tcp, BROKER, &answer, 1448);
    let answer_time = capture.packets[5].time;
    capture.send(&mut tcp, CLIENT, &done, 1448);
    let done_time = capture.packets[7].time;
    let decoded = decode(&capture.pcap_as(Link::Ethernet, false, true));
    let columns = [
        "client_hello_time",
        "tls_done_time",
        "tls_broker_ns",
        "tls_resumed",
    ];
    assert_eq!(
        connection(&decoded, &columns),
        format!("{hello_time} {done_time} {} true", answer_time - hello_time)
    );
    assert_eq!(connection(&decoded, &["tls_version"]), "TLS 1.3");
}
