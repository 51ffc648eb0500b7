//! Kafka messages: what stands in the bodies of requests and responses.
//!
//! A body is *walked*: a walker reads the units it knows (a partition's header, a record batch)
//! from whatever bytes are there, skips payloads without seeing them, and tells how many bytes its
//! next unit needs. So a body of any size passes through without being put together, and a message
//! that lies in one segment is read in place.
//!
//! Source: the message definitions in Kafka's sources (`clients/src/main/resources/common/message`)
//! up to Kafka 4.4.

mod alter_partition_request;
mod alter_partition_response;
pub(crate) mod api;
mod body_walker;
mod fetch_request;
mod fetch_response;
mod in_sync;
mod layout;
mod metadata_response;
mod produce_request;
mod produce_response;
mod push_telemetry;
mod request;
mod request_beginning;
mod sasl;
mod sasl_request;
mod sasl_response;
mod telemetry;
mod telemetry_attribute;
mod telemetry_histogram;
mod topic_walk;
mod topics;
mod walker;

pub(crate) use body_walker::BodyWalker;
pub(crate) use in_sync::InSyncRequest;
pub(crate) use request::{Part, Request};
pub(crate) use request_beginning::RequestBeginning;
pub(crate) use sasl::{LONGEST_TOKEN, Mechanism, Sasl};
pub(crate) use sasl_request::SaslRequest;
pub(crate) use telemetry::Telemetry;
pub(crate) use telemetry_histogram::Temporality;
pub(crate) use topics::{TopicKey, Topics};
pub(crate) use walker::{BodyContext, Next, Walked};
