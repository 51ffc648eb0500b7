//! Columns of queries without rows, by their headers.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::canned::CannedQuery;
use super::header::Header;

/// Queries below others of which a header does not tell all of the columns' types: they have dictionaries, long texts or
/// unsigned numbers.
const OTHER_TYPES: [&str; 18] = [
    "account_limits",
    "accounted_requests",
    "asked_changes",
    "clocks",
    "line_stages",
    "log_times",
    "logged_partitions",
    "long_lock_waits",
    "message_requests",
    "present_settings",
    "recorded_partitions",
    "recorded_requests",
    "request_causes",
    "request_verdicts",
    "request_work",
    "services",
    "slow_partitions",
    "uncaptured_requests",
];

/// The columns that a query has if it has no rows; `None` where only its plan tells.
pub(super) fn columns_without_rows(query: &CannedQuery) -> Option<SchemaRef> {
    (!OTHER_TYPES.contains(&query.name)).then(|| query.header.schema())
}

impl Header {
    /// The columns that it declares.
    pub(super) fn schema(&self) -> SchemaRef {
        let fields = self.columns.iter();
        let fields =
            fields.map(|column| Field::new(&column.name, data_type(&column.sql_type), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

fn data_type(sql_type: &str) -> DataType {
    if let Some(item) = sql_type.strip_suffix("[]") {
        return DataType::List(Arc::new(Field::new_list_field(data_type(item), true)));
    }
    match sql_type {
        "BIGINT" => DataType::Int64,
        "INT" => DataType::Int32,
        "SMALLINT" => DataType::Int16,
        "DOUBLE" => DataType::Float64,
        "BOOLEAN" => DataType::Boolean,
        "TIMESTAMP" => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kcorr_store::{Store, StoreWriter};

    use super::super::canned::canned_queries;
    use super::super::parsed::parsed_query;
    use super::super::session::Session;
    use super::*;
    use crate::GivenParameters;

    #[tokio::test]
    async fn columns_of_a_query_without_rows_have_the_types_of_its_plan() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.kcorr");
        StoreWriter::open(&path, || {}).unwrap();
        let store = Store::open(&path).unwrap();
        let queries = canned_queries().unwrap();
        let mut used: BTreeSet<&str> = BTreeSet::new();
        for query in &queries {
            let parsed = parsed_query(query.name).unwrap().unwrap();
            used.extend(parsed.used_names.iter().copied());
        }
        let mut wrong = Vec::new();
        for query in queries.iter().filter(|query| used.contains(query.name)) {
            let session = Session::open(&store).await.unwrap();
            let required = query.header.parameters.iter();
            let given: GivenParameters = required
                .filter(|parameter| parameter.default.is_none())
                .map(|parameter| (parameter.name.clone(), "1".to_owned()))
                .collect();
            let planned = session.plan(query.sql, &given).await.unwrap().remove(0);
            let columns = query.header.schema();
            let (planned, told) = (planned.schema(), columns.fields());
            let are_same = planned.fields().len() == told.len()
                && planned.fields().iter().zip(told).all(|(planned, told)| {
                    (planned.name(), planned.data_type()) == (told.name(), told.data_type())
                });
            if are_same == OTHER_TYPES.contains(&query.name) {
                wrong.push(format!("{}: {planned}", query.name));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
