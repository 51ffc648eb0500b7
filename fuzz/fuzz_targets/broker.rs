//! A broker's files: any bytes, whole and in pieces, as each of the inputs. Both ways must give the
//! same rows and losses.
#![no_main]

use chrono::NaiveDate;
use kcorr_ingest_broker::{
    ContextDecoder, CpuStatDecoder, GcLogDecoder, RequestLogDecoder, SegmentsDecoder, ServerLogDecoder,
    recognise_context, recognise_cpu_stat, recognise_gc_log, recognise_request_log, recognise_server_log,
};
use kcorr_model::{Decoder, SourceId};

fn decoder(choice: u8) -> Box<dyn Decoder> {
    let segments = |path: &str| {
        let ids = Some(vec!["messageId".to_owned()]);
        let mut decoder = SegmentsDecoder::new(SourceId(1), ids);
        decoder.file(path);
        Box::new(decoder)
    };
    match choice % 11 {
        0 => Box::new(GcLogDecoder::new(SourceId(1))),
        1 => Box::new(RequestLogDecoder::new(SourceId(1))),
        2 => segments("orders-0/00000000000000000000.log"),
        3 => segments("segments.tar"),
        4 => segments("orders-0/00000000000000000000.log.deleted"),
        5 => segments("orders-0/partition.metadata"),
        6 => segments("orders-0.0f4c9e0dbd7b4d4c9a9d3a0b5c1d2e3f-stray/00000000000000000000.log.swap"),
        7 => Box::new(CpuStatDecoder::new(SourceId(1))),
        8 => Box::new(ContextDecoder::new(SourceId(1))),
        9 => Box::new(ServerLogDecoder::new(SourceId(1))),
        // Times without a day.
        _ => Box::new(RequestLogDecoder::new(SourceId(1)).date(NaiveDate::from_ymd_opt(2026, 11, 28))),
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    let _formats = (
        recognise_gc_log(data),
        recognise_request_log(data),
        recognise_cpu_stat(data),
        recognise_context(data),
        recognise_server_log(data),
    );
    let decode = |size: usize| {
        let mut batches = Vec::new();
        let mut decoder = decoder(choice);
        let pushed = data.chunks(size).try_for_each(|piece| decoder.push(piece, &mut batches));
        let summary = pushed.and_then(|()| decoder.finish(&mut batches)).ok();
        (summary, batches)
    };
    let size = usize::from(data.first().copied().unwrap_or(0)) + 1;
    assert_eq!(decode(usize::MAX), decode(size));
});
