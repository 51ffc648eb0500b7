//! What happens to messages of a setting, as the client's threads see it.

use crate::produce_log::ProduceNote;

/// What happened, at `time_ns` of the one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) time_ns: i64,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The schedule came to a message, and gives it to the producer.
    Given {
        number: u64,
        partition: i32,
        intended_ns: i64,
        bytes: i64,
    },
    /// The producer did not take it.
    Refused { number: u64, error: String },
    /// The producer tells of its requests.
    Note(ProduceNote),
    /// It was reported delivered.
    Delivered { number: u64, offset: Option<i64> },
    /// The producer gave it up.
    Failed { number: u64, error: String },
    /// The consumer had a message of this run.
    Consumed {
        number: u64,
        partition: i32,
        offset: i64,
        bytes: i64,
        intended_ns: Option<i64>,
    },
    /// A partition's leader, as metadata have it; none when it has none.
    Leader { partition: i32, leader: Option<i32> },
    /// The consumer's group assigns its partitions anew, or has.
    Rebalance { is_begun: bool },
    /// What the library complains of.
    Complaint { code: String, words: String },
}
