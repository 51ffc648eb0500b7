//! What a client says a number is of: an attribute, such as the broker.

use prost::Message;

/// Nodes from here on are connections to coordinators: the largest number less the broker's.
const FIRST_COORDINATOR: i64 = 1 << 30;

#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AnyValue {
    #[prost(string, optional, tag = "1")]
    pub(super) text: Option<String>,
    #[prost(int64, optional, tag = "3")]
    pub(super) int: Option<i64>,
}

impl KeyValue {
    /// The broker that an attribute names: `node_id` is a number or `node-1`.
    pub(super) fn broker(&self) -> Option<i32> {
        if !matches!(self.key.as_str(), "node_id" | "node.id" | "node-id") {
            return None;
        }
        let value = self.value.as_ref()?;
        let number = match &value.text {
            Some(text) => text.strip_prefix("node-").unwrap_or(text).parse().ok()?,
            None => value.int?,
        };
        let broker = match number {
            FIRST_COORDINATOR.. => i64::from(i32::MAX).checked_sub(number)?,
            number => number,
        };
        i32::try_from(broker).ok().filter(|it| *it >= 0)
    }
}
