//! What a recording cannot show, however complete its file is.

/// A setting of the recorder that bounds what is in the recording, for example
/// `lock_interval_ns = 10000000`: waits shorter than 10 ms may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Name with its unit, from a small vocabulary: `lock_interval_ns`, `monitor_threshold_ns`,
    /// `file_write_threshold_ns`, `min_duration_ns`, `snap_length_bytes`, `cpu_interval_ns`, …
    pub name: String,
    /// The value in the unit that the name ends in.
    pub value: i64,
    /// One sentence for people: what may be missing because of it.
    pub detail: String,
}

impl Limit {
    /// The name of a limit of a source whose dates can be read in another order (day and month): the value
    /// is what has to be added to its times then, in ns. The engine takes the order in which the source
    /// overlaps the other recordings. There may be several.
    pub const OTHER_DATE: &'static str = "other_date_offset_ns";
    /// The name of a limit of a source whose times have no year: they are in 1972, a leap year. The engine
    /// takes the year in which the source overlaps the other recordings.
    pub const NO_YEAR: &'static str = "no_year";
}
