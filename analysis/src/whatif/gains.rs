//! What taking away each kind of wait would have given: the rows of `what_ifs`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use kcorr_model::{BatchBuilder, tables};

use super::recording::Recording;
use super::{Change, WaitKind, WhatIfOptions, predict, replay};
use kcorr_engine::{Error, ErrorKind, Result};
use kcorr_engine::{GivenParameters, Session};

/// Predicts the latencies without each kind of wait that there may be, one kind at a time. The recording is read once, with
/// the rows of queries that the session has already; `given` are further parameters of these.
pub async fn gains(
    session: &Session,
    given: &GivenParameters,
    options: &WhatIfOptions,
) -> Result<RecordBatch> {
    let recording = Recording::read(session, given, options.account_ms).await?;
    let unchanged = replay::latencies(&recording, &[]);
    let mut batches = Vec::new();
    for &(name, kind) in WaitKind::ALL {
        if !recording.may_have(kind) {
            continue;
        }
        let change = Change { kind, cap_ns: 0 };
        let prediction = predict(&recording, &unchanged, &[change], options.slo_ms)?;
        batches.push(rows(name, &prediction.statistics)?);
    }
    concat_batches(&tables::WHAT_IFS.schema(), &batches).map_err(misfit)
}

fn rows(kind: &str, statistics: &RecordBatch) -> Result<RecordBatch> {
    let count = statistics.num_rows();
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![0; count]));
    let kinds: ArrayRef = Arc::new(StringArray::from(vec![kind; count]));
    let mut builder = BatchBuilder::new(&tables::WHAT_IFS, count)
        .set("source_id", ids)
        .set("kind", kinds);
    for name in [
        "statistic",
        "before",
        "after_low",
        "after_high",
        "run_low",
        "run_high",
    ] {
        let column = statistics.column_by_name(name).map(Arc::clone);
        builder = builder.set(name, column.ok_or_else(|| misfit("a column is missing"))?);
    }
    builder.finish().map_err(misfit)
}

fn misfit(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::because(
        ErrorKind::Query,
        "predictions do not fit their table",
        cause,
    )
}
