//! Times in the zone that was asked for.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::time_zone::TimeZone;

/// The rows with their times in a zone. What is no moment but only looks like a time stays.
pub(crate) fn zoned(batch: &RecordBatch, zone: TimeZone) -> anyhow::Result<RecordBatch> {
    if zone == TimeZone::UTC || !batch.schema_ref().fields().iter().any(|f| is_moment(f)) {
        return Ok(batch.clone());
    }
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let DataType::Timestamp(unit, Some(_)) = field.data_type() else {
            fields.push(Arc::clone(field));
            columns.push(Arc::clone(column));
            continue;
        };
        let zoned = DataType::Timestamp(*unit, Some(zone.name().into()));
        columns.push(cast(column, &zoned)?);
        let field: Field = field.as_ref().clone();
        fields.push(Arc::new(field.with_data_type(zoned)));
    }
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Whether a column has moments, which every zone shows otherwise.
pub(super) fn is_moment(field: &Field) -> bool {
    matches!(field.data_type(), DataType::Timestamp(_, Some(_)))
}
