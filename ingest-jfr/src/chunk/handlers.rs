//! Which event becomes a row of which table.

use std::collections::HashMap;

use kcorr_model::{Table, tables};

use crate::format::schema::Schema;
use crate::rows::fields::{EventPlan, Wanted};
use crate::rows::{load_samples, lock_waits, pauses, socket_io, stack_samples, writes};

/// What is made of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    LockWait(lock_waits::Kind),
    Sample(stack_samples::Kind),
    Pause(pauses::Kind),
    Write(writes::Kind),
    Socket { is_write: bool },
    Load(load_samples::Kind),
}

use Target::{Load, LockWait, Pause, Sample, Socket, Write};

/// The events that become rows. A new one is one line here.
const TARGETS: [(&str, Target); 26] = [
    ("jdk.JavaMonitorEnter", LockWait(lock_waits::Kind::Monitor)),
    (
        "jdk.JavaMonitorWait",
        LockWait(lock_waits::Kind::MonitorWait),
    ),
    ("jdk.ThreadPark", LockWait(lock_waits::Kind::Park)),
    ("profiler.NativeLock", LockWait(lock_waits::Kind::Native)),
    (
        "jdk.ExecutionSample",
        Sample(stack_samples::Kind::Execution),
    ),
    (
        "jdk.NativeMethodSample",
        Sample(stack_samples::Kind::Native),
    ),
    ("jdk.CPUTimeSample", Sample(stack_samples::Kind::CpuTime)),
    (
        "profiler.WallClockSample",
        Sample(stack_samples::Kind::Wall),
    ),
    (
        "jdk.GarbageCollection",
        Pause(pauses::Kind::GarbageCollection),
    ),
    ("jdk.GCPhasePause", Pause(pauses::Kind::GcPause)),
    ("jdk.GCPhasePauseLevel1", Pause(pauses::Kind::GcPhase)),
    ("jdk.GCPhasePauseLevel2", Pause(pauses::Kind::GcPhase)),
    ("jdk.GCPhasePauseLevel3", Pause(pauses::Kind::GcPhase)),
    ("jdk.GCPhasePauseLevel4", Pause(pauses::Kind::GcPhase)),
    ("jdk.SafepointBegin", Pause(pauses::Kind::SafepointBegin)),
    (
        "jdk.SafepointStateSynchronization",
        Pause(pauses::Kind::SafepointSync),
    ),
    ("jdk.SafepointEnd", Pause(pauses::Kind::SafepointEnd)),
    ("jdk.ExecuteVMOperation", Pause(pauses::Kind::VmOperation)),
    ("jdk.FileWrite", Write(writes::Kind::Write)),
    ("jdk.FileRead", Write(writes::Kind::Read)),
    ("jdk.FileForce", Write(writes::Kind::Force)),
    ("jdk.SocketRead", Socket { is_write: false }),
    ("jdk.SocketWrite", Socket { is_write: true }),
    ("jdk.CPULoad", Load(load_samples::Kind::Cpu)),
    (
        "jdk.ThreadContextSwitchRate",
        Load(load_samples::Kind::ContextSwitches),
    ),
    ("jdk.NetworkUtilization", Load(load_samples::Kind::Network)),
];

impl Target {
    fn of(event: &str) -> Option<Self> {
        let mut targets = TARGETS.iter();
        targets.find_map(|(name, target)| (*name == event).then_some(*target))
    }

    fn wanted(self) -> &'static [Wanted] {
        match self {
            LockWait(_) => &lock_waits::WANTED,
            Sample(_) => &stack_samples::WANTED,
            Pause(_) => &pauses::WANTED,
            Write(_) => &writes::WANTED,
            Socket { .. } => &socket_io::WANTED,
            Load(_) => &load_samples::WANTED,
        }
    }

    /// The table that the rows are in.
    pub(crate) fn table(self) -> &'static Table {
        match self {
            LockWait(_) => &tables::LOCK_WAITS,
            Sample(_) => &tables::STACK_SAMPLES,
            Pause(_) => &tables::PAUSES,
            Write(_) => &tables::WRITES,
            Socket { .. } => &tables::SOCKET_IO,
            Load(_) => &tables::LOAD_SAMPLES,
        }
    }
}

/// The handlers of a chunk's event types, by type id.
#[derive(Debug)]
pub(crate) struct Handlers {
    handlers: Vec<Handler>,
    /// Index + 1 by type id.
    dense: Vec<u16>,
    sparse: HashMap<i64, u16>,
    /// Types that would become rows but cannot be compiled, and why.
    pub(crate) refused: Vec<(String, String)>,
}

/// How events of a type are read.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) name: String,
    pub(crate) plan: EventPlan,
    pub(crate) target: Target,
}

const DENSE_TYPES: usize = 1 << 14;

impl Handlers {
    /// Compiles the handlers of the events that a schema declares.
    pub(crate) fn new(schema: &Schema, compressed: bool) -> Self {
        let mut all = Self {
            handlers: Vec::new(),
            dense: vec![0; DENSE_TYPES],
            sparse: HashMap::new(),
            refused: Vec::new(),
        };
        for declared in schema.types() {
            let Some(target) = Target::of(&declared.name) else {
                continue;
            };
            match EventPlan::compile(schema, declared, compressed, target.wanted()) {
                Ok(plan) => {
                    let name = declared.name.clone();
                    all.handlers.push(Handler { name, plan, target });
                    let number = u16::try_from(all.handlers.len()).unwrap_or(0);
                    let dense = usize::try_from(declared.id).ok();
                    match dense.and_then(|id| all.dense.get_mut(id)) {
                        Some(place) => *place = number,
                        None => {
                            all.sparse.insert(declared.id, number);
                        }
                    }
                }
                Err(why) => all.refused.push((declared.name.clone(), why.to_string())),
            }
        }
        all
    }

    /// The handler of a type, if its events become rows.
    #[inline]
    pub(crate) fn get(&self, type_id: i64) -> Option<&Handler> {
        let number = match usize::try_from(type_id)
            .ok()
            .and_then(|id| self.dense.get(id))
        {
            Some(number) => *number,
            None => *self.sparse.get(&type_id)?,
        };
        self.handlers.get(usize::from(number).checked_sub(1)?)
    }

    /// All handlers.
    pub(crate) fn all(&self) -> &[Handler] {
        &self.handlers
    }
}
