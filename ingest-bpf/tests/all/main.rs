//! Tracers' output decoded: every format, as people have it, in any order and split.

mod decoded;
mod field;
mod formats;
mod kernel_stacks;
mod mutants;
mod order;
mod probe_json;
mod probe_scripts;
mod shared_recordings;
mod standings;
