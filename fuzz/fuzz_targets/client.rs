//! Messages of a client: any bytes, whole and in pieces. Both ways must give the same rows and losses.
#![no_main]

use kcorr_ingest_client::{ClientMessagesDecoder, recognise_client_messages};
use kcorr_model::{Decoder, SourceId};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _format = recognise_client_messages(data);
    let decode = |size: usize| {
        let mut batches = Vec::new();
        let mut decoder = ClientMessagesDecoder::new(SourceId(1));
        let pushed = data.chunks(size).try_for_each(|piece| decoder.push(piece, &mut batches));
        let summary = pushed.and_then(|()| decoder.finish(&mut batches)).ok();
        (summary, batches)
    };
    let size = usize::from(data.first().copied().unwrap_or(0)) + 1;
    assert_eq!(decode(usize::MAX), decode(size));
});
