//! kcorr's query results in the formats of other tools.
//!
//! | format | for | canned queries |
//! |---|---|---|
//! | [`perfetto`] | Perfetto's timeline and its `trace_processor` | `trace_slices`, `trace_flows` |
//! | [`otlp`] | OpenTelemetry backends | `trace_spans` |
//! | [`openmetrics`] | Prometheus, Grafana | `latency_histograms` |
//! | [`duckdb`] | DuckDB: views over Parquet files | what is asked for |
//!
//! An export computes nothing: every time, sum and count in it is a cell of the canned query named
//! above. What is added here is the other tool's form only: on which of several parallel lanes of a
//! track a slice is drawn, and ids of the length that the other tool wants.

pub mod duckdb;
mod error;
pub mod openmetrics;
pub mod otlp;
pub mod perfetto;

pub use error::{Error, Result};
