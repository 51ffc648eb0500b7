//! The true account of a request: every ns of its life, and what it truly waited for.
//!
//! It is read off the simulation's history, in which each thread's doing, each monitor's holder and each
//! request's stations are known; nothing is inferred. What a segment's cause is follows from who it
//! waited for, recursively: see [`Resolver`].

mod cause;
mod resolver;
mod roots;
mod truth;

pub use cause::{Cause, Causes, Stage};
pub use resolver::{Piece, Resolver};
pub use truth::{TrueBlocker, TruePartition, TrueSegment, Truth, truths};
