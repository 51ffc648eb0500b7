//! The time in a line of a log, in whatever layout.
//!
//! [`found`] finds a time wherever it stands and in whatever form, [`zone`] knows names of zones, and
//! [`LineClock`] learns of a file's own lines which form it has.

mod clock;
mod date;
mod found;
mod scanner;
mod time_of_day;
mod zone;

pub(crate) use clock::{LineClock, Read};
pub(crate) use found::{Found, find, looks_like_time};
