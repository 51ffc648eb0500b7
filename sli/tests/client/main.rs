//! The client against librdkafka's own simulated cluster, which needs no JVM.

mod cluster;
mod measured;
