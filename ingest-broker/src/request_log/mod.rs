//! Kafka's request log: what the broker says of each request.

mod body;
mod decoder;
mod line;
mod losses;
mod partition_rows;
mod rows;

pub use decoder::{RequestLogDecoder, recognise_request_log};
