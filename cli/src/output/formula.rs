//! Cells of CSV that a spreadsheet would run as a formula.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};

/// The rows with a `'` before every text that begins like a formula: with `=`, `+`, `-`, `@`, a tab or a
/// carriage return. Numbers stay numbers.
pub(super) fn guarded(batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if is_text(column.data_type()) {
            let column = cast(column, &DataType::Utf8)?;
            let texts = column.as_string::<i32>().iter();
            let texts: StringArray = texts.map(|text| text.map(guard)).collect();
            fields.push(Arc::new(Field::new(
                guard(field.name()),
                DataType::Utf8,
                true,
            )));
            columns.push(Arc::new(texts));
        } else {
            let field = field.as_ref().clone().with_name(guard(field.name()));
            fields.push(Arc::new(field));
            columns.push(Arc::clone(column));
        }
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether a spreadsheet would take a text for a formula.
pub(super) fn is_like_a_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn guard(text: &str) -> String {
    if is_like_a_formula(text) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int64Array;

    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_text_and_a_negative_number_is_a_number() {
        let texts = [
            "=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "orders-0", "", "a=b",
        ];
        let numbers = (0..9).map(|n| -n);
        let batch = RecordBatch::try_from_iter([
            (
                "client_id",
                Arc::new(StringArray::from(texts.to_vec())) as ArrayRef,
            ),
            (
                "n",
                Arc::new(Int64Array::from_iter_values(numbers)) as ArrayRef,
            ),
        ]);
        let batch = guarded(&batch.expect("rows")).expect("rows");
        let found: Vec<&str> = batch
            .column(0)
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect();
        let expected = [
            "'=1+1",
            "'+1",
            "'-1",
            "'@SUM(A1)",
            "'\tx",
            "'\rx",
            "orders-0",
            "",
            "a=b",
        ];
        assert_eq!(found, expected);
        assert_eq!(*batch.column(1).data_type(), DataType::Int64);
    }
}
