//! A time after which a test fails: what waits for ever must not keep all other tests waiting.

use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Does something on a thread of its own; panics when it has not ended after a while. The thread is left
/// alone then, and ends with the process.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, result) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = done.send(work());
    });
    match result.recv_timeout(limit) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done after {limit:?}: {what}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => panic!("ended without a result: {what}"),
        },
    }
}

#[test]
#[should_panic(expected = "not done after 10ms: asleep")]
fn what_is_not_done_in_time_fails() {
    within(Duration::from_millis(10), "asleep", || {
        thread::sleep(Duration::from_secs(60));
    });
}

#[test]
#[should_panic(expected = "of its own")]
fn what_fails_in_time_fails_as_it_did() {
    within(Duration::from_secs(60), "fails", || panic!("of its own"));
}
