//! Bytes sent again, captured twice, in disorder or not at all.

use crate::support::capture::{BROKER, CLIENT};
use crate::support::segments::{CLIENT_ISN, MS, Seg, connection, decoded, opened, seg, stretches};

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
