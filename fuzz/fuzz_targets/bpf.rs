//! Any bytes, in any split and on the fast or the general path: no panic, the same rows and losses.
#![no_main]

use std::num::NonZeroUsize;

use chrono::NaiveDate;
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions, FieldMap, Format, recognise};
use kcorr_model::{Decoder, SourceId, Summary};

const MAP: &str = r#"
[[event]]
table = "writes"
[event.fields]
start_time = "start_ns"
end_time = { path = "end_ns", unit = "us" }
operation = "op"
lock_address = "monitor"
comm = "comm"
"#;

fn options(choice: u8) -> BpfOptions {
    let name = Format::NAMES.get(usize::from(choice / 2));
    BpfOptions {
        format: name.and_then(|name| name.parse().ok()),
        field_map: (choice == 255).then(|| FieldMap::parse(MAP).expect("the map is right")),
        threads: NonZeroUsize::new(1),
        date: (choice % 2 == 1).then(|| NaiveDate::from_ymd_opt(2026, 11, 28)).flatten(),
    }
}

fn decode(pieces: &[&[u8]], choice: u8) -> Option<(String, Summary)> {
    let mut decoder = BpfDecoder::new(SourceId(1), options(choice));
    let mut batches = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut batches).ok()?;
    }
    let summary = decoder.finish(&mut batches).ok()?;
    Some((format!("{batches:?}"), summary))
}

/// The same text as Windows' shells write it into files.
fn utf_16(text: &[u8]) -> Vec<u8> {
    let mark = [0xff, 0xfe];
    let units = text.iter().flat_map(|&byte| [byte, 0]);
    mark.into_iter().chain(units).collect()
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&[choice, at], input)) = data.split_at_checked(2).map(|(head, rest)| {
        (<&[u8; 2]>::try_from(head).expect("two bytes"), rest)
    }) else {
        return;
    };
    let wide;
    let input = if at == 255 {
        wide = utf_16(input);
        &wide
    } else {
        input
    };
    let _ = recognise(input);
    let whole = decode(&[input], choice);
    let (head, tail) = input.split_at(usize::from(at).min(input.len()));
    assert_eq!(whole, decode(&[head, tail], choice));
});
