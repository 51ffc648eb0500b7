//! Real incidents against the brokers' own request logs. Skipped with a notice where the recordings
//! are not at hand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow::array::{
    Array, AsArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions};
use kcorr_model::{Decoder, SourceId, Summary, Table};

type Batches = Vec<(&'static Table, RecordBatch)>;

fn shared(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = root.join(path);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn decoded(capture: &[u8], ports: &[u16]) -> (Batches, Summary) {
    let options = PcapOptions {
        kafka_ports: ports.to_vec(),
        ..PcapOptions::default()
    };
    let mut decoder = PcapDecoder::new(SourceId(1), options);
    let mut batches = Batches::new();
    decoder.push_whole(capture, &mut batches).unwrap();
    let summary = decoder.finish(&mut batches).unwrap();
    (batches, summary)
}

fn int64s<'a>(batch: &'a RecordBatch, name: &str) -> &'a Int64Array {
    batch.column_by_name(name).unwrap().as_primitive()
}

fn text(batch: &RecordBatch, name: &str, row: usize) -> Option<String> {
    let column = batch.column_by_name(name).unwrap();
    let dictionary = column.as_dictionary::<Int32Type>();
    let values: &StringArray = dictionary.values().as_string();
    dictionary.key(row).map(|key| values.value(key).to_owned())
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    client: String,
    api_key: i16,
    arrival: i64,
    read: i64,
    end: Option<i64>,
    connection_id: i64,
    no_response: Option<String>,
    /// topic, partition, base offset, records' size.
    partitions: Vec<(String, i32, Option<i64>, Option<i64>)>,
    ids: usize,
}

fn requests(batches: &Batches) -> HashMap<(String, i32), Vec<Seen>> {
    let mut by_id = HashMap::new();
    for (table, batch) in batches {
        if table.name != "requests" {
            continue;
        }
        let correlation: &Int32Array = batch
            .column_by_name("correlation_id")
            .unwrap()
            .as_primitive();
        let api_key: &Int16Array = batch.column_by_name("api_key").unwrap().as_primitive();
        let time = |name: &str, row: usize| {
            let column: &TimestampNanosecondArray =
                batch.column_by_name(name).unwrap().as_primitive();
            column.is_valid(row).then(|| column.value(row))
        };
        for row in 0..batch.num_rows() {
            let seen = Seen {
                client: text(batch, "client_address", row).unwrap(),
                api_key: api_key.value(row),
                arrival: time("arrival_time", row).unwrap(),
                read: time("read_time", row).unwrap_or_default(),
                end: time("end_time", row),
                connection_id: int64s(batch, "connection_id").value(row),
                no_response: text(batch, "no_response", row),
                partitions: Vec::new(),
                ids: 0,
            };
            let id = int64s(batch, "request_id").value(row);
            let twice = by_id.insert(id, (correlation.value(row), seen));
            assert!(twice.is_none(), "request id {id} twice");
        }
    }
    for (table, batch) in batches {
        if table.name != "request_partitions" {
            continue;
        }
        let partition: &Int32Array = batch.column_by_name("partition").unwrap().as_primitive();
        let base = int64s(batch, "base_offset");
        let size = int64s(batch, "records_bytes");
        let lists = batch
            .column_by_name("message_ids")
            .unwrap()
            .as_list::<i32>();
        for row in 0..batch.num_rows() {
            let id = int64s(batch, "request_id").value(row);
            let (_, seen) = by_id.get_mut(&id).expect("a request of every partition");
            seen.partitions.push((
                text(batch, "topic", row).unwrap_or_default(),
                partition.value(row),
                base.is_valid(row).then(|| base.value(row)),
                size.is_valid(row).then(|| size.value(row)),
            ));
            if lists.is_valid(row) {
                seen.ids += lists.value(row).len();
            }
        }
    }
    let mut result: HashMap<_, Vec<Seen>> = HashMap::new();
    for (_, (correlation, seen)) in by_id {
        result
            .entry((seen.client.clone(), correlation))
            .or_default()
            .push(seen);
    }
    result
}

/// Compares a capture with the broker's log of the same time.
fn compare(incident: &str) {
    let (Some(capture), Some(log)) = (
        shared(&format!("incidents/{incident}/dump.pcap.zst")),
        shared(&format!("incidents/{incident}/request.log.zst")),
    ) else {
        return;
    };
    let capture = zstd::decode_all(std::fs::File::open(capture).unwrap()).unwrap();
    let log = zstd::decode_all(std::fs::File::open(log).unwrap()).unwrap();
    let (batches, summary) = decoded(&capture, &[9092]);
    println!("{incident}: {}", summary.format);
    for loss in &summary.losses {
        println!("  {} × {}: {}", loss.kind.name, loss.count, loss.detail);
    }
    let seen = requests(&batches);
    let (mut found, mut missing, mut produce, mut ids) = (0, Vec::new(), 0, 0);
    let mut differences = Vec::new();
    let mut ends: HashMap<i64, Vec<(i64, i64, i64)>> = HashMap::new();
    for all in seen.values() {
        for seen in all {
            ids += seen.ids;
            if let Some(end) = seen.end {
                ends.entry(seen.connection_id)
                    .or_default()
                    .push((seen.arrival, seen.read, end));
            }
        }
    }
    let mut range: HashMap<String, (i32, i32)> = HashMap::new();
    for (client, correlation) in seen.keys() {
        let range = range
            .entry(client.clone())
            .or_insert((*correlation, *correlation));
        *range = (range.0.min(*correlation), range.1.max(*correlation));
    }
    let mut outside = 0;
    for list in ends.values_mut() {
        list.sort_unstable();
    }
    for line in String::from_utf8(log).unwrap().lines() {
        let Some(json) = line.strip_prefix("Completed request:") else {
            continue;
        };
        let Ok(entry) = serde_json::from_str::<serde_json::Value>(json) else {
            continue;
        };
        let connection = entry["connection"].as_str().unwrap();
        let Some(client) = connection
            .strip_prefix("127.0.0.1:9092-")
            .and_then(|rest| rest.rsplit_once('-'))
            .map(|(client, _)| client.to_owned())
        else {
            continue;
        };
        let header = &entry["requestHeader"];
        let correlation = i32::try_from(header["correlationId"].as_i64().unwrap()).unwrap();
        let api_key = header["requestApiKey"].as_i64().unwrap();
        let all = seen.get(&(client.clone(), correlation));
        // What the broker served before the capture began or after it ended is not inside.
        let is_inside = range
            .get(&client)
            .is_some_and(|&(first, last)| (first..=last).contains(&correlation));
        if !is_inside {
            outside += 1;
            continue;
        }
        let Some([one]) = all.map(Vec::as_slice) else {
            missing.push((connection.to_owned(), correlation, all.map_or(0, Vec::len)));
            continue;
        };
        found += 1;
        assert_eq!(i64::from(one.api_key), api_key);
        if api_key != 0 {
            continue;
        }
        produce += 1;
        let mut sizes = HashMap::new();
        for topic in entry["request"]["topicData"].as_array().unwrap() {
            for partition in topic["partitionData"].as_array().unwrap() {
                sizes.insert(
                    (topic["name"].as_str(), partition["index"].as_i64()),
                    partition["recordsSizeInBytes"].as_i64(),
                );
            }
        }
        let mut told: Vec<(String, i32, Option<i64>, Option<i64>)> = Vec::new();
        for topic in entry["response"]["responses"].as_array().unwrap() {
            for partition in topic["partitionResponses"].as_array().unwrap() {
                let name = topic["name"].as_str();
                let index = partition["index"].as_i64();
                told.push((
                    name.unwrap().to_owned(),
                    i32::try_from(index.unwrap()).unwrap(),
                    partition["baseOffset"].as_i64(),
                    sizes[&(name, index)],
                ));
            }
        }
        let mut partitions = one.partitions.clone();
        told.sort();
        partitions.sort();
        assert_eq!(partitions, told, "{client} correlation id {correlation}");
        let end = one.end.expect("a produce request of the log was answered");
        let list = &ends[&one.connection_id];
        let at = list.partition_point(|&(arrival, ..)| arrival < one.arrival);
        let before = at.checked_sub(1).map_or(0, |before| list[before].2);
        let service = end - one.read.max(before);
        let total = entry["totalTimeMs"].as_f64().unwrap();
        #[allow(clippy::cast_precision_loss)]
        differences.push(service as f64 / 1e6 - total);
    }
    differences.sort_by(f64::total_cmp);
    let at = |part: usize| differences[differences.len() * part / 1000];
    println!(
        "  found {found} (produce {produce}), outside {outside}, missing {}: {:?}; ids {ids}; wire − broker ms: p1 {:.3}, \
         p50 {:.3}, p99 {:.3}",
        missing.len(),
        missing.iter().take(5).collect::<Vec<_>>(),
        at(10),
        at(500),
        at(990),
    );
    assert!(found > 1000);
    assert!(missing.is_empty());
    assert!(at(500).abs() < 0.3);
    assert!(at(10) > -1.0);
}

#[test]
fn every_request_the_broker_logged_is_found_once_ext4_ordered() {
    compare("ext4-ordered");
}

#[test]
fn every_request_the_broker_logged_is_found_once_ext4_owners() {
    compare("ext4-owners");
}

#[test]
fn every_request_the_broker_logged_is_found_once_xfs() {
    compare("xfs");
}

#[test]
fn sample_captures_decode_without_loss() {
    for name in [
        "kafka23-client.pcap",
        "kafka41-ipv6.pcapng",
        "kafka41-mtu1500.pcap",
        "kafka41-replication.pcap",
    ] {
        let Some(path) = shared(&format!("samples/pcap/{name}")) else {
            return;
        };
        let capture = std::fs::read(path).unwrap();
        let (batches, summary) = decoded(&capture, &[19092, 19194, 19196, 19292, 19392]);
        let seen = requests(&batches);
        let mut apis: std::collections::BTreeMap<(i16, Option<String>), usize> = Default::default();
        let mut no_topic = 0;
        for one in seen.values().flatten() {
            *apis
                .entry((one.api_key, one.no_response.clone()))
                .or_default() += 1;
            no_topic += one.partitions.iter().filter(|p| p.0.is_empty()).count();
        }
        println!(
            "{name}: {}, {apis:?}, partitions without topic {no_topic}",
            summary.format
        );
        for loss in &summary.losses {
            println!("  {} × {}: {}", loss.kind.name, loss.count, loss.detail);
        }
    }
}
