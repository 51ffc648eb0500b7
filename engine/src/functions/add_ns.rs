//! `add_ns(time, ns)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, PrimitiveArray};
use datafusion::arrow::compute::binary;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::time_type;

/// `add_ns(time, ns) → TIMESTAMP`: a time moved by a number of ns, which may be negative; null if one
/// of them is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AddNs {
    signature: Signature,
}

impl Default for AddNs {
    fn default() -> Self {
        let types = vec![time_type(), DataType::Int64];
        Self {
            signature: Signature::exact(types, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for AddNs {
    fn name(&self) -> &str {
        "add_ns"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(time_type())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [time, ns] =
            datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let time = time.into_array(arguments.number_rows)?;
        let ns = ns.into_array(arguments.number_rows)?;
        let moved: PrimitiveArray<TimestampNanosecondType> = binary(
            time.as_primitive::<TimestampNanosecondType>(),
            ns.as_primitive::<Int64Type>(),
            i64::saturating_add,
        )?;
        Ok(ColumnarValue::Array(Arc::new(moved.with_timezone("UTC"))))
    }
}
