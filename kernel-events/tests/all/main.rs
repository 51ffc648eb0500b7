//! Records of the ring as events, events as lines, lines as rows; and, where this may load programs, what a
//! process does as rows.

mod decoded;
mod headers;
mod live;
mod records;
