//! What is blamed in a session, for the tests of verdicts.

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use kcorr_engine::{GivenParameters, Result, Session};

/// Causes, one row for each slow request. Parameters that the account does not have are refused.
pub(crate) async fn blamed(session: &Session, given: &GivenParameters) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for planned in session
        .plan("SELECT * FROM slow_causes ORDER BY request_id", given)
        .await?
    {
        let rows = planned.run().await?;
        batches.extend(rows.try_collect::<Vec<_>>().await?);
    }
    Ok(batches)
}
