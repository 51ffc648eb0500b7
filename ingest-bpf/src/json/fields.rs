//! The values of a line of the fast path, and the row that they make.

use super::cursor::{Cursor, Key, word};
use crate::labels::{Labels, NONE};
use crate::rows::errno;
use crate::rows::lock_wait::LockWait;
use crate::rows::name_extent::NameExtent;
use crate::rows::write::Write;
use crate::rows::{AnyRow, NO_I32, NO_I64};
use crate::values::file_system_from_magic;

/// Where a value goes.
enum Place<'f, 'a> {
    Number(&'f mut i64),
    Text(&'f mut Option<&'a [u8]>),
}

/// Columns whose strings are mostly those of the row before, for [`Labels::intern_again`].
const OPERATION: usize = 0;
const COMM: usize = 1;
const FILE_SYSTEM: usize = 2;
const CLASS: usize = 3;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Event,
    Start,
    End,
    Pid,
    Tid,
    Comm,
    Bytes,
    Offset,
    Directory,
    File,
    Operation,
    FileSystem,
    Magic,
    Monitor,
    Class,
    DirectoryBytes,
    FileBytes,
    Returned,
    JavaThreadId,
}

/// What was read of a line; absent numbers are [`NO_I64`].
pub(super) struct Fields<'a> {
    pub(super) event: Option<&'a [u8]>,
    start: i64,
    end: i64,
    pid: i64,
    tid: i64,
    bytes: i64,
    offset: i64,
    returned: i64,
    directory_bytes: i64,
    java_thread_id: i64,
    magic: i64,
    file_bytes: i64,
    monitor: Option<&'a [u8]>,
    comm: Option<&'a [u8]>,
    directory: Option<&'a [u8]>,
    file: Option<&'a [u8]>,
    operation: Option<&'a [u8]>,
    file_system: Option<&'a [u8]>,
    class: Option<&'a [u8]>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            event: None,
            start: NO_I64,
            end: NO_I64,
            pid: NO_I64,
            tid: NO_I64,
            bytes: NO_I64,
            offset: NO_I64,
            returned: NO_I64,
            directory_bytes: NO_I64,
            java_thread_id: NO_I64,
            magic: NO_I64,
            file_bytes: NO_I64,
            monitor: None,
            comm: None,
            directory: None,
            file: None,
            operation: None,
            file_system: None,
            class: None,
        }
    }
}

impl Field {
    /// What the value of a key is. Keys are compared as words: most of a line is keys.
    #[inline(always)]
    pub(super) fn of(key: &Key<'_>) -> Option<Self> {
        const EV: u64 = word(b"ev");
        const START: u64 = word(b"start_ns");
        const END: u64 = word(b"end_ns");
        const PID: u64 = word(b"pid");
        const TID: u64 = word(b"tid");
        const COMM: u64 = word(b"comm");
        const BYTES: u64 = word(b"bytes");
        const OFFSET: u64 = word(b"offset");
        const DIRECTORY: u64 = word(b"dir");
        const FILE: u64 = word(b"file");
        const OPERATION: u64 = word(b"op");
        const FILE_SYSTEM: u64 = word(b"fs");
        const MAGIC: u64 = word(b"fs_magic");
        const MONITOR: u64 = word(b"monitor");
        const CLASS: u64 = word(b"class");
        const DIRECTORY_BYTES: u64 = word(b"dir_len");
        const FILE_BYTES: u64 = word(b"file_len");
        const RETURNED: u64 = word(b"ret");
        if key.text.len() > 8 {
            return (key.text == b"java_thread_id").then_some(Self::JavaThreadId);
        }
        Some(match key.word {
            EV => Self::Event,
            START => Self::Start,
            END => Self::End,
            PID => Self::Pid,
            TID => Self::Tid,
            COMM => Self::Comm,
            BYTES => Self::Bytes,
            OFFSET => Self::Offset,
            DIRECTORY => Self::Directory,
            FILE => Self::File,
            OPERATION => Self::Operation,
            FILE_SYSTEM => Self::FileSystem,
            MAGIC => Self::Magic,
            MONITOR => Self::Monitor,
            CLASS => Self::Class,
            DIRECTORY_BYTES => Self::DirectoryBytes,
            // A file's whole name is never long.
            FILE_BYTES => Self::FileBytes,
            RETURNED => Self::Returned,
            _ => return None,
        })
    }
}

impl<'a> Fields<'a> {
    /// Of an event, before its values are read.
    #[inline]
    pub(super) fn of(event: &'a [u8]) -> Self {
        Self {
            event: Some(event),
            ..Self::default()
        }
    }

    #[inline(always)]
    fn place(&mut self, field: Field) -> Place<'_, 'a> {
        match field {
            Field::Event => Place::Text(&mut self.event),
            Field::Start => Place::Number(&mut self.start),
            Field::End => Place::Number(&mut self.end),
            Field::Pid => Place::Number(&mut self.pid),
            Field::Tid => Place::Number(&mut self.tid),
            Field::Comm => Place::Text(&mut self.comm),
            Field::Bytes => Place::Number(&mut self.bytes),
            Field::Offset => Place::Number(&mut self.offset),
            Field::Directory => Place::Text(&mut self.directory),
            Field::File => Place::Text(&mut self.file),
            Field::Operation => Place::Text(&mut self.operation),
            Field::FileSystem => Place::Text(&mut self.file_system),
            Field::Magic => Place::Number(&mut self.magic),
            Field::Monitor => Place::Text(&mut self.monitor),
            Field::Class => Place::Text(&mut self.class),
            Field::DirectoryBytes => Place::Number(&mut self.directory_bytes),
            Field::FileBytes => Place::Number(&mut self.file_bytes),
            Field::Returned => Place::Number(&mut self.returned),
            Field::JavaThreadId => Place::Number(&mut self.java_thread_id),
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, field: Field, cursor: &mut Cursor<'a>) -> Option<()> {
        match self.place(field) {
            Place::Number(number) => *number = cursor.integer()?,
            Place::Text(text) => *text = Some(cursor.string()?),
        }
        Some(())
    }

    pub(super) fn into_row(self, labels: &mut Labels) -> Option<AnyRow> {
        if self.file_bytes < 0 && self.file_bytes != NO_I64 {
            return None;
        }
        // 0 is what a probe prints when it has not seen the start.
        if self.start <= 0 || self.end < self.start {
            return None;
        }
        let pid = thread_id(self.pid)?;
        let tid = thread_id(self.tid)?;
        let mut again = |column, text: Option<&[u8]>| {
            text.map_or(NONE, |text| labels.intern_again(column, text))
        };
        let duration = self.end.saturating_sub(self.start);
        match self.event? {
            b"write" if self.class.is_none() && self.monitor.is_none() => {
                let (bytes, error) = bytes_and_error(self.bytes, self.returned)?;
                // A letter stands for a word.
                if self.operation.is_some_and(|operation| operation.len() < 2) {
                    return None;
                }
                let file_system = match self.magic {
                    NO_I64 => self.file_system,
                    // Which came last would count.
                    _ if self.file_system.is_some() => return None,
                    magic => Some(file_system_from_magic(magic)?.as_bytes()),
                };
                let directory_bytes = self.directory.map_or(0, <[u8]>::len);
                Some(AnyRow::Write(Write {
                    start: self.start,
                    end: self.end,
                    duration,
                    bytes,
                    offset: self.offset,
                    pid,
                    tid,
                    error,
                    extent: NameExtent::of(directory_bytes, self.directory_bytes),
                    operation: again(OPERATION, Some(self.operation.unwrap_or(b"write"))),
                    comm: again(COMM, self.comm),
                    directory: self.directory.map_or(NONE, |text| labels.intern(text)),
                    file: self.file.map_or(NONE, |text| labels.intern(text)),
                    file_system: file_system
                        .map_or(NONE, |text| labels.intern_again(FILE_SYSTEM, text)),
                }))
            }
            // What is no size and no error is a loss, whatever it is told of.
            b"monitor_contended" if bytes_and_error(self.bytes, self.returned).is_none() => None,
            b"monitor_contended" if self.file.is_none() && self.directory.is_none() => {
                let address = match self.monitor {
                    Some(monitor) => hex(monitor)?,
                    None => NO_I64,
                };
                let mut buffer = [0u8; 256];
                Some(AnyRow::LockWait(LockWait {
                    start: self.start,
                    end: self.end,
                    duration,
                    java_thread_id: self.java_thread_id,
                    address,
                    pid,
                    tid,
                    kind: again(OPERATION, Some(b"monitor")),
                    comm: again(COMM, self.comm),
                    class: match self.class {
                        Some(class) => again(CLASS, Some(dotted(class, &mut buffer)?)),
                        None => NONE,
                    },
                }))
            }
            _ => None,
        }
    }
}

/// As [`crate::values::Values`] says it; none for what is no size and no error.
fn bytes_and_error(bytes: i64, returned: i64) -> Option<(i64, i16)> {
    let outcome = |value: i64| match value {
        NO_I64 => Some(Ok(NO_I64)),
        value => errno::outcome(value),
    };
    match (outcome(bytes)?, outcome(returned)?) {
        (Err(error), _) | (_, Err(error)) => Some((NO_I64, error)),
        (Ok(bytes), Ok(_)) => Some((bytes, 0)),
    }
}

fn thread_id(value: i64) -> Option<i32> {
    if value == NO_I64 {
        return Some(NO_I32);
    }
    i32::try_from(value).ok().filter(|&id| id != NO_I32)
}

/// A class name with dots, if it fits the buffer and is no array's.
fn dotted<'b>(class: &[u8], buffer: &'b mut [u8; 256]) -> Option<&'b [u8]> {
    if class.first() == Some(&b'[') {
        return None;
    }
    let dotted = buffer.get_mut(..class.len())?;
    for (to, &from) in dotted.iter_mut().zip(class) {
        *to = if from == b'/' { b'.' } else { from };
    }
    Some(dotted)
}

/// A 64-bit address in hex, as the `i64` of the same bits.
fn hex(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"0x")?;
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut value: u64 = 0;
    for &digit in digits {
        let digit = char::from(digit).to_digit(16)?;
        value = (value << 4) | u64::from(digit);
    }
    Some(value.cast_signed()).filter(|&value| value != NO_I64)
}
