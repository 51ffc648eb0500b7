//! Whether who ended a wait, by the kernel, is who had the lock, by a recorder of locks: the share of the canned
//! query `waker_agreement`.

use futures::StreamExt;
use kcorr_engine::{Columns, GivenParameters, Result, Session};

/// How often the two name the same thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WakerAgreement {
    /// Waits of which both tell.
    pub compared: i64,
    /// Those where they name the same thread.
    pub agreed: i64,
}

impl WakerAgreement {
    /// Counts over all waits of a store; `None` when no wait was seen by both.
    ///
    /// # Errors
    /// When the query cannot be run.
    pub async fn measure(session: &Session, given: &GivenParameters) -> Result<Option<Self>> {
        let mut rows = session.run_canned("waker_agreement", given).await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let kind = columns.text("kind")?;
            let compared = columns.number("compared_count")?;
            let agreed = columns.number("agreed_count")?;
            for row in 0..batch.num_rows() {
                if kind.get(row) != Some("any") {
                    continue;
                }
                let (compared, agreed) = (compared.get(row), agreed.get(row));
                return Ok(compared.zip(agreed).and_then(|(compared, agreed)| {
                    (compared > 0).then_some(Self { compared, agreed })
                }));
            }
        }
        Ok(None)
    }

    /// The share of the waits where they agree, 0 to 1.
    pub fn ratio(self) -> f64 {
        self.agreed as f64 / self.compared as f64
    }
}
