//! The context of `kcorr record`.

use kcorr_ingest_broker::{ContextDecoder, recognise_context};
use kcorr_model::{ClockKind, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const TEXT: &str = r#"{"context":"recording","name":"form","value":"1","time_ns":1795902218000000000}
{"context":"log_directory","of":"/data \"a\"","name":"mount_options","value":"rw,data=ordered,commit=5","time_ns":1795902218000000000}
{"context":"host","name":"vmstat.nr_dirty","value":"1234","time_ns":1795902219000000000}
{"context":"host","name":"vmstat.nr_dirty","value":"nan","time_ns":1795902219000000000}
"#;

fn decode(text: &str) -> Decoded {
    decode_pieces(ContextDecoder::new(SourceId(1)), &[text.as_bytes()]).unwrap()
}

#[test]
fn each_line_is_a_row_and_numbers_are_numbers_too() {
    let decoded = decode(TEXT);
    assert_eq!(decoded.summary.clock, ClockKind::Realtime);
    assert_eq!(decoded.losses(), []);
    insta::assert_snapshot!(decoded.text("context"));
}

#[test]
fn what_the_recorder_lost_and_left_out_are_losses() {
    let line = |of: &str, name: &str, value: &str| {
        format!(
            "{{\"context\":\"recording\",\"of\":\"{of}\",\"name\":\"{name}\",\"value\":\"{value}\",\"time_ns\":5}}\n"
        )
    };
    let text = [
        line("packets", "lost", "12"),
        line("file-writes", "lost", "7"),
        line("jvm", "left_out", "no JVM"),
        line("packets", "bytes", "5"),
    ]
    .concat();
    let decoded = decode(&text);
    let losses: Vec<_> = decoded
        .summary
        .losses
        .iter()
        .map(|loss| (loss.kind.name, loss.count))
        .collect();
    assert_eq!(
        losses,
        [
            ("recording_incomplete", 1),
            ("recording_packets_dropped", 12)
        ]
    );
}

#[test]
fn a_line_that_is_none_is_a_loss_and_the_rest_is_read() {
    let text = TEXT.replace("\"value\":\"1234\",", "");
    let decoded = decode(&text);
    assert_eq!(decoded.summary.losses[0].kind.name, "context_bad_line");
    assert_eq!(decoded.times("context", "time").len(), 3);
}

#[test]
fn other_objects_are_no_context() {
    assert!(recognise_context(TEXT.as_bytes()).is_some());
    assert!(recognise_context(&TEXT.as_bytes()[..200]).is_some());
    assert_eq!(recognise_context(b"{\"context\":1}\n"), None);
    assert_eq!(recognise_context(b"{\"ev\":\"write\"}\n"), None);
    assert!(decode_pieces(ContextDecoder::new(SourceId(1)), &[b"Dear diary\n"]).is_err());
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        flips in proptest::collection::vec((0..400_usize, 0..8_u32), 0..6),
        cuts in proptest::collection::vec(0..400_usize, 0..6),
    ) {
        let bytes = flipped(TEXT.as_bytes().to_vec(), flips);
        let whole = decode_pieces(ContextDecoder::new(SourceId(1)), &[&bytes]);
        let split = decode_pieces(ContextDecoder::new(SourceId(1)), &pieces(&bytes, cuts));
        match (whole, split) {
            (Ok(whole), Ok(split)) => prop_assert_eq!(whole.whole_text(), split.whole_text()),
            (whole, split) => prop_assert_eq!(whole.is_err(), split.is_err()),
        }
    }
}
