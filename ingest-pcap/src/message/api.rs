//! Known versions of Kafka's APIs, and the keys of those whose messages are looked into.

pub(crate) use kcorr_kafka::api::name;

pub(crate) const PRODUCE: i16 = 0;
pub(crate) const FETCH: i16 = 1;
pub(crate) const METADATA: i16 = 3;
pub(crate) const CONTROLLED_SHUTDOWN: i16 = 7;
pub(crate) const SASL_HANDSHAKE: i16 = 17;
pub(crate) const SASL_AUTHENTICATE: i16 = 36;

/// The newest versions whose bodies are read: Kafka 4.1.
pub(crate) const NEWEST_PRODUCE: i16 = 13;
pub(crate) const NEWEST_FETCH: i16 = 18;
pub(crate) const NEWEST_METADATA: i16 = 13;
