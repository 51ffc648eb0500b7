//! Messages of a client.

use kcorr_ingest_client::{ClientMessage, ClientMessagesDecoder, recognise_client_messages};
use kcorr_model::{ClockKind, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const TEXT: &str = r#"{"client_message":"1a-0-0","run":"1a","setting":"all","client_id":"probe-all","consumer_id":"probe-consumer","topic":"probe","partition":0,"offset":41,"bytes":512,"leader":1,"broker":1,"intended_ns":1795902218000000000,"queued_ns":1795902218000100000,"first_sent_ns":1795902218005100000,"sent_ns":1795902218005100000,"acknowledged_ns":1795902218007000000,"consumed_ns":1795902218006900000,"attempts":1}
{"client_message":"1a-0-1","run":"1a","setting":"all","topic":"probe","partition":1,"bytes":512,"intended_ns":1795902218050000000,"failed_ns":1795902218050000000,"error":"not_taken_QueueFull","disturbed_by":"client"}
{"client_message":"1a-0-0","run":"1a","setting":"all","topic":"probe","partition":0,"offset":43,"bytes":512,"intended_ns":1795902218000000000,"consumed_ns":1795902219000000000,"again":true}
"#;

fn decode(text: &str) -> Decoded {
    decode_pieces(ClientMessagesDecoder::new(SourceId(1)), &[text.as_bytes()]).unwrap()
}

#[test]
fn each_line_is_a_row() {
    let decoded = decode(TEXT);
    assert_eq!(decoded.summary.clock, ClockKind::Realtime);
    assert_eq!(decoded.losses(), []);
    insta::assert_snapshot!(decoded.text("client_messages"));
}

#[test]
fn a_line_is_read_as_it_was_written() {
    let line = TEXT.lines().next().unwrap();
    let written = ClientMessage {
        id: "1a-0-0".into(),
        run: "1a".into(),
        setting: "all".into(),
        client_id: Some("probe-all".into()),
        consumer_id: Some("probe-consumer".into()),
        topic: "probe".into(),
        offset: Some(41),
        bytes: 512,
        leader: Some(1),
        broker: Some(1),
        intended_ns: 1_795_902_218_000_000_000,
        queued_ns: Some(1_795_902_218_000_100_000),
        first_sent_ns: Some(1_795_902_218_005_100_000),
        sent_ns: Some(1_795_902_218_005_100_000),
        acknowledged_ns: Some(1_795_902_218_007_000_000),
        consumed_ns: Some(1_795_902_218_006_900_000),
        attempts: Some(1),
        ..ClientMessage::default()
    };
    assert_eq!(written.to_line().unwrap(), line);
}

#[test]
fn a_line_that_is_cut_or_damaged_is_a_loss_and_the_rest_is_read() {
    let cut = TEXT.trim_end().trim_end_matches('}');
    let decoded = decode(cut);
    assert_eq!(decoded.losses(), [("client_message_bad_line", 1)]);
    assert_eq!(decoded.row_count("client_messages"), 2);
    let decoded = decode(&TEXT.replace("\"bytes\":512,\"leader\"", "\"leader\""));
    assert_eq!(decoded.losses(), [("client_message_bad_line", 1)]);
    assert_eq!(
        decoded.summary.losses[0].first_position.to_string(),
        "line 1"
    );
}

#[test]
fn times_that_contradict_each_other_are_a_loss_and_no_row() {
    let text = TEXT.replace(
        "\"sent_ns\":1795902218005100000,\"ack",
        "\"sent_ns\":1795902218005000000,\"ack",
    );
    let decoded = decode(&text);
    assert_eq!(decoded.losses(), [("client_message_times", 1)]);
    let detail = &decoded.summary.losses[0].detail;
    assert!(
        detail.starts_with("sent_ns of message 1a-0-0 is too early"),
        "{detail}"
    );
    assert_eq!(decoded.row_count("client_messages"), 2);
    // A client that is told late of its requests, later than of their answers.
    let text = TEXT.replace(
        "\"acknowledged_ns\":1795902218007",
        "\"acknowledged_ns\":1795902218005",
    );
    assert_eq!(decode(&text).losses(), [("client_message_times", 1)]);
}

#[test]
fn messages_are_told_from_other_lines() {
    assert!(recognise_client_messages(TEXT.as_bytes()).is_some());
    assert_eq!(recognise_client_messages(b"{\"context\":\"host\"}\n"), None);
    assert_eq!(
        recognise_client_messages(b"{\"client_message\":\"1\"}\n"),
        None
    );
    let decoder = ClientMessagesDecoder::new(SourceId(1));
    let error = decode_pieces(decoder, &[b"once upon a time\n"]).unwrap_err();
    assert!(error.to_string().contains("once upon a time"), "{error}");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        flips in proptest::collection::vec((0..900_usize, 0..8_u32), 0..6),
        cuts in proptest::collection::vec(0..900_usize, 0..6),
    ) {
        let bytes = flipped(TEXT.as_bytes().to_vec(), flips);
        let whole = decode_pieces(ClientMessagesDecoder::new(SourceId(1)), &[&bytes]);
        let split = decode_pieces(ClientMessagesDecoder::new(SourceId(1)), &pieces(&bytes, cuts));
        match (whole, split) {
            (Ok(whole), Ok(split)) => prop_assert_eq!(whole.whole_text(), split.whole_text()),
            (whole, split) => prop_assert_eq!(whole.is_err(), split.is_err()),
        }
    }
}
