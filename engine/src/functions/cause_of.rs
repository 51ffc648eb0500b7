//! `cause_of(root, via)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// `cause_of(root, via) → VARCHAR`: how a verdict is written in one word, from what the time was in at
/// the end of the chain and how that reached the request. The root itself when `via` is `own` (or null),
/// else `<via>_behind_<root>`: `lock_wait_behind_slow_sync`, `queued_behind_pause`. A wait for a lock of
/// which nobody knows who held it is `lock_wait_other`, and behind something unexplained is
/// `unexplained`. Null when the root is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CauseOf {
    signature: Signature,
}

impl Default for CauseOf {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Utf8; 2], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for CauseOf {
    fn name(&self) -> &str {
        "cause_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [root, via] =
            datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let root = root.into_array(arguments.number_rows)?;
        let via = via.into_array(arguments.number_rows)?;
        let pairs = root.as_string::<i32>().iter().zip(via.as_string::<i32>());
        let causes: StringArray = pairs
            .map(|(root, via)| root.map(|root| written(root, via.unwrap_or("own"))))
            .collect();
        Ok(ColumnarValue::Array(Arc::new(causes)))
    }
}

/// The cause in one word.
fn written(root: &str, via: &str) -> String {
    match (root, via) {
        ("unexplained", _) | (_, "own") => root.to_owned(),
        ("lock_other", "lock_wait") => "lock_wait_other".to_owned(),
        _ => format!("{via}_behind_{root}"),
    }
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn a_cause_is_the_root_or_what_led_to_it() {
        assert_eq!(written("slow_sync", "own"), "slow_sync");
        assert_eq!(
            written("slow_sync", "lock_wait"),
            "lock_wait_behind_slow_sync"
        );
        assert_eq!(written("pause", "queued"), "queued_behind_pause");
        assert_eq!(written("lock_other", "lock_wait"), "lock_wait_other");
        assert_eq!(written("lock_other", "queued"), "queued_behind_lock_other");
        assert_eq!(written("unexplained", "queued"), "unexplained");
    }
}
