//! A broker's own log.

use kcorr_ingest_broker::{ServerLogDecoder, recognise_server_log};
use kcorr_model::{ClockKind, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const LOG: &[u8] = include_bytes!("../data/server.log");

fn decode(bytes: &[u8]) -> Decoded {
    decode_pieces(ServerLogDecoder::new(SourceId(1)), &[bytes]).unwrap()
}

#[test]
fn changes_of_in_sync_sets() {
    insta::assert_snapshot!(decode(LOG).whole_text());
}

#[test]
fn logs_are_told_from_other_texts() {
    assert_eq!(recognise_server_log(LOG), Some("Kafka broker's log"));
    let started = &LOG[..85];
    assert_eq!(recognise_server_log(started), Some("Kafka broker's log"));
    for other in [
        &b"[2026-11-28 11:30:01,003] INFO started (com.acme.kafka.server.Main)\n"[..],
        b"        at kafka.server.KafkaApis.handle(KafkaApis.scala:180)\n",
        b"[2026-11-28 11:30:01,003] WARN lost (org.apache.kafka.clients.NetworkClient)\n",
        b"ISR updated to read both pins\n",
        b"",
    ] {
        assert_eq!(recognise_server_log(other), None);
    }
    let decoder = ServerLogDecoder::new(SourceId(1));
    let error = decode_pieces(decoder, &[b"once upon a time\n"]).unwrap_err();
    assert!(error.to_string().contains("once upon a time"), "{error}");
}

#[test]
fn layouts_and_collectors_around_the_message_change_no_row() {
    let message = "[Partition orders-0 broker=1] ISR updated to 1,2 and version updated to 6";
    let lines = [
        format!("[2026-11-28 11:30:08,798] INFO {message} (kafka.cluster.Partition)"),
        format!(
            "2026-11-28T12:30:08.798+01:00 INFO [ReplicaManager] kafka.cluster.Partition - {message}"
        ),
        format!("INFO|2026-11-28 11:30:08.798|kafka.cluster.Partition|{message}"),
        format!(
            r#"{{"@timestamp":"2026-11-28T11:30:08.798Z","log.level":"INFO","message":"{message}","log.logger":"kafka.cluster.Partition"}}"#
        ),
        format!(
            r#"{{"log":"[2026-11-28 11:30:08,798] INFO {message} (kafka.cluster.Partition)\n","stream":"stdout","time":"2026-11-28T11:30:08.9Z"}}"#
        ),
        format!("kafka-1  | [2026-11-28 11:30:08,798] INFO {message} (kafka.cluster.Partition)"),
    ];
    for line in lines {
        let read = decode(format!("{line}\n").as_bytes());
        let time = read.times("isr_changes", "time");
        assert_eq!(time, [1_795_865_408_798_000_000], "{line}");
        let version = read.int64("isr_changes", "version");
        assert_eq!(version, [6], "{line}");
    }
}

#[test]
fn the_zone_of_a_time_decides_the_clock() {
    let line = |time: &str| {
        format!(
            "[{time}] INFO [Partition orders-0 broker=1] ISR updated to 1 and version updated to 6 (kafka.cluster.Partition)\n"
        )
    };
    let local = decode(line("2026-11-28 11:30:08,798").as_bytes());
    assert_eq!(local.summary.clock, ClockKind::LocalTime);
    let zoned = decode(line("2026-11-28T12:30:08,798+0100").as_bytes());
    assert_eq!(zoned.summary.clock, ClockKind::Realtime);
    let none = decode(b"[Partition orders-0 broker=1] ISR updated to 1 and version updated to 6\n");
    assert_eq!(none.int64("isr_changes", "version"), [] as [i64; 0]);
    assert_eq!(none.summary.limits[0].name, "no_line_time");
}

#[test]
fn a_cut_change_is_a_loss_and_one_whose_message_is_whole_is_none() {
    let second = LOG.split_inclusive(|&byte| byte == b'\n').nth(1).unwrap();
    let end = |text: &str| {
        let mut windows = second.windows(text.len());
        windows
            .position(|window| window == text.as_bytes())
            .unwrap()
            + text.len()
    };
    let (begun, told) = (end("[Partition "), end("1795865374118)."));
    for cut in begun..second.len() {
        let bytes = [&LOG[..85], &second[..cut]].concat();
        let read = decode(&bytes);
        let losses = read.summary.losses.iter();
        let cut_lines = losses.filter(|loss| loss.kind.name == "server_log_cut_line");
        let is_told = cut > told;
        assert_eq!(read.row_count("isr_changes"), usize::from(is_told), "{cut}");
        assert_eq!(cut_lines.count(), usize::from(!is_told), "{cut}");
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        flips in proptest::collection::vec((0..1700_usize, 0..8_u32), 0..6),
        cuts in proptest::collection::vec(0..1700_usize, 0..6),
    ) {
        let bytes = flipped(LOG.to_vec(), flips);
        let decoder = ServerLogDecoder::new(SourceId(1));
        let whole = decode_pieces(ServerLogDecoder::new(SourceId(1)), &[&bytes]).map(|read| read.whole_text());
        let split = decode_pieces(decoder, &pieces(&bytes, cuts)).map(|read| read.whole_text());
        prop_assert_eq!(whole.ok(), split.ok());
    }
}
