//! Rows of the model's tables, built a batch at a time.

pub(crate) mod batch;
pub(crate) mod event;
pub(crate) mod fields;
pub(crate) mod labels;
pub(crate) mod load_samples;
pub(crate) mod lock_waits;
pub(crate) mod pauses;
pub(crate) mod socket_io;
pub(crate) mod stack_samples;
pub(crate) mod writes;
