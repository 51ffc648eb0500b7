//! The heatmaps of several stores as one table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use futures::StreamExt;

use super::tables::batch;
use kcorr_engine::Result;
use kcorr_engine::{Columns, GivenParameters, Session};

/// A row of `compare_heatmap`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    bin_start_s: i64,
    bin_s: i64,
    bound_ms: Option<f64>,
    request_count: i64,
}

pub(super) async fn read(session: &Session, given: &GivenParameters) -> Result<Vec<Cell>> {
    let mut rows = session.run_canned("compare_heatmap", given).await?;
    let mut cells = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = Columns(&batch);
        let bin_start_s = columns.number("bin_start_s")?;
        let bin_s = columns.number("bin_s")?;
        let bound_ms = columns.float("bound_ms")?;
        let request_count = columns.number("request_count")?;
        for row in 0..batch.num_rows() {
            cells.push(Cell {
                bin_start_s: bin_start_s.get(row).unwrap_or(0),
                bin_s: bin_s.get(row).unwrap_or(1),
                bound_ms: bound_ms.get(row),
                request_count: request_count.get(row).unwrap_or(0),
            });
        }
    }
    Ok(cells)
}

/// The cells of all stores.
pub(super) fn table(names: &[&str], stores: &[Vec<Cell>]) -> Result<RecordBatch> {
    let rows = || {
        let stores = names.iter().zip(stores);
        stores.flat_map(|(name, cells)| cells.iter().map(move |cell| (*name, cell)))
    };
    let numbers = |get: fn(&Cell) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            rows().map(|(_, cell)| get(cell)),
        ))
    };
    let stores: Vec<&str> = rows().map(|(name, _)| name).collect();
    let stores: ArrayRef = Arc::new(StringArray::from(stores));
    let bounds: ArrayRef = Arc::new(Float64Array::from_iter(
        rows().map(|(_, cell)| cell.bound_ms),
    ));
    batch(vec![
        ("store", stores),
        ("bin_start_s", numbers(|cell| cell.bin_start_s)),
        ("bin_s", numbers(|cell| cell.bin_s)),
        ("bound_ms", bounds),
        ("request_count", numbers(|cell| cell.request_count)),
    ])
}
