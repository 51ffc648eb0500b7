//! The file format: bytes, chunk headers, framing, metadata and the plans compiled from it.
//!
//! Nothing here knows a kcorr table.

pub(crate) mod cursor;
pub(crate) mod extent;
pub(crate) mod framing;
pub(crate) mod header;
pub(crate) mod metadata;
pub(crate) mod plan;
pub(crate) mod schema;
pub(crate) mod text;
