//! The same seed and options give the same files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kcorr_scenario::{Options, recordings};

use crate::short;

fn files(folder: &Path, into: &mut BTreeMap<String, Vec<u8>>, prefix: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), into, &format!("{name}/"));
        } else {
            into.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

fn generated(options: &Options) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    recordings::generate(options, folder.path()).unwrap();
    let mut found = BTreeMap::new();
    files(folder.path(), &mut found, "");
    found
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let mut options = short("degraded", 2_000);
    let first = generated(&options);
    assert!(first.len() > 8, "{:?}", first.keys());
    assert!(first == generated(&options));
    options.seed += 1;
    let other = generated(&options);
    assert!(first["dump.pcap"] != other["dump.pcap"]);
    assert!(first["truth.jsonl"] != other["truth.jsonl"]);
}

#[test]
fn a_lossy_recording_is_of_the_same_broker() {
    let clean = generated(&short("clean", 2_000));
    let degraded = generated(&short("degraded", 2_000));
    assert!(clean["truth.jsonl"] == degraded["truth.jsonl"]);
    assert!(clean["dump.pcap"].len() > degraded["dump.pcap"].len());
}

#[test]
fn options_are_set_by_name_and_unknown_ones_refused() {
    let mut options = Options::preset("clean").unwrap();
    options.set("handlers=32").unwrap();
    options.set("usdt=false").unwrap();
    options.set("produce_versions=[13]").unwrap();
    assert_eq!(options.handlers, 32);
    assert!(!options.usdt);
    assert_eq!(options.produce_versions, [13]);
    assert!(options.set("handler=32").is_err());
    assert!(options.set("handlers=many").is_err());
    assert!(options.set("handlers").is_err());
    assert!(Options::preset("dirty").is_err());
}
