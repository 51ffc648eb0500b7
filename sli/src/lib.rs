//! A client that measures what Kafka's clients see, for `kcorr sli`.
//!
//! It produces to one partition led by each broker and consumes again, in one process and by one clock, at times that were
//! set before, with several client settings side by side. Each message has an id in its header and a line of its own, which
//! `kcorr ingest --sli` reads.
//!
//! | room | what is in it |
//! |---|---|
//! | [`Plan`] | what is asked for: settings side by side, and properties of librdkafka |
//! | `run` | the threads: schedule, deliveries, consumer, leaders, and one that keeps the book |
//! | `book`, `lane` | what became of each message, by events; which requests it was in |
//! | `produce_log` | what librdkafka tells of its requests |
//! | `leaders` | which partition stands for which broker |
//! | [`Figures`] | counts and latencies since ever, and their page |
//! | [`Folder`] | lines and figures on disk, so that a restart loses none |
//!
//! It reads no recording, says nothing about why something was slow, and knows no DataFusion.

mod book;
mod clock;
mod contexts;
mod error;
mod event;
mod figures;
mod folder;
mod keeper;
mod lane;
mod leaders;
mod message_id;
mod plan;
mod produce_log;
mod run;

pub use error::{Error, Result};
pub use figures::{Disturbance, Figures, Standing, Summary};
pub use folder::Folder;
pub use plan::{Plan, Setting};
pub use run::{Notes, Run, RunOptions};
