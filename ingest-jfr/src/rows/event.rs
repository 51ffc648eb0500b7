//! One decoded event, and what its ids are looked up in.

use crate::clock::ChunkClock;
use crate::format::plan::Slots;
use crate::names::pools::{Pool, Pools};
use crate::names::stacks::Stacks;
use crate::names::threads::Threads;
use crate::rows::fields::{DURATION, EventPlan, STACK, START, THREAD};

/// An event's values.
#[derive(Debug)]
pub(crate) struct Event<'e> {
    pub(crate) plan: &'e EventPlan,
    slots: &'e Slots,
    /// Wall time, ns.
    pub(crate) start: i64,
    /// Wall time, ns; the start of an event without duration.
    pub(crate) end: i64,
    /// ns.
    pub(crate) duration: i64,
}

impl<'e> Event<'e> {
    /// An event whose slots were filled by its plan.
    #[inline(always)]
    pub(crate) fn new(plan: &'e EventPlan, slots: &'e Slots, clock: &ChunkClock) -> Self {
        let slot = |slot: u8| slots.get(usize::from(slot)).copied().unwrap_or(0);
        let start = clock.realtime_from_ticks(slot(START));
        let duration = clock.ns_from_ticks(slot(DURATION));
        Self {
            plan,
            slots,
            start,
            end: start.saturating_add(duration),
            duration,
        }
    }

    /// The value in a slot; 0 if the event has none.
    #[inline]
    pub(crate) fn slot(&self, slot: u8) -> i64 {
        self.slots.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// Pool id of the thread.
    #[inline]
    pub(crate) fn thread(&self) -> i64 {
        self.slot(THREAD)
    }

    /// Pool id of the stack.
    #[inline]
    pub(crate) fn stack(&self) -> i64 {
        self.slot(STACK)
    }

    /// An `int` that the event declares in place.
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn int(&self, slot: u8) -> i32 {
        self.slot(slot) as i32
    }

    /// A text, in place or in a pool.
    pub(crate) fn text<'p>(
        &self,
        slot: u8,
        pools: &Pools<'p>,
    ) -> Option<std::borrow::Cow<'p, str>> {
        match self.plan.pool(slot) {
            Some(type_id) => pools.text(type_id, self.slot(slot)),
            None => match self.slot(slot) {
                0 => None,
                at => pools.string_at(usize::try_from(at).ok()?),
            },
        }
    }
}

/// What the ids of a chunk's events are looked up in.
#[derive(Debug)]
pub(crate) struct Scope<'p> {
    pub(crate) pools: &'p Pools<'p>,
    pub(crate) threads: Threads,
    pub(crate) stacks: Stacks<'p>,
    /// The pool that was used last.
    recent: Option<(i64, &'p Pool)>,
    /// Ids of threads and classes that are in no pool.
    pub(crate) missing: u64,
}

impl<'p> Scope<'p> {
    pub(crate) fn new(pools: &'p Pools<'p>, threads: Threads) -> Self {
        Self {
            pools,
            threads,
            stacks: Stacks::new(pools),
            recent: None,
            missing: 0,
        }
    }

    /// The position of a thread.
    #[inline(always)]
    pub(crate) fn thread_position(&mut self, id: i64) -> Option<usize> {
        if id == 0 {
            return None;
        }
        let position = self.threads.position(id);
        self.missing += u64::from(position.is_none());
        position
    }

    /// The position of an id in the pool of a type.
    #[inline(always)]
    pub(crate) fn position(&mut self, type_id: Option<i64>, id: i64) -> Option<usize> {
        let type_id = type_id?;
        if id == 0 {
            return None;
        }
        let pool = match self.recent {
            Some((recent, pool)) if recent == type_id => Some(pool),
            _ => self
                .pools
                .pool(type_id)
                .inspect(|pool| self.recent = Some((type_id, pool))),
        };
        let position = pool.and_then(|pool| pool.position(id));
        self.missing += u64::from(position.is_none());
        position
    }
}
