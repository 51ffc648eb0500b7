//! What TCP does for connections: handshakes, round trips, bytes sent again, windows.

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, FIN, Link, RST, SYN, Tcp};
use crate::support::{Decoded, decode};

pub const MS: i64 = 1_000_000;

/// A segment as it stands in the capture.
#[derive(Debug, Clone, Copy)]
pub struct Seg<'a> {
    pub at: i64,
    pub from: usize,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub id: u16,
    pub options: &'a [u8],
    pub size: usize,
}

const CLIENT_ISN: u32 = u32::MAX - 100;
const BROKER_ISN: u32 = 7_000;

/// A segment of one end, `seq` and `ack` counted from the first byte of each direction.
pub fn seg<'a>(at: i64, from: usize, seq: u32, ack: u32, size: usize) -> Seg<'a> {
    let (own, other) = if from == CLIENT {
        (CLIENT_ISN, BROKER_ISN)
    } else {
        (BROKER_ISN, CLIENT_ISN)
    };
    Seg {
        at,
        from,
        flags: ACK,
        seq: own.wrapping_add(1).wrapping_add(seq),
        ack: other.wrapping_add(1).wrapping_add(ack),
        window: 512,
        id: 0,
        options: &[],
        size,
    }
}

const SCALED: [u8; 12] = [2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 1, 1];

/// A connection opened at 0 ms over a link of the given round trip, captured next to the broker.
pub fn opened<'a>(rtt: i64) -> Vec<Seg<'a>> {
    let syn = Seg {
        flags: SYN,
        window: 64_240,
        seq: CLIENT_ISN,
        ack: 0,
        options: &SCALED,
        ..seg(0, CLIENT, 0, 0, 0)
    };
    let syn_ack = Seg {
        at: MS / 10,
        from: BROKER,
        flags: SYN | ACK,
        seq: BROKER_ISN,
        ack: CLIENT_ISN.wrapping_add(1),
        ..syn
    };
    vec![syn, syn_ack, seg(MS / 10 + rtt, CLIENT, 0, 0, 0)]
}

fn capture(segments: &[Seg<'_>]) -> Capture {
    let tcp = Tcp::new(40_000);
    let mut capture = Capture::default();
    for (index, segment) in segments.iter().enumerate() {
        let mut ip = tcp.packet_at(segment.from, segment.seq, segment.flags, &[]);
        let options = segment.options.len().next_multiple_of(4);
        ip[32] = (5 + options as u8 / 4) << 4;
        ip[34..36].copy_from_slice(&segment.window.to_be_bytes());
        ip[28..32].copy_from_slice(&segment.ack.to_be_bytes());
        ip.extend(segment.options);
        ip.resize(40 + options, 0);
        ip.resize(40 + options + segment.size, 0);
        let id = if segment.id == 0 {
            index as u16 + 1
        } else {
            segment.id
        };
        ip[4..6].copy_from_slice(&id.to_be_bytes());
        let total = ip.len() as u16;
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        capture.push(false, ip);
        capture.packets.last_mut().unwrap().time = crate::support::capture::START + segment.at;
    }
    capture
}

pub fn decoded(segments: &[Seg<'_>]) -> Decoded {
    decode(&capture(segments).pcap_as(Link::Ethernet, false, true))
}

/// Kind, direction, start and end in µs, whether the end was seen, segments and bytes.
pub fn stretches(decoded: &Decoded) -> Vec<String> {
    let columns = [
        "kind",
        "direction",
        "start_time",
        "end_time",
        "is_end_seen",
        "segments",
        "bytes",
    ];
    let rows = decoded.rows("tcp_stretches", &columns);
    rows.iter()
        .map(|row| {
            let mut words: Vec<String> = row.split(' ').map(str::to_owned).collect();
            for time in &mut words[2..4] {
                let ns: i64 = time.parse().unwrap();
                *time = ((ns - crate::support::capture::START) / 1000).to_string();
            }
            words.join(" ")
        })
        .collect()
}

pub fn connection(decoded: &Decoded, columns: &[&str]) -> String {
    let rows = decoded.rows("tcp_connections", columns);
    assert_eq!(rows.len(), 1);
    rows[0].clone()
}

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
fn bytes_sent_again_are_a_wait_until_they_are_acknowledged() {
    let mut segments = opened(10 * MS);
    segments.extend([
        seg(20 * MS, BROKER, 0, 0, 1000),
        seg(30 * MS, CLIENT, 0, 1000, 0),
        // Lost behind the capture point.
        seg(40 * MS, BROKER, 1000, 0, 1000),
        seg(41 * MS, BROKER, 2000, 0, 500),
        seg(51 * MS, CLIENT, 0, 1000, 0),
        seg(60 * MS, BROKER, 1000, 0, 1000),
        seg(70 * MS, CLIENT, 0, 2500, 0),
    ]);
    let decoded = decoded(&segments);
    assert_eq!(
        stretches(&decoded),
        ["retransmission from_broker 40000 70000 true 1 1000"]
    );
    let row = connection(
        &decoded,
        &[
            "from_broker_bytes",
            "from_broker_retransmissions",
            "from_broker_duplicate_acks",
            "from_broker_unseen_bytes",
            "to_broker_retransmissions",
            "client_rtt_min_ns",
            "client_rtt_samples",
        ],
    );
    // The segment that was sent again is no sample.
    assert_eq!(row, "2500 1 1 0 0 10000000 1");
}

/// Timestamps: its own, and the one it echoes; behind them, a block of a selective acknowledgement.
fn stamped(own: u8, echo: u8, block: Option<(u32, u32)>) -> Vec<u8> {
    let mut options = vec![1, 1, 8, 10, 0, 0, 0, own, 0, 0, 0, echo];
    if let Some((from, to)) = block {
        options.extend([1, 1, 5, 10]);
        for byte in [from, to] {
            let number = CLIENT_ISN.wrapping_add(1).wrapping_add(byte);
            options.extend(number.to_be_bytes());
        }
    }
    options
}

#[test]
fn what_the_receiver_says_tells_a_loss_from_a_late_acknowledgement() {
    let is_lost = |again: u8, echo: u8, block, dups: usize| {
        let first = stamped(10, 1, None);
        let copy = stamped(again, 1, None);
        let answer = stamped(50, echo, block);
        let same = stamped(49, 5, None);
        let mut segments = opened(MS);
        segments.push(Seg {
            options: if again == 0 { &[] } else { &first },
            ..seg(20 * MS, CLIENT, 0, 0, 1000)
        });
        segments.push(seg(20 * MS + 1000, CLIENT, 1000, 0, 1000));
        for i in 0..dups {
            segments.push(Seg {
                options: &same,
                ..seg(21 * MS + i as i64, BROKER, 0, 0, 0)
            });
        }
        segments.push(Seg {
            options: if again == 0 { &[] } else { &copy },
            ..seg(240 * MS, CLIENT, 0, 0, 1000)
        });
        segments.push(Seg {
            options: if again == 0 { &[] } else { &answer },
            ..seg(241 * MS, BROKER, 0, 2000, 0)
        });
        let rows = decoded(&segments).rows("tcp_stretches", &["kind", "is_lost"]);
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows[0].clone()
    };
    // The acknowledgement answers the copy, or the first.
    assert_eq!(is_lost(30, 30, None, 0), "retransmission true");
    assert_eq!(is_lost(30, 10, None, 0), "retransmission false");
    // It answers the copy, and says that this came twice.
    assert_eq!(is_lost(30, 30, Some((0, 1000)), 0), "retransmission false");
    // It has something else behind a hole.
    assert_eq!(
        is_lost(30, 30, Some((3000, 4000)), 0),
        "retransmission true"
    );
    // Without timestamps: nobody asked for it, or somebody did.
    assert_eq!(is_lost(0, 0, None, 0), "retransmission -");
    assert_eq!(is_lost(0, 0, None, 4), "retransmission true");
}

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
fn a_hole_that_is_filled_after_a_round_trip_was_sent_again() {
    let lost = |late: i64, acks: usize| {
        let mut segments = opened(10 * MS);
        segments.push(seg(20 * MS, CLIENT, 0, 0, 1000));
        segments.push(seg(20 * MS + 1, BROKER, 0, 1000, 0));
        for i in 0..3 {
            segments.push(seg(21 * MS + i, CLIENT, 2000 + 1000 * i as u32, 0, 1000));
            if (i as usize) < acks {
                segments.push(seg(21 * MS + i, BROKER, 0, 1000, 0));
            }
        }
        segments.push(seg(21 * MS + late, CLIENT, 1000, 0, 1000));
        segments.push(seg(22 * MS + late, BROKER, 0, 5000, 0));
        decoded(&segments)
    };
    let columns = ["to_broker_retransmissions", "to_broker_out_of_order"];
    let sent_again = lost(12 * MS, 3);
    assert_eq!(connection(&sent_again, &columns), "1 0");
    assert_eq!(
        stretches(&sent_again),
        ["retransmission to_broker 21000 34000 true 1 1000"]
    );
    assert_eq!(sent_again.rows("tcp_stretches", &["is_lost"]), ["true"]);
    // Too soon for the sender to know, or with nobody asking for it.
    for (late, acks) in [(2 * MS, 3), (12 * MS, 0)] {
        let disorder = lost(late, acks);
        assert_eq!(connection(&disorder, &columns), "0 1");
        assert_eq!(stretches(&disorder), [] as [&str; 0]);
    }
}

#[test]
fn what_the_capture_missed_was_not_sent_again() {
    let mut segments = opened(10 * MS);
    segments.extend([
        seg(20 * MS, BROKER, 0, 0, 1000),
        // 1,000 bytes are not in the capture.
        seg(21 * MS, BROKER, 2000, 0, 1000),
        seg(31 * MS, CLIENT, 0, 3000, 0),
        // And here the last packet of a burst.
        seg(40 * MS, BROKER, 3000, 0, 1000),
        seg(50 * MS, CLIENT, 0, 5000, 0),
        seg(60 * MS, BROKER, 5000, 0, 1000),
        seg(70 * MS, CLIENT, 0, 6000, 0),
    ]);
    let columns = [
        "from_broker_retransmissions",
        "from_broker_unseen_bytes",
        "from_broker_bytes",
        "from_broker_out_of_order",
    ];
    let lossy = decoded(&segments);
    assert_eq!(connection(&lossy, &columns), "0 2000 4000 0");
    // The same packets, captured after what acknowledges them.
    segments.insert(6, seg(32 * MS, BROKER, 1000, 0, 1000));
    segments.insert(9, seg(51 * MS, BROKER, 4000, 0, 1000));
    let late = decoded(&segments);
    assert_eq!(connection(&late, &columns), "0 0 6000 2");
    assert_eq!(stretches(&late), [] as [&str; 0]);
}

#[test]
fn packets_captured_twice_are_copies() {
    let mut segments = opened(10 * MS);
    segments.extend([
        seg(20 * MS, BROKER, 0, 0, 1000),
        seg(21 * MS, CLIENT, 0, 1000, 300),
        seg(22 * MS, BROKER, 1000, 300, 1000),
        seg(32 * MS, CLIENT, 300, 2000, 0),
    ]);
    for (index, segment) in segments.iter_mut().enumerate() {
        segment.id = index as u16 + 1;
    }
    let twice: Vec<Seg<'_>> = segments
        .iter()
        .flat_map(|segment| {
            let copy = Seg {
                at: segment.at + 15_000,
                ..*segment
            };
            [*segment, copy]
        })
        .collect();
    let decoded = decoded(&twice);
    let row = connection(
        &decoded,
        &[
            "syn_retries",
            "syn_ack_retries",
            "to_broker_retransmissions",
            "from_broker_retransmissions",
            "from_broker_duplicate_acks",
            "to_broker_copies",
            "from_broker_copies",
        ],
    );
    assert_eq!(row, "0 0 0 0 0 1 2");
    assert_eq!(stretches(&decoded), [] as [&str; 0]);
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

#[test]
fn one_direction_alone_shows_nothing_sent_again_that_was_not() {
    let mut segments = opened(10 * MS);
    for i in 0..20_u32 {
        segments.push(seg(
            i64::from(i) * 5 * MS + 20 * MS,
            CLIENT,
            i * 1000,
            0,
            1000,
        ));
    }
    segments.retain(|segment| segment.from == CLIENT);
    // A hole that nobody fills, one that is filled soon.
    segments.remove(8);
    segments.swap(12, 13);
    let times = (segments[12].at, segments[13].at);
    (segments[13].at, segments[12].at) = times;
    let decoded = decoded(&segments);
    let row = connection(
        &decoded,
        &[
            "to_broker_retransmissions",
            "to_broker_out_of_order",
            "to_broker_unseen_bytes",
            "to_broker_duplicate_acks",
            "from_broker_retransmissions",
            "broker_rtt_min_ns",
        ],
    );
    assert_eq!(row, "0 1 - - - -");
    assert_eq!(stretches(&decoded), [] as [&str; 0]);
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
    capture.send(&mut tcp, BROKER, &hello, 1448);
    capture.send(&mut tcp, CLIENT, &done, 1448);
    let done_time = capture.packets[7].time;
    let decoded = decode(&capture.pcap_as(Link::Ethernet, false, true));
    assert_eq!(
        connection(&decoded, &["client_hello_time", "tls_done_time"]),
        format!("{hello_time} {done_time}")
    );
}
