//! Kafka's messages as bytes, written. Only what the simulated clients and broker say.

pub(crate) mod batch;
mod bytes;
pub(crate) mod coordinator;
pub(crate) mod message;
