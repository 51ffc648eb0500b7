//! What a chunk's worker hands over, in the order in which it must be taken.

use std::collections::BTreeMap;

use kcorr_model::{Loss, Table};

use crate::event_tables::EventBatch;
use crate::format::header::Header;
use crate::names::stacks::NewStacks;
use crate::names::threads::Thread;
use crate::rows::batch::RowBatch;
use crate::settings::Limits;

/// A step of a chunk's decoding.
#[derive(Debug)]
pub(crate) enum Message {
    /// A chunk begins: stack and name numbers start at 0 again.
    Chunk(Box<ChunkStart>),
    /// Stacks that the batches behind refer to.
    Stacks(NewStacks),
    Rows(RowBatch),
    /// Rows of a `jfr_<name>` table.
    Events(EventBatch),
    /// The chunk ends.
    End(Box<ChunkEnd>),
}

#[derive(Debug)]
pub(crate) struct ChunkStart {
    pub(crate) header: Header,
    pub(crate) pid: Option<i32>,
    /// The recorder in words: `JDK 17.0.15`, `async-profiler 4.6`.
    pub(crate) recorder: String,
    /// What the ticks count.
    pub(crate) ticks: Ticks,
}

/// What a chunk's ticks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ticks {
    /// `CLOCK_MONOTONIC`, ns.
    Monotonic,
    /// Ns since the JVM started.
    JvmUptime,
    /// A counter of the processor, or unknown.
    Counter,
}

/// Count and bytes of an event type, and the table it went to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TypeCount {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) table: Option<&'static Table>,
}

#[derive(Debug, Default)]
pub(crate) struct ChunkEnd {
    pub(crate) threads: Vec<Thread>,
    pub(crate) losses: Vec<Loss>,
    pub(crate) limits: Limits,
    pub(crate) types: BTreeMap<String, TypeCount>,
}

/// Nobody takes messages any more.
#[derive(Debug)]
pub(crate) struct Stopped;

/// Where messages go.
pub(crate) type Sink<'s> = dyn FnMut(Message) -> Result<(), Stopped> + 's;
