//! Metrics as text, and the page on which they are read by HTTP.
//!
//! | room | what is in it |
//! |---|---|
//! | [`Exposition`] | families and samples in the forms of OpenMetrics and Prometheus |
//! | [`Histogram`], [`Bounds`] | latencies by bucket, with examples |
//! | [`Endpoint`] | that page by HTTP, and pages for people |
//! | [`Room`], [`Place`] | how many are answered at a time, and who has to leave for one more |
//! | [`Access`], [`Certificate`] | who may read them, and by TLS |
//! | [`Server`] | answers few requests at a time, each in a bounded time, and figures whoever reads pages |
//!
//! It counts nothing by itself, and knows no page but that of metrics.

mod access;
mod certificate;
mod endpoint;
mod error;
mod histogram;
mod metered;
mod places;
mod server;
mod text;

pub use access::{Access, is_same_secret};
pub use certificate::Certificate;
pub use endpoint::{Endpoint, Page};
pub use error::{Error, Result};
pub use histogram::{BOUNDS_MS, Bounds, Exemplar, Histogram};
pub use places::{Place, Room};
pub use server::Server;
pub use text::{Exposition, Form, Kind};

#[cfg(test)]
mod test_certificate;
