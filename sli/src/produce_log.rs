//! What librdkafka tells of its produce requests: lines of its log with `debug=msg`.
//!
//! Deliveries do not say when and how often a message was in a request. Each set of messages that is put into a request is a
//! line, and each whose request was answered or lost another (`rdkafka_msgset_writer.c`, `rdkafka_request.c` of librdkafka 2.12).
//! A set is named by the count of its messages, and with idempotence by the number of its first in its partition, in the
//! order in which they were taken.

use crate::lane::SetName;

/// What a line tells of a set of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProduceNote {
    pub(crate) partition: i32,
    pub(crate) set: SetName,
    pub(crate) step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was put into a request.
    Sent,
    /// Its request was answered, and it is delivered.
    Delivered,
    /// Its request failed; its messages are sent once more, or given up.
    Failed,
}

impl ProduceNote {
    /// What a line of a topic tells, if it tells one of these.
    pub(crate) fn parse(line: &str, topic: &str) -> Option<Self> {
        let (before, after, step) = match line.split_once("]: Produce MessageSet with ") {
            Some((before, after)) => (before, after, Step::Sent),
            None => {
                let (before, after) = line.split_once("]: MessageSet with ")?;
                let (_, end) = after.split_once(") ")?;
                let step = match end.split_once("encountered error: ") {
                    Some(_) => Step::Failed,
                    None if end.ends_with(" delivered") => Step::Delivered,
                    None => return None,
                };
                (before, after, step)
            }
        };
        let (broker, partition) = place(before, topic)?;
        Some(Self {
            partition,
            set: SetName {
                first: first(after)?,
                count: after.split(' ').next()?.parse().ok()?,
                broker: broker.parse().ok(),
            },
            step,
        })
    }
}

/// The broker's number, as text, and the partition of `[thrd:…]: host:port/1: topic [0`.
fn place<'a>(before: &'a str, topic: &str) -> Option<(&'a str, i32)> {
    let (before, partition) = before.rsplit_once(" [")?;
    let before = before.strip_suffix(topic)?.strip_suffix(": ")?;
    let (_, broker) = before.rsplit_once('/')?;
    Some((broker, partition.parse().ok()?))
}

fn first(after: &str) -> Option<u64> {
    let (_, rest) = after.split_once("MsgId ")?;
    let digits = rest.split(|it: char| !it.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "[thrd:127.0.0.1:9092/1]: 127.0.0.1:9092/1: kcorr-sli.all [2]: Produce MessageSet with 3 message(s) \
        (281 bytes, ApiVersion 7, MsgVersion 2, MsgId 17, BaseSeq -1, PID{Invalid}, lz4)";

    fn note(partition: i32, first: u64, count: u64, broker: i32, step: Step) -> ProduceNote {
        ProduceNote {
            partition,
            set: SetName {
                first,
                count,
                broker: Some(broker),
            },
            step,
        }
    }

    #[test]
    fn a_set_is_known_by_its_first_message_and_count() {
        let sent = note(2, 17, 3, 1, Step::Sent);
        assert_eq!(ProduceNote::parse(SENT, "kcorr-sli.all"), Some(sent));
        assert_eq!(ProduceNote::parse(SENT, "sli.all"), None);
        assert_eq!(ProduceNote::parse(SENT, "kcorr-sli.fast"), None);
    }

    #[test]
    fn a_set_whose_request_failed_is_told_from_one_that_was_delivered() {
        let failed = "[thrd:h:1/3]: h:1/3: t [0]: MessageSet with 1 message(s) (MsgId 5, BaseSeq 4) encountered error: \
            Local: Broker transport failure (actions Refresh,Retry) [NOT LEADER]";
        let told = note(0, 5, 1, 3, Step::Failed);
        assert_eq!(ProduceNote::parse(failed, "t"), Some(told));
        let delivered = "[thrd:h:1/3]: h:1/3: t [0]: MessageSet with 2 message(s) (MsgId 0, BaseSeq -1) delivered";
        let told = note(0, 0, 2, 3, Step::Delivered);
        assert_eq!(ProduceNote::parse(delivered, "t"), Some(told));
        assert_eq!(
            ProduceNote::parse("[thrd:h:1/3]: h:1/3: t [0]: timed out", "t"),
            None
        );
    }
}
