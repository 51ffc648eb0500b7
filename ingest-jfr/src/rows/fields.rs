//! Which fields of an event go into which slots of its plan.

use crate::format::plan::{Plan, Refusal};
use crate::format::schema::{Schema, TypeDeclaration};

/// `startTime`, ticks.
pub(crate) const START: u8 = 0;
/// `duration`, ticks.
pub(crate) const DURATION: u8 = 1;
/// The thread the event is about: id in the thread pool.
pub(crate) const THREAD: u8 = 2;
/// `stackTrace`: id in the stack pool.
pub(crate) const STACK: u8 = 3;
/// First slot that means something else for each table.
pub(crate) const OWN: u8 = 4;

/// A field that an event may have, by one of its names in the versions of the recorders.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) name: &'static str,
    pub(crate) slot: u8,
    pub(crate) kind: WantedKind,
}

/// How a field must be declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedKind {
    /// A number in place.
    Value,
    /// An id in the pool of the type with this name.
    Pooled(&'static str),
    /// A string in place, or an id in any pool.
    Text,
}

impl Wanted {
    pub(crate) const fn value(name: &'static str, slot: u8) -> Self {
        let kind = WantedKind::Value;
        Self { name, slot, kind }
    }

    pub(crate) const fn pooled(name: &'static str, slot: u8, pool: &'static str) -> Self {
        let kind = WantedKind::Pooled(pool);
        Self { name, slot, kind }
    }

    pub(crate) const fn text(name: &'static str, slot: u8) -> Self {
        let kind = WantedKind::Text;
        Self { name, slot, kind }
    }
}

pub(crate) const THREAD_TYPE: &str = "java.lang.Thread";
pub(crate) const STACK_TYPE: &str = "jdk.types.StackTrace";
pub(crate) const CLASS_TYPE: &str = "java.lang.Class";

const EVERY_EVENT: [Wanted; 5] = [
    Wanted::value("startTime", START),
    Wanted::value("duration", DURATION),
    Wanted::pooled("eventThread", THREAD, THREAD_TYPE),
    Wanted::pooled("sampledThread", THREAD, THREAD_TYPE),
    Wanted::pooled("stackTrace", STACK, STACK_TYPE),
];

/// A plan, and what the slots refer to.
#[derive(Debug)]
pub(crate) struct EventPlan {
    pub(crate) plan: Plan,
    /// For each slot: the type whose pool it refers to.
    pub(crate) pools: [Option<i64>; 16],
}

impl EventPlan {
    /// Compiles an event type. A field whose declaration is not as expected is left out: its slot
    /// is 0, which stands for null.
    pub(crate) fn compile(
        schema: &Schema,
        declared: &TypeDeclaration,
        compressed: bool,
        wanted: &[Wanted],
    ) -> Result<Self, Refusal> {
        let find = |name: &str| {
            let mut all = wanted.iter().chain(&EVERY_EVENT);
            let wanted = all.find(|wanted| wanted.name == name)?;
            let field = declared.field(name)?;
            let target = schema.by_id(field.type_id)?;
            let fits = match wanted.kind {
                WantedKind::Value => !field.is_pooled && target.fields.is_empty(),
                WantedKind::Pooled(pool) => field.is_pooled && target.name == pool,
                WantedKind::Text => field.is_pooled || target.name == "java.lang.String",
            };
            let fits = fits && !field.is_array;
            fits.then_some((wanted.slot, field.is_pooled.then_some(field.type_id)))
        };
        let plan = Plan::compile(schema, declared, compressed, &|name| Some(find(name)?.0))?;
        let mut pools = [None; 16];
        for field in &declared.fields {
            if let Some((slot, pool)) = find(&field.name)
                && let Some(place) = pools.get_mut(usize::from(slot))
            {
                *place = pool;
            }
        }
        Ok(Self { plan, pools })
    }

    /// The type whose pool a slot refers to.
    pub(crate) fn pool(&self, slot: u8) -> Option<i64> {
        self.pools.get(usize::from(slot)).copied().flatten()
    }
}
