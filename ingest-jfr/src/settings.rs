//! The recorder's settings in a chunk: what it could not record, and what its samples weigh.

use std::collections::BTreeMap;

use kcorr_model::Limit;

use crate::rows::stack_samples::Weights;

/// The events whose settings bound what the tables can show, and the word for them in names.
const BOUNDED: [(&str, &str, &str); 14] = [
    ("jdk.JavaMonitorEnter", "monitor", "waits for monitors"),
    ("jdk.JavaMonitorWait", "monitor_wait", "Object.wait calls"),
    (
        "jdk.ThreadPark",
        "park",
        "waits for java.util.concurrent locks",
    ),
    (
        "profiler.NativeLock",
        "native_lock",
        "waits for native locks",
    ),
    ("jdk.FileWrite", "file_write", "file writes"),
    ("jdk.FileRead", "file_read", "file reads"),
    ("jdk.FileForce", "file_force", "file syncs"),
    ("jdk.SocketRead", "socket_read", "socket reads"),
    ("jdk.SocketWrite", "socket_write", "socket writes"),
    ("jdk.GCPhasePause", "gc_pause", "garbage collection pauses"),
    ("jdk.SafepointBegin", "safepoint", "safepoints"),
    ("jdk.ExecuteVMOperation", "vm_operation", "VM operations"),
    (
        "jdk.ExecutionSample",
        "execution_sample",
        "samples of running threads",
    ),
    (
        "profiler.WallClockSample",
        "wall_sample",
        "wall-clock samples",
    ),
];

/// Values that differ from chunk to chunk are all kept, up to this many.
const MAX_LIMITS: usize = 256;

/// The settings of one chunk: the last value of each.
#[derive(Debug, Default, Clone)]
pub(crate) struct Settings {
    values: BTreeMap<(String, String), String>,
}

impl Settings {
    /// Takes an `ActiveSetting` event about the event type with a name.
    pub(crate) fn add(&mut self, event: &str, name: &str, value: &str) {
        // The JDK has about 200 event types of 4 settings.
        if self.values.len() < 16_384 {
            let key = (event.to_owned(), name.to_owned());
            self.values.insert(key, value.to_owned());
        }
    }

    /// Whether no setting was recorded.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn get(&self, event: &str, name: &str) -> Option<&str> {
        let key = (event.to_owned(), name.to_owned());
        self.values.get(&key).map(String::as_str)
    }

    /// A setting by its name alone, of the recorder itself or of any event.
    fn any(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter();
        values.find_map(|((_, n), value)| (n == name).then_some(value.as_str()))
    }

    /// async-profiler's `clock` option, since 2.9.
    pub(crate) fn clock(&self) -> Option<&str> {
        self.any("clock")
    }

    /// async-profiler's version.
    pub(crate) fn profiler_version(&self) -> Option<&str> {
        self.any("version")
    }

    /// What the samples of the chunk weigh.
    pub(crate) fn weights(&self, is_async_profiler: bool) -> Weights {
        let sample = "jdk.ExecutionSample";
        let number = |name: &str| {
            let value = self.get(sample, name).or_else(|| self.any(name))?;
            value.parse::<i64>().ok().filter(|ns| *ns > 0)
        };
        if !is_async_profiler {
            let period = |event: &str| ns_from_setting(self.get(event, "period")?);
            return Weights {
                cpu_interval_ns: period(sample),
                wall_interval_ns: None,
                native_interval_ns: period("jdk.NativeMethodSample"),
                execution_is_wall: false,
            };
        }
        let event = self.any("event").unwrap_or("cpu");
        // Of hardware events the interval is a count.
        let is_time = matches!(event, "cpu" | "itimer" | "ctimer" | "wall");
        let interval = number("interval").filter(|_| is_time);
        Weights {
            cpu_interval_ns: interval,
            wall_interval_ns: number("wall").or(interval.filter(|_| event == "wall")),
            native_interval_ns: None,
            execution_is_wall: event == "wall",
        }
    }
}

/// The limits of a whole recording, gathered chunk by chunk.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    limits: BTreeMap<(String, i64), String>,
    recorded: [bool; BOUNDED.len()],
}

impl Limits {
    /// Adds what the settings of a chunk bound; `count` tells how many events of a name it has.
    pub(crate) fn add_chunk(
        &mut self,
        settings: &Settings,
        is_async_profiler: bool,
        count: impl Fn(&str) -> u64,
    ) {
        for ((event, what, people), recorded) in BOUNDED.iter().zip(&mut self.recorded) {
            let enabled = settings.get(event, "enabled") == Some("true");
            *recorded |= enabled || count(event) > 0;
            if !enabled {
                continue;
            }
            let setting = |name| settings.get(event, name);
            let threshold = setting("threshold")
                .and_then(ns_from_setting)
                .filter(|ns| *ns > 0);
            if let Some(ns) = threshold {
                let detail = format!("{people} shorter than {ns} ns are not recorded");
                add(&mut self.limits, format!("{what}_threshold_ns"), ns, detail);
            }
            if let Some(count) = setting("throttle").and_then(per_second_from_setting) {
                let detail = format!("at most {count} {people} a second are recorded");
                add(
                    &mut self.limits,
                    format!("{what}_throttle_count"),
                    count,
                    detail,
                );
            }
            if let Some(ns) = setting("period")
                .and_then(ns_from_setting)
                .filter(|ns| *ns > 0)
            {
                let detail = format!("{people} are taken every {ns} ns");
                add(&mut self.limits, format!("{what}_period_ns"), ns, detail);
            }
        }
        if is_async_profiler {
            self.add_async_profiler(settings);
        }
    }

    fn add_async_profiler(&mut self, settings: &Settings) {
        let number = |name: &str| settings.any(name)?.parse::<i64>().ok();
        if let Some(ns) = number("lock").filter(|ns| *ns >= 0) {
            let detail = format!(
                "a wait for a monitor or java.util.concurrent lock of {ns} ns or more is recorded, \
                 a shorter one only sometimes; waits on conditions, Object.wait and read locks never"
            );
            add(&mut self.limits, "lock_interval_ns".into(), ns, detail);
        }
        if let Some(ns) = number("nativelock").filter(|ns| *ns >= 0) {
            let detail = format!("native lock waits shorter than {ns} ns are recorded sometimes");
            add(
                &mut self.limits,
                "native_lock_interval_ns".into(),
                ns,
                detail,
            );
        }
        let weights = settings.weights(true);
        if let Some(ns) = weights
            .cpu_interval_ns
            .filter(|_| !weights.execution_is_wall)
        {
            let detail = format!("a thread is sampled once in {ns} ns on a CPU");
            add(&mut self.limits, "cpu_interval_ns".into(), ns, detail);
        }
        if let Some(ns) = weights.wall_interval_ns {
            let detail = format!("a thread is sampled at most every {ns} ns");
            add(&mut self.limits, "wall_interval_ns".into(), ns, detail);
        }
        if let Some(depth) = number("jstackdepth").filter(|depth| *depth > 0) {
            let detail = format!("of deeper stacks only {depth} frames are recorded");
            add(&mut self.limits, "stack_depth_count".into(), depth, detail);
        }
    }

    /// Adds a limit that was found otherwise.
    pub(crate) fn add(&mut self, name: &str, value: i64, detail: String) {
        add(&mut self.limits, name.to_owned(), value, detail);
    }

    /// Takes over what another part of the recording told.
    pub(crate) fn merge(&mut self, other: Limits) {
        for ((name, value), detail) in other.limits {
            add(&mut self.limits, name, value, detail);
        }
        for (mine, theirs) in self.recorded.iter_mut().zip(other.recorded) {
            *mine |= theirs;
        }
    }

    /// All limits; kinds of events that no chunk recorded are limits too.
    pub(crate) fn into_limits(mut self) -> Vec<Limit> {
        for ((event, what, people), recorded) in BOUNDED.iter().zip(self.recorded) {
            if !recorded {
                let detail = format!("{people} ({event}) were not recorded at all");
                self.limits.insert((format!("{what}_enabled"), 0), detail);
            }
        }
        let limits = self.limits.into_iter();
        let limits = limits.map(|((name, value), detail)| Limit {
            name,
            value,
            detail,
        });
        limits.collect()
    }
}

fn add(limits: &mut BTreeMap<(String, i64), String>, name: String, value: i64, detail: String) {
    if limits.len() < MAX_LIMITS {
        limits.entry((name, value)).or_insert(detail);
    }
}

/// `20 ms`, `0 ns`, `1 s`, `100` (async-profiler's ns); `everyChunk` and the like are none.
fn ns_from_setting(value: &str) -> Option<i64> {
    let value = value.trim();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at_checked(digits)?;
    let scale = match unit.trim() {
        "" | "ns" => 1,
        "us" | "μs" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(scale)
}

/// `300/s`, `6000/m`, `10/100 ms`; `off` is none.
fn per_second_from_setting(value: &str) -> Option<i64> {
    let (count, unit) = value.split_once('/')?;
    let count = count.trim().parse::<i64>().ok()?;
    let unit = unit.trim();
    let ns = if unit.starts_with(|c: char| c.is_ascii_digit()) {
        ns_from_setting(unit)?
    } else {
        ns_from_setting(&format!("1 {unit}"))?
    };
    count.checked_mul(1_000_000_000)?.checked_div(ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_with_their_units() {
        assert_eq!(ns_from_setting("20 ms"), Some(20_000_000));
        assert_eq!(ns_from_setting("100000"), Some(100_000));
        assert_eq!(ns_from_setting("everyChunk"), None);
        assert_eq!(ns_from_setting("99999999999999 d"), None);
        assert_eq!(per_second_from_setting("300/s"), Some(300));
        assert_eq!(per_second_from_setting("10/100 ms"), Some(100));
        assert_eq!(per_second_from_setting("off"), None);
        assert_eq!(per_second_from_setting("5/0 s"), None);
    }

    #[test]
    fn an_event_that_one_chunk_records_is_no_limit() {
        let mut jdk = Settings::default();
        jdk.add("jdk.JavaMonitorEnter", "enabled", "true");
        jdk.add("jdk.JavaMonitorEnter", "threshold", "10 ms");
        let mut profiler = Settings::default();
        profiler.add("jdk.JavaMonitorEnter", "enabled", "false");
        let mut limits = Limits::default();
        limits.add_chunk(&jdk, false, |_| 0);
        limits.add_chunk(&profiler, true, |_| 0);
        let limits = limits.into_limits();
        let find = |name: &str| limits.iter().find(|limit| limit.name == name);
        assert_eq!(find("monitor_threshold_ns").unwrap().value, 10_000_000);
        assert!(find("monitor_enabled").is_none());
        assert_eq!(find("file_write_enabled").unwrap().value, 0);
    }
}
