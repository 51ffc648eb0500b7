//! Stacks: maps of bpftrace, and what `profile` and `offcputime` print, folded or not.

pub(crate) mod lines;
pub(crate) mod map;
pub(crate) mod text;
