//! What programs that collect output put before each line of it.
//!
//! | collector | before the line |
//! |---|---|
//! | `kubectl logs --timestamps`, `docker logs -t` | `2026-11-28T11:26:18.123456789Z ` |
//! | `kubectl logs --prefix` | `[pod/broker-0/kafka] ` |
//! | container runtimes (CRI) | `2026-11-28T11:26:18.123456789Z stdout F ` |
//! | docker compose | `broker-1  \| ` |
//! | journald (`journalctl`, all `short` forms) | `Nov 28 11:26:18 broker1 kafka[812]: ` |
//! | syslog, RFC 3164 and 5424, and as rsyslog writes files | `<13>Nov 28 11:26:18 broker1 kafka[812]: ` |
//! | `ts` (moreutils) | `Nov 28 11:26:18 ` and formats of ISO 8601 and seconds |
//!
//! Told by shape, so a line of a program that begins with such a time itself looks the same: whoever
//! asks for a line's own time must look into the prefix too.

use super::stamp::{Form, time_at};

/// Collectors that one line went through at most.
const MOST_LAYERS: usize = 4;

/// What put a prefix before a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Collector {
    /// A time alone: `kubectl logs --timestamps`, `docker logs -t`, `ts`; or the program itself.
    Time,
    /// The name of a container or pod.
    Name,
    /// A container runtime.
    Cri,
    /// journald or a syslog.
    Syslog,
}

/// A line without what collectors put before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwrapped<'a> {
    /// What is left.
    pub line: &'a [u8],
    /// The last collector whose prefix was taken away, the one nearest to the program.
    pub collector: Option<Collector>,
    /// The last time that was taken away, as it is written.
    pub time: Option<&'a str>,
    /// Whether the line goes on in the next one of the same container (CRI's `P`).
    pub is_partial: bool,
}

/// Takes the prefixes of collectors away from a clean line ([`super::clean`]).
pub fn unwrap(line: &[u8]) -> Unwrapped<'_> {
    let mut unwrapped = Unwrapped {
        line,
        collector: None,
        time: None,
        is_partial: false,
    };
    for _ in 0..MOST_LAYERS {
        let Some(prefix) = prefix(unwrapped.line) else {
            break;
        };
        let time = prefix.time.and_then(|time| std::str::from_utf8(time).ok());
        unwrapped = Unwrapped {
            line: prefix.rest,
            collector: Some(prefix.collector),
            time: time.or(unwrapped.time),
            is_partial: unwrapped.is_partial || prefix.is_partial,
        };
    }
    unwrapped
}

struct Prefix<'a> {
    collector: Collector,
    time: Option<&'a [u8]>,
    is_partial: bool,
    rest: &'a [u8],
}

fn prefix(line: &[u8]) -> Option<Prefix<'_>> {
    match line.first()? {
        b'<' => syslog(line),
        b'[' if line.starts_with(b"[pod/") => {
            let end = line.iter().position(|&byte| byte == b']')?;
            let rest = line.get(end.saturating_add(1)..)?;
            Some(Prefix {
                collector: Collector::Name,
                time: None,
                is_partial: false,
                rest: after_space(rest)?,
            })
        }
        b'0'..=b'9' | b'A'..=b'Z' | b'[' => timed(line).or_else(|| container(line)),
        _ => container(line),
    }
}

/// A time, and what may stand between it and the line.
fn timed(line: &[u8]) -> Option<Prefix<'_>> {
    let (form, length) = time_at(line)?;
    let (time, behind) = line.split_at_checked(length)?;
    let prefix = |collector, rest| Prefix {
        collector,
        time: Some(time),
        is_partial: false,
        rest,
    };
    if form == Form::Rfc3339 {
        // fluentd: time, tag and record between tabs.
        if let Some(tagged) = behind.strip_prefix(b"\t") {
            let end = tagged.iter().position(|&byte| byte == b'\t')?;
            let rest = tagged.get(end.saturating_add(1)..)?;
            return rest
                .starts_with(b"{")
                .then(|| prefix(Collector::Name, rest));
        }
        let stream = [b" stdout ", b" stderr "];
        let tagged = stream.iter().find_map(|name| behind.strip_prefix(*name));
        if let Some(tagged) = tagged {
            let end = tagged.iter().position(|&byte| byte == b' ');
            let (tags, rest) = match end {
                Some(end) => (tagged.get(..end)?, tagged.get(end.saturating_add(1)..)?),
                None => (tagged, &[][..]),
            };
            let first = tags.split(|&byte| byte == b':').next()?;
            if matches!(first, b"F" | b"P") {
                return Some(Prefix {
                    collector: Collector::Cri,
                    time: Some(time),
                    is_partial: first == b"P",
                    rest,
                });
            }
        }
    }
    let rest = after_space(behind)?;
    if let Some(rest) = host_and_program(rest) {
        return Some(prefix(Collector::Syslog, rest));
    }
    match form {
        Form::Rfc3339 | Form::Iso | Form::Syslog | Form::Unix => {
            Some(prefix(Collector::Time, rest))
        }
        // A program's own lines may begin so.
        Form::Full | Form::Monotonic => None,
    }
}

/// What follows `broker1 kafka[812]: `, or the program alone: `kafka[812]: `.
fn host_and_program(line: &[u8]) -> Option<&[u8]> {
    let (first, behind) = word(line)?;
    let is_name = |name: &[u8]| {
        let mut bytes = name.iter();
        !name.is_empty()
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_./@:()".contains(byte))
    };
    let program = |word: &[u8]| {
        let Some(word) = word.strip_suffix(b":") else {
            return false;
        };
        let name = match word.strip_suffix(b"]") {
            Some(word) => {
                let Some(at) = word.iter().rposition(|&byte| byte == b'[') else {
                    return false;
                };
                let pid = word.get(at.saturating_add(1)..).unwrap_or_default();
                if pid.is_empty()
                    || !pid
                        .iter()
                        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.')
                {
                    return false;
                }
                word.get(..at).unwrap_or_default()
            }
            None => word,
        };
        is_name(name) && name.iter().any(u8::is_ascii_alphabetic)
    };
    // Without a host the process must be there: `Error: …` is no program.
    if first.ends_with(b"]:") && program(first) {
        return Some(behind);
    }
    let is_host = is_name(first) && !first.ends_with(b":");
    let (second, behind) = word(behind)?;
    (is_host && program(second)).then_some(behind)
}

/// RFC 3164 and 5424, from `<priority>` on.
fn syslog(line: &[u8]) -> Option<Prefix<'_>> {
    let end = line.iter().take(6).position(|&byte| byte == b'>')?;
    let priority = line.get(1..end)?;
    if priority.is_empty() || !priority.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let line = line.get(end.saturating_add(1)..)?;
    let Some(line) = line.strip_prefix(b"1 ") else {
        let mut prefix = timed(line)?;
        prefix.collector = Collector::Syslog;
        return Some(prefix);
    };
    let (time, mut rest) = word(line)?;
    // Host, program, process and kind of message.
    for _ in 0..4 {
        rest = word(rest)?.1;
    }
    let rest = match rest.strip_prefix(b"-") {
        Some(rest) => rest,
        None => structured(rest)?,
    };
    let rest = after_space(rest)?;
    Some(Prefix {
        collector: Collector::Syslog,
        time: Some(time).filter(|time| *time != b"-"),
        is_partial: false,
        rest: rest.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(rest),
    })
}

/// What follows the structured data of RFC 5424: `[id a="x\"]"][id2]`.
fn structured(line: &[u8]) -> Option<&[u8]> {
    let mut rest = line;
    while rest.first() == Some(&b'[') {
        let mut is_quoted = false;
        let mut is_escaped = false;
        let end = rest.iter().position(|&byte| {
            if std::mem::take(&mut is_escaped) {
                return false;
            }
            match byte {
                b'\\' => is_escaped = true,
                b'"' => is_quoted = !is_quoted,
                _ => {}
            }
            byte == b']' && !is_quoted
        })?;
        rest = rest.get(end.saturating_add(1)..)?;
    }
    (rest.len() < line.len()).then_some(rest)
}

/// What docker compose and swarm put before a line: `broker-1  | `.
fn container(line: &[u8]) -> Option<Prefix<'_>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(byte);
    let length = line
        .iter()
        .take(128)
        .take_while(|byte| is_name(byte))
        .count();
    let (name, behind) = line.split_at_checked(length)?;
    let padding = behind.iter().take_while(|&&byte| byte == b' ').count();
    let rest = behind.get(padding..)?.strip_prefix(b"|")?;
    if padding == 0
        || !name.first()?.is_ascii_alphanumeric()
        || !name.iter().any(u8::is_ascii_alphabetic)
    {
        return None;
    }
    Some(Prefix {
        collector: Collector::Name,
        time: None,
        is_partial: false,
        rest: after_space(rest)?,
    })
}

/// The next word, and what follows the space behind it.
fn word(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = line.iter().take(256).position(|&byte| byte == b' ');
    let end = end.unwrap_or_else(|| line.len().min(256));
    let (word, behind) = line.split_at_checked(end)?;
    (!word.is_empty()).then_some((word, after_space(behind)?))
}

/// What follows one space; nothing at the line's end, where editors take the space away.
fn after_space(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] => Some(rest),
        [b' ', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(line: &str) -> (&str, Option<&str>) {
        let unwrapped = unwrap(line.as_bytes());
        (std::str::from_utf8(unwrapped.line).unwrap(), unwrapped.time)
    }

    #[test]
    fn every_collectors_prefix_is_taken_away() {
        let ns = Some("2026-11-28T11:26:18.123456789Z");
        let cases = [
            ("2026-11-28T11:26:18.123456789Z \tat x", "\tat x", ns),
            ("2026-11-28T11:26:18.123456789Z stdout F [x]", "[x]", ns),
            ("2026-11-28T11:26:18.123456789Z stderr F", "", ns),
            (
                "[pod/broker-0/kafka] 2026-11-28T11:26:18.123456789Z x",
                "x",
                ns,
            ),
            ("[pod/broker-0/kafka] x", "x", None),
            ("broker-1  | x", "x", None),
            ("kafka_broker.1.abc@node1    | x", "x", None),
            ("broker-1  | 2026-11-28T11:26:18.123456789Z x", "x", ns),
            (
                "Nov 28 11:26:18 broker1 kafka[812]: x",
                "x",
                Some("Nov 28 11:26:18"),
            ),
            (
                "Nov  8 11:26:18 broker1 kafka[812]:",
                "",
                Some("Nov  8 11:26:18"),
            ),
            (
                "Nov 28 11:26:18.123456 b kafka-server-start.sh[8]: x",
                "x",
                Some("Nov 28 11:26:18.123456"),
            ),
            (
                "2026-11-28T11:26:18+0000 broker1 kafka[812]: x",
                "x",
                Some("2026-11-28T11:26:18+0000"),
            ),
            (
                "2026-11-28T11:26:18.1+00:00 broker1 kernel: x",
                "x",
                Some("2026-11-28T11:26:18.1+00:00"),
            ),
            (
                "Sat 2026-11-28 11:26:18 UTC broker1 kafka[812]: x",
                "x",
                Some("Sat 2026-11-28 11:26:18 UTC"),
            ),
            (
                "1795865178.123456 broker1 kafka[812]: x",
                "x",
                Some("1795865178.123456"),
            ),
            (
                "[   12.345678] broker1 kafka[812]: x",
                "x",
                Some("[   12.345678]"),
            ),
            (
                "<13>Nov 28 11:26:18 broker1 kafka[812]: x",
                "x",
                Some("Nov 28 11:26:18"),
            ),
            (
                "<165>1 2026-11-28T11:26:18.123456789Z b kafka 812 - - x",
                "x",
                ns,
            ),
            (
                "<165>1 2026-11-28T11:26:18.123456789Z b k 8 ID [a b=\"]\"][c] \u{feff}x",
                "x",
                ns,
            ),
            (
                "Nov 28 11:26:18 TIME     COMM",
                "TIME     COMM",
                Some("Nov 28 11:26:18"),
            ),
            (
                "2026-11-28 11:26:18 {\"ev\":1}",
                "{\"ev\":1}",
                Some("2026-11-28 11:26:18"),
            ),
            (
                "2026-11-28T11:26:18+00:00\tkafka\t{\"log\":1}",
                "{\"log\":1}",
                Some("2026-11-28T11:26:18+00:00"),
            ),
        ];
        for (line, expected, time) in cases {
            assert_eq!(unwrapped(line), (expected, time), "{line}");
        }
    }

    #[test]
    fn a_partial_line_is_told() {
        assert!(unwrap(b"2026-11-28T11:26:18.1Z stdout P x").is_partial);
        assert!(!unwrap(b"2026-11-28T11:26:18.1Z stdout F x").is_partial);
    }

    #[test]
    fn lines_of_programs_stay() {
        for line in [
            "",
            "10:00:01 data-plane-kaf 4101  W 16384",
            "[2026-11-20 16:22:36,123] DEBUG x",
            "[2026-11-28T11:26:17.126+0000][gc,init] x",
            "[0.123s][info][gc] x",
            "2015-05-26T14:45:37.987-0200: 151.126: [GC x",
            "2026-11-28 11:30:10,268|DEBUG|x",
            "DEBUG|x",
            "@x[kafka, 1]: 5",
            "[4K, 8K)  |@@@  |",
            "\"main\" #1 prio=5",
            "\tat x.y",
            "{\"ev\":\"write\"}",
            "Attaching 5 probes...",
            "Monday x",
            "<init> x",
        ] {
            assert_eq!(unwrapped(line), (line, None));
        }
    }
}
