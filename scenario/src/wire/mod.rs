//! Kafka's messages as bytes, written. Only what the simulated clients and broker say.

pub(crate) mod batch;
pub(crate) mod coordinator;
mod bytes;
pub(crate) mod message;
