//! kcorr's decoders read the recordings without losses, and find in them what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_ingest_broker::{
    GcLogDecoder, RequestLogDecoder, SegmentsDecoder, ServerLogDecoder, ThreadDumpDecoder,
};
use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions};
use kcorr_model::{ClockKind, Decoder, SourceId, Summary, Table};
use kcorr_scenario::history::{EPOCH_NS, History, Hold, Kind, WriteState};
use kcorr_scenario::{Options, recordings, simulate};

use crate::short;

pub(crate) struct Decoded {
    batches: Vec<(&'static Table, RecordBatch)>,
    summary: Summary,
}

impl Decoded {
    pub(crate) fn of(mut decoder: impl Decoder, path: &Path) -> Self {
        let mut batches = Vec::new();
        decoder
            .push(&fs::read(path).unwrap(), &mut batches)
            .unwrap();
        let summary = decoder.finish(&mut batches).unwrap();
        Self { batches, summary }
    }

    fn column(&self, table: &str, column: &str) -> Option<ArrayRef> {
        let of_table = self.batches.iter().filter(|(t, _)| t.name == table);
        let batches: Vec<_> = of_table.map(|(_, batch)| batch.clone()).collect();
        let all = concat_batches(&batches.first()?.schema(), &batches).unwrap();
        Some(all.column_by_name(column).unwrap().clone())
    }

    pub(crate) fn numbers(&self, table: &str, column: &str) -> Vec<i64> {
        let Some(column) = self.column(table, column) else {
            return Vec::new();
        };
        let column = cast(&column, &DataType::Int64).unwrap();
        let values = column.as_primitive::<Int64Type>().iter();
        values.map(|value| value.unwrap_or(-1)).collect()
    }

    pub(crate) fn texts(&self, table: &str, column: &str) -> Vec<String> {
        let column = cast(&self.column(table, column).unwrap(), &DataType::Utf8).unwrap();
        let values = column.as_string::<i32>().iter();
        values.map(|v| v.unwrap_or_default().to_owned()).collect()
    }

    fn rows(&self, table: &str) -> usize {
        let of_table = self.batches.iter().filter(|(t, _)| t.name == table);
        of_table.map(|(_, batch)| batch.num_rows()).sum()
    }

    pub(crate) fn lost_nothing(&self) {
        assert!(self.summary.losses.is_empty(), "{:?}", self.summary.losses);
    }
}

struct Scenario {
    folder: tempfile::TempDir,
    history: History,
}

impl Scenario {
    fn new(options: &Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let history = simulate(options);
        recordings::write_recordings(&history, options, folder.path()).unwrap();
        Self { folder, history }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pcap(&self) -> Decoded {
        let decoder = PcapDecoder::new(SourceId(1), PcapOptions::default());
        Decoded::of(decoder, &self.path("dump.pcap"))
    }

    fn bpf(&self) -> Decoded {
        let decoder = BpfDecoder::new(SourceId(2), BpfOptions::default());
        Decoded::of(decoder, &self.path("writes.jsonl"))
    }

    fn jfr(&self) -> Decoded {
        let decoder = JfrDecoder::new(SourceId(3), JfrOptions::default());
        Decoded::of(decoder, &self.path("profile.jfr"))
    }
}

fn micros(ns: i64) -> i64 {
    ns.div_euclid(1_000) * 1_000
}

#[test]
fn the_capture_has_every_request_with_its_times_and_batches() {
    for preset in ["clean", "replicated", "windows"] {
        let scenario = Scenario::new(&short(preset, 4_000));
        let pcap = scenario.pcap();
        pcap.lost_nothing();
        let history = &scenario.history;
        assert_eq!(pcap.rows("requests"), history.requests.len(), "{preset}");

        let mut truly = BTreeMap::new();
        for request in &history.requests {
            let address = history.connections[request.connection].client_address();
            let times = [request.arrival, request.response, request.end];
            let times = times.map(|time| micros(EPOCH_NS + time));
            let sizes = [request.request_bytes, request.response_bytes].map(|b| b as i64);
            truly.insert((address, i64::from(request.correlation_id)), (times, sizes));
        }
        let number = |column| pcap.numbers("requests", column);
        let addresses = pcap.texts("requests", "client_address");
        let keys = addresses.into_iter().zip(number("correlation_id"));
        let (arrival, response, end) = (
            number("arrival_time"),
            number("response_time"),
            number("end_time"),
        );
        let (request_bytes, response_bytes) = (number("request_bytes"), number("response_bytes"));
        for (row, key) in keys.enumerate() {
            let times = [arrival[row], response[row], end[row]];
            let sizes = [request_bytes[row], response_bytes[row]];
            assert_eq!(truly[&key], (times, sizes), "{preset}: {key:?}");
        }

        let produces = history.requests.iter().filter(|r| r.kind == Kind::Produce);
        let parts = produces.flat_map(|request| &request.parts);
        let mut truly: Vec<(i64, i64, i64)> = parts
            .map(|part| {
                (
                    part.offset,
                    part.records_bytes as i64,
                    part.ids.len() as i64,
                )
            })
            .collect();
        truly.sort_unstable();
        let number = |column| pcap.numbers("request_partitions", column);
        let (bytes, counts) = (number("records_bytes"), number("record_count"));
        let rows = number("base_offset").into_iter().zip(bytes).zip(counts);
        let rows = rows.filter(|((offset, _), _)| *offset >= 0);
        let mut found: Vec<_> = rows.map(|((o, b), c)| (o, b, c)).collect();
        found.sort_unstable();
        assert_eq!(found, truly, "{preset}");
        let topics = pcap.column("request_partitions", "topic").unwrap();
        assert_eq!(topics.null_count(), 0, "{preset}: topic ids are resolved");
        let ids = pcap.column("request_partitions", "message_ids").unwrap();
        assert_eq!(ids.len() - ids.null_count(), truly.len(), "{preset}");
    }
}

#[test]
fn the_capture_shows_what_kept_bytes_on_their_way() {
    let scenario = Scenario::new(&short("windows", 20_000));
    let pcap = scenario.pcap();
    let history = &scenario.history;
    let mut truly = Vec::new();
    for request in &history.requests {
        let address = history.connections[request.connection].client_address();
        let ways = [
            ("to_broker", request.held_in),
            ("from_broker", request.held_out),
        ];
        for (direction, held) in ways {
            let Some((span, hold)) = held else {
                continue;
            };
            let kind = match hold {
                Hold::Window => "zero_window true",
                Hold::Loss => "retransmission true",
                Hold::Idle => "idle true",
            };
            let row = format!("{address} {direction} {kind}");
            truly.push((micros(EPOCH_NS + span.start), row, span.ns() / 1_000_000));
        }
    }
    assert!(truly.len() > 15, "{}", truly.len());
    truly.sort();
    let text = |column| pcap.texts("tcp_stretches", column);
    let number = |column| pcap.numbers("tcp_stretches", column);
    let (address, direction, kind) = (text("client_address"), text("direction"), text("kind"));
    let (start, ns, is_lost) = (
        number("start_time"),
        number("duration_ns"),
        number("is_lost"),
    );
    let segments = number("segments");
    let mut found: Vec<_> = (0..start.len())
        .map(|row| {
            // A closed window was probed, and what was sent again had been lost.
            let is_shown = match kind[row].as_str() {
                "zero_window" => segments[row] == 1,
                "retransmission" => is_lost[row] == 1,
                _ => true,
            };
            let text = format!(
                "{} {} {} {is_shown}",
                address[row], direction[row], kind[row]
            );
            (start[row], text, ns[row] / 1_000_000)
        })
        .collect();
    found.sort();
    assert_eq!(found.len(), truly.len());
    for (found, truly) in found.iter().zip(&truly) {
        assert_eq!(found.1, truly.1);
        assert!((found.0 - truly.0).abs() < 100_000, "{found:?} {truly:?}");
        assert!((found.2 - truly.2).abs() <= 1, "{found:?} {truly:?}");
    }
}

#[test]
fn the_ebpf_recording_has_every_write_wait_and_commit() {
    let scenario = Scenario::new(&short("clean", 10_000));
    let (bpf, history) = (scenario.bpf(), &scenario.history);
    bpf.lost_nothing();
    assert_eq!(bpf.rows("writes"), history.writes.len());
    assert_eq!(bpf.rows("lock_waits"), history.waits.len());
    let states = history.writes.iter().flat_map(|write| &write.states);
    let waits = states.filter(|(span, state)| {
        matches!(state, WriteState::JournalWait(_)) && span.ns() >= 100_000
    });
    let calls = history.commits.len() + waits.count();
    assert_eq!(bpf.rows("function_calls"), calls);
    assert!(bpf.rows("block_io") > 0 && bpf.rows("run_queue_waits") > 0);

    let anchor = bpf.summary.anchors.first().unwrap();
    let offset = anchor.reference_time_ns - anchor.time_ns;
    let mut truly: Vec<i64> = history.writes.iter().map(|w| w.span.start).collect();
    truly.sort_unstable();
    let mut found = bpf.numbers("writes", "start_time");
    found.sort_unstable();
    for (truly, found) in truly.into_iter().zip(found) {
        assert!(
            (found + offset - EPOCH_NS - truly).abs() <= 1_000,
            "µs of the clock line"
        );
    }
}

#[test]
fn the_network_probe_names_the_thread_of_each_connection_of_the_capture() {
    let scenario = Scenario::new(&short("cold-reads", 12_000));
    let bpf = scenario.bpf();
    bpf.lost_nothing();
    let addresses = bpf.texts("socket_threads", "peer_address");
    let tids = bpf.numbers("socket_threads", "tid");
    let seen: BTreeSet<(String, i64)> = addresses.into_iter().zip(tids).collect();
    let history = &scenario.history;
    let connections = history.connections.iter().map(|connection| {
        let tid = history.threads[connection.thread].tid;
        (connection.client_address(), i64::from(tid))
    });
    assert_eq!(seen, connections.collect());
    assert!(bpf.rows("socket_threads") > seen.len());
    let captured = scenario.pcap().texts("requests", "client_address");
    let captured: BTreeSet<String> = captured.into_iter().collect();
    assert_eq!(
        seen.into_iter()
            .map(|(address, _)| address)
            .collect::<BTreeSet<_>>(),
        captured
    );
}

#[test]
fn the_profile_has_the_waits_from_its_interval_on() {
    let mut options = short("clean", 10_000);
    options.lock_interval_us = 10_000;
    let scenario = Scenario::new(&options);
    let (jfr, history) = (scenario.jfr(), &scenario.history);
    jfr.lost_nothing();
    let interval = jfr
        .summary
        .limits
        .iter()
        .find(|l| l.name == "lock_interval_ns");
    assert_eq!(interval.unwrap().value, 10_000_000);
    let is_long = |wait: &&kcorr_scenario::history::Wait| wait.span.ns() >= 10_000_000;
    let mut truly: Vec<(i64, i64)> = history
        .waits
        .iter()
        .filter(is_long)
        .map(|wait| {
            (
                EPOCH_NS + wait.span.start,
                i64::from(history.threads[wait.thread].tid),
            )
        })
        .collect();
    truly.sort_unstable();
    assert!(truly.len() > 20);
    let starts = jfr.numbers("lock_waits", "start_time");
    let tids = jfr.numbers("lock_waits", "tid");
    let mut found: Vec<_> = starts.into_iter().zip(tids).collect();
    found.sort_unstable();
    for (start, tid) in truly {
        let same = |(of, by): &(i64, i64)| *by == tid && (of - start).abs() <= 2;
        assert!(found.iter().any(same), "{start} {tid}");
    }
    let owners = jfr.numbers("lock_waits", "owner_tid");
    assert!(owners.iter().all(|owner| *owner == -1));
    assert_eq!(jfr.rows("threads"), history.threads.len());
    assert!(jfr.rows("stack_samples") > 100);
    let classes = jfr.texts("lock_waits", "lock_class");
    assert!(classes.iter().any(|class| class == "java.lang.Object"));
    assert!(
        classes
            .iter()
            .any(|class| class.ends_with("metrics.Sensor"))
    );
}

#[test]
fn the_profile_can_name_the_previous_owner() {
    let mut options = short("clean", 4_000);
    options.previous_owner = true;
    let jfr = Scenario::new(&options).jfr();
    let owners = jfr.numbers("lock_waits", "owner_tid");
    assert!(!owners.is_empty() && owners.iter().all(|owner| *owner > 0));
}

#[test]
fn the_brokers_own_files_are_read_whole() {
    let scenario = Scenario::new(&short("clean", 4_000));
    let history = &scenario.history;
    let log = Decoded::of(
        RequestLogDecoder::new(SourceId(1)),
        &scenario.path("request.log"),
    );
    log.lost_nothing();
    assert_eq!(log.rows("broker_requests"), history.requests.len());
    let gc = Decoded::of(GcLogDecoder::new(SourceId(1)), &scenario.path("gc.log"));
    gc.lost_nothing();
    assert_eq!(gc.rows("pauses"), 3 * history.pauses.len());
    let threads = Decoded::of(
        ThreadDumpDecoder::new(SourceId(1)),
        &scenario.path("threads.txt"),
    );
    threads.lost_nothing();
    assert_eq!(threads.rows("threads"), history.threads.len());

    let mut decoder = SegmentsDecoder::new(SourceId(1), None);
    let mut batches = Vec::new();
    let mut is_first = true;
    for log in &history.logs {
        for segment in &log.segments {
            let name = format!("segments/{}/{}", log.directory, segment.file());
            let path = scenario.path(&name);
            if !std::mem::take(&mut is_first) {
                decoder.next_file(&mut batches).unwrap();
            }
            decoder.file(&path.to_string_lossy());
            decoder
                .push(&fs::read(&path).unwrap(), &mut batches)
                .unwrap();
        }
    }
    let summary = decoder.finish(&mut batches).unwrap();
    let segments = Decoded { batches, summary };
    segments.lost_nothing();
    let writes = history.writes.iter().filter(|w| w.operation == "write");
    assert_eq!(segments.rows("log_batches"), writes.count());
}

#[test]
fn standings_name_what_each_thread_was_blocked_for_and_who_woke_it() {
    let scenario = Scenario::new(&short("standings", 8_000));
    let history = &scenario.history;
    let bpf = scenario.bpf();
    bpf.lost_nothing();
    assert_eq!(bpf.rows("lock_waits"), 0);
    let classes = bpf.texts("standings", "wait_class");
    let found: BTreeSet<&str> = classes.iter().map(String::as_str).collect();
    let expected = [
        "block_read",
        "futex",
        "journal_buffer",
        "journal_handle",
        "poll",
        "preempted",
        "writeback",
    ];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);

    // Each long wait for a monitor is one at a futex, and the thread that had the monitor ended it.
    let tids = bpf.numbers("standings", "tid");
    let blocked = bpf.numbers("standings", "blocked_ns");
    let wakers = bpf.numbers("standings", "waker_tid");
    let mut rows: BTreeMap<(i64, i64, i64), usize> = BTreeMap::new();
    for ((tid, blocked), waker) in tids.into_iter().zip(blocked).zip(wakers) {
        *rows.entry((tid, blocked, waker)).or_default() += 1;
    }
    let tid = |thread: usize| i64::from(history.threads[thread].tid);
    let mut waits = 0;
    for wait in history
        .waits
        .iter()
        .filter(|wait| wait.span.ns() > 2_000_000)
    {
        let holds = history.monitors[wait.monitor].holds.iter();
        let mut own = holds.filter(|(hold, owner)| {
            *owner == wait.thread && hold.start > wait.span.start && hold.start <= wait.span.end
        });
        let given = own.next().unwrap().0.start;
        let key = (
            tid(wait.thread),
            given - wait.span.start,
            tid(wait.previous_owner),
        );
        assert!(rows.contains_key(&key), "{wait:?}");
        waits += 1;
    }
    assert!(waits > 20, "{waits}");
}

#[test]
fn the_brokers_log_tells_who_left_the_in_sync_sets_and_when_they_were_back() {
    let scenario = Scenario::new(&short("isr", 8_000));
    let log = Decoded::of(
        ServerLogDecoder::new(SourceId(1)),
        &scenario.path("server.log"),
    );
    // Of its other lines there is one.
    let losses = log
        .summary
        .losses
        .iter()
        .map(|loss| (loss.kind.name, loss.count));
    assert_eq!(losses.collect::<Vec<_>>(), [("server_log_other_line", 1)]);
    let changes = &scenario.history.isr_changes;
    let left: Vec<_> = changes.iter().flat_map(|change| &change.left).collect();
    assert!(left.len() > 3 && changes.iter().any(|change| change.left.is_empty()));
    let told = log.texts("isr_changes", "change");
    assert_eq!(told.iter().filter(|it| *it == "shrink").count(), left.len());
    assert_eq!(
        told.iter().filter(|it| *it == "updated").count(),
        changes.len()
    );
    let ends = log.numbers("isr_changes", "replica_end_offset");
    let ends: Vec<i64> = ends.into_iter().filter(|end| *end >= 0).collect();
    assert_eq!(ends, left.iter().map(|(_, end)| *end).collect::<Vec<_>>());
}

#[test]
fn a_degraded_recording_loses_events_and_says_so() {
    let options = short("degraded", 8_000);
    let scenario = Scenario::new(&options);
    let (bpf, history) = (scenario.bpf(), &scenario.history);
    let lost = history.writes.len() - bpf.rows("writes");
    assert!(lost > 0 && lost < history.writes.len() / 20, "{lost}");
    let mut losses = bpf.summary.losses.iter();
    assert!(losses.any(|loss| loss.kind.name == "bpf_events_lost" && loss.count >= lost as u64));
    assert_eq!(bpf.rows("lock_waits"), 0);
    let pcap = scenario.pcap();
    let found = pcap.rows("requests");
    assert!(found > history.requests.len() * 9 / 10, "{found}");
    assert_eq!(pcap.summary.clock, ClockKind::Realtime);
    let answered = pcap.numbers("requests", "arrival_time");
    let first = EPOCH_NS + history.requests[0].arrival;
    let error = answered.iter().min().unwrap() - first;
    assert!(error != 0 && error.abs() < 20_000_000, "{error}");
}
