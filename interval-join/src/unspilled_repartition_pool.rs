//! A limit of memory under which `RepartitionExec` never spills.
//!
//! DataFusion 55.2's `RepartitionExec` can wait for ever once it has spilled: inputs that spill at one
//! time each fill a file of their own, and the reader waits for more of the oldest file while the rows
//! that its consumer wants are in a younger one (apache/datafusion issue 24883; pull request 24891 mends
//! it and is in no release yet). Interval joins meet it often, because both of their sides may be
//! partitioned.
//!
//! To be removed, for `FairSpillPool`, with the first release of DataFusion that has that change: it was
//! merged into `main` in September 2026, after branch 55, so 56.0.0, or a 55.x that takes it over. The test
//! `the_release_of_datafusion_that_needs_this_pool_is_in_use` reminds of it when the release changes, and
//! `a_join_of_two_divided_sides_ends_with_datafusions_own_pool` (run with `--ignored`) tells.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::common::{Result, resources_datafusion_err};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size,
};

/// What the consumers of a `RepartitionExec` are called, before the number of their partition.
const REPARTITION: &str = "RepartitionExec[";

/// Divides memory as `FairSpillPool` does: whoever can spill has an equal share of what is not reserved by
/// those who cannot. But the rows that a `RepartitionExec` holds for slow readers always have room.
///
/// They are counted: others have less of it meanwhile. At most half of the limit is taken from those who
/// can spill, though, so that they never have to give up for it; by what is held above that, and only
/// then, more than the limit is in use. It is rows that one partition's reader is behind the others,
/// which is little where work is divided evenly.
#[derive(Debug)]
pub struct UnspilledRepartitionPool {
    limit: usize,
    reserved: Mutex<Reserved>,
}

/// Bytes that are reserved.
#[derive(Debug, Default)]
struct Reserved {
    /// How many consumers that can spill there are, repartitions left out.
    spillers: usize,
    by_spillers: usize,
    by_others: usize,
    by_repartitions: usize,
}

/// What becomes of a request for more than there is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consumer {
    Repartition,
    Spiller,
    Other,
}

impl Consumer {
    fn of(consumer: &MemoryConsumer) -> Self {
        match consumer.can_spill() {
            false => Self::Other,
            true if consumer.name().starts_with(REPARTITION) => Self::Repartition,
            true => Self::Spiller,
        }
    }
}

impl UnspilledRepartitionPool {
    /// A pool of some bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            limit: limit_bytes,
            reserved: Mutex::default(),
        }
    }

    fn reserved_now(&self) -> MutexGuard<'_, Reserved> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reserved {
    fn of(&mut self, consumer: Consumer) -> &mut usize {
        match consumer {
            Consumer::Repartition => &mut self.by_repartitions,
            Consumer::Spiller => &mut self.by_spillers,
            Consumer::Other => &mut self.by_others,
        }
    }

    /// Bytes that a consumer with a reservation can still have.
    fn room(&self, consumer: Consumer, has: usize, limit: usize) -> usize {
        match consumer {
            Consumer::Repartition => usize::MAX,
            Consumer::Spiller => {
                let taken = self.by_others + self.by_repartitions.min(limit / 2);
                let share = limit.saturating_sub(taken) / self.spillers.max(1);
                share.saturating_sub(has)
            }
            Consumer::Other => limit
                .saturating_sub(self.by_others + self.by_spillers)
                .saturating_sub(self.by_repartitions),
        }
    }
}

impl MemoryPool for UnspilledRepartitionPool {
    fn name(&self) -> &str {
        "fair, repartitions unspilled"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if Consumer::of(consumer) == Consumer::Spiller {
            self.reserved_now().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if Consumer::of(consumer) == Consumer::Spiller {
            let mut reserved = self.reserved_now();
            reserved.spillers = reserved.spillers.saturating_sub(1);
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let consumer = Consumer::of(reservation.consumer());
        *self.reserved_now().of(consumer) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let consumer = Consumer::of(reservation.consumer());
        let mut reserved = self.reserved_now();
        let bytes = reserved.of(consumer);
        *bytes = bytes.saturating_sub(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = Consumer::of(reservation.consumer());
        let mut reserved = self.reserved_now();
        let room = reserved.room(consumer, reservation.size(), self.limit);
        if additional > room {
            return Err(resources_datafusion_err!(
                "{} has {} of memory and needs {} more, of which {} are left of {}",
                reservation.consumer().name(),
                human_readable_size(reservation.size()),
                human_readable_size(additional),
                human_readable_size(room),
                human_readable_size(self.limit)
            ));
        }
        *reserved.of(consumer) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let reserved = self.reserved_now();
        reserved.by_spillers + reserved.by_others + reserved.by_repartitions
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limit)
    }
}

impl fmt::Display for UnspilledRepartitionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = human_readable_size(self.limit);
        write!(f, "{} (limit {limit})", self.name())
    }
}
