//! `UNION ALL BY NAME` of rows that are there already, without a plan.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, new_null_array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::step_rows::KeptTable;

/// The columns of some tables, and their rows one after another; what a table has no column for is null there. `None` where
/// that takes more than putting them together: of no table, or one whose rows are not in memory, and of columns that have
/// one name and several types.
pub(super) fn one_after_another<'a>(
    tables: impl IntoIterator<Item = Option<&'a KeptTable>>,
) -> Option<(SchemaRef, Vec<RecordBatch>)> {
    let mut parts = Vec::new();
    for table in tables {
        let table = table?;
        parts.push((table.table.schema(), table.batches.as_ref()?));
    }
    let schemas: Vec<&Schema> = parts.iter().map(|(schema, _)| schema.as_ref()).collect();
    let columns = columns_of(&schemas).filter(|columns| !columns.fields().is_empty())?;
    let batches = parts.iter().flat_map(|(_, batches)| batches.iter());
    let batches = batches.map(|batch| with_columns(batch, &columns));
    let batches = batches.collect::<Option<Vec<_>>>()?;
    Some((columns, batches))
}

/// All columns, in the order in which they come first.
fn columns_of(schemas: &[&Schema]) -> Option<SchemaRef> {
    let mut columns: Vec<Field> = Vec::new();
    for field in schemas.iter().flat_map(|schema| schema.fields()) {
        let known = columns
            .iter_mut()
            .find(|column| column.name() == field.name());
        match known {
            None => columns.push(field.as_ref().clone()),
            Some(known) if *known.data_type() == DataType::Null => {
                known.set_data_type(field.data_type().clone());
            }
            Some(known) => {
                let is_null = *field.data_type() == DataType::Null;
                if !is_null && known.data_type() != field.data_type() {
                    return None;
                }
            }
        }
    }
    for column in &mut columns {
        let mut fields = schemas
            .iter()
            .map(|schema| schema.field_with_name(column.name()).ok());
        let is_nullable = fields.any(|field| field.is_none_or(Field::is_nullable));
        column.set_nullable(is_nullable);
    }
    Some(Arc::new(Schema::new(columns)))
}

/// A batch with these columns, by their names.
fn with_columns(batch: &RecordBatch, columns: &SchemaRef) -> Option<RecordBatch> {
    let column = |field: &Arc<Field>| -> ArrayRef {
        match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            _ => new_null_array(field.data_type(), batch.num_rows()),
        }
    };
    let arrays = columns.fields().iter().map(column).collect();
    RecordBatch::try_new(Arc::clone(columns), arrays).ok()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// Tables that statements give.
    async fn tables(context: &SessionContext, statements: &[&str]) -> Vec<KeptTable> {
        let mut tables = Vec::new();
        for (place, sql) in statements.iter().enumerate() {
            let rows = context.sql(sql).await.unwrap();
            let batches = rows.clone().collect().await.unwrap();
            let table = rows.into_view();
            let name = format!("t{place}");
            context.register_table(&name, Arc::clone(&table)).unwrap();
            tables.push(KeptTable {
                table,
                row_count: 0,
                batches: Some(batches),
            });
        }
        tables
    }

    fn together(tables: &[KeptTable]) -> Option<(SchemaRef, Vec<RecordBatch>)> {
        one_after_another(tables.iter().map(Some))
    }

    #[tokio::test]
    async fn rows_and_columns_are_those_of_a_union_by_name() {
        let context = SessionContext::new();
        let statements = [
            "SELECT 1 AS a, NULL AS b",
            "SELECT 'x' AS b, 2.5 AS c WHERE FALSE",
            "SELECT 'y' AS b, 3 AS a",
            "SELECT NULL AS d, 4 AS a",
        ];
        let tables = tables(&context, &statements).await;
        let (columns, rows) = together(&tables).unwrap();
        let union: Vec<String> = (0..4).map(|n| format!("SELECT * FROM t{n}")).collect();
        let union = context
            .sql(&union.join(" UNION ALL BY NAME "))
            .await
            .unwrap();
        let fields = |schema: &Schema| {
            let fields = schema.fields().iter();
            // A plan may call a column free of nulls that a branch lacks.
            let fields = fields.map(|f| (f.name().clone(), f.data_type().clone()));
            fields.collect::<Vec<_>>()
        };
        let plan = union.clone().create_physical_plan().await.unwrap();
        assert_eq!(fields(&columns), fields(&plan.schema()));
        let union = union.sort_by(vec![datafusion::prelude::col("a")]).unwrap();
        assert_eq!(
            pretty_format_batches(&rows).unwrap().to_string(),
            pretty_format_batches(&union.collect().await.unwrap())
                .unwrap()
                .to_string()
        );
    }

    #[tokio::test]
    async fn columns_of_several_types_are_left_to_a_plan() {
        let context = SessionContext::new();
        let tables = tables(&context, &["SELECT 1 AS a", "SELECT 'x' AS a"]).await;
        assert!(together(&tables).is_none());
        assert!(together(&[]).is_none());
    }
}
