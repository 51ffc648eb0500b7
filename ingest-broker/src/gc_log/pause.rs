//! Messages that tell a pause.
//!
//! Source: `Universe`'s and the collectors' `GCTraceTime` and `GCTraceCPUTime` lines, `SafepointTracing`
//! (JDK 14 on) and `RuntimeService` (before) of OpenJDK.

use kcorr_model::integer_from_decimal;

use super::jdk8::STOPPED;

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// A pause that ends here.
    Pause(Pause<'a>),
    /// The operation of the safepoint that begins (before JDK 14).
    Entering(&'a str),
    /// The pause of the collection of this number begins; another line will tell it.
    Begun(u64),
    /// The CPU time (ns) of the pause of this collection that an earlier line told.
    CpuTime(u64, i64),
    /// Something else.
    Other,
    /// It begins like a pause and cannot be read.
    Bad,
}

/// A pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause<'a> {
    pub(crate) kind: &'static str,
    /// Empty when only an earlier line can tell it.
    pub(crate) name: &'a str,
    pub(crate) cause: Option<&'a str>,
    pub(crate) duration_ns: i64,
    /// Of a safepoint, the time until the last thread had come to it.
    pub(crate) reaching_ns: Option<i64>,
    /// The number of the collection, in unified logs.
    pub(crate) number: Option<u64>,
}

impl<'a> Message<'a> {
    /// Reads a message without its decorations.
    pub(crate) fn from_text(text: &'a str) -> Self {
        if let Some(text) = text.strip_prefix("Safepoint \"") {
            return safepoint(text).map_or(Message::Bad, Message::Pause);
        }
        if let Some(text) = text.strip_prefix(STOPPED) {
            return stopped(text).map_or(Message::Bad, Message::Pause);
        }
        if let Some(name) = text.strip_prefix("Entering safepoint region: ") {
            return Message::Entering(name.trim());
        }
        gc(text).unwrap_or(Message::Other)
    }
}

/// What follows `Safepoint "`.
fn safepoint(text: &str) -> Option<Pause<'_>> {
    let (name, fields) = text.split_once('"')?;
    let field = |name: &str| {
        let value = fields
            .split(", ")
            .find_map(|field| field.strip_prefix(name))?;
        integer_from_decimal(value.strip_suffix(" ns")?, 1)
    };
    Some(Pause {
        kind: "safepoint",
        name,
        cause: None,
        duration_ns: field("Total: ")?,
        reaching_ns: field("Reaching safepoint: "),
        number: None,
    })
}

/// What follows [`STOPPED`]: `0.0203456 seconds, Stopping threads took: 0.0000789 seconds`.
fn stopped(text: &str) -> Option<Pause<'_>> {
    let seconds = |text: &str| {
        let (seconds, _) = text.split_once(" seconds")?;
        integer_from_decimal(seconds.trim(), 1_000_000_000)
    };
    let reaching = text.split_once("Stopping threads took: ");
    Some(Pause {
        kind: "safepoint",
        name: "",
        cause: None,
        duration_ns: seconds(text)?,
        reaching_ns: reaching.and_then(|(_, text)| seconds(text)),
        number: None,
    })
}

/// `User=0.02s Sys=0.00s Real=0.03s`, in ns without the real time.
fn cpu_time(text: &str) -> Option<i64> {
    let mut fields = text.split(' ');
    let mut seconds = |name: &str| {
        let value = fields.next()?.strip_prefix(name)?.strip_suffix('s')?;
        integer_from_decimal(value, 1_000_000_000)
    };
    Some(seconds("User=")?.saturating_add(seconds("Sys=")?))
}

/// `GC(7) Pause Young (Normal) (G1 Evacuation Pause) 51M->9M(1024M) 34.538ms`; the generational
/// collectors of JDK 21 put `Y: `, `y: ` or `O: ` before the pause.
fn gc(text: &str) -> Option<Message<'_>> {
    let (number, text) = text.strip_prefix("GC(")?.split_once(") ")?;
    let number: u64 = number.parse().ok()?;
    let text = match text.split_once(": ") {
        Some(("Y" | "y" | "O", text)) => text,
        _ => text,
    };
    if !text.starts_with("Pause ") {
        return cpu_time(text).map(|cpu_ns| Message::CpuTime(number, cpu_ns));
    }
    let duration = text.rsplit_once(' ').and_then(|(text, duration)| {
        let duration = duration.strip_suffix("ms")?;
        Some((text, integer_from_decimal(duration, 1_000_000)?))
    });
    let Some((text, duration_ns)) = duration else {
        return Some(Message::Begun(number));
    };
    let text = text.trim_end();
    let text = match text.rsplit_once(' ') {
        Some((text, heap)) if heap.contains("->") => text.trim_end(),
        _ => text,
    };
    let (name, cause) = cause_of(text);
    Some(Message::Pause(Pause {
        kind: "gc",
        name,
        cause,
        duration_ns,
        reaching_ns: None,
        number: Some(number),
    }))
}

/// Splits the cause off, which is in parentheses behind the kinds of pause that have one.
fn cause_of(text: &str) -> (&str, Option<&str>) {
    let has_cause = ["Young", "Full", "Mixed", "Initial Mark", "Degenerated GC"]
        .iter()
        .any(|kind| {
            text.strip_prefix("Pause ")
                .is_some_and(|text| text.starts_with(kind))
        });
    // What went wrong stands behind the cause.
    let whole = match text.rfind(" (Evacuation Failure") {
        Some(at) => text.get(..at).unwrap_or(text),
        None => text,
    };
    if !has_cause || !whole.ends_with(')') {
        return (text, None);
    }
    let mut depth = 0_usize;
    for (at, character) in whole.char_indices().rev() {
        match character {
            ')' => depth = depth.saturating_add(1),
            '(' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            let name = whole.get(..at).unwrap_or_default().trim_end();
            let cause = whole.get(at.saturating_add(1)..whole.len().saturating_sub(1));
            return (name, cause);
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (&'static str, &str, Option<&str>, i64) {
        match Message::from_text(text) {
            Message::Pause(p) => (p.kind, p.name, p.cause, p.duration_ns),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_collectors_pauses_are_read() {
        assert_eq!(
            read("GC(0) Pause Young (Normal) (G1 Evacuation Pause) 51M->9M(1024M) 34.538ms"),
            (
                "gc",
                "Pause Young (Normal)",
                Some("G1 Evacuation Pause"),
                34_538_000
            )
        );
        assert_eq!(
            read("GC(9) Pause Full (System.gc()) 10M->5M(20M) 20.300ms"),
            ("gc", "Pause Full", Some("System.gc()"), 20_300_000)
        );
        assert_eq!(
            read("GC(2) Pause Remark 10M->10M(1024M) 2.197ms"),
            ("gc", "Pause Remark", None, 2_197_000)
        );
        assert_eq!(
            read(
                "GC(3) Pause Young (Normal) (G1 Evacuation Pause) (Evacuation Failure: Pinned) 9M->9M(9M) 1.000ms"
            ),
            (
                "gc",
                "Pause Young (Normal)",
                Some("G1 Evacuation Pause"),
                1_000_000
            )
        );
        assert_eq!(
            read("GC(4) Y: Pause Mark Start (Major) 0.012ms"),
            ("gc", "Pause Mark Start (Major)", None, 12_000)
        );
        assert_eq!(
            read("GC(5) Pause Init Mark (unload classes) 0.123ms"),
            ("gc", "Pause Init Mark (unload classes)", None, 123_000)
        );
    }

    #[test]
    fn safepoints_are_read_in_both_forms() {
        assert_eq!(
            read(
                "Safepoint \"G1PauseRemark\", Time since last: 15031004 ns, Reaching safepoint: 97594 ns, \
                 Cleanup: 25154 ns, At safepoint: 6970328 ns, Total: 7093076 ns"
            ),
            ("safepoint", "G1PauseRemark", None, 7_093_076)
        );
        assert_eq!(
            read(
                "Safepoint \"ICBufferFull\", Time since last: 1 ns, Reaching safepoint: 2 ns, At safepoint: 3 ns, \
                 Leaving safepoint: 4 ns, Total: 9 ns, Threads: 1 runnable, 20 total"
            ),
            ("safepoint", "ICBufferFull", None, 9)
        );
        assert_eq!(
            read(
                "Total time for which application threads were stopped: 0.0123456 seconds, \
                 Stopping threads took: 0.0000123 seconds"
            ),
            ("safepoint", "", None, 12_345_600)
        );
    }

    #[test]
    fn the_time_until_all_threads_had_come_and_the_time_of_cpus_are_read() {
        let reaching = |text| match Message::from_text(text) {
            Message::Pause(pause) => pause.reaching_ns,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(
            reaching(
                "Safepoint \"X\", Time since last: 1 ns, Reaching safepoint: 97594 ns, Total: 7093076 ns"
            ),
            Some(97_594)
        );
        assert_eq!(reaching("Safepoint \"X\", Total: 7093076 ns"), None);
        assert_eq!(
            reaching(
                "Total time for which application threads were stopped: 0.0123456 seconds, \
                 Stopping threads took: 0.0000123 seconds"
            ),
            Some(12_300)
        );
        assert_eq!(
            Message::from_text("GC(7) User=0.02s Sys=0.01s Real=0.03s"),
            Message::CpuTime(7, 30_000_000)
        );
        for cut in ["GC(7) User=0.02s", "GC(7) User=0.02s Sys=0.0", "GC(7) x"] {
            assert_eq!(Message::from_text(cut), Message::Other, "{cut}");
        }
    }

    #[test]
    fn a_cut_message_is_no_pause() {
        let text = "GC(0) Pause Young (Normal) (G1 Evacuation Pause) 51M->9M(1024M) 34.538ms";
        for end in 0..text.len() {
            let message = Message::from_text(&text[..end]);
            let is_none = matches!(message, Message::Other | Message::Begun(0));
            assert!(is_none, "{}", &text[..end]);
        }
        assert_eq!(
            Message::from_text("Safepoint \"X\", Time since last: 1 ns, Total: 1"),
            Message::Bad
        );
    }
}
