//! Tables of text with a header: `ext4slower` and its kin, `fileslower`, `funcslower`, `biosnoop`,
//! `runqslower`, lines with start and end time, and comma-separated values.
//!
//! The header says which columns there are, in any order; what nobody knows is passed over. A name of a
//! thread may hold spaces, so the columns behind it are found by what they must look like, and by where
//! they stand below the header.

use kcorr_model::lines::start_of;

use super::column::Column;
use super::fields::Fields;
use super::header::Header;
use super::local_time::LocalClock;
use super::reading::Reading;
use crate::findings::Findings;
use crate::losses::BPF_UNKNOWN_OPERATION;
use crate::operation::{known_words, operation_from_text};

use Column::*;

/// What a table is a table of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Files,
    Functions,
    BlockIo,
    RunQueue,
}

/// A table whose header was read.
#[derive(Debug, Clone)]
pub(crate) struct TextTable {
    header: Header,
    kind: Kind,
    pub(crate) file_system: Option<&'static str>,
}

impl TextTable {
    /// Reads a header. None when the line is none, or lacks what a row of a table needs.
    pub(crate) fn from_header(line: &str) -> Option<Self> {
        let header = Header::read(line)?;
        let columns = &header.columns;
        let has = |column: Column| columns.contains(&column);
        let latency = columns.iter().any(|c| matches!(c, Latency(_)));
        let kind = if has(Function) {
            Kind::Functions
        } else if has(File) {
            Kind::Files
        } else if has(Disk) {
            Kind::BlockIo
        } else {
            Kind::RunQueue
        };
        let has_time = columns
            .iter()
            .any(|c| matches!(c, StartTime | EndTime | Elapsed(_) | Monotonic(_)));
        let has_both = has(StartTime) && has(EndTime);
        // Without a time no row can be placed; `funcslower` without `-t` is such.
        let known = columns.iter().filter(|column| **column != Unknown).count();
        (has_time && (latency || has_both) && known >= 3).then_some(Self {
            header,
            kind,
            file_system: None,
        })
    }

    /// What the table is called to people.
    pub(crate) fn format(&self) -> &'static str {
        match (self.kind, self.header.is_csv) {
            (Kind::Files, true) => "slow file operations, comma-separated",
            (Kind::Files, false) => "slow file operations, text",
            (Kind::Functions, _) => "function calls, text",
            (Kind::BlockIo, _) => "block I/O, text",
            (Kind::RunQueue, _) => "run-queue waits, text",
        }
    }

    /// Whether stacks may be printed below a row.
    pub(crate) fn has_stacks(&self) -> bool {
        self.kind == Kind::Functions
    }

    /// Takes a line. False when it is no row of the table.
    pub(crate) fn row(&self, line: &str, clock: &mut LocalClock, findings: &mut Findings) -> bool {
        let tokens: Vec<&str> = if self.header.is_csv {
            line.split(',').map(str::trim).collect()
        } else {
            line.split_ascii_whitespace().collect()
        };
        let Some(mut fields) = self.fields(line, &tokens) else {
            return false;
        };
        fields.place(&self.header, clock, findings);
        let mut values = fields.values;
        let table = match self.kind {
            Kind::Files => "writes",
            Kind::Functions => "function_calls",
            Kind::BlockIo => "block_io",
            Kind::RunQueue => "run_queue_waits",
        };
        if self.kind == Kind::Files {
            if let Some(file_system) = self.file_system {
                values.set_text("file_system", file_system);
            }
            // Without a column for it, what is traced are writes.
            let operation = match fields.operation {
                Some(text) => operation_from_text(text),
                None => Some("write"),
            };
            let Some(operation) = operation else {
                findings.loss(&BPF_UNKNOWN_OPERATION, || {
                    format!("{}; known are {}", start_of(line.as_bytes()), known_words())
                });
                return true;
            };
            values.set_text("operation", operation);
        } else if let Some(operation) = fields.operation {
            values.set_text("operation", operation);
        }
        findings.push_values(table, &values, line.as_bytes());
        true
    }

    /// The values of a line. Names and columns that nobody knows may be of several words: as many as
    /// make the rest fit. Where more than one reading fits, the one whose words stand below the header's
    /// is taken.
    fn fields<'a>(&self, line: &'a str, tokens: &[&'a str]) -> Option<Fields<'a>> {
        Reading::new(&self.header, line, tokens).best()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_without_a_time_is_none() {
        assert!(TextTable::from_header("COMM PID LAT(ms) RVAL FUNC [ARGS]").is_none());
        assert!(TextTable::from_header("TIME COMM PID LAT(ms) RVAL FUNC [ARGS]").is_some());
        assert!(TextTable::from_header("TIME COMM").is_none());
        assert!(TextTable::from_header("").is_none());
    }
}
