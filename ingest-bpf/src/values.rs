//! An event as named values, and the row that it makes: the general path of every format.

use std::borrow::Cow;

use crate::labels::{Label, Labels, NONE};
use crate::rows::block_io::BlockIo;
use crate::rows::errno;
use crate::rows::function_call::FunctionCall;
use crate::rows::lock_wait::LockWait;
use crate::rows::name_extent::NameExtent;
use crate::rows::pause::Pause;
use crate::rows::rows_of_source::AnyRow;
use crate::rows::run_queue_wait::RunQueueWait;
use crate::rows::socket_thread::SocketThread;
use crate::rows::write::Write;
use crate::rows::{NO_I32, NO_I64};

/// Names that values may have: columns of the tables, and the times by which a row is placed.
pub(crate) const NUMBERS: &[&str] = &[
    "start_time",
    "end_time",
    "duration_ns",
    "pid",
    "tid",
    "java_thread_id",
    "bytes",
    "file_offset",
    "return_value",
    "directory_bytes",
    "lock_address",
    "transaction",
    "queue_ns",
    "sector",
];

/// Names of values that are text.
pub(crate) const TEXTS: &[&str] = &[
    "operation",
    "comm",
    "directory",
    "file",
    "file_system",
    "kind",
    "lock_class",
    "function",
    "device",
    "name",
    "cause",
];

/// The values of an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values<'a> {
    numbers: Vec<(&'static str, i64)>,
    texts: Vec<(&'static str, Cow<'a, str>)>,
}

/// Why values make no row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error("the event has no {0}")]
    Missing(&'static str),
    #[error("the event ends at {end} ns, before its start at {start} ns")]
    Backwards { start: i64, end: i64 },
    #[error("no table of events is called {0}")]
    Table(String),
}

impl<'a> Values<'a> {
    pub(crate) fn set_number(&mut self, name: &'static str, value: i64) {
        self.numbers.push((name, value));
    }

    pub(crate) fn set_text(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        self.texts.push((name, value.into()));
    }

    /// The value last set.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let found = self.numbers.iter().rev().find(|(key, _)| *key == name);
        found.map(|(_, value)| *value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let found = self.texts.iter().rev().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// Start, end and duration, from any two of them. A duration that is told beside both times is kept:
    /// the times may be rounded.
    fn times(&self) -> Result<(i64, i64, i64), RowError> {
        let start = self.number("start_time");
        let end = self.number("end_time");
        let duration = self.number("duration_ns");
        let (start, end) = match (start, end, duration) {
            (Some(start), Some(end), _) => (start, end),
            (Some(start), None, Some(duration)) => (start, start.saturating_add(duration)),
            (None, Some(end), Some(duration)) => (end.saturating_sub(duration), end),
            (Some(_), None, None) => return Err(RowError::Missing("end")),
            (None, _, _) => return Err(RowError::Missing("start")),
        };
        if end < start || duration.is_some_and(|duration| duration < 0) {
            return Err(RowError::Backwards { start, end });
        }
        let between = end.saturating_sub(start);
        Ok((start, end, duration.unwrap_or(between)))
    }

    fn i64(&self, name: &str) -> i64 {
        self.number(name).unwrap_or(NO_I64)
    }

    fn i32(&self, name: &str) -> i32 {
        self.number(name)
            .and_then(|value| i32::try_from(value).ok())
            .unwrap_or(NO_I32)
    }

    /// What a file operation gave, and the number of its error or 0: a negative size or return value is
    /// an error.
    fn bytes_and_error(&self) -> (i64, i16) {
        let bytes = self.number("bytes").map(errno::outcome);
        let returned = self.number("return_value").map(errno::outcome);
        match (bytes, returned) {
            (Some(Some(Err(error))), _) | (_, Some(Some(Err(error)))) => (NO_I64, error),
            (Some(Some(Ok(bytes))), _) => (bytes, 0),
            _ => (NO_I64, 0),
        }
    }

    /// The row of a table and its end.
    pub(crate) fn row(&self, table: &str, labels: &mut Labels) -> Result<(AnyRow, i64), RowError> {
        let (start, end, duration) = self.times()?;
        let (pid, tid) = (self.i32("pid"), self.i32("tid"));
        let mut label = |name: &str| -> Label {
            self.text(name)
                .map_or(NONE, |text| labels.intern(text.as_bytes()))
        };
        let required = |name: &'static str| match self.text(name) {
            Some(_) => Ok(()),
            None => Err(RowError::Missing(name)),
        };
        let comm = label("comm");
        let row = match table {
            "writes" => {
                required("operation")?;
                let (bytes, error) = self.bytes_and_error();
                let directory = self.text("directory").unwrap_or_default();
                AnyRow::Write(Write {
                    start,
                    end,
                    duration,
                    bytes,
                    offset: self.i64("file_offset"),
                    pid,
                    tid,
                    error,
                    extent: NameExtent::of(directory.len(), self.i64("directory_bytes")),
                    operation: label("operation"),
                    comm,
                    directory: label("directory"),
                    file: label("file"),
                    file_system: label("file_system"),
                })
            }
            "lock_waits" => {
                required("kind")?;
                AnyRow::LockWait(LockWait {
                    start,
                    end,
                    duration,
                    java_thread_id: self.i64("java_thread_id"),
                    address: self.i64("lock_address"),
                    pid,
                    tid,
                    kind: label("kind"),
                    comm,
                    class: label("lock_class"),
                })
            }
            "function_calls" => {
                required("function")?;
                AnyRow::FunctionCall(FunctionCall {
                    start,
                    end,
                    duration,
                    transaction: self.i64("transaction"),
                    pid,
                    tid,
                    function: label("function"),
                    comm,
                    device: label("device"),
                })
            }
            "pauses" => {
                required("kind")?;
                required("name")?;
                AnyRow::Pause(Pause {
                    start,
                    end,
                    duration,
                    kind: label("kind"),
                    name: label("name"),
                    cause: label("cause"),
                })
            }
            "run_queue_waits" => AnyRow::RunQueueWait(RunQueueWait {
                start,
                end,
                duration,
                pid,
                tid,
                comm,
            }),
            "block_io" => AnyRow::BlockIo(BlockIo {
                start,
                end,
                duration,
                queue: self.i64("queue_ns"),
                sector: self.i64("sector"),
                bytes: self.i64("bytes"),
                pid,
                tid,
                operation: label("operation"),
                device: label("device"),
                comm,
            }),
            "socket_threads" => {
                required("peer_address")?;
                required("local_address")?;
                AnyRow::SocketThread(SocketThread {
                    time: start,
                    pid,
                    tid,
                    comm,
                    peer: label("peer_address"),
                    local: label("local_address"),
                })
            }
            other => return Err(RowError::Table(other.to_owned())),
        };
        Ok((row, end))
    }
}

/// The name of a file system by the magic number of its superblock (`linux/magic.h`, and XFS's own).
pub(crate) fn file_system_from_magic(magic: i64) -> Option<&'static str> {
    Some(match magic {
        0xEF53 => "ext4",
        0x5846_5342 => "xfs",
        0x9123_683E => "btrfs",
        0x0102_1994 => "tmpfs",
        0x794C_7630 => "overlay",
        0x6969 => "nfs",
        0xF2F5_2010 => "f2fs",
        0x2FC1_2FC1 => "zfs",
        0xCA45_1A4E => "bcachefs",
        _ => return None,
    })
}

/// A class name as the JVM's probes print it, as Java writes it: `java/lang/Object` →
/// `java.lang.Object`, `[Ljava/lang/Object;` → `java.lang.Object[]`.
pub(crate) fn class_from_internal(name: &str) -> String {
    let dimensions = name.bytes().take_while(|&byte| byte == b'[').count();
    let element = name.get(dimensions..).unwrap_or("");
    let base = match (dimensions, element) {
        (0, _) => element,
        (_, "B") => "byte",
        (_, "C") => "char",
        (_, "D") => "double",
        (_, "F") => "float",
        (_, "I") => "int",
        (_, "J") => "long",
        (_, "S") => "short",
        (_, "Z") => "boolean",
        _ => element
            .strip_prefix('L')
            .and_then(|class| class.strip_suffix(';'))
            .unwrap_or(element),
    };
    let mut class = base.replace('/', ".");
    // A class has at most 255 dimensions (JVMS 4.4.1); more is no class.
    for _ in 0..dimensions.min(255) {
        class.push_str("[]");
    }
    class
}
