//! The rows that a chunk's events become, table by table.

use crate::chunk::handlers::Target;
use crate::rows::batch::RowBatch;
use crate::rows::event::{Event, Scope};
use crate::rows::load_samples::LoadSamples;
use crate::rows::lock_waits::LockWaits;
use crate::rows::pauses::Pauses;
use crate::rows::socket_io::SocketIo;
use crate::rows::stack_samples::{StackSamples, Weights};
use crate::rows::writes::Writes;

/// The tables' rows that are not handed over yet.
pub(crate) struct EventRows {
    lock_waits: LockWaits,
    stack_samples: StackSamples,
    pauses: Pauses,
    writes: Writes,
    socket_io: SocketIo,
    load_samples: LoadSamples,
}

impl EventRows {
    pub(crate) fn new(weights: Weights) -> Self {
        Self {
            lock_waits: LockWaits::new(),
            stack_samples: StackSamples::new(weights),
            pauses: Pauses::new(),
            writes: Writes::new(),
            socket_io: SocketIo::new(),
            load_samples: LoadSamples::new(),
        }
    }

    /// Adds what an event becomes; the batch that is full with it.
    #[inline]
    pub(crate) fn push(
        &mut self,
        target: Target,
        event: &Event<'_>,
        scope: &mut Scope<'_>,
    ) -> Option<RowBatch> {
        match target {
            Target::LockWait(kind) => self
                .lock_waits
                .push(kind, event, scope)
                .then(|| self.lock_waits.take()),
            Target::Sample(kind) => self
                .stack_samples
                .push(kind, event, scope)
                .then(|| self.stack_samples.take()),
            Target::Pause(kind) => self
                .pauses
                .push(kind, event, scope)
                .then(|| self.pauses.take()),
            Target::Write(kind) => self
                .writes
                .push(kind, event, scope)
                .then(|| self.writes.take()),
            Target::Socket { is_write } => self
                .socket_io
                .push(is_write, event, scope)
                .then(|| self.socket_io.take()),
            Target::Load(kind) => self
                .load_samples
                .push(kind, event, scope)
                .then(|| self.load_samples.take()),
        }
        .flatten()
    }

    /// The chunk ends: the batches that are not full.
    pub(crate) fn finish(&mut self) -> impl Iterator<Item = RowBatch> + use<> {
        self.pauses.settle();
        let batches = [
            self.lock_waits.take(),
            self.stack_samples.take(),
            self.pauses.take(),
            self.writes.take(),
            self.socket_io.take(),
            self.load_samples.take(),
        ];
        batches.into_iter().flatten()
    }

    /// Waits that began before the wait before of the same thread had ended.
    pub(crate) fn overlapping_waits(&self) -> u64 {
        self.lock_waits.overlapping
    }
}
