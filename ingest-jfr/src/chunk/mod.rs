//! Decodes one chunk: metadata, then constant pools, then events.

pub(crate) mod context;
pub(crate) mod decode;
pub(crate) mod decoding;
pub(crate) mod event_rows;
pub(crate) mod handlers;
pub(crate) mod losses;
pub(crate) mod survey;
pub(crate) mod told_losses;
pub(crate) mod walk;
