//! Any bytes, in any split and on the fast or the general path: no panic, the same rows and losses.
#![no_main]

use std::num::NonZeroUsize;

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
        ..BpfOptions::default()
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

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&[choice, at], input)) = data.split_at_checked(2).map(|(head, rest)| {
        (<&[u8; 2]>::try_from(head).expect("two bytes"), rest)
    }) else {
        return;
    };
    let _ = recognise(input);
    let whole = decode(&[input], choice);
    let (head, tail) = input.split_at(usize::from(at).min(input.len()));
    assert_eq!(whole, decode(&[head, tail], choice));
});
