//! Causes in plain words, and their colours.

/// How a cause is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Its name in the queries.
    pub name: &'static str,
    /// Two or three words.
    pub label: &'static str,
    /// What such requests were, after their number and a colon.
    pub sentence: &'static str,
    /// Class of its colour in the style sheet; the same in all charts.
    pub class: &'static str,
}

static CAUSES: &[Cause] = &[
    Cause {
        name: "slow_write",
        label: "own slow write",
        sentence: "slow in their own write to the log",
        class: "c-write",
    },
    Cause {
        name: "lock_wait_behind_slow_write",
        label: "lock wait behind a slow write",
        sentence: "waiting for a log's lock while another thread wrote to that log",
        class: "c-lock",
    },
    Cause {
        name: "queued_behind_slow_write",
        label: "queued behind a slow request",
        sentence: "queued behind an earlier request that a slow write held up",
        class: "c-queue",
    },
    Cause {
        name: "lock_wait_other",
        label: "other lock wait",
        sentence: "waiting for a lock that no recorded write explains",
        class: "c-other-lock",
    },
    Cause {
        name: "pause",
        label: "JVM pause",
        sentence: "held up by a stop of the JVM",
        class: "c-pause",
    },
    Cause {
        name: "remote",
        label: "waiting for followers",
        sentence: "waiting for follower brokers",
        class: "c-remote",
    },
    Cause {
        name: "response",
        label: "sending the response",
        sentence: "waiting for their response to be sent",
        class: "c-response",
    },
    Cause {
        name: "receive",
        label: "receiving the request",
        sentence: "waiting for the rest of their own bytes to arrive",
        class: "c-receive",
    },
    Cause {
        name: "cpu",
        label: "on CPU",
        sentence: "being worked on",
        class: "c-cpu",
    },
    Cause {
        name: "unexplained",
        label: "unexplained",
        sentence: "not explained by any recorded row",
        class: "c-unexplained",
    },
];

/// How a cause is shown; one that is not known is shown as unexplained, under its own name.
pub fn cause(name: &str) -> Option<Cause> {
    CAUSES.iter().copied().find(|cause| cause.name == name)
}

/// The class of a cause's colour.
pub(crate) fn class(name: &str) -> &'static str {
    cause(name).map_or("c-unexplained", |cause| cause.class)
}

/// The words for a cause.
pub(crate) fn label(name: &str) -> &str {
    cause(name).map_or(name, |cause| cause.label)
}

/// The place of a cause in stacks and legends.
pub(crate) fn rank(name: &str) -> usize {
    let at = CAUSES.iter().position(|cause| cause.name == name);
    at.unwrap_or(CAUSES.len())
}

/// The words for what is at the root of an episode: one, and several.
pub(crate) fn root(kind: &str) -> (&str, &str) {
    match kind {
        "journal_commit" => ("journal commit", "journal commits"),
        "write" => ("slow write", "slow writes"),
        "pause" => ("stop of the JVM", "stops of the JVM"),
        "other" => ("other cause", "other causes"),
        other => (other, other),
    }
}

/// A name that a query gives, in words where there are some.
pub(crate) fn shown<'a>(column: &str, name: &'a str) -> &'a str {
    match column {
        "cause" if name == "any" => "any cause",
        "cause" => label(name),
        "statistic" => match name {
            "p50_ms" => "median (ms)",
            "p99_ms" => "p99 (ms)",
            "p999_ms" => "p99.9 (ms)",
            "max_ms" => "slowest (ms)",
            "slow_count" => "slow requests",
            "slow_ratio" => "share that is slow (0 to 1)",
            "request_count" => "requests",
            other => other,
        },
        "write_state" => match name {
            "journal_wait" => "waiting for the journal",
            "journal_commit" => "under a journal commit",
            "block_io" => "waiting for the disk",
            "run_queue" => "waiting for a CPU",
            "on_cpu" => "on a CPU",
            "unknown" => "not known",
            other => other,
        },
        "kind" => match root(name) {
            (one, _) if one != name => one,
            _ => name,
        },
        _ => name,
    }
}
