//! Metrics as text, and the page on which they are read by HTTP.
//!
//! | room | what is in it |
//! |---|---|
//! | [`Exposition`] | families and samples in the forms of OpenMetrics and Prometheus |
//! | [`Histogram`], [`Bounds`] | latencies by bucket, with examples |
//! | [`Endpoint`] | who may read the page, and its answers |
//! | [`RequestHead`] | the head of a request, read in a bounded time and size |
//!
//! It counts nothing by itself, and is no web server: it answers `GET`, and few at a time.

mod endpoint;
mod error;
mod histogram;
mod request_head;
mod text;

pub use endpoint::{Access, Endpoint, Page};
pub use error::{Error, Result};
pub use histogram::{BOUNDS_MS, Bounds, Exemplar, Histogram};
pub use request_head::RequestHead;
pub use text::{Exposition, Form, Kind};
