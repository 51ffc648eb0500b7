//! The header of a text, and the values that hold for it and for what is below it.

use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;

use crate::error::Result;
use crate::query::below::Below;
use crate::query::canned::canned_query;
use crate::query::header::{Header, Parameter};
use crate::query::parameters::{
    API_SLO_PARAMETER, GivenParameters, SLO_PARAMETER, refuse_unknown, uses,
};

/// The step that says which requests are slow, and from when on unless somebody says otherwise.
const SLOW_REQUESTS: &str = "accounted_requests";

/// The parameters of a text and of the canned queries that it uses, each once.
pub fn parameters_in(sql: &str) -> Result<Vec<Parameter>> {
    let below = Below::text(sql)?;
    Ok(below.parameters(&header_of(sql, &below)?))
}

/// The header of a text. One that uses the objective, and neither declares it nor uses a query that does, has it
/// as the account has it.
pub(super) fn header_of(sql: &str, below: &Below) -> Result<Header> {
    let mut header = Header::parse(sql)?;
    let declared = below.parameters(&header);
    let used = [SLO_PARAMETER, API_SLO_PARAMETER].into_iter();
    let open: Vec<&str> = used
        .filter(|name| uses(sql, name) && declared.iter().all(|p| p.name != *name))
        .collect();
    if !open.is_empty()
        && let Some(account) = canned_query(SLOW_REQUESTS).transpose()?
    {
        let known = account.parameters()?.into_iter();
        header
            .parameters
            .extend(known.filter(|parameter| open.contains(&parameter.name.as_str())));
    }
    Ok(header)
}

/// A parameter that nothing declares or uses is a slip of the pen.
pub(super) fn check_names(
    sql: &str,
    declared: &[Parameter],
    given: &GivenParameters,
) -> Result<()> {
    let used = given.keys().filter(|name| uses(sql, name));
    let declared = declared.iter().map(|parameter| &parameter.name);
    refuse_unknown(declared.chain(used).map(String::as_str), given)
}

/// The defaults of a query also hold for the canned queries it uses.
pub(super) fn with_defaults(header: &Header, given: &GivenParameters) -> GivenParameters {
    let mut values = given.clone();
    for parameter in &header.parameters {
        if let Some(default) = &parameter.default {
            values
                .entry(parameter.name.clone())
                .or_insert_with(|| default.clone());
        }
    }
    values
}

pub(super) fn with_values(
    plan: LogicalPlan,
    values: &[(String, ScalarValue)],
) -> Result<LogicalPlan> {
    let values: Vec<(&str, ScalarValue)> = values
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    Ok(plan.with_param_values(ParamValues::from(values))?)
}
