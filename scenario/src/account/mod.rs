//! The true account of a request: every ns of its life, and what it truly waited for.
//!
//! It is read off the simulation's history, in which each thread's doing, each monitor's holder and each
//! request's stations are known; nothing is inferred. What a segment's cause is follows from who it
//! waited for, recursively: see [`Resolver`].

mod cause;
mod chains;
mod piece;
mod request_queue;
mod resolver;
mod truth;

pub use cause::{Cause, Causes, Root, Stage, Via};
pub use piece::Piece;
pub use resolver::Resolver;
pub use truth::{TrueBlocker, TruePartition, TrueSegment, Truth, truths, truths_at};
