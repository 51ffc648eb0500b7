//! Decodes whole recordings.
#![allow(clippy::unwrap_used)]

mod decoded;
mod golden;
mod oracle;
mod shared;
mod splits;
