//! Kafka's request log: what the broker says of each request.

mod decoder;
mod line;
mod losses;
mod rows;
mod times;

pub use decoder::{RequestLogDecoder, recognise_request_log};
