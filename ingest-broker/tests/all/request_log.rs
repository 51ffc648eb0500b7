//! Kafka's request log.

use kcorr_ingest_broker::{RequestLogDecoder, recognise_request_log};
use kcorr_model::SourceId;
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const JSON: &[u8] = include_bytes!("../data/request-json.log");
const TEXT: &[u8] = include_bytes!("../data/request-text.log");

fn decode(bytes: &[u8]) -> Decoded {
    decode_pieces(RequestLogDecoder::new(SourceId(1)), &[bytes]).unwrap()
}

#[test]
fn json_lines() {
    insta::assert_snapshot!(decode(JSON).whole_text());
}

#[test]
fn text_lines() {
    insta::assert_snapshot!(decode(TEXT).whole_text());
}

#[test]
fn logs_are_told_from_other_texts() {
    assert_eq!(recognise_request_log(JSON), Some("Kafka request log, JSON"));
    assert_eq!(recognise_request_log(TEXT), Some("Kafka request log, text"));
    assert_eq!(recognise_request_log(b"Completed reading\n{}\n"), None);
    let decoder = RequestLogDecoder::new(SourceId(1));
    let error = decode_pieces(decoder, &[b"once upon a time\n"]).unwrap_err();
    assert!(error.to_string().contains("once upon a time"), "{error}");
}

#[test]
fn a_cut_log_keeps_the_requests_before_the_cut() {
    for log in [JSON, TEXT] {
        let all = decode(log).int64("broker_requests", "total_ns");
        for cut in (100..log.len()).step_by(7) {
            let kept = decode(&log[..cut]).int64("broker_requests", "total_ns");
            let whole = log[..cut].iter().filter(|&&byte| byte == b'\n').count();
            assert_eq!(kept[..], all[..kept.len()], "{cut}");
            assert!(kept.len() + 2 > whole.min(all.len()), "{cut}");
        }
    }
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        is_json in any::<bool>(),
        flips in proptest::collection::vec((400..4000_usize, 0..8_u32), 0..6),
        cuts in proptest::collection::vec(0..9000_usize, 0..6),
    ) {
        let log = if is_json { JSON } else { TEXT };
        let bytes = flipped(log.to_vec(), flips);
        let whole = decode(&bytes).whole_text();
        let decoder = RequestLogDecoder::new(SourceId(1));
        let split = decode_pieces(decoder, &pieces(&bytes, cuts)).unwrap();
        prop_assert_eq!(whole, split.whole_text());
    }
}
