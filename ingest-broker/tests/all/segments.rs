//! Log segments: batches that are written here, whole and damaged.

use kcorr_ingest_broker::SegmentsDecoder;
use kcorr_model::{Decoder, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const PATH: &str = "/var/kafka/orders.eu-7/00000000000000000100.log";

/// A batch of magic 2 with records that have a `messageId` header.
fn batch(base_offset: i64, ids: &[&str]) -> Vec<u8> {
    let mut records = Vec::new();
    for (i, id) in ids.iter().enumerate() {
        let mut record = vec![0, 0, i as u8 * 2, 1, 8];
        record.extend(b"data");
        record.extend([2, 18]);
        record.extend(b"messageId");
        record.push(id.len() as u8 * 2);
        record.extend(id.as_bytes());
        records.push(record.len() as u8 * 2);
        records.extend(record);
    }
    let mut covered = Vec::new();
    covered.extend(0_i16.to_be_bytes());
    covered.extend((ids.len() as i32 - 1).to_be_bytes());
    covered.extend(1_700_000_000_000_i64.to_be_bytes());
    covered.extend(1_700_000_000_007_i64.to_be_bytes());
    covered.extend((-1_i64).to_be_bytes());
    covered.extend((-1_i16).to_be_bytes());
    covered.extend((-1_i32).to_be_bytes());
    covered.extend((ids.len() as i32).to_be_bytes());
    covered.extend(records);
    let mut bytes = base_offset.to_be_bytes().to_vec();
    bytes.extend((covered.len() as i32 + 9).to_be_bytes());
    bytes.extend(0_i32.to_be_bytes());
    bytes.push(2);
    bytes.extend(crc32c::crc32c(&covered).to_be_bytes());
    bytes.extend(covered);
    bytes
}

/// A message of magic 0 or 1.
fn message(offset: i64, magic: u8, attributes: u8) -> Vec<u8> {
    let mut covered = vec![magic, attributes];
    if magic == 1 {
        covered.extend(1_400_000_000_000_i64.to_be_bytes());
    }
    covered.extend((-1_i32).to_be_bytes());
    covered.extend(3_i32.to_be_bytes());
    covered.extend(b"abc");
    let mut bytes = offset.to_be_bytes().to_vec();
    bytes.extend((covered.len() as i32 + 4).to_be_bytes());
    bytes.extend(crc32fast::hash(&covered).to_be_bytes());
    bytes.extend(covered);
    bytes
}

fn decoder() -> SegmentsDecoder {
    let mut decoder = SegmentsDecoder::new(SourceId(1), Some(vec!["messageId".to_owned()]));
    decoder.file(PATH);
    decoder
}

fn decode(bytes: &[u8]) -> Decoded {
    decode_pieces(decoder(), &[bytes]).unwrap()
}

fn three() -> Vec<u8> {
    [
        batch(100, &["a", "b"]),
        batch(102, &["c"]),
        batch(103, &["d", "e", "f"]),
    ]
    .concat()
}

fn offsets(decoded: &Decoded) -> Vec<i64> {
    decoded.int64("log_batches", "base_offset")
}

#[test]
fn batches_become_rows_with_their_place_in_the_file() {
    insta::assert_snapshot!(decode(&three()).whole_text());
}

#[test]
fn messages_before_magic_2_have_a_row_each() {
    let bytes = [
        message(100, 0, 0),
        message(101, 1, 0),
        message(110, 1, 1),
        batch(111, &["x"]),
    ]
    .concat();
    insta::assert_snapshot!(decode(&bytes).whole_text());
}

#[test]
fn a_file_cut_anywhere_keeps_the_batches_before_the_cut() {
    let bytes = three();
    let ends = decode(&bytes);
    let starts = ends.int64("log_batches", "file_offset");
    let sizes = ends.int64("log_batches", "bytes");
    for cut in 0..bytes.len() {
        let decoded = decode(&bytes[..cut]);
        let cut = cut as i64;
        let whole = starts.iter().zip(&sizes).filter(|(a, b)| *a + *b <= cut);
        let whole: Vec<i64> = whole.map(|(start, size)| start + size).collect();
        assert_eq!(decoded.row_count("log_batches"), whole.len(), "{cut}");
        let is_between = whole.last().copied().unwrap_or_default() == cut;
        match decoded.losses()[..] {
            [] => assert!(is_between, "{cut}"),
            // The first bytes of an offset are zeros.
            [("segment_torn_tail" | "segment_zero_padding", 1)] => assert!(!is_between, "{cut}"),
            ref losses => panic!("{cut}: {losses:?}"),
        }
    }
}

#[test]
fn zeros_behind_the_last_batch_are_padding() {
    for zeros in [1, 11, 12, 16, 17, 61, 5000] {
        let bytes = [three(), vec![0; zeros]].concat();
        let decoded = decode(&bytes);
        assert_eq!(offsets(&decoded), [100, 102, 103], "{zeros}");
        assert_eq!(decoded.losses(), [("segment_zero_padding", 1)], "{zeros}");
    }
}

#[test]
fn batches_behind_a_hole_of_zeros_are_found() {
    for zeros in [1, 11, 12, 17, 61, 5000] {
        let bytes = [batch(100, &["a"]), vec![0; zeros], batch(101, &["b"])].concat();
        let decoded = decode(&bytes);
        assert_eq!(offsets(&decoded), [100, 101], "{zeros}");
        let starts = decoded.int64("log_batches", "file_offset");
        assert_eq!(starts[1], (batch(100, &["a"]).len() + zeros) as i64);
        assert_eq!(decoded.losses(), [("segment_zero_padding", 1)], "{zeros}");
    }
}

#[test]
fn a_wrong_length_loses_its_batch_only() {
    let second = batch(100, &["a", "b"]).len();
    for byte in 8..12 {
        for bit in 0..8 {
            let mut bytes = three();
            bytes[second + byte] ^= 1 << bit;
            let decoded = decode(&bytes);
            assert_eq!(offsets(&decoded), [100, 103], "byte {byte}, bit {bit}");
            let loss = &decoded.summary.losses[0];
            assert_eq!(
                loss.first_position,
                kcorr_model::Position::Byte(second as u64)
            );
        }
    }
}

#[test]
fn a_damaged_batch_has_no_row() {
    let second = batch(100, &["a", "b"]).len();
    let mut bytes = three();
    bytes[second + 70] ^= 4;
    let decoded = decode(&bytes);
    assert_eq!(offsets(&decoded), [100, 103]);
    assert_eq!(decoded.losses(), [("segment_bad_crc", 1)]);
}

#[test]
fn a_base_offset_that_runs_backwards_is_told() {
    let bytes = [batch(105, &["a"]), batch(101, &["b"])].concat();
    let decoded = decode(&bytes);
    assert_eq!(offsets(&decoded), [105, 101]);
    assert_eq!(decoded.losses(), [("segment_offset_order", 1)]);
}

#[test]
fn a_batch_too_large_to_be_held_has_a_row_without_ids() {
    let mut large = batch(100, &["a"]);
    large.resize(20 << 20, 7);
    let length = (large.len() - 12) as i32;
    large[8..12].copy_from_slice(&length.to_be_bytes());
    let sum = crc32c::crc32c(&large[21..]);
    large[17..21].copy_from_slice(&sum.to_be_bytes());
    let bytes = [large.clone(), batch(101, &["b"])].concat();
    let decoded = decode(&bytes);
    assert_eq!(offsets(&decoded), [100, 101]);
    assert_eq!(decoded.losses(), [("segment_large_batch", 1)]);
    let pieces: Vec<&[u8]> = bytes.chunks(1 << 20).collect();
    let in_pieces = decode_pieces(decoder(), &pieces).unwrap();
    assert_eq!(in_pieces.whole_text(), decoded.whole_text());
    let cut = decode(&large[..18 << 20]);
    assert_eq!(cut.losses(), [("segment_torn_tail", 1)]);
}

#[test]
fn files_of_a_directory_are_told_apart_by_their_paths() {
    let mut decoder = SegmentsDecoder::new(SourceId(1), None);
    let mut batches = Vec::new();
    let id = b"version: 0\ntopic_id: XkUF-6S0Rz2P7CfCZ2IGyA";
    let segment = batch(100, &["a"]);
    let files: [(&str, &[u8]); 9] = [
        ("kafka/meta.properties", b"version=1"),
        ("kafka/orders-0/partition.metadata", id),
        ("kafka/orders-0/00000000000000000100.log", &segment),
        ("kafka/orders-0/00000000000000000100.index", b"1234"),
        ("kafka/orders-0/00000000000000000000.log.deleted", b""),
        ("kafka/orders-0/00000000000000000100.log.cleaned", &segment),
        ("kafka/orders-1/partition.metadata", id),
        ("kafka/clicks-1/partition.metadata", b"version: 0\n"),
        ("kafka/orders/00000000000000000100.log", &segment),
    ];
    for (i, (path, bytes)) in files.into_iter().enumerate() {
        decoder.file(path);
        if i > 0 {
            decoder.next_file(&mut batches).unwrap();
        }
        decoder.push(bytes, &mut batches).unwrap();
    }
    let summary = decoder.finish(&mut batches).unwrap();
    let decoded = Decoded { batches, summary };
    insta::assert_snapshot!(decoded.whole_text());
}

#[test]
fn a_folder_without_segments_is_not_recognised() {
    let mut decoder = SegmentsDecoder::new(SourceId(1), None);
    decoder.file("photos/cat.jpg");
    let mut batches = Vec::new();
    decoder.push(b"x", &mut batches).unwrap();
    let error = decoder.finish(&mut batches).unwrap_err();
    assert!(error.to_string().contains("photos/cat.jpg"), "{error}");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        flips in proptest::collection::vec((0..400_usize, 0..8_u32), 0..4),
        cuts in proptest::collection::vec(0..500_usize, 0..6),
        zeros in 0..100_usize,
    ) {
        let log = [three(), vec![0; zeros], batch(106, &["g"]), message(107, 1, 0)].concat();
        let bytes = flipped(log, flips);
        let whole = decode(&bytes).whole_text();
        let split = decode_pieces(decoder(), &pieces(&bytes, cuts)).unwrap();
        prop_assert_eq!(whole, split.whole_text());
    }

    #[test]
    fn one_flipped_bit_costs_one_batch_at_most(at in 0..300_usize, bit in 0..8_u32) {
        let mut bytes = three();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let decoded = decode(&bytes);
        prop_assert!(decoded.row_count("log_batches") >= 2);
        // The leader's epoch and low bits of the base offset are covered by nothing.
        let starts = decode(&three()).int64("log_batches", "file_offset");
        let inside = starts.iter().map(|start| at as i64 - start).filter(|&at| at >= 0).min();
        if inside.is_some_and(|at| at >= 16 || (8..12).contains(&at)) {
            prop_assert!(!decoded.summary.losses.is_empty());
        }
    }
}

/// The directory of a compacted topic within a minute of its cleaning.
fn compacted() -> Vec<(String, Vec<u8>)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/compacted/cmp-0");
    let files = std::fs::read_dir(root).unwrap();
    let mut files: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            (format!("cmp-0/{name}"), std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn decode_files(files: &[(String, Vec<u8>)]) -> Decoded {
    let mut decoder = SegmentsDecoder::new(SourceId(1), None);
    let mut batches = Vec::new();
    for (at, (path, bytes)) in files.iter().enumerate() {
        decoder.file(path);
        if at > 0 {
            decoder.next_file(&mut batches).unwrap();
        }
        for piece in bytes.chunks(1000) {
            decoder.push(piece, &mut batches).unwrap();
        }
    }
    let summary = decoder.finish(&mut batches).unwrap();
    Decoded { batches, summary }
}

#[test]
fn segments_that_compaction_replaced_are_read_under_their_last_name_and_copies_told() {
    let decoded = decode_files(&compacted());
    assert_eq!(decoded.row_count("log_batches"), 13);
    assert_eq!(decoded.int64("log_batches", "record_count"), [10; 13]);
    // The batches of offsets 60 and 100 are in two files each.
    assert_eq!(decoded.losses(), [("segment_copied_batch", 2)]);
}

#[test]
fn a_segment_is_one_under_every_name_that_kafka_gives_it() {
    let (_, bytes) = compacted().swap_remove(1);
    let id = "0f4c9e0dbd7b4d4c9a9d3a0b5c1d2e3f";
    let base = "00000000000000000000.log";
    let names = [
        format!("cmp-0/{base}"),
        format!("cmp-0/{base}.deleted"),
        format!("cmp-0/{base}.cleaned"),
        format!("cmp-0/{base}.swap"),
        format!("/data/cmp-0.{id}-delete/{base}"),
        format!("cmp-0.{id}-stray/{base}"),
        format!("cmp-0.{id}-future/{base}"),
        format!("cmp-0/{base}.zst"),
        format!("cmp-0/{base}.deleted.gz"),
    ];
    for name in names {
        let decoded = decode_files(&[(name.clone(), bytes.clone())]);
        assert_eq!(decoded.row_count("log_batches"), 1, "{name}");
        assert_eq!(decoded.label("log_batches", "topic"), ["cmp"], "{name}");
        assert_eq!(decoded.losses(), [], "{name}");
        let file = decoded.label("log_batches", "file").remove(0);
        assert!(!file.ends_with(".gz") && !file.ends_with(".zst"), "{file}");
    }
}

/// A tar archive of files, as GNU tar writes it.
fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (path, content) in files {
        let mut block = vec![0; 512];
        let path = format!("./{path}");
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = b'0';
        block[257..265].copy_from_slice(b"ustar  \0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend_from_slice(&block);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

#[test]
fn a_tar_archive_of_a_directory_is_the_directory() {
    let mut files = compacted();
    files.push(("cmp-0/00000000000000000110.index".into(), vec![0; 100]));
    let plain = decode_files(&files);
    let archive = vec![("segments.tar".to_owned(), tar(&files))];
    let decoded = decode_files(&archive);
    assert_eq!(decoded.text("log_batches"), plain.text("log_batches"));
    let expected = [("segment_copied_batch", 2), ("segment_other_file", 1)];
    assert_eq!(decoded.losses(), expected);
    // Cut within the last segment, which then ends inside a batch.
    let mut archive = tar(&files[..13]);
    archive.truncate(archive.len() - 1024 - 400);
    let cut = decode_files(&[("segments.tar".to_owned(), archive)]);
    assert_eq!(cut.row_count("log_batches"), 12);
    let losses = cut.losses();
    assert!(losses.contains(&("segment_tar", 1)), "{losses:?}");
}
