//! jfrs decodes the same events by another way: on undamaged recordings both must agree.

use std::collections::BTreeMap;
use std::io::Cursor;

use jfrs::reader::JfrReader;
use jfrs::reader::event::Accessor;
use jfrs::reader::value_descriptor::{Primitive, ValueDescriptor};
use kcorr_ingest_jfr::JfrOptions;

use crate::decoded::Decoded;

const RECORDINGS: [&[u8]; 3] = [
    include_bytes!("../data/async-profiler-4.6.jfr"),
    include_bytes!("../data/jdk17.jfr"),
    include_bytes!("../data/jdk25.jfr"),
];

fn long(value: Option<Accessor<'_>>) -> i64 {
    match value.map(|accessor| accessor.value) {
        Some(ValueDescriptor::Primitive(Primitive::Long(value))) => *value,
        _ => 0,
    }
}

fn text(value: Option<Accessor<'_>>) -> String {
    match value
        .and_then(Accessor::resolve)
        .map(|accessor| accessor.value)
    {
        Some(ValueDescriptor::Primitive(Primitive::String(text))) => text.clone(),
        _ => String::new(),
    }
}

#[test]
fn waits_equal_those_that_jfrs_reads() {
    for bytes in RECORDINGS {
        let mut expected = Vec::new();
        for chunk in JfrReader::new(Cursor::new(bytes)).chunks() {
            let (mut reader, chunk) = chunk.unwrap();
            let (ticks, nanos) = (chunk.header.start_ticks, chunk.header.start_time_nanos);
            for event in reader.events(&chunk) {
                let event = event.unwrap();
                let lock = match event.class.name() {
                    "jdk.JavaMonitorEnter" | "jdk.JavaMonitorWait" => "monitorClass",
                    "jdk.ThreadPark" => "parkedClass",
                    _ => continue,
                };
                let value = event.value();
                let thread = value.get_field("eventThread").unwrap();
                let tid = match thread.get_field("virtual").map(|flag| flag.value) {
                    Some(ValueDescriptor::Primitive(Primitive::Boolean(true))) => -1,
                    _ => long(thread.get_field("osThreadId")),
                };
                let class = value
                    .get_field(lock)
                    .and_then(|class| class.get_field("name"));
                let class = class.and_then(|name| name.get_field("string"));
                // Both recorders' ticks are ns in these recordings.
                expected.push((
                    long(value.get_field("startTime")) - ticks + nanos,
                    long(value.get_field("duration")),
                    tid,
                    text(class).replace('/', "."),
                ));
            }
        }
        let decoded = Decoded::whole(bytes, JfrOptions::default()).unwrap();
        let number = |name| decoded.numbers("lock_waits", name).into_iter();
        let classes = decoded.texts("lock_waits", "lock_class").into_iter();
        let found = number("start_time")
            .zip(number("duration_ns"))
            .zip(number("tid"));
        let found = found.zip(classes).map(|(((start, duration), tid), class)| {
            (start, duration, tid, class.unwrap_or_default())
        });
        assert!(!expected.is_empty());
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}

#[test]
fn every_event_type_has_as_many_rows_as_jfrs_reads_events() {
    for bytes in RECORDINGS {
        let mut expected = BTreeMap::<String, i64>::new();
        for chunk in JfrReader::new(Cursor::new(bytes)).chunks() {
            let (mut reader, chunk) = chunk.unwrap();
            for event in reader.events(&chunk) {
                *expected
                    .entry(event.unwrap().class.name().to_owned())
                    .or_default() += 1;
            }
        }
        let options = JfrOptions {
            events: expected.keys().cloned().collect(),
            ..JfrOptions::default()
        };
        let decoded = Decoded::whole(bytes, options).unwrap();
        let events = decoded.texts("event_types", "event").into_iter().flatten();
        let counts = decoded.numbers("event_types", "event_count");
        assert_eq!(events.zip(counts).collect::<BTreeMap<_, _>>(), expected);
        let rows = |(table, batch): &(
            &'static kcorr_model::Table,
            arrow::record_batch::RecordBatch,
        )| {
            table
                .name
                .starts_with("jfr_")
                .then(|| batch.num_rows() as i64)
        };
        let total: i64 = decoded.tables.iter().filter_map(rows).sum();
        assert_eq!(total, expected.values().sum::<i64>());
        assert!(
            decoded
                .summary
                .losses
                .iter()
                .all(|loss| loss.kind.name == "jfr_overlapping_waits")
        );
    }
}
