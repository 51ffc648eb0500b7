//! What a broker ran on and with, as `kcorr record` writes it.

mod decoder;
mod losses;
mod rows;

pub use decoder::{ContextDecoder, broker_in_context, recognise_context};
