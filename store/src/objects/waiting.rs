//! The runtime that talks to object stores, and waiting for what is done on it.

use std::future::Future;
use std::io;
use std::sync::{LazyLock, mpsc};

use tokio::runtime::{Builder, Runtime};

use crate::error::{Error, ErrorKind, Result};

/// Threads that talk to object stores. They wait for the network nearly all of the time.
const THREADS: usize = 2;

/// Made when the first store of objects is opened. It lives as long as the process: connections are kept, and one
/// that was opened on a runtime ends with it.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("kcorr-objects")
        .enable_all()
        .build()
});

/// Does something on the runtime and waits for it. The calling thread may be one of another runtime: nothing is
/// run on it meanwhile.
pub(super) fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let runtime = RUNTIME.as_ref().map_err(|e| {
        let message = format!("cannot start the threads that talk to object stores: {e}");
        Error::new(ErrorKind::Io, message)
    })?;
    let (done, result) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // Nobody waits any more when this process is ending.
        let _ = done.send(work.await);
    });
    result.recv().map_err(|_| {
        let message = "talking to the object store stopped on a bug";
        Error::new(ErrorKind::Io, message)
    })
}
