//! JFR recordings: any bytes, whole and in pieces, with an event table asked for. Both ways must
//! give the same rows.
#![no_main]

use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_model::{Decoder, SourceId};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // The seeds are recordings; most mutants are of the body, so the name is put back.
    let mut bytes = data.to_vec();
    if bytes.len() >= 8 {
        bytes[..6].copy_from_slice(b"FLR\0\0\x02");
    }
    let options = JfrOptions {
        events: vec!["jdk.ActiveSetting".into(), "GCHeapSummary".into()],
        ..JfrOptions::default()
    };
    let mut whole = Vec::new();
    let mut decoder = JfrDecoder::new(SourceId(1), options.clone());
    let result = decoder.push_whole(&bytes, &mut whole).and_then(|()| decoder.finish(&mut whole));

    let mut pieces = Vec::new();
    let mut decoder = JfrDecoder::new(SourceId(1), options);
    let size = usize::from(data.first().copied().unwrap_or(0)) + 1;
    let pushed = bytes.chunks(size * 64).try_for_each(|piece| decoder.push(piece, &mut pieces));
    let pushed = pushed.and_then(|()| decoder.finish(&mut pieces));
    match (result, pushed) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a, b);
            assert_eq!(whole, pieces);
        }
        (a, b) => assert_eq!(a.is_ok(), b.is_ok()),
    }
});
