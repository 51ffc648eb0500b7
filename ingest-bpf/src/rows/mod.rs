//! Rows of model tables, from events to sorted batches.

pub(crate) mod block_io;
pub(crate) mod dense_labels;
pub(crate) mod errno;
pub(crate) mod function_call;
pub(crate) mod lock_wait;
pub(crate) mod name_extent;
pub(crate) mod pause;
mod reorder;
mod row;
pub(crate) mod rows_of_source;
pub(crate) mod run_queue_wait;
pub(crate) mod socket_thread;
pub(crate) mod stack_sample;
pub(crate) mod standing;
pub(crate) mod told;
pub(crate) mod write;

pub(crate) use kcorr_model::columns::{NO_I32, NO_I64};
pub(crate) use rows_of_source::{AnyRow, RowsOfSource};
