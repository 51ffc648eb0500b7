//! Names that a tracer has cut: a directory without its last bytes is another directory, and often
//! another partition.
//!
//! The probes print how long a name is. Where nothing says it, a name is taken for cut when it is as long
//! as a tracer's strings can be and none of the recording is longer.

use kcorr_model::{LogDirectory, LogFile};

use crate::labels::{Label, Labels, NONE};

/// Longest strings of bpftrace: a byte less than its `BPFTRACE_STRLEN` of 64 (unless set), 128 or 200.
const CEILINGS: &[usize] = &[63, 127, 199];
/// What newer versions put behind what they cut.
const TRAILER: &str = "..";

/// How much of a directory's name there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameExtent {
    /// The recording does not say.
    Unknown,
    /// All of it.
    Whole,
    /// Its start.
    Cut,
}

impl NameExtent {
    /// What the name's whole length says of its printed bytes.
    pub(crate) fn of(printed_bytes: usize, whole_bytes: i64) -> Self {
        match usize::try_from(whole_bytes) {
            Ok(whole) if whole > printed_bytes => NameExtent::Cut,
            Ok(_) => NameExtent::Whole,
            Err(_) => NameExtent::Unknown,
        }
    }
}

/// The longest names of directories so far.
#[derive(Debug, Default)]
pub(crate) struct LongestNames {
    bytes: usize,
    /// Whether a segment lay in a directory of this length that is not called like a partition's, which
    /// it must have been before it was cut.
    shows_cut: bool,
    /// Directories that were looked at, by label.
    seen: Vec<bool>,
}

impl LongestNames {
    /// Looks at the directory of a row with a file, once.
    #[inline]
    pub(crate) fn look(
        &mut self,
        directory: Label,
        extent: NameExtent,
        file: Label,
        labels: &Labels,
    ) {
        if directory != NONE && self.seen.get(directory as usize) != Some(&true) {
            self.look_anew(directory, extent, file, labels);
        }
    }

    #[cold]
    fn look_anew(&mut self, directory: Label, extent: NameExtent, file: Label, labels: &Labels) {
        let name = labels.get(directory);
        if name.len() > self.bytes {
            self.bytes = name.len();
            self.shows_cut = false;
        }
        let is_segment = LogFile::from_name(labels.get(file))
            .is_some_and(|file| file.is_in_partition() && file.base_offset.is_some());
        let is_partition = LogDirectory::from_name(name).is_some();
        if name.len() == self.bytes && extent != NameExtent::Whole {
            self.shows_cut |= is_segment && !is_partition;
        }
        // A row of another file may show more.
        if is_partition || is_segment {
            self.set_seen(directory);
        }
    }

    fn set_seen(&mut self, label: Label) {
        let label = label as usize;
        if self.seen.len() <= label {
            self.seen.resize(label.saturating_add(1), false);
        }
        if let Some(seen) = self.seen.get_mut(label) {
            *seen = true;
        }
    }

    /// The labels are numbered anew.
    pub(crate) fn forget_labels(&mut self) {
        self.seen.clear();
    }

    /// The length at which names may be cut.
    pub(crate) fn ceiling(&self) -> Option<usize> {
        (self.shows_cut || CEILINGS.contains(&self.bytes)).then_some(self.bytes)
    }
}

/// Rows whose topic and partition are left out because the name of their directory is, or may be, cut.
#[derive(Debug, Default)]
pub(crate) struct CutNames {
    /// The length at which names may be cut.
    pub(crate) ceiling: Option<usize>,
    pub(crate) rows: u64,
    /// The first such name.
    pub(crate) first: Option<CutName>,
    pub(crate) time_range: Option<(i64, i64)>,
}

/// A name that is, or may be, cut.
#[derive(Debug)]
pub(crate) struct CutName {
    /// What there is of it.
    pub(crate) name: String,
    /// The line that it came with first.
    pub(crate) line: u64,
    /// Whether its row says that it is cut.
    pub(crate) is_certain: bool,
}

impl CutNames {
    /// Whether a name may be cut when nothing says that it is whole.
    pub(crate) fn may_be(&self, name: &str) -> bool {
        self.ceiling == Some(name.len()) || name.ends_with(TRAILER)
    }

    /// Counts a row with its directory, which began and ended at times.
    pub(crate) fn count(
        &mut self,
        directory: Label,
        extent: NameExtent,
        (start, end): (i64, i64),
        labels: &Labels,
    ) {
        self.rows = self.rows.saturating_add(1);
        let line = labels.first_line(directory);
        if self.first.as_ref().is_none_or(|first| line < first.line) {
            self.first = Some(CutName {
                name: labels.get(directory).to_owned(),
                line,
                is_certain: extent == NameExtent::Cut,
            });
        }
        self.time_range = Some(match self.time_range {
            Some((first, last)) => (first.min(start), last.max(end)),
            None => (start, end),
        });
    }
}
