//! The stacks of a chunk, decoded when a row first refers to one.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use xxhash_rust::xxh3::xxh3_128;

use crate::names::id_index::IdHasher;
use crate::names::java_name::method_name;
use crate::names::pools::{Pool, Pools, Record};

/// Deeper stacks are cut; async-profiler and the JDK record at most 2048 frames.
const MAX_FRAMES: usize = 8192;

/// Stacks that rows refer to and that were not handed over yet.
#[derive(Debug, Default)]
pub(crate) struct NewStacks {
    /// Frame names that were not handed over yet; they go on counting from those that were.
    pub(crate) names: Vec<String>,
    pub(crate) stacks: Vec<NewStack>,
}

/// One stack; the frames are numbers of frame names of the chunk.
#[derive(Debug)]
pub(crate) struct NewStack {
    pub(crate) frames: Vec<u32>,
    pub(crate) is_truncated: bool,
    /// The same for the same frames in any chunk.
    pub(crate) hash: u128,
}

/// The stacks of a chunk. Rows get a stack's number in order of first use.
#[derive(Debug)]
pub(crate) struct Stacks<'p> {
    pools: &'p Pools<'p>,
    trace: Option<Trace>,
    pool: Option<&'p Pool>,
    /// By position in the stack pool: number + 1.
    numbers: Vec<u32>,
    next_number: u32,
    /// By id in the method pool.
    name_numbers: HashMap<i64, u32, BuildHasherDefault<IdHasher>>,
    name_hashes: Vec<u128>,
    new: NewStacks,
    /// References to stacks that are not in the pool.
    pub(crate) missing: u64,
}

/// How a stack is read.
#[derive(Debug)]
struct Trace {
    trace: Record,
    frame: Record,
    method: Record,
}

impl<'p> Stacks<'p> {
    /// Prepares to read the stacks of a chunk.
    pub(crate) fn new(pools: &'p Pools<'p>) -> Self {
        let trace = Trace::compile(pools);
        let pool = trace.as_ref().and_then(|t| pools.pool(t.trace.type_id));
        Self {
            pools,
            numbers: vec![0; pool.map_or(0, |pool| pool.entries().len())],
            trace,
            pool,
            next_number: 0,
            name_numbers: HashMap::default(),
            name_hashes: Vec::new(),
            new: NewStacks::default(),
            missing: 0,
        }
    }

    /// The number of the stack with a pool id.
    #[inline(always)]
    pub(crate) fn number(&mut self, id: i64) -> Option<u32> {
        if id == 0 {
            return None;
        }
        let Some(position) = self.pool.and_then(|pool| pool.position(id)) else {
            self.missing += 1;
            return None;
        };
        match self.numbers.get(position) {
            Some(0) | None => self.decode(position),
            Some(number) => Some(*number - 1),
        }
    }

    /// Takes the stacks that came up since the last call.
    pub(crate) fn take_new(&mut self) -> NewStacks {
        std::mem::take(&mut self.new)
    }

    #[cold]
    fn decode(&mut self, position: usize) -> Option<u32> {
        let pools = self.pools;
        let trace = self.trace.as_ref()?;
        let at = self.pool?.offset(position)?;
        let slots = trace.trace.read(pools, at)?;
        let mut is_truncated = trace.trace.number(&slots, 0).is_some_and(|flag| flag != 0);
        let mut cursor = pools.cursor(usize::try_from(slots[1]).ok()?);
        let count = cursor.count().ok()?;
        is_truncated |= count > MAX_FRAMES;
        let mut frames = Vec::with_capacity(count.min(256));
        let mut frame_at = cursor.position();
        for _ in 0..count.min(MAX_FRAMES) {
            let Some((slots, end)) = trace.frame.read_to_end(pools, frame_at) else {
                is_truncated = true;
                break;
            };
            frame_at = end;
            let method = slots[0];
            let number = match self.name_numbers.get(&method) {
                Some(number) => *number,
                None => {
                    let name = trace.method_name(pools, method);
                    let number = u32::try_from(self.name_hashes.len()).ok()?;
                    self.name_hashes.push(xxh3_128(name.as_bytes()));
                    self.new.names.push(name);
                    self.name_numbers.insert(method, number);
                    number
                }
            };
            frames.push(number);
        }
        let mut hashed = vec![u8::from(is_truncated)];
        for frame in &frames {
            let hash = self.name_hashes.get(*frame as usize)?;
            hashed.extend(hash.to_le_bytes());
        }
        self.new.stacks.push(NewStack {
            frames,
            is_truncated,
            hash: xxh3_128(&hashed),
        });
        let number = self.next_number;
        self.next_number = number.checked_add(1)?;
        if let Some(place) = self.numbers.get_mut(position) {
            *place = self.next_number;
        }
        Some(number)
    }
}

impl Trace {
    fn compile(pools: &Pools<'_>) -> Option<Self> {
        Some(Self {
            trace: pools.record("jdk.types.StackTrace", &["truncated", "frames"])?,
            frame: pools.record("jdk.types.StackFrame", &["method"])?,
            method: pools.record("jdk.types.Method", &["type", "name"])?,
        })
    }

    fn method_name(&self, pools: &Pools<'_>, id: i64) -> String {
        let found = pools
            .pool(self.method.type_id)
            .and_then(|pool| pool.offset(pool.position(id)?))
            .and_then(|at| self.method.read(pools, at));
        let Some(slots) = found else {
            return "?".to_owned();
        };
        let class = self.method.text(pools, &slots, 0);
        let method = self.method.text(pools, &slots, 1);
        method_name(class.as_deref(), method.as_deref())
    }
}
