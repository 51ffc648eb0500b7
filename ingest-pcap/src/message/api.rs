//! Known versions of Kafka's APIs, and the keys of those whose messages are looked into.

pub(crate) use kcorr_kafka::api::name;

pub(crate) const PRODUCE: i16 = 0;
pub(crate) const FETCH: i16 = 1;
pub(crate) const LIST_OFFSETS: i16 = 2;
pub(crate) const METADATA: i16 = 3;
pub(crate) const CONTROLLED_SHUTDOWN: i16 = 7;
pub(crate) const OFFSET_COMMIT: i16 = 8;
pub(crate) const OFFSET_FETCH: i16 = 9;
pub(crate) const JOIN_GROUP: i16 = 11;
pub(crate) const HEARTBEAT: i16 = 12;
pub(crate) const LEAVE_GROUP: i16 = 13;
pub(crate) const SYNC_GROUP: i16 = 14;
pub(crate) const SASL_HANDSHAKE: i16 = 17;
pub(crate) const INIT_PRODUCER_ID: i16 = 22;
pub(crate) const ADD_PARTITIONS_TO_TXN: i16 = 24;
pub(crate) const ADD_OFFSETS_TO_TXN: i16 = 25;
pub(crate) const END_TXN: i16 = 26;
pub(crate) const TXN_OFFSET_COMMIT: i16 = 28;
pub(crate) const SASL_AUTHENTICATE: i16 = 36;
pub(crate) const OFFSET_DELETE: i16 = 47;
pub(crate) const ALTER_PARTITION: i16 = 56;
pub(crate) const CONSUMER_GROUP_HEARTBEAT: i16 = 68;
pub(crate) const PUSH_TELEMETRY: i16 = 72;
pub(crate) const SHARE_GROUP_HEARTBEAT: i16 = 76;
pub(crate) const SHARE_FETCH: i16 = 78;
pub(crate) const SHARE_ACKNOWLEDGE: i16 = 79;
pub(crate) const STREAMS_GROUP_HEARTBEAT: i16 = 88;

/// The newest versions whose bodies are read: Kafka 4.4.
pub(crate) const NEWEST_PRODUCE: i16 = 13;
pub(crate) const NEWEST_FETCH: i16 = 18;
pub(crate) const NEWEST_METADATA: i16 = 13;
pub(crate) const NEWEST_ALTER_PARTITION: i16 = 3;
