//! `elapsed_ns(start, end)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int64Array};
use datafusion::arrow::compute::binary;
use datafusion::arrow::datatypes::{DataType, TimestampNanosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::time_type;

/// `elapsed_ns(start, end) → BIGINT`: `end − start` in ns, negative when the end is earlier; null if
/// one of them is. (`end - start` in SQL gives an interval, which cannot be summed or divided.)
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ElapsedNs {
    signature: Signature,
}

impl Default for ElapsedNs {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![time_type(); 2], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ElapsedNs {
    fn name(&self) -> &str {
        "elapsed_ns"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [start, end] =
            datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let start = start.into_array(arguments.number_rows)?;
        let end = end.into_array(arguments.number_rows)?;
        let elapsed: Int64Array = binary(
            start.as_primitive::<TimestampNanosecondType>(),
            end.as_primitive::<TimestampNanosecondType>(),
            |start, end| end.saturating_sub(start),
        )?;
        Ok(ColumnarValue::Array(Arc::new(elapsed)))
    }
}
