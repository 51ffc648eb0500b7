//! One build side for all partitions of the probe side.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::{DataFusionError, Result};
use futures::future::{BoxFuture, Shared};

use super::build_side::BuildSide;

/// The build side, when it is there. Errors are shared by all who wait for it.
pub(super) type BuildFuture =
    Shared<BoxFuture<'static, std::result::Result<Arc<BuildSide>, Arc<DataFusionError>>>>;

/// A build side that is read when the first stream asks for it, and gone with the last one.
#[derive(Debug, Default)]
pub(super) struct SharedBuild {
    /// The build side and how many streams have it already.
    taken: Mutex<Option<(BuildFuture, usize)>>,
}

impl SharedBuild {
    /// The build side for one of a number of streams.
    pub(super) fn take(
        &self,
        stream_count: usize,
        new: impl FnOnce() -> Result<BuildFuture>,
    ) -> Result<BuildFuture> {
        let mut shared = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (build, taken) = match shared.take() {
            Some(shared) => shared,
            None => (new()?, 0),
        };
        if taken + 1 < stream_count {
            *shared = Some((build.clone(), taken + 1));
        }
        Ok(build)
    }
}
