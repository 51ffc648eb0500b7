//! Values of query parameters: from the command line, else the defaults of the headers.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_float64_array;
use strsim::jaro_winkler;

use super::header::{Header, Parameter};
use crate::error::{Error, ErrorKind, Result};

/// Values that the user gave, by name, as text.
pub type GivenParameters = BTreeMap<String, String>;

/// The parameter that says from which latency on a request is slow, in milliseconds.
pub const SLO_PARAMETER: &str = "slo_ms";

/// The parameter that says the same of single APIs: `NAME=MS`, separated by spaces.
pub const API_SLO_PARAMETER: &str = "api_slo";

/// The parameters of a query: its own, and those of the queries below it, each once. A default that comes
/// first stands for all behind it, so those that use come before those that are used.
pub(super) fn parameters<'a>(
    own: &'a Header,
    below: impl IntoIterator<Item = &'a Header>,
) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for header in std::iter::once(own).chain(below) {
        for parameter in &header.parameters {
            if parameters.iter().all(|known| known.name != parameter.name) {
                parameters.push(parameter.clone());
            }
        }
    }
    parameters
}

/// The values to bind, by name: the given ones, and the defaults of the parameters that were not given.
pub(super) fn bind(
    parameters: &[Parameter],
    given: &GivenParameters,
) -> Result<Vec<(String, ScalarValue)>> {
    let mut values: BTreeMap<String, ScalarValue> = BTreeMap::new();
    for parameter in parameters {
        let text = given.get(&parameter.name).or(parameter.default.as_ref());
        let Some(text) = text else {
            let message = format!(
                "the query needs --param {}=… ({}): {}",
                parameter.name, parameter.sql_type, parameter.doc
            );
            return Err(Error::new(ErrorKind::Query, message));
        };
        values.insert(parameter.name.clone(), typed(parameter, text)?);
    }
    for (name, text) in given {
        if !values.contains_key(name) {
            values.insert(name.clone(), untyped(text));
        }
    }
    Ok(values.into_iter().collect())
}

/// Refuses given values that none of the known parameters takes: they would have no effect.
pub(super) fn refuse_unknown<'a>(
    known: impl IntoIterator<Item = &'a str>,
    given: &GivenParameters,
) -> Result<()> {
    let known: BTreeSet<&str> = known.into_iter().collect();
    let Some(name) = given.keys().find(|name| !known.contains(name.as_str())) else {
        return Ok(());
    };
    let nearest = known
        .iter()
        .max_by(|a, b| jaro_winkler(a, name).total_cmp(&jaro_winkler(b, name)))
        .filter(|nearest| jaro_winkler(nearest, name) > LIKE);
    let meant = nearest.map_or_else(String::new, |n| format!(" Did you mean {n}?"));
    let names: Vec<&str> = known.iter().copied().collect();
    let there = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    let message = format!(
        "there is no parameter {name} that would have an effect.{meant} There are: {there}"
    );
    Err(Error::new(ErrorKind::Query, message))
}

/// How alike two names are from which on one may have been meant by the other (1: the same).
const LIKE: f64 = 0.8;

/// Whether a text uses a parameter: `$name`.
pub(super) fn uses(sql: &str, name: &str) -> bool {
    let placeholder = format!("${name}");
    sql.match_indices(&placeholder).any(|(at, found)| {
        let behind = sql.get(at + found.len()..);
        let behind = behind.and_then(|rest| rest.chars().next());
        behind.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    })
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
        let values = bind(&header.parameters, &given(&[("slo_ms", "100")])).unwrap();
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
            let error = bind(&header.parameters, &given(&[("slo_ms", bad)])).unwrap_err();
            assert!(
                error.to_string().contains("--param slo_ms"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn a_parameter_without_default_must_be_given() {
        let header = header("-- @param request_id BIGINT -- the request");
        let error = bind(&header.parameters, &given(&[])).unwrap_err();
        assert!(
            error.to_string().contains("--param request_id=…"),
            "{error}"
        );
    }
}
