//! Recordings of a real broker, where they lie beside the repository.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kcorr_ingest_broker::{GcLogDecoder, RequestLogDecoder, SegmentsDecoder};
use kcorr_model::{Decoder, SourceId};

use crate::decoded::{Decoded, decode_pieces};

const INCIDENTS: [&str; 3] = ["ext4-ordered", "ext4-owners", "xfs"];

/// The folder of an incident; `None`, with a notice, when it is not there.
fn incident(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents");
    let folder = root.join(name);
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}

/// What a `.zst` file holds.
fn zstd(path: &Path) -> Vec<u8> {
    let output = Command::new("zstd").arg("-dcq").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    output.stdout
}

/// Topic, partition and base offset of each produce response in the broker's log.
fn produced(log: &str) -> HashSet<(String, i64, i64)> {
    let mut produced = HashSet::new();
    for line in log.lines().filter(|line| line.contains("\"PRODUCE\"")) {
        let json = line.strip_prefix("Completed request:").unwrap();
        // The log ends inside a line.
        let Ok(value) = serde_json::from_str::<serde_json::Value>(json) else {
            continue;
        };
        for topic in value["response"]["responses"].as_array().unwrap() {
            for partition in topic["partitionResponses"].as_array().unwrap() {
                produced.insert((
                    topic["name"].as_str().unwrap().to_owned(),
                    partition["index"].as_i64().unwrap(),
                    partition["baseOffset"].as_i64().unwrap(),
                ));
            }
        }
    }
    produced
}

/// Reads the segments of an incident.
fn segments(folder: &Path) -> Decoded {
    let target = std::env::temp_dir().join(format!(
        "kcorr-segments-{}-{}",
        folder.file_name().unwrap().to_string_lossy(),
        std::process::id()
    ));
    fs::create_dir_all(&target).unwrap();
    let status = Command::new("tar")
        .args(["-I", "zstd", "-xf"])
        .arg(folder.join("segments.tar.zst"))
        .arg("-C")
        .arg(&target)
        .status()
        .unwrap();
    assert!(status.success());
    let mut decoder = SegmentsDecoder::new(SourceId(1), Some(vec!["messageId".to_owned()]));
    let mut batches = Vec::new();
    let mut is_first = true;
    for directory in fs::read_dir(&target).unwrap() {
        for file in fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            decoder.file(path.to_str().unwrap());
            if !is_first {
                decoder.next_file(&mut batches).unwrap();
            }
            is_first = false;
            for piece in fs::read(&path).unwrap().chunks(64 << 10) {
                decoder.push(piece, &mut batches).unwrap();
            }
        }
    }
    let summary = decoder.finish(&mut batches).unwrap();
    fs::remove_dir_all(&target).unwrap();
    Decoded { batches, summary }
}

#[test]
fn every_produced_batch_and_every_traced_write_is_in_the_segments() {
    for name in INCIDENTS {
        let Some(folder) = incident(name) else {
            return;
        };
        let decoded = segments(&folder);
        assert_eq!(decoded.losses(), [], "{name}");

        let topics = decoded.label("log_batches", "topic");
        let directories = decoded.label("log_batches", "directory");
        let partition = |i: usize| -> i64 {
            let (_, partition) = directories[i].rsplit_once('-').unwrap();
            partition.parse().unwrap()
        };
        let base_offsets = decoded.int64("log_batches", "base_offset");
        let found: HashSet<(String, i64, i64)> = (0..topics.len())
            .map(|i| (topics[i].clone(), partition(i), base_offsets[i]))
            .collect();
        let log = String::from_utf8(zstd(&folder.join("request.log.zst"))).unwrap();
        let produced = produced(&log);
        let missing = produced.iter().filter(|key| !found.contains(*key)).count();
        assert_eq!(missing, 0, "{name}");

        // Where each batch ends, by directory and start.
        let starts = decoded.int64("log_batches", "file_offset");
        let sizes = decoded.int64("log_batches", "bytes");
        let ends: HashMap<(&str, i64), i64> = (0..starts.len())
            .map(|i| {
                let key = (directories[i].as_str(), starts[i]);
                (key, starts[i] + sizes[i])
            })
            .collect();
        let known: HashSet<&str> = directories.iter().map(String::as_str).collect();
        let (mut writes, mut unmatched) = (0, 0);
        for line in fs::read_to_string(folder.join("writes.jsonl"))
            .unwrap()
            .lines()
        {
            let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else {
                continue;
            };
            let directory = event["dir"].as_str().unwrap_or_default();
            let is_log = event["file"] == "00000000000000000000.log";
            if event["ev"] != "write" || !is_log || !known.contains(directory) {
                continue;
            }
            writes += 1;
            let mut at = event["offset"].as_i64().unwrap();
            let end = at + event["bytes"].as_i64().unwrap();
            while at < end {
                match ends.get(&(directory, at)) {
                    Some(&next) => at = next,
                    None => break,
                }
            }
            unmatched += usize::from(at != end);
        }
        println!(
            "{name}: {} batches, {} produced, {writes} writes, {unmatched} unmatched",
            starts.len(),
            produced.len()
        );
        assert!(writes > 10_000, "{name}");
        assert_eq!(unmatched, 0, "{name}");
    }
}

#[test]
fn every_pause_of_the_collectors_log_is_a_row() {
    for name in INCIDENTS {
        let Some(folder) = incident(name) else {
            return;
        };
        let bytes = zstd(&folder.join("gc.log.zst"));
        let text = String::from_utf8_lossy(&bytes);
        let safepoints = text.matches("Safepoint \"").count();
        let collections = text
            .lines()
            .filter(|line| line.contains(") Pause ") && line.ends_with("ms"))
            .count();
        let decoded = decode_pieces(GcLogDecoder::new(SourceId(1)), &[&bytes]).unwrap();
        println!(
            "{name}: {safepoints} safepoints, {collections} collections, anchors {:?}, losses {:?}",
            decoded.summary.anchors,
            decoded.losses()
        );
        let kinds = decoded.label("pauses", "kind");
        let count = |kind: &str| kinds.iter().filter(|found| *found == kind).count();
        assert_eq!(count("safepoint"), safepoints, "{name}");
        assert_eq!(count("gc"), collections, "{name}");
    }
}

#[test]
fn every_request_of_the_request_log_is_a_row() {
    for name in INCIDENTS {
        let Some(folder) = incident(name) else {
            return;
        };
        let bytes = zstd(&folder.join("request.log.zst"));
        let whole = bytes.iter().filter(|&&byte| byte == b'\n').count();
        let decoded = decode_pieces(RequestLogDecoder::new(SourceId(1)), &[&bytes]).unwrap();
        let apis = decoded.label("broker_requests", "api");
        let totals = decoded.int64("broker_requests", "total_ns");
        let is_produce = |i: &usize| apis[*i] == "Produce";
        let produce = (0..apis.len()).filter(is_produce).count();
        let slow = (0..apis.len())
            .filter(is_produce)
            .filter(|&i| totals[i] >= 65_000_000)
            .count();
        println!(
            "{name}: {} requests, {produce} produce, {slow} slow, losses {:?}",
            apis.len(),
            decoded.losses()
        );
        assert_eq!(apis.len(), whole, "{name}");
        // The accounts beside the recordings are of just these.
        let truth = fs::read_to_string(folder.join("truth.jsonl")).unwrap();
        assert_eq!(slow, truth.lines().count(), "{name}");
        // The parts are the whole, but for what is rounded.
        let sums: Vec<i64> = [
            "request_queue_ns",
            "local_ns",
            "remote_ns",
            "response_queue_ns",
            "send_ns",
        ]
        .iter()
        .map(|column| decoded.int64("broker_requests", column))
        .fold(vec![0; totals.len()], |sums, column| {
            sums.iter().zip(column).map(|(a, b)| a + b).collect()
        });
        let apart = sums
            .iter()
            .zip(&totals)
            .filter(|(sum, total)| (*sum - *total).abs() > 5_000)
            .count();
        assert_eq!(apart, 0, "{name}");
    }
}
