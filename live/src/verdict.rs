//! A verdict as an account has it: a row of `blame`, with its times as numbers besides.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A slow request, and what it waited for: all columns of `blame` by name, `end_ns`, and of its episode `episode_kind`,
/// `episode_start_ns` and `episode_end_ns`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Verdict(pub Map<String, Value>);

/// What tells a request from all others of a few minutes, whatever recording has it: ids of rows are a store's own,
/// and times may differ by what its clocks were moved.
pub(crate) type Key = (String, i64, String);

impl Verdict {
    /// A column of text; empty where it is null.
    pub fn text(&self, column: &str) -> &str {
        let value = self.0.get(column);
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// A column of numbers.
    pub fn float(&self, column: &str) -> Option<f64> {
        self.0.get(column).and_then(Value::as_f64)
    }

    /// A column of integers.
    pub fn number(&self, column: &str) -> Option<i64> {
        self.0.get(column).and_then(Value::as_i64)
    }

    /// The end of its response, in ns since 1970.
    pub fn end_ns(&self) -> i64 {
        self.number("end_ns").unwrap_or(0)
    }

    /// Its latency in seconds.
    pub fn latency_seconds(&self) -> f64 {
        self.float("latency_ms").unwrap_or(0.0) / 1e3
    }

    pub(crate) fn key(&self) -> Key {
        let client = self.text("client_address").to_owned();
        let correlation = self.number("correlation_id").unwrap_or(-1);
        (client, correlation, self.text("api").to_owned())
    }
}
