//! What eBPF tracers print, as rows of kcorr's tables.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

mod bpftrace_json;
mod chunk;
mod decoder;
mod fast_line;
mod field_map;
mod format;
mod json_event;
mod labels;
mod lines;
mod local_time;
mod options;
mod own_line;
mod recording;
mod rows;
mod stack_lines;
mod stack_map;
mod stack_text;
mod text_table;
mod values;

pub use decoder::{BpfDecoder, recognise};
pub use field_map::{FieldMap, FieldMapError};
pub use format::{Format, UnknownFormat};
pub use options::BpfOptions;
