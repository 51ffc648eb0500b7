//! Request logs in the layouts of loggers and the wrappings of collectors.

use kcorr_ingest_broker::{RequestLogDecoder, recognise_request_log};
use kcorr_model::{ClockKind, SourceId};

use crate::decoded::{Decoded, decode_pieces};

const DEFAULT: &str = include_str!("../data/layouts/rl-default.log");
const MS: i64 = 1_000_000;
/// The first line's time in the default layout: 2026-11-28 11:30:08,798.
const FIRST_NS: i64 = 1_795_865_408_798_000_000;

fn decode(bytes: &[u8]) -> Decoded {
    let decoded = decode_pieces(RequestLogDecoder::new(SourceId(1)), &[bytes]).unwrap();
    // However it is split.
    for size in [1, 777] {
        let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
        let split = decode_pieces(RequestLogDecoder::new(SourceId(1)), &pieces).unwrap();
        assert_eq!(split.whole_text(), decoded.whole_text());
    }
    decoded
}

fn end_times(decoded: &Decoded) -> Vec<i64> {
    decoded.times("broker_requests", "end_time")
}

/// A layout of the same requests: all rows, all times.
fn assert_all(decoded: &Decoded, name: &str) {
    assert_eq!(decoded.row_count("broker_requests"), 20, "{name}");
    let total: i64 = decoded.int64("broker_requests", "total_ns").iter().sum();
    assert_eq!(total, 217_441_000, "{name}");
    let times = end_times(decoded);
    assert!(times.iter().all(|&time| time > 0), "{name}: {times:?}");
    assert!(times.is_sorted(), "{name}: {times:?}");
    assert_eq!(decoded.losses(), [], "{name}");
}

#[test]
fn every_layout_of_one_log_gives_its_rows_with_their_times() {
    let layouts: [(&str, &[u8], i64, ClockKind); 7] = [
        (
            "default",
            include_bytes!("../data/layouts/rl-default.log"),
            FIRST_NS,
            ClockKind::LocalTime,
        ),
        (
            "level first",
            include_bytes!("../data/layouts/rl-levelfirst.log"),
            FIRST_NS + 399 * MS,
            ClockKind::LocalTime,
        ),
        (
            "brackets",
            include_bytes!("../data/layouts/rl-bracketlevel.log"),
            FIRST_NS + 618 * MS,
            ClockKind::LocalTime,
        ),
        (
            "pipes",
            include_bytes!("../data/layouts/rl-pipe.log"),
            FIRST_NS + 1470 * MS,
            ClockKind::LocalTime,
        ),
        (
            "ECS",
            include_bytes!("../data/layouts/rl-json-EcsLayout.json.log"),
            FIRST_NS + 2198 * MS,
            ClockKind::Realtime,
        ),
        (
            "docker",
            include_bytes!("../data/layouts/wrap-docker-json.log"),
            FIRST_NS,
            ClockKind::LocalTime,
        ),
        (
            "journald",
            include_bytes!("../data/layouts/wrap-journald.log"),
            FIRST_NS,
            ClockKind::LocalTime,
        ),
    ];
    for (name, bytes, first, clock) in layouts {
        let decoded = decode(bytes);
        assert_all(&decoded, name);
        assert_eq!(end_times(&decoded)[0], first, "{name}");
        assert_eq!(decoded.summary.clock, clock, "{name}");
        assert!(decoded.summary.limits.is_empty(), "{name}");
        assert!(recognise_request_log(&bytes[..4000]).is_some(), "{name}");
    }
}

/// The log's own lines behind something.
fn prefixed(prefix: impl Fn(usize) -> String) -> String {
    let lines = DEFAULT.lines().enumerate();
    lines
        .map(|(at, line)| format!("{}{line}\n", prefix(at)))
        .collect()
}

fn json_of(line: &str) -> String {
    serde_json::to_string(line).unwrap()
}

#[test]
fn a_collectors_wrapping_changes_no_row() {
    let plain = end_times(&decode(DEFAULT.as_bytes()));
    let nanos = |at: usize| format!("2026-11-28T11:30:{:02}.{:09}Z", 10 + at, at * 7);
    let cri: String = DEFAULT
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let (a, rest) = line.split_at(100);
            let (b, c) = rest.split_at(50);
            let time = nanos(at);
            format!("{time} stdout P {a}\n{time} stdout P {b}\n{time} stdout F {c}\n")
        })
        .collect();
    let utf16: Vec<u8> = format!("\u{feff}{}", DEFAULT.replace('\n', "\r\n"))
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let each = |wrap: &dyn Fn(usize, &str) -> String| -> Vec<u8> {
        let lines = DEFAULT.lines().enumerate();
        lines
            .map(|(at, line)| wrap(at, line) + "\n")
            .collect::<String>()
            .into_bytes()
    };
    let wrapped: Vec<(&str, Vec<u8>)> = vec![
        (
            "kubectl",
            prefixed(|at| format!("{} ", nanos(at))).into_bytes(),
        ),
        (
            "kubectl --prefix",
            prefixed(|_| "[pod/broker-0/kafka] ".into()).into_bytes(),
        ),
        (
            "compose",
            prefixed(|_| "\x1b[36mbroker-1  |\x1b[0m ".into()).into_bytes(),
        ),
        ("stern", prefixed(|_| "broker-0 kafka ".into()).into_bytes()),
        (
            "short-iso",
            prefixed(|_| "2026-11-28T11:30:09+0000 b1 kafka[812]: ".into()).into_bytes(),
        ),
        (
            "rfc 5424",
            prefixed(|at| format!("<14>1 {} b1 kafka 812 - [a b=\"c\"] ", nanos(at))).into_bytes(),
        ),
        (
            "rfc 3164",
            prefixed(|_| "<14>Nov 28 11:30:09 b1 kafka[812]: ".into()).into_bytes(),
        ),
        ("ts", prefixed(|_| "Nov 28 11:30:09 ".into()).into_bytes()),
        (
            "grep -n",
            prefixed(|at| format!("request.log:{at}:")).into_bytes(),
        ),
        ("cri", cri.into_bytes()),
        ("utf-16", utf16),
        (
            "bom, crlf",
            format!("\u{feff}{}", DEFAULT.replace('\n', "\r\n")).into_bytes(),
        ),
        (
            "fluentd",
            each(&|at, line| {
                format!(
                    "2026-11-28T11:30:{:02}+00:00\tkafka.out\t{{\"log\":{}}}",
                    10 + at,
                    json_of(line)
                )
            }),
        ),
        (
            "journald json",
            each(&|at, line| {
                format!(
                    "{{\"__REALTIME_TIMESTAMP\":\"17958654{at:02}798000\",\"MESSAGE\":{}}}",
                    json_of(line)
                )
            }),
        ),
        (
            "kubernetes",
            each(&|at, line| {
                format!(
                    "{{\"@timestamp\":\"{}\",\"kubernetes\":{{\"pod\":{{\"name\":\"b\"}}}},\"message\":{}}}",
                    nanos(at),
                    json_of(line)
                )
            }),
        ),
    ];
    for (name, bytes) in wrapped {
        let decoded = decode(&bytes);
        assert_all(&decoded, name);
        assert_eq!(end_times(&decoded), plain, "{name}");
        assert!(decoded.summary.limits.is_empty(), "{name}");
    }
}

/// The requests alone, behind another layout.
fn laid_out(layout: impl Fn(usize, &str) -> String) -> String {
    let lines = DEFAULT.lines().enumerate();
    let bodies = lines.map(|(at, line)| (at, line.split_once("DEBUG ").unwrap().1));
    let bodies =
        bodies.map(|(at, line)| (at, line.strip_suffix(" (kafka.request.logger)").unwrap()));
    bodies.map(|(at, body)| layout(at, body) + "\n").collect()
}

#[test]
fn a_time_is_read_in_every_format_and_place() {
    #[allow(clippy::type_complexity, reason = "a table of cases")]
    let local: [(&str, &dyn Fn(usize, &str) -> String); 9] = [
        ("host first", &|s, m| {
            format!("broker1.example.com 2026/11/28 11:30:{s:02}.5 DEBUG {m}")
        }),
        ("behind", &|s, m| {
            format!("DEBUG {m} [28 Nov 2026 11:30:{s:02},500]")
        }),
        ("day first", &|s, m| {
            format!("28.11.2026 11:30:{s:02},500 [data-plane-kafka-request-handler-3] DEBUG {m}")
        }),
        ("month first", &|s, m| {
            format!("11/28/26 11:30:{s:02}.500 DEBUG - {m}")
        }),
        ("half day", &|s, m| {
            format!("Nov 28, 2026 11:30:{s:02}.500 AM kafka.request.logger\tFINE {m}")
        }),
        ("compact", &|s, m| {
            format!("20261128 1130{s:02},500 | DEBUG | {m}")
        }),
        ("logfmt", &|s, m| {
            format!("time=\"2026-11-28 11:30:{s:02},500\" level=debug msg={m}")
        }),
        ("named zone of several", &|s, m| {
            format!("[2026-11-28 11:30:{s:02},500 CST] {m}")
        }),
        ("colon before ms", &|s, m| {
            format!("[DEBUG] 2026-11-28 11:30:{s:02}:500 {m}")
        }),
    ];
    #[allow(clippy::type_complexity, reason = "a table of cases")]
    let zoned: [(&str, &dyn Fn(usize, &str) -> String); 9] = [
        ("millis", &|s, m| {
            format!("{} DEBUG {m}", 1_795_865_400_500_u64 + 1000 * s as u64)
        }),
        ("seconds", &|s, m| {
            format!("[{}.5] [main] {m}", 1_795_865_400 + s)
        }),
        ("zone name", &|s, m| {
            format!("2026-11-28 12:30:{s:02},500 CET DEBUG {m}")
        }),
        ("offset", &|s, m| {
            format!("[2026-11-28T17:00:{s:02},500+05:30] {m}")
        }),
        ("Logstash", &|s, m| {
            format!(
                "{{\"@timestamp\":\"2026-11-28T11:30:{s:02}.500+00:00\",\"@version\":\"1\",\"message\":{},\"level\":\"DEBUG\"}}",
                json_of(m)
            )
        }),
        ("log4j", &|s, m| {
            format!(
                "{{\"instant\":{{\"epochSecond\":{},\"nanoOfSecond\":500000000}},\"thread\":\"t\",\"message\":{}}}",
                1_795_865_400 + s,
                json_of(m)
            )
        }),
        ("log4j over lines", &|s, m| {
            format!(
                "{{\n  \"timeMillis\" : {}500,\n  \"thread\" : \"t\",\n  \"message\" : {}\n}},",
                1_795_865_400 + s,
                json_of(m)
            )
        }),
        ("GELF", &|s, m| {
            format!(
                "{{\"version\":\"1.1\",\"host\":\"b\",\"short_message\":{},\"timestamp\":{}.5,\"level\":7}}",
                json_of(m),
                1_795_865_400 + s
            )
        }),
        ("ECS in docker", &|s, m| {
            let ecs = format!(
                "{{\"@timestamp\":\"2026-11-28T11:30:{s:02}.500Z\",\"message\":{}}}\n",
                json_of(m)
            );
            format!(
                "{{\"log\":{},\"stream\":\"stdout\",\"time\":\"2026-11-28T11:31:{s:02}.1Z\"}}",
                json_of(&ecs)
            )
        }),
    ];
    let half = 1_795_865_400_500 * MS;
    for (clock, layouts) in [(ClockKind::LocalTime, local), (ClockKind::Realtime, zoned)] {
        for (name, layout) in layouts {
            let decoded = decode(laid_out(layout).as_bytes());
            assert_all(&decoded, name);
            let expected: Vec<i64> = (0..20).map(|s| half + s * 1000 * MS).collect();
            assert_eq!(end_times(&decoded), expected, "{name}");
            assert_eq!(decoded.summary.clock, clock, "{name}");
            assert!(
                decoded.summary.limits.is_empty(),
                "{name}: {:?}",
                decoded.summary.limits
            );
        }
    }
}

#[test]
fn a_collectors_time_is_used_where_there_is_no_other_and_told() {
    let text = laid_out(|at, message| format!("2026-11-28T11:30:{at:02}.500000000Z {message}"));
    let decoded = decode(text.as_bytes());
    assert_all(&decoded, "kubectl");
    assert_eq!(decoded.limits(), ["collector_time"]);
    let text = laid_out(|at, message| {
        let log = json_of(&format!("{message}\n"));
        format!("{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"2026-11-28T11:30:{at:02}.5Z\"}}")
    });
    let decoded = decode(text.as_bytes());
    assert_all(&decoded, "docker");
    assert_eq!(decoded.limits(), ["collector_time"]);
}

#[test]
fn a_log_without_times_says_so() {
    let decoded = decode(laid_out(|_, message| message.to_owned()).as_bytes());
    assert_eq!(decoded.row_count("broker_requests"), 20);
    assert_eq!(decoded.losses(), []);
    assert_eq!(decoded.limits(), ["no_line_time"]);
}

#[test]
fn a_time_that_cannot_be_read_and_one_that_is_not_there_are_losses() {
    let text = laid_out(|at, message| match at {
        3 => format!("[2026-28-11 11:30:0x,798] DEBUG {message}"),
        4 => format!("[2026-11-31 11:30:09,798] DEBUG {message}"),
        7 => format!("DEBUG {message}"),
        9 => format!("1795865400500 DEBUG {message}"),
        _ => format!("[2026-11-28 11:30:{at:02},798] DEBUG {message}"),
    });
    let decoded = decode(text.as_bytes());
    assert_eq!(decoded.row_count("broker_requests"), 20);
    let expected = [
        ("request_log_no_time", 1),
        ("request_log_time", 1),
        ("request_log_unreadable_time", 2),
    ];
    assert_eq!(decoded.losses(), expected);
}

#[test]
fn a_date_of_two_orders_is_decided_by_any_line_or_told() {
    let decoded = decode(laid_out(|at, m| format!("03/04/2026 11:30:{at:02} {m}")).as_bytes());
    assert_all(&decoded, "same day");
    assert_eq!(decoded.limits(), ["other_date_offset_ns"]);
    let decided = laid_out(|at, m| format!("03/{:02}/2026 11:30:00 {m}", 4 + at));
    let decoded = decode(decided.as_bytes());
    assert_all(&decoded, "days");
    assert!(decoded.summary.limits.is_empty());
    let march_4 = 1_772_623_800_000 * MS;
    assert_eq!(end_times(&decoded)[0], march_4);
}

#[test]
fn a_request_that_is_cut_is_a_loss_to_know_of() {
    let cut = include_bytes!("../data/request-cut.log");
    let decoded = decode(cut);
    let losses = &decoded.summary.losses;
    let loss = losses
        .iter()
        .find(|loss| loss.kind.name == "request_log_cut_line");
    assert_eq!(loss.unwrap().kind.severity, kcorr_model::Severity::Warning);
    for (name, text) in [
        (
            "ecs",
            &include_str!("../data/layouts/rl-json-EcsLayout.json.log")[..9000],
        ),
        ("text", &DEFAULT[..9000]),
        ("mark", &DEFAULT[..DEFAULT.rfind("pleted request").unwrap()]),
    ] {
        let decoded = decode(text.as_bytes());
        assert_eq!(decoded.losses(), [("request_log_cut_line", 1)], "{name}");
    }
}

#[test]
fn control_characters_of_an_input_are_escaped_in_messages() {
    let input = include_bytes!("../data/escapes-not-a-gc-log.txt");
    let error = decode_pieces(RequestLogDecoder::new(SourceId(1)), &[input]).unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error}");
    let decoded = decode(format!("\x07\x1b bell\n{DEFAULT}").as_bytes());
    let details: Vec<&str> = decoded
        .summary
        .losses
        .iter()
        .map(|loss| loss.detail.as_str())
        .collect();
    assert!(!details.concat().contains(char::is_control), "{details:?}");
}
