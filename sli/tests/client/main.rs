//! The client against librdkafka's own simulated cluster, which needs no JVM.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]
#![allow(clippy::cast_possible_truncation, reason = "a test has few messages")]

mod cluster;
mod measured;
