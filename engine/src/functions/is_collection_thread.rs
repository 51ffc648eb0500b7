//! `is_collection_thread(name)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// What HotSpot calls the threads of a collection, before their numbers. The kernel's names have 15 bytes.
const NAMES: [&str; 4] = [
    "GC Thread#",
    "ParGC Thread#",
    "GC task thread#",
    "Gang worker#",
];

/// `is_collection_thread(name) → BOOLEAN`: whether a thread of this name is one of a stop-the-world collection. Null
/// for null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct IsCollectionThread {
    signature: Signature,
}

impl Default for IsCollectionThread {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for IsCollectionThread {
    fn name(&self) -> &str {
        "is_collection_thread"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [name] = datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let name = name.into_array(arguments.number_rows)?;
        let names = name.as_string::<i32>().iter();
        let are: BooleanArray = names.map(|name| name.map(is_collection_thread)).collect();
        Ok(ColumnarValue::Array(Arc::new(are)))
    }
}

fn is_collection_thread(name: &str) -> bool {
    NAMES.iter().any(|of| name.starts_with(of))
}

#[cfg(test)]
mod tests {
    use super::is_collection_thread;

    #[test]
    fn a_collections_threads_are_known_by_their_names() {
        for name in [
            "GC Thread#0",
            "ParGC Thread#12",
            "GC task thread#3 (ParallelGC)",
            "GC task thread#",
            "Gang worker#1 (Parallel GC Threads)",
        ] {
            assert!(is_collection_thread(name), "{name}");
        }
        for name in [
            "G1 Conc#0",
            "VM Thread",
            "data-plane-kafka-request-handler-0",
            "Thread#",
        ] {
            assert!(!is_collection_thread(name), "{name}");
        }
    }
}
