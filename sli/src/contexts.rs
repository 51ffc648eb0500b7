//! What librdkafka calls: deliveries, lines of its log, complaints, rebalances.

use std::sync::mpsc::Sender;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};

use crate::clock::Clock;
use crate::event::{Event, What};
use crate::produce_log::ProduceNote;

/// Where events of a setting go.
#[derive(Debug, Clone)]
pub(crate) struct Reporter {
    pub(crate) setting: usize,
    pub(crate) clock: Clock,
    pub(crate) sender: Sender<(usize, Event)>,
}

impl Reporter {
    pub(crate) fn tell(&self, what: What) {
        self.tell_at(self.clock.now_ns(), what);
    }

    pub(crate) fn tell_at(&self, time_ns: i64, what: What) {
        // Nobody keeps the book at the very end.
        let _ = self.sender.send((self.setting, Event { time_ns, what }));
    }

    fn complain(&self, error: &KafkaError, reason: &str) {
        self.tell(What::Complaint {
            code: error_name(error),
            words: reason.to_owned(),
        });
    }
}

/// An error in one word, as librdkafka's codes are called.
pub(crate) fn error_name(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(code) => format!("{code:?}"),
        None => "Unknown".to_owned(),
    }
}

/// Of a producer.
#[derive(Debug)]
pub(crate) struct Producing {
    pub(crate) reporter: Reporter,
    pub(crate) topic: String,
}

impl ClientContext for Producing {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, line: &str) {
        if let Some(note) = ProduceNote::parse(line, &self.topic) {
            self.reporter.tell(What::Note(note));
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.reporter.complain(&error, reason);
    }
}

impl ProducerContext for Producing {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let number = number as u64;
        self.reporter.tell(match result {
            Ok(message) => What::Delivered {
                number,
                offset: Some(message.offset()).filter(|it| *it >= 0),
            },
            Err((error, _)) => What::Failed {
                number,
                error: error_name(error),
            },
        });
    }
}

/// Of a consumer.
#[derive(Debug)]
pub(crate) struct Consuming {
    pub(crate) reporter: Reporter,
}

impl ClientContext for Consuming {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _line: &str) {}

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.reporter.complain(&error, reason);
    }
}

impl ConsumerContext for Consuming {
    fn pre_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(_) | Rebalance::Error(_) = rebalance {
            self.reporter.tell(What::Rebalance { is_begun: true });
        }
    }

    fn post_rebalance(&self, _consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(_) = rebalance {
            self.reporter.tell(What::Rebalance { is_begun: false });
        }
    }
}

/// Of the client that looks who leads.
#[derive(Debug)]
pub(crate) struct Watching;

impl ClientContext for Watching {
    fn log(&self, _level: RDKafkaLogLevel, _facility: &str, _line: &str) {}

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, _error: KafkaError, _reason: &str) {}
}
