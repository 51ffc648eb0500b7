//! Values of query parameters: from the command line, else the defaults of the headers.

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_float64_array;

use super::header::{Header, Parameter};
use crate::error::{Error, ErrorKind, Result};

/// Values that the user gave, by name, as text.
pub type GivenParameters = BTreeMap<String, String>;

/// The values to bind: the given ones, and the defaults of the declared ones that were not given.
/// Later headers (those of queries that the first one builds on) only add what is still missing.
pub(super) fn bind(
    headers: &[&Header],
    given: &GivenParameters,
) -> Result<Vec<(String, ScalarValue)>> {
    let mut values: BTreeMap<&str, ScalarValue> = BTreeMap::new();
    for parameter in headers.iter().flat_map(|header| &header.parameters) {
        if values.contains_key(parameter.name.as_str()) {
            continue;
        }
        let text = given.get(&parameter.name).or(parameter.default.as_ref());
        let Some(text) = text else {
            let message = format!(
                "the query needs --param {}=… ({}): {}",
                parameter.name, parameter.sql_type, parameter.doc
            );
            return Err(Error::new(ErrorKind::Query, message));
        };
        values.insert(&parameter.name, typed(parameter, text)?);
    }
    for (name, text) in given {
        if !values.contains_key(name.as_str()) {
            values.insert(name, untyped(text));
        }
    }
    let owned = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Ok(owned.collect())
}

/// The value of a declared parameter.
fn typed(parameter: &Parameter, text: &str) -> Result<ScalarValue> {
    let arrow_type = match parameter.sql_type.as_str() {
        "DOUBLE" => DataType::Float64,
        "BIGINT" | "INT" => DataType::Int64,
        "BOOLEAN" => DataType::Boolean,
        "TIMESTAMP" => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        _ => DataType::Utf8,
    };
    if text.eq_ignore_ascii_case("null") {
        return Ok(ScalarValue::try_from(&arrow_type)?);
    }
    let text_value = ScalarValue::Utf8(Some(text.trim_matches('\'').to_owned()));
    let value = text_value.cast_to(&arrow_type).ok().filter(is_usable);
    value.ok_or_else(|| {
        let message = format!(
            "--param {}: `{text}` is not a {}",
            parameter.name, parameter.sql_type
        );
        Error::new(ErrorKind::Query, message)
    })
}

fn is_usable(value: &ScalarValue) -> bool {
    let is_finite = |value: &ScalarValue| {
        let array = value.to_array().ok();
        let number = array.and_then(|array| as_float64_array(&array).ok().map(|a| a.value(0)));
        number.is_none_or(f64::is_finite)
    };
    !value.is_null() && is_finite(value)
}

/// The value of a parameter that no header declares: a number when it looks like one, else text.
fn untyped(text: &str) -> ScalarValue {
    if let Ok(number) = text.parse::<i64>() {
        ScalarValue::Int64(Some(number))
    } else if let Ok(number) = text.parse::<f64>() {
        ScalarValue::Float64(Some(number))
    } else {
        ScalarValue::Utf8(Some(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(lines: &str) -> Header {
        Header::parse(lines).unwrap()
    }

    fn given(pairs: &[(&str, &str)]) -> GivenParameters {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_given_value_beats_the_default_and_takes_the_declared_type() {
        let header =
            header("-- @param slo_ms DOUBLE = 65 -- x\n-- @param topic VARCHAR = NULL -- y");
        let values = bind(&[&header], &given(&[("slo_ms", "100")])).unwrap();
        assert_eq!(
            values,
            vec![
                ("slo_ms".to_owned(), ScalarValue::Float64(Some(100.0))),
                ("topic".to_owned(), ScalarValue::Utf8(None)),
            ]
        );
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_its_name() {
        let header = header("-- @param slo_ms DOUBLE = 65 -- x");
        for bad in ["soon", "", "nan", "inf"] {
            let error = bind(&[&header], &given(&[("slo_ms", bad)])).unwrap_err();
            assert!(
                error.to_string().contains("--param slo_ms"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_parameter_without_default_must_be_given() {
        let header = header("-- @param request_id BIGINT -- the request");
        let error = bind(&[&header], &given(&[])).unwrap_err();
        assert!(
            error.to_string().contains("--param request_id=…"),
            "{error}"
        );
    }
}
