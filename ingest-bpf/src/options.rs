//! What a user can say about an input that its bytes do not.

use std::num::NonZeroUsize;

use chrono::NaiveDate;

use crate::format::Format;
use crate::json::field_map::FieldMap;

/// Options of [`crate::BpfDecoder`].
#[derive(Debug, Clone, Default)]
pub struct BpfOptions {
    /// The format (`--bpf-format`); recognised from the content when none is given.
    pub format: Option<Format>,
    /// Local date of the first line of a recording whose times have none (`15:37:00.627`). Without it
    /// such times are of 1970-01-01.
    pub date: Option<NaiveDate>,
    /// Where the fields of other people's JSON lines belong (`--bpf-map`). With it, every JSON object is
    /// read by the map.
    pub field_map: Option<FieldMap>,
    /// Cores to decode on, where an input is pushed in pieces of 2 MiB or more; all of the machine's when
    /// not given.
    pub threads: Option<NonZeroUsize>,
}
