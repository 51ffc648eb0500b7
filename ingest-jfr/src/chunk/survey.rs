//! The first pass over a chunk: how many events of each type, where the pools and settings are.

use std::collections::{BTreeMap, HashMap};

use kcorr_model::{LossKind, LossLedger, Position, Severity};

use crate::chunk::losses::BAD_POOL;
use crate::chunk::walk::{Runs, walk};
use crate::format::cursor::Cursor;
use crate::format::framing::{CONSTANT_POOL, Frame, METADATA, frame};
use crate::format::header::{HEADER_LENGTH, Header};
use crate::format::metadata;
use crate::format::plan::Plan;
use crate::format::schema::Schema;
use crate::message::TypeCount;

/// The chunk's types are not known.
pub(crate) const NO_METADATA: LossKind = LossKind {
    name: "jfr_chunk_without_metadata",
    severity: Severity::Error,
    doc: "A chunk has no readable metadata event, which tells how its events are written: none of them can be read. The JDK writes it at a chunk's end, so a recording cut off in its first chunk has none.",
};

/// Type ids are small; larger ones are counted in a map.
const DENSE_TYPES: usize = 1 << 14;
/// Settings are a few hundred a chunk, repeated for every recording that runs.
const MAX_SETTINGS: usize = 1 << 16;

/// A chunk has a handful, or one a second.
const MAX_POOLS: usize = 1 << 18;

/// What the first pass found.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) schema: Schema,
    pub(crate) runs: Runs,
    pub(crate) pools: Vec<Frame>,
    pub(crate) settings: Vec<Frame>,
    pub(crate) jvm: Option<Frame>,
    counts: Counts,
}

#[derive(Debug)]
struct Counts {
    dense: Vec<(u64, u64)>,
    sparse: HashMap<i64, (u64, u64)>,
}

impl Counts {
    #[inline]
    fn add(&mut self, frame: Frame) {
        let bytes = (frame.end - frame.start) as u64;
        let dense = usize::try_from(frame.type_id).ok();
        let count = match dense.and_then(|id| self.dense.get_mut(id)) {
            Some(count) => count,
            // Unknown ids can be anything; what does not fit is one more unknown.
            None if self.sparse.len() < DENSE_TYPES => {
                self.sparse.entry(frame.type_id).or_default()
            }
            None => self.sparse.entry(-1).or_default(),
        };
        count.0 += 1;
        count.1 += bytes;
    }
}

impl Survey {
    /// Surveys the chunk at the start of `bytes`; none if its types are not known, and then the
    /// ledger says so.
    pub(crate) fn of(
        bytes: &[u8],
        header: &Header,
        base: u64,
        losses: &mut LossLedger,
    ) -> Result<Self, usize> {
        let schema = match read_schema(bytes, header) {
            Ok(schema) => schema,
            Err(why) => {
                // Walk all the same: another chunk may begin behind, and the bytes are to be told.
                let mut ignored = LossLedger::default();
                let mut count = 0u64;
                let runs = walk(bytes, header, base, &mut ignored, &mut |_| count += 1, None);
                losses.record_many(
                    &NO_METADATA,
                    count.max(1),
                    Position::Byte(base),
                    None,
                    || format!("{why}; {count} events in {} bytes", runs.end),
                );
                return Err(runs.end);
            }
        };
        let id_of = |name: &str| {
            schema
                .by_name(name)
                .map_or(i64::MIN, |declared| declared.id)
        };
        let (setting, jvm) = (id_of("jdk.ActiveSetting"), id_of("jdk.JVMInformation"));
        let mut counts = Counts {
            dense: vec![(0, 0); DENSE_TYPES],
            sparse: HashMap::new(),
        };
        let mut pools = Vec::new();
        let mut settings = Vec::new();
        let mut jvm_event = None;
        let mut too_many_pools = 0u64;
        let mut visit = |frame: Frame| {
            counts.add(frame);
            if frame.type_id == CONSTANT_POOL {
                if pools.len() < MAX_POOLS {
                    pools.push(frame);
                } else {
                    too_many_pools += 1;
                }
            } else if frame.type_id == setting && settings.len() < MAX_SETTINGS {
                settings.push(frame);
            } else if frame.type_id == jvm {
                jvm_event = Some(frame);
            }
        };
        let is_event = |frame: Frame| is_event(bytes, header, &schema, frame);
        let runs = walk(bytes, header, base, losses, &mut visit, Some(&is_event));
        if too_many_pools > 0 {
            losses.record_many(
                &BAD_POOL,
                too_many_pools,
                Position::Byte(base),
                None,
                || format!("more than {MAX_POOLS} constant-pool events in one chunk"),
            );
        }
        Ok(Self {
            runs,
            pools,
            settings,
            jvm: jvm_event,
            counts,
            schema,
        })
    }

    /// Events by type name. Ids that are no declared type are not among them: see
    /// [`unknown`](Self::unknown).
    pub(crate) fn types(&self) -> BTreeMap<String, TypeCount> {
        let mut types = BTreeMap::<String, TypeCount>::new();
        for (id, (count, bytes)) in self.all_counts() {
            if let Some(declared) = self
                .schema
                .by_id(id)
                .filter(|_| id != METADATA && id != CONSTANT_POOL)
            {
                let entry = types.entry(declared.name.clone()).or_default();
                entry.count += count;
                entry.bytes += bytes;
            }
        }
        types
    }

    /// Events of types that the metadata does not declare: count, and one of the ids.
    pub(crate) fn unknown(&self) -> Option<(u64, i64)> {
        let unknown = self.all_counts().filter(|(id, _)| {
            *id != METADATA && *id != CONSTANT_POOL && self.schema.by_id(*id).is_none()
        });
        unknown.fold(None, |sum: Option<(u64, i64)>, (id, (count, _))| {
            let (total, first) = sum.unwrap_or((0, id));
            Some((total + count, first.min(id)))
        })
    }

    fn all_counts(&self) -> impl Iterator<Item = (i64, (u64, u64))> {
        let dense = self
            .counts
            .dense
            .iter()
            .zip(0i64..)
            .map(|(count, id)| (id, *count));
        let sparse = self.counts.sparse.iter().map(|(id, count)| (*id, *count));
        dense.chain(sparse).filter(|(_, (count, _))| *count > 0)
    }
}

/// Whether an event of this frame is possible: pools and metadata, or a declared type whose fields
/// fill the frame exactly.
fn is_event(bytes: &[u8], header: &Header, schema: &Schema, frame: Frame) -> bool {
    if matches!(frame.type_id, METADATA | CONSTANT_POOL) {
        return true;
    }
    let Some(declared) = schema
        .by_id(frame.type_id)
        .filter(|declared| declared.is_event)
    else {
        return false;
    };
    let Ok(plan) = Plan::compile(schema, declared, header.compressed, &|_| None) else {
        return false;
    };
    let mut cursor = Cursor::new(bytes, frame.body, header.compressed);
    plan.skip(&mut cursor).is_ok() && cursor.position() == frame.end
}

/// Reads the metadata event: the one the header names in a finished chunk, otherwise the last that
/// there is, because a recorder that has not finished writes it again when types are added.
fn read_schema(bytes: &[u8], header: &Header) -> Result<Schema, String> {
    let named = usize::try_from(header.metadata_offset).ok();
    let named = named.filter(|at| *at >= HEADER_LENGTH);
    let named = named.and_then(|at| frame(bytes, at, header.compressed).ok());
    let named = named.filter(|frame| frame.type_id == METADATA);
    let is_finished = header.generation == 0 && header.chunk_length == bytes.len() as u64;
    let mut why = "the chunk has no metadata event".to_owned();
    if let Some(frame) = named.filter(|_| is_finished) {
        match schema_of(bytes, header, frame) {
            Ok(schema) => return Ok(schema),
            Err(refused) => why = refused,
        }
    }
    let mut found = Vec::new();
    let mut visit = |frame: Frame| {
        if frame.type_id == METADATA {
            found.push(frame);
        }
    };
    let mut ignored = LossLedger::default();
    walk(bytes, header, 0, &mut ignored, &mut visit, None);
    found.extend(named);
    found.sort_by_key(|frame| std::cmp::Reverse(frame.start));
    found.dedup();
    // Each attempt reads the whole event; more than a few can only be damage.
    for frame in found.into_iter().take(8) {
        match schema_of(bytes, header, frame) {
            Ok(schema) => return Ok(schema),
            Err(refused) => why = refused,
        }
    }
    Err(why)
}

/// Reads the metadata event at a frame.
pub(crate) fn schema_of(bytes: &[u8], header: &Header, frame: Frame) -> Result<Schema, String> {
    let event = bytes.get(..frame.end).unwrap_or_default();
    let at = frame.start;
    let canonical =
        metadata::canonical_chunk(event, frame.body, header.compressed).map_err(|refusal| {
            format!("the metadata event at {at} in the chunk is refused: {refusal}")
        })?;
    Schema::read(canonical)
        .map_err(|error| format!("the metadata event at {at} in the chunk is refused: {error}"))
}
