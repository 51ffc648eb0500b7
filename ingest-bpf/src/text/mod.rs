//! Text: tables of bcc's tools and their kin, and the lines that tools print about themselves.

mod column;
mod fields;
mod header;
pub(crate) mod local_time;
pub(crate) mod own_line;
mod reading;
pub(crate) mod table;
mod words;
