//! `stack_samples` from the execution and wall-clock samples of both recorders.

use kcorr_model::columns::{Choices, Numbers, OptionalInts, OptionalNumbers};
use kcorr_model::tables::STACK_SAMPLES;

use crate::rows::batch::{BATCH_ROWS, NO_STACK, RowBatch};
use crate::rows::event::{Event, Scope};
use crate::rows::fields::{OWN, Wanted};
use crate::rows::labels::PooledLabels;

const STATE: u8 = OWN;
const SAMPLES: u8 = OWN + 1;

const PERIOD: u8 = OWN + 2;

/// The fields that samples are made of.
pub(crate) const WANTED: [Wanted; 3] = [
    Wanted::text("state", STATE),
    Wanted::value("samples", SAMPLES),
    Wanted::value("samplingPeriod", PERIOD),
];

/// Which event a sample comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `jdk.ExecutionSample`. Of async-profiler: on a CPU by its CPU engine, or a wall-clock sample
    /// in versions before 4; of the JDK: running Java code.
    Execution,
    /// `jdk.NativeMethodSample`: in native code, running or waiting.
    Native,
    /// `profiler.WallClockSample`.
    Wall,
    /// `jdk.CPUTimeSample`.
    CpuTime,
}

/// What samples weigh, from the recorder's settings of the chunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weights {
    /// CPU time between execution samples, ns.
    pub(crate) cpu_interval_ns: Option<i64>,
    /// Time between wall-clock samples of a thread, ns.
    pub(crate) wall_interval_ns: Option<i64>,
    /// Time between native method samples, ns.
    pub(crate) native_interval_ns: Option<i64>,
    /// Execution samples are wall-clock samples (async-profiler's `event=wall`).
    pub(crate) execution_is_wall: bool,
}

/// The events by the numbers of [`Kind::sampler`].
const SAMPLERS: [&str; 4] = [
    "jdk.ExecutionSample",
    "jdk.NativeMethodSample",
    "profiler.WallClockSample",
    "jdk.CPUTimeSample",
];

impl Kind {
    fn sampler(self) -> i32 {
        match self {
            Kind::Execution => 0,
            Kind::Native => 1,
            Kind::Wall => 2,
            Kind::CpuTime => 3,
        }
    }
}

const ON_CPU: i32 = 0;
const WALL: i32 = 1;

/// Builds batches of `stack_samples`.
#[derive(Debug)]
pub(crate) struct StackSamples {
    weights: Weights,
    rows: usize,
    time: Numbers,
    state: Choices,
    sampler: Choices,
    tid: OptionalInts,
    thread_name: PooledLabels,
    sample_count: Numbers,
    weight: OptionalNumbers,
    stacks: Vec<u32>,
    /// Whether a thread state (pool id) means asleep.
    asleep: Vec<(i64, bool)>,
}

impl StackSamples {
    pub(crate) fn new(weights: Weights) -> Self {
        Self {
            weights,
            rows: 0,
            time: Numbers::default(),
            state: Choices::new(&["on_cpu", "wall"]),
            sampler: Choices::new(&SAMPLERS),
            tid: OptionalInts::default(),
            thread_name: PooledLabels::default(),
            sample_count: Numbers::default(),
            weight: OptionalNumbers::default(),
            stacks: Vec::new(),
            asleep: Vec::new(),
        }
    }

    /// Appends a sample; answers whether the batch is full.
    #[inline]
    pub(crate) fn push(&mut self, kind: Kind, event: &Event<'_>, scope: &mut Scope<'_>) -> bool {
        self.rows += 1;
        self.time.push(event.start);
        let position = scope.thread_position(event.thread());
        let thread = position.and_then(|position| scope.threads.get(position));
        self.tid.push(thread.and_then(|t| t.tid));
        self.thread_name
            .push(position, || Some(thread?.name()?.into()));

        let samples = event.slot(SAMPLES).max(1);
        let weights = self.weights;
        let (state, weight) = match kind {
            Kind::Execution if weights.execution_is_wall => (WALL, weights.wall_interval_ns),
            Kind::Execution if self.is_asleep(event, scope) => (WALL, weights.wall_interval_ns),
            Kind::Execution => (ON_CPU, weights.cpu_interval_ns),
            Kind::Native => (WALL, weights.native_interval_ns),
            Kind::Wall => (WALL, weights.wall_interval_ns),
            Kind::CpuTime => {
                let period = event.slot(PERIOD);
                (ON_CPU, (period > 0).then_some(period))
            }
        };
        self.state.push(state);
        self.sampler.push(kind.sampler());
        self.sample_count.push(samples);
        self.weight
            .push(weight.map(|ns| ns.saturating_mul(samples)));
        self.stacks
            .push(scope.stacks.number(event.stack()).unwrap_or(NO_STACK));
        self.rows >= BATCH_ROWS
    }

    fn is_asleep(&mut self, event: &Event<'_>, scope: &Scope<'_>) -> bool {
        let id = event.slot(STATE);
        if let Some((_, asleep)) = self.asleep.iter().find(|(known, _)| *known == id) {
            return *asleep;
        }
        let state = event.text(STATE, scope.pools);
        let asleep = state.is_some_and(|state| state.contains("SLEEPING"));
        // There are about ten thread states; more can only be damage.
        if self.asleep.len() < 32 {
            self.asleep.push((id, asleep));
        }
        asleep
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<RowBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        Some(RowBatch {
            table: &STACK_SAMPLES,
            rows,
            columns: vec![
                ("time", self.time.finish_times()),
                ("state", self.state.finish()),
                ("sampler", self.sampler.finish()),
                ("tid", self.tid.finish()),
                ("thread_name", self.thread_name.finish()),
                ("sample_count", self.sample_count.finish()),
                ("weight_ns", self.weight.finish()),
            ],
            stacks: std::mem::take(&mut self.stacks),
        })
    }
}
