//! A JSON object, and what is read of its values.

use kcorr_model::lines::start_of;
use serde_json::{Map, Value};

use crate::findings::Findings;
use crate::losses::BPF_BAD_VALUE;

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// A value that is none of its key's is a loss.
pub(super) fn bad_value(key: &str, value: &Value, findings: &mut Findings) {
    findings.loss(&BPF_BAD_VALUE, || {
        format!("{key} is {}", start_of(value.to_string().as_bytes()))
    });
}

/// The integer at a key.
pub(super) fn integer(object: &Object, key: &str) -> Option<i64> {
    object.get(key).and_then(integer_from_value)
}

/// An integer, also one that is written as text.
pub(crate) fn integer_from_value(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
