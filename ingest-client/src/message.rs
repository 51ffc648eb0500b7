//! A message as its client saw it: a line.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A message as its client saw it. Times are ns since 1970 of the client's clock; the columns of `client_messages` say what
/// each means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
#[allow(missing_docs, reason = "they are the columns of `client_messages`")]
pub struct ClientMessage<'a> {
    /// Its id, in its record header too.
    #[serde(borrow, rename = "client_message")]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub run: Cow<'a, str>,
    #[serde(borrow)]
    pub setting: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub consumer_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    pub partition: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    pub bytes: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<i32>,
    pub intended_ns: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sent_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<i32>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub disturbed_by: Option<Cow<'a, str>>,
    /// Whether it is consumed once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl ClientMessage<'_> {
    /// The line, without its end.
    ///
    /// # Errors
    /// None that this type can have; the encoder's are passed on.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Which of its times cannot be, if one cannot: a step before the message was intended, a request before the message was
    /// taken, the last request before the first, or an acknowledgement before the last request.
    pub fn contradiction(&self) -> Option<&'static str> {
        let is_before = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| a < b);
        let intended = Some(self.intended_ns);
        [
            ("queued_ns", self.queued_ns, intended),
            ("first_sent_ns", self.first_sent_ns, self.queued_ns),
            ("sent_ns", self.sent_ns, self.first_sent_ns),
            ("acknowledged_ns", self.acknowledged_ns, self.sent_ns),
            ("acknowledged_ns", self.acknowledged_ns, self.queued_ns),
            ("failed_ns", self.failed_ns, intended),
            ("consumed_ns", self.consumed_ns, intended),
        ]
        .into_iter()
        .find_map(|(name, time, before)| is_before(time, before).then_some(name))
    }
}
