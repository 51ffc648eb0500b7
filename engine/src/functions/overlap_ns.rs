//! `overlap_ns(a_start, a_end, b_start, b_end)`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, TimestampNanosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::time_type;

/// `overlap_ns(a_start, a_end, b_start, b_end) → BIGINT`: how long two half-open intervals are both
/// running, in ns; 0 when they only touch or do not meet; null if an end is null.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OverlapNs {
    signature: Signature,
}

impl Default for OverlapNs {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![time_type(); 4], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for OverlapNs {
    fn name(&self) -> &str {
        "overlap_ns"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [a_start, a_end, b_start, b_end] =
            datafusion::common::utils::take_function_args(self.name(), arrays)?;
        let [a_start, a_end, b_start, b_end] = [&a_start, &a_end, &b_start, &b_end]
            .map(|array| array.as_primitive::<TimestampNanosecondType>());
        let overlaps: Int64Array = (0..a_start.len())
            .map(|row| {
                let known = |times: &dyn Array| times.is_valid(row);
                let all_known = known(a_start) && known(a_end) && known(b_start) && known(b_end);
                all_known.then(|| {
                    let start = a_start.value(row).max(b_start.value(row));
                    let end = a_end.value(row).min(b_end.value(row));
                    end.saturating_sub(start).max(0)
                })
            })
            .collect();
        if overlaps.len() < arguments.number_rows {
            // All arguments are constants: one value stands for every row.
            let value = datafusion::common::ScalarValue::try_from_array(&overlaps, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(Arc::new(overlaps)))
    }
}
