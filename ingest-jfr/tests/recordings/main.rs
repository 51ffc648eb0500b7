//! Decodes whole recordings.
#![allow(clippy::unwrap_used)]

mod damage;
mod decoded;
mod differential;
mod events;
mod field;
mod golden;
mod mutants;
mod oracle;
mod shared;
mod splits;
