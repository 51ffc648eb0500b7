//! What decoders of lines of text share: encodings, the ends of lines, colours, and what collectors
//! put around a line.
//!
//! ```text
//! bytes ─► Utf8 ─► Lines ─► clean ─► unwrap ─► the line as its program wrote it
//!          UTF-16  cut at   BOM, CR, kubectl, compose,
//!          BOM     \n       colours  journald, syslog, ts
//! ```
//! [`Lines`] does the first three; [`unwrap`] is for whoever expects a collector's prefix. What a line
//! says, JSON included, is not known here.

mod clean;
mod cut;
mod encoding;
mod prefix;
mod shown;
mod stamp;

pub use clean::clean;
pub use cut::{Extent, Line, Lines};
pub use encoding::Utf8;
pub use prefix::{Collector, Unwrapped, unwrap};
pub use shown::{escaped, is_text, start_of};
