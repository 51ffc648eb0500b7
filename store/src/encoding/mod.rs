//! Columns of row groups as Parquet has them.
//!
//! The parquet crate's writer takes values one by one: it looks up each string of a dictionary array again, compares
//! it with the least and the greatest so far, and makes a compressor for each page. Here a column of a row group is
//! encoded as a whole, out of what Arrow has already: keys of dictionaries stay keys, bitmaps of nulls are levels
//! as they are. What that spares: `bench/ingest`. The files are Parquet like any other's.
//!
//! | file | what is in it |
//! |---|---|
//! | `column` | a column of a row group, of any type that is encoded here |
//! | `numbers` | 64-bit numbers and times: differences |
//! | `narrow` | 32-bit numbers: a dictionary, or differences |
//! | `labels` | strings that repeat: a dictionary |
//! | `pages` | the pages of a column: levels, headers, compression |
//! | `delta`, `hybrid`, `bits` | Parquet's encodings |
//!
//! Types that few rows have (lists, floating-point numbers, strings that seldom repeat) are left to the parquet crate.

mod bits;
mod column;
mod delta;
mod hybrid;
mod labels;
mod narrow;
mod numbers;
mod pages;

pub(super) use column::{Column, are_encoded};
pub(super) use pages::{Compressor, PAGE_ROWS, ZSTD_LEVEL};
