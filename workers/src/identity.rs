//! What two processes must have in common to compute one answer.

use kcorr_engine::rules_digest;
use kcorr_store::Store;
use serde::{Deserialize, Serialize};

/// The header of a request by which a worker knows who may not ask it.
pub(crate) const PROGRAM: &str = "kcorr-program";

/// A program: its version, and its canned queries.
pub(crate) fn program() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("{version} with queries {:016x}", rules_digest())
}

/// The state of a store.
pub(crate) fn state_of(store: &Store) -> String {
    let digest = store.manifest().digest();
    digest.map_or_else(String::new, |digest| format!("{digest:032x}"))
}

/// Who a worker is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Its program.
    pub(crate) program: String,
    /// This run of it: what was shown to an earlier one is not there.
    pub(crate) run: String,
    /// Where its store is.
    pub(crate) store: String,
    /// The state in which it sees its store.
    pub(crate) state: String,
}
