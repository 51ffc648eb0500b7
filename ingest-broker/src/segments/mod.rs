//! Log segments: the record batches in them, and where in the file each lies.

mod candidate;
mod decoder;
mod file;
mod losses;
mod rows;
mod segment;
mod tar;

pub use decoder::SegmentsDecoder;
