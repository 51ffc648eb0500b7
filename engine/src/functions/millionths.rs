//! `millionths(number)`.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// `millionths(number) → BIGINT`: a number in whole millionths, rounded; of milliseconds nanoseconds. Null if it is null,
/// no number, or too large.
///
/// Sums of doubles depend in their last digits on the order of the rows, which come from several files and brokers as
/// they are found; sums of these do not.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Millionths {
    signature: Signature,
}

impl Default for Millionths {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Millionths {
    fn name(&self) -> &str {
        "millionths"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [number] = datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let number = number.into_array(arguments.number_rows)?;
        let numbers = number.as_primitive::<Float64Type>().iter();
        let millionths: Int64Array = numbers.map(|number| rounded(number? * 1e6)).collect();
        Ok(ColumnarValue::Array(Arc::new(millionths)))
    }
}

fn rounded(number: f64) -> Option<i64> {
    let rounded = number.round();
    // 2⁶³: the first that is too large.
    const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole, and not too large"
    )]
    (rounded.abs() < TOO_LARGE).then_some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_of_nanoseconds_are_these_again() {
        for ns in [
            0_i64,
            1,
            -1,
            999_999,
            1_000_001,
            4_006_241_582,
            86_400_000_000_000_007,
        ] {
            #[expect(clippy::cast_precision_loss, reason = "as SQL divides")]
            let ms = ns as f64 / 1e6;
            let exact = ns.abs() < 1 << 52;
            let back = rounded(ms * 1e6).expect("a number");
            assert!(
                if exact {
                    back == ns
                } else {
                    (back - ns).abs() < 64
                },
                "{ns}: {back}"
            );
        }
        for no in [f64::NAN, f64::INFINITY, 1e20, -1e20] {
            assert_eq!(rounded(no), None, "{no}");
        }
    }
}
