//! Decodes whole thread dumps.
#![allow(clippy::unwrap_used)]

use arrow::util::display::array_value_to_string;
use kcorr_ingest_jfr::{ThreadDumpDecoder, recognise, recognise_thread_dump};
use kcorr_model::{Decoder, Error, ErrorKind, SourceId};
use proptest::prelude::*;

const DUMP: &[u8] = include_bytes!("data/threads.txt");

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<String, Error> {
    let mut batches = Vec::new();
    let mut decoder = ThreadDumpDecoder::new(SourceId(2));
    for piece in pieces {
        decoder.push(piece, &mut batches)?;
    }
    let summary = decoder.finish(&mut batches)?;
    let mut text = format!("{}\n", summary.format);
    for (table, batch) in &batches {
        for row in 0..batch.num_rows() {
            text += table.name;
            for (column, values) in table.columns.iter().zip(batch.columns()) {
                if values.is_valid(row) {
                    let value = array_value_to_string(values, row).unwrap();
                    text += &format!("  {}={value}", column.name);
                }
            }
            text += "\n";
        }
    }
    for loss in summary.losses {
        text += &format!(
            "loss {} × {} at {}\n",
            loss.kind.name, loss.count, loss.first_position
        );
    }
    Ok(text)
}

#[test]
fn threads_and_their_locks_are_read_from_dumps_of_several_jdks() {
    assert_eq!(recognise_thread_dump(DUMP), Some("thread dump"));
    assert_eq!(recognise(DUMP), None);
    insta::assert_snapshot!(decode([DUMP]).unwrap());
}

#[test]
fn text_that_is_no_thread_dump_is_refused() {
    let error = decode([b"hello\n\"quoted\"\n".as_slice()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrecognised);
    assert_eq!(recognise_thread_dump(b"hello"), None);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(cut in 0..DUMP.len(), size in 1usize..400) {
        let (head, tail) = DUMP.split_at(cut);
        let pieces = head.chunks(size).chain([tail]);
        prop_assert_eq!(decode(pieces).unwrap(), decode([DUMP]).unwrap());
    }

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((0..DUMP.len(), any::<u8>()), 1..20)) {
        let mut dump = DUMP.to_vec();
        for (at, byte) in changes {
            dump[at] = byte;
        }
        prop_assert!(decode([dump.as_slice()]).is_ok());
    }
}
