//! `file_operation(operation)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// `file_operation(operation) → VARCHAR`: what an operation of `writes` does to its file: `sync`
/// (`fsync`, `fdatasync`, `msync`, …), `read` (`pread64`, `sendfile`, …) or `write` (any other). Null for
/// null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct FileOperation {
    signature: Signature,
}

impl Default for FileOperation {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for FileOperation {
    fn name(&self) -> &str {
        "file_operation"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [operation] =
            datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let operation = operation.into_array(arguments.number_rows)?;
        let operations = operation.as_string::<i32>().iter();
        let kinds: StringArray = operations.map(|name| name.map(kind)).collect();
        Ok(ColumnarValue::Array(Arc::new(kinds)))
    }
}

fn kind(operation: &str) -> &'static str {
    let is = |part: &str| operation.contains(part);
    if is("sync") {
        "sync"
    } else if is("read") || is("sendfile") || is("splice") {
        "read"
    } else {
        "write"
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn an_operation_syncs_reads_or_writes() {
        for sync in ["fsync", "fdatasync", "msync", "sync_file_range"] {
            assert_eq!(kind(sync), "sync");
        }
        for read in ["read", "pread64", "preadv", "sendfile", "sendfile64"] {
            assert_eq!(kind(read), "read");
        }
        for write in ["write", "pwrite64", "writev", "ftruncate"] {
            assert_eq!(kind(write), "write");
        }
    }
}
