//! Constant pools: what the ids in events stand for.

pub(crate) mod id_index;
pub(crate) mod java_name;
pub(crate) mod pools;
pub(crate) mod stacks;
pub(crate) mod threads;
