//! The decoder from outside: bytes in, rows and losses out.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

#[path = "../../../model/tests/decoded/mod.rs"]
mod decoded;
mod messages;
