//! The rows of a canned query, for the engine itself.

use datafusion::arrow::array::RecordBatch;
use futures::TryStreamExt;
use kcorr_store::Store;

use super::{GivenParameters, Session, SessionOptions};
use crate::error::{Error, ErrorKind, Result};

/// Runs a canned query to its end, on a thread of its own: the caller may be inside another runtime. Its rows are
/// handed over as they come.
pub(crate) fn rows_of_canned(
    store: &Store,
    name: &str,
    given: &GivenParameters,
    options: &SessionOptions,
    take: impl FnMut(&RecordBatch) -> Result<()> + Send,
) -> Result<()> {
    let failed = || Error::new(ErrorKind::Query, format!("{name} stopped on a bug"));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|e| Error::because(ErrorKind::Query, "cannot start a runtime", e))?;
            runtime.block_on(run(store, name, given, options, take))
        });
        reading.join().unwrap_or_else(|_| Err(failed()))
    })
}

async fn run(
    store: &Store,
    name: &str,
    given: &GivenParameters,
    options: &SessionOptions,
    mut take: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let mut options = options.clone();
    // The store is not one yet: what is computed of it serves nobody else.
    options.is_fresh = true;
    let session = Session::open_with(store, &options).await?;
    let mut rows = session.run_canned(name, given).await?;
    while let Some(batch) = rows.try_next().await? {
        take(&batch)?;
    }
    Ok(())
}
