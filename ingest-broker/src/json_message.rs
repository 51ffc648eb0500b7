//! Lines of JSON that hold a line of a log: what loggers' JSON layouts and collectors write.
//!
//! | writer | message | time |
//! |---|---|---|
//! | ECS layout, Logstash's encoder | `message` | `@timestamp` |
//! | log4j `JsonLayout`, `JsonTemplateLayout` | `message` | `instant` or `timeMillis` or what the template names |
//! | GELF | `full_message`, `short_message` | `timestamp` |
//! | docker `json-file` | `log` | `time` |
//! | `journalctl -o json` | `MESSAGE` | `__REALTIME_TIMESTAMP` |
//! | fluentd, fluent-bit, Loki, Cloud Logging | `log`, `line`, `textPayload`, `jsonPayload` | `time`, `timestamp` |

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Members that hold the message, the most telling first.
const MESSAGES: [&str; 11] = [
    "message",
    "MESSAGE",
    "msg",
    "log",
    "full_message",
    "short_message",
    "line",
    "textPayload",
    "jsonPayload",
    "text",
    "body",
];
/// Members that hold the time, the most exact first.
const TIMES: [&str; 13] = [
    "instant",
    "@timestamp",
    "timeMillis",
    "timestamp",
    "time",
    "ts",
    "eventTime",
    "datetime",
    "date",
    "@t",
    "asctime",
    "timeStamp",
    "__REALTIME_TIMESTAMP",
];
/// Members that only a collector writes.
const COLLECTORS: [&str; 6] = [
    "stream",
    "__REALTIME_TIMESTAMP",
    "kubernetes",
    "textPayload",
    "jsonPayload",
    "container_name",
];
/// Docker cuts lines into messages of so many bytes.
const DOCKER_PART_BYTES: usize = 16 << 10;
/// Members within members that are followed.
const MOST_DEPTH: usize = 3;

/// Who wrote a time beside a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The program's logger: when the line was logged.
    Logger,
    /// A collector: when it took the line, which is later.
    Collector,
}

/// What a line of JSON holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonMessage {
    pub(crate) message: String,
    /// The time beside it, as text, and who wrote that.
    pub(crate) time: Option<(String, By)>,
    /// Whether the message goes on in the next line.
    pub(crate) is_partial: bool,
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

impl JsonMessage {
    /// Reads an object with a message; `None` for anything else.
    pub(crate) fn from_line(line: &str) -> Option<Self> {
        // Elements of an array, one a line.
        let line = line.trim();
        let line = line.strip_prefix(['[', ',']).unwrap_or(line).trim_start();
        let line = line
            .strip_suffix([',', ']'])
            .filter(|line| line.ends_with('}'))
            .unwrap_or(line);
        if !line.starts_with('{') {
            return None;
        }
        let members: Members<'_> = serde_json::from_str(line).ok()?;
        Self::from_members(&members, 0)
    }

    fn from_members(members: &Members<'_>, depth: usize) -> Option<Self> {
        let by = match COLLECTORS.iter().any(|name| members.contains_key(*name)) {
            true => By::Collector,
            false => By::Logger,
        };
        let time = TIMES
            .iter()
            .find_map(|name| time(name, members.get(*name)?));
        let time = time.map(|time| (time, by));
        for name in MESSAGES {
            let Some(raw) = members.get(name) else {
                continue;
            };
            let first = raw.get().bytes().next();
            if first == Some(b'{') && depth < MOST_DEPTH {
                let inner: Members<'_> = serde_json::from_str(raw.get()).ok()?;
                let Some(inner) = Self::from_members(&inner, depth.saturating_add(1)) else {
                    continue;
                };
                return Some(Self {
                    time: inner.time.or(time),
                    ..inner
                });
            }
            let message = match first {
                Some(b'"') => serde_json::from_str::<String>(raw.get()).ok(),
                // journald writes text with control characters as numbers.
                Some(b'[') => serde_json::from_str::<Vec<u8>>(raw.get())
                    .ok()
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
                _ => None,
            };
            let Some(message) = message else {
                continue;
            };
            let is_partial = name == "log"
                && members.contains_key("stream")
                && !message.ends_with('\n')
                && message.len() >= DOCKER_PART_BYTES;
            return Some(Self {
                message,
                time,
                is_partial,
            });
        }
        None
    }
}

/// A time as text: seconds and a fraction, or what the string says.
fn time(name: &str, raw: &RawValue) -> Option<String> {
    let text = raw.get();
    match text.bytes().next()? {
        b'"' => {
            let text: String = serde_json::from_str(text).ok()?;
            // journald writes microseconds since 1970.
            Some(text).filter(|text| !text.is_empty())
        }
        b'{' if name == "instant" => {
            let instant: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
            let second: u32 = instant.get("epochSecond")?.get().parse().ok()?;
            let nano: u32 = instant.get("nanoOfSecond")?.get().parse().ok()?;
            Some(format!("{second}.{nano:09}"))
        }
        b'{' => None,
        _ => Some(match text.contains(['e', 'E']) {
            true => {
                let ns = kcorr_model::integer_from_decimal(text, 1_000_000_000)?;
                format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
            }
            false => text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_times_of_every_layout_are_found() {
        use By::{Collector, Logger};
        let cases = [
            (
                r#"{"@timestamp":"2026-11-28T11:30:10.996Z","log.level":"DEBUG","message":"x"}"#,
                "2026-11-28T11:30:10.996Z",
                Logger,
            ),
            (
                r#"{"instant":{"epochSecond":1795865178,"nanoOfSecond":7},"message":"x"}"#,
                "1795865178.000000007",
                Logger,
            ),
            (
                r#"{"timeMillis":1795865178123,"thread":"main","message":"x"},"#,
                "1795865178123",
                Logger,
            ),
            (
                r#",{"version":"1.1","host":"b","short_message":"x","timestamp":1795865178.123}"#,
                "1795865178.123",
                Logger,
            ),
            (
                r#"{"log":"x","stream":"stdout","time":"2026-11-28T11:30:08.1Z"}"#,
                "2026-11-28T11:30:08.1Z",
                Collector,
            ),
            (
                r#"{"MESSAGE":[120],"__REALTIME_TIMESTAMP":"1795865178123456"}"#,
                "1795865178123456",
                Collector,
            ),
            (
                r#"{"timestamp":"1","jsonPayload":{"message":"x","time":"2"}}"#,
                "2",
                Logger,
            ),
            (
                r#"{"ts":1.795865178E9,"msg":"x"}"#,
                "1795865178.000000000",
                Logger,
            ),
        ];
        for (line, time, by) in cases {
            let read = JsonMessage::from_line(line).unwrap();
            assert_eq!(read.message, "x", "{line}");
            assert_eq!(read.time, Some((time.to_owned(), by)), "{line}");
        }
        assert_eq!(JsonMessage::from_line(r#"{"requestHeader":{}}"#), None);
        assert_eq!(JsonMessage::from_line("[2026-11-28]"), None);
        assert_eq!(JsonMessage::from_line("{"), None);
    }
}
