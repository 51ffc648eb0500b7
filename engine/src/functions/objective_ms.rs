//! `objective_ms(api, slo_ms, api_slo)`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// `objective_ms(api, slo_ms, api_slo) → DOUBLE`: the latency in milliseconds from which on a request of an
/// API is slow. `api_slo` has those of single APIs, `NAME=MS` separated by spaces (`Fetch=200
/// Metadata=1000`; names in any case); the others have `slo_ms`. An error when a part of `api_slo` cannot be
/// read.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ObjectiveMs {
    signature: Signature,
}

impl Default for ObjectiveMs {
    fn default() -> Self {
        let types = vec![DataType::Utf8, DataType::Float64, DataType::Utf8];
        Self {
            signature: Signature::exact(types, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for ObjectiveMs {
    fn name(&self) -> &str {
        "objective_ms"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [api, all, single] =
            datafusion::common::utils::take_function_args(self.name(), arguments.args)?;
        let (api, all, single) = (
            api.into_array(rows)?,
            all.into_array(rows)?,
            single.into_array(rows)?,
        );
        let (apis, all, single) = (
            api.as_string::<i32>(),
            all.as_primitive::<Float64Type>(),
            single.as_string::<i32>(),
        );
        let mut known: (&str, HashMap<String, f64>) = ("", HashMap::new());
        let mut objectives = Float64Array::builder(rows);
        for row in 0..rows {
            let text = if single.is_valid(row) {
                single.value(row)
            } else {
                ""
            };
            // The same text in all rows.
            if text != known.0 {
                known = (text, parse(text)?);
            }
            let own = (apis.is_valid(row) && !known.1.is_empty())
                .then(|| known.1.get(&apis.value(row).to_lowercase()))
                .flatten();
            objectives.append_option(own.copied().or(all.is_valid(row).then(|| all.value(row))));
        }
        Ok(ColumnarValue::Array(Arc::new(objectives.finish())))
    }
}

/// The objectives by API, its name in small letters.
fn parse(text: &str) -> Result<HashMap<String, f64>> {
    text.split_whitespace().map(one).collect()
}

fn one(part: &str) -> Result<(String, f64)> {
    let objective = part.split_once('=').and_then(|(api, ms)| {
        let ms: f64 = ms.parse().ok()?;
        (!api.is_empty() && ms > 0.0 && ms.is_finite()).then(|| (api.to_lowercase(), ms))
    });
    match objective {
        Some(objective) => Ok(objective),
        None => {
            exec_err!("{part} is no objective of an API: expected NAME=MS, for example Fetch=200")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn objectives_are_read_by_api() {
        let known = parse("Fetch=200  metadata=1.5").unwrap();
        assert_eq!(known["fetch"], 200.0);
        assert_eq!(known["metadata"], 1.5);
        assert!(parse("").unwrap().is_empty());
        for wrong in [
            "Fetch",
            "=3",
            "Fetch=",
            "Fetch=-1",
            "Fetch=200ms",
            "Fetch=inf",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
