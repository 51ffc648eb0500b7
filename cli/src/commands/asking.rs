//! Answers of canned queries, as reports take them.

use futures::TryStreamExt;
use kcorr_engine::{CannedQuery, GivenParameters, Parameter, Session};
use kcorr_report::{Answer, Column, QueryText};

use crate::output::zoned;
use crate::time_zone::TimeZone;

/// Those of the given values that a query has a parameter for.
pub(super) fn among(given: &GivenParameters, known: &[Parameter]) -> GivenParameters {
    let is_known = |name: &String| known.iter().any(|parameter| parameter.name == *name);
    let known = given.iter().filter(|(name, _)| is_known(name));
    known
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Asks a query with the parameters that it has; its times are shown in the zone.
pub(super) async fn ask(
    session: &Session,
    query: &CannedQuery,
    text: QueryText,
    given: &GivenParameters,
    zone: TimeZone,
) -> anyhow::Result<Answer> {
    let planned = session.plan(query.sql, given).await?;
    let mut batches = Vec::new();
    for statement in planned {
        batches = statement.run().await?.try_collect::<Vec<_>>().await?;
    }
    let batches = batches.iter().map(|batch| zoned(batch, zone));
    let batches = batches.collect::<anyhow::Result<Vec<_>>>()?;
    let columns = query.header.columns.iter().map(|column| Column {
        name: column.name.as_str().into(),
        doc: column.doc.clone(),
    });
    Ok(Answer::new(text, columns.collect(), &batches)?)
}

/// What is asked, with the values of its parameters.
pub(super) fn text(
    query: &CannedQuery,
    parameters: &[Parameter],
    given: &GivenParameters,
) -> QueryText {
    let value = |parameter: &Parameter| {
        let value = given.get(&parameter.name).or(parameter.default.as_ref());
        (parameter.name.clone(), value.cloned().unwrap_or_default())
    };
    QueryText {
        name: query.name.to_owned(),
        purpose: query.header.purpose.clone(),
        sql: query.sql.trim_end().to_owned(),
        parameters: parameters.iter().map(value).collect(),
    }
}
