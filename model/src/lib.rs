//! The vocabulary every other crate of kcorr speaks: tables, clocks, losses and the contract
//! between a decoder and whoever feeds it.
//!
//! What is here is declared once and used everywhere: a table's columns are one literal
//! ([`Table`]), from which come its Arrow schema, the checks of the batches that decoders build
//! ([`BatchBuilder`]), `kcorr tables` and the documentation.
//!
//! This crate knows no file format, does no IO, and does not depend on DataFusion.

mod batch;
mod clock;
mod column;
pub mod columns;
mod decimal;
mod ingest;
mod limit;
pub mod lines;
mod log_path;
mod loss;
mod row_id;
mod table;
pub mod tables;

pub use batch::{BatchBuilder, BatchError};
pub use clock::{ClockAnchor, ClockConversion, ClockKind, realtime_from_source};
pub use column::{Column, Type};
pub use decimal::integer_from_decimal;
pub use ingest::{Decoder, Error, ErrorKind, Output, Summary};
pub use limit::Limit;
pub use log_path::{LogDirectory, LogDirectoryState, LogFile};
pub use loss::{Loss, LossKind, LossLedger, Position, Severity};
pub use row_id::{RowIds, SourceId};
pub use table::Table;

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
