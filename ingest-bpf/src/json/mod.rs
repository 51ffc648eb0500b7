//! JSON: lines of kcorr's probes, `bpftrace -f json`, and lines of any tool by a field map.

pub(crate) mod bpftrace;
mod cursor;
pub(crate) mod event;
pub(crate) mod fast_line;
pub(crate) mod field_map;
mod fields;
pub(crate) mod layout;
pub(crate) mod object;
pub(crate) mod object_lines;
pub(crate) mod object_reader;
pub(crate) mod standing;
pub(crate) mod text;
