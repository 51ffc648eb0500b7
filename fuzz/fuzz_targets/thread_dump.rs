//! Thread dumps: any bytes, whole and in pieces. Both ways must give the same rows.
#![no_main]

use kcorr_ingest_broker::{ThreadDumpDecoder, recognise_thread_dump};
use kcorr_model::{Decoder, SourceId};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _format = recognise_thread_dump(data);
    let decode = |size: usize| {
        let mut batches = Vec::new();
        let mut decoder = ThreadDumpDecoder::new(SourceId(1));
        let pushed = data.chunks(size).try_for_each(|piece| decoder.push(piece, &mut batches));
        let summary = pushed.and_then(|()| decoder.finish(&mut batches)).ok();
        (summary, batches)
    };
    let size = usize::from(data.first().copied().unwrap_or(0)) + 1;
    assert_eq!(decode(usize::MAX), decode(size));
});
