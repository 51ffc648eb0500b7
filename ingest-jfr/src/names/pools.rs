//! Reads constant-pool events: where each entry's value stands. Values are decoded when asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::format::cursor::{Cursor, Truncated};
use crate::format::framing::Frame;
use crate::format::plan::{Plan, SLOTS, Slots, UNUSED};
use crate::format::schema::{Schema, TypeDeclaration};
use crate::format::text::{self, Text};
use crate::names::id_index::IdIndex;

/// Texts in pools refer to each other at most so deep (method → class → symbol → string).
const MAX_TEXT_DEPTH: usize = 4;
/// Names longer than this are cut: a damaged length must not be repeated in a million rows.
const MAX_NAME: usize = 4096;

/// The constant pools of one chunk.
#[derive(Debug)]
pub(crate) struct Pools<'a> {
    bytes: &'a [u8],
    compressed: bool,
    schema: &'a Schema,
    pools: BTreeMap<i64, Pool>,
    string_type: Option<i64>,
}

/// The entries of one type.
#[derive(Debug)]
pub(crate) struct Pool {
    plan: Plan,
    entries: Vec<(i64, usize)>,
    index: IdIndex,
    text: TextOf,
}

/// How an entry's text is found.
#[derive(Debug)]
enum TextOf {
    /// The type has none.
    Nothing,
    /// The entry is a string.
    Itself,
    /// A field in slot 0 is a string.
    Field(Plan),
    /// A field in slot 0 refers to an entry of this type.
    Reference(Plan, i64),
}

/// Why the rest of a pool event could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PoolDamage {
    #[error("an entry of {0} reaches past the event's end")]
    Truncated(String),
    #[error("it has entries of type {0}, which is not declared or cannot be read")]
    UnknownType(i64),
    #[error("its header is cut off")]
    Header,
}

impl<'a> Pools<'a> {
    /// Pools of a chunk without entries yet.
    pub(crate) fn new(bytes: &'a [u8], compressed: bool, schema: &'a Schema) -> Self {
        Self {
            bytes,
            compressed,
            schema,
            pools: BTreeMap::new(),
            string_type: schema.by_name("java.lang.String").map(|t| t.id),
        }
    }

    /// A cursor in the chunk.
    pub(crate) fn cursor(&self, position: usize) -> Cursor<'a> {
        Cursor::new(self.bytes, position, self.compressed)
    }

    /// Adds the entries of one pool event. Entries before a damage are kept.
    pub(crate) fn add(&mut self, frame: Frame) -> Result<(), PoolDamage> {
        let event = self.bytes.get(..frame.end).unwrap_or_default();
        let mut cursor = Cursor::new(event, frame.body, self.compressed);
        let pool_count = pool_event_header(&mut cursor).map_err(|_| PoolDamage::Header)?;
        for _ in 0..pool_count {
            let header = cursor.long().and_then(|id| Ok((id, cursor.count()?)));
            let (type_id, count) = header.map_err(|_| PoolDamage::Header)?;
            let Some(pool) = self.pool_of(type_id) else {
                return Err(PoolDamage::UnknownType(type_id));
            };
            for _ in 0..count {
                let entry = cursor.long().and_then(|id| {
                    let at = cursor.position();
                    pool.plan.skip(&mut cursor)?;
                    Ok((id, at))
                });
                match entry {
                    Ok(entry) => pool.entries.push(entry),
                    Err(Truncated) => {
                        let name = self.schema.by_id(type_id).map(|t| t.name.clone());
                        return Err(PoolDamage::Truncated(name.unwrap_or_default()));
                    }
                }
            }
        }
        Ok(())
    }

    fn pool_of(&mut self, type_id: i64) -> Option<&mut Pool> {
        if !self.pools.contains_key(&type_id) {
            let declared = self.schema.by_id(type_id)?;
            let plan = Plan::compile(self.schema, declared, self.compressed, &|_| None).ok()?;
            let pool = Pool {
                plan,
                entries: Vec::new(),
                index: IdIndex::default(),
                text: self.text_of(declared),
            };
            self.pools.insert(type_id, pool);
        }
        self.pools.get_mut(&type_id)
    }

    /// A type's text is its first string, or the text of the first entry that it refers to: so it
    /// is for symbols, class names, collectors, causes, thread states, VM operations.
    fn text_of(&self, declared: &TypeDeclaration) -> TextOf {
        if declared.name == "java.lang.String" {
            return TextOf::Itself;
        }
        let is_string = |id| Some(id) == self.string_type;
        let named = |name: &str| {
            declared
                .fields
                .iter()
                .find(|f| f.name == name && !f.is_array)
        };
        let field = named("name").or_else(|| {
            let mut fields = declared.fields.iter();
            fields.find(|f| !f.is_array && (f.is_pooled || is_string(f.type_id)))
        });
        let Some(field) = field else {
            return TextOf::Nothing;
        };
        let slot = |name: &str| (name == field.name).then_some(0);
        match Plan::compile(self.schema, declared, self.compressed, &slot) {
            Ok(plan) if field.is_pooled => TextOf::Reference(plan, field.type_id),
            Ok(plan) if is_string(field.type_id) => TextOf::Field(plan),
            _ => TextOf::Nothing,
        }
    }

    /// Makes entries findable; called once, when all pool events were added.
    pub(crate) fn index(&mut self) {
        for pool in self.pools.values_mut() {
            pool.index = IdIndex::new(pool.entries.iter().map(|(id, _)| *id));
        }
    }

    /// The pool of a type.
    pub(crate) fn pool(&self, type_id: i64) -> Option<&Pool> {
        self.pools.get(&type_id)
    }

    /// The text that an entry stands for; id 0 is null.
    pub(crate) fn text(&self, type_id: i64, id: i64) -> Option<Cow<'a, str>> {
        self.text_within(type_id, id, MAX_TEXT_DEPTH)
    }

    fn text_within(&self, type_id: i64, id: i64, depth: usize) -> Option<Cow<'a, str>> {
        let depth = depth.checked_sub(1)?;
        let pool = self.pools.get(&type_id)?;
        let at = pool.offset(pool.position(id)?)?;
        let mut slots = [0; SLOTS];
        match &pool.text {
            TextOf::Nothing => None,
            TextOf::Itself => self.string_within(at, depth),
            TextOf::Field(plan) => {
                plan.read(&mut self.cursor(at), &mut slots).ok()?;
                self.string_within(usize::try_from(slots[0]).ok()?, depth)
            }
            TextOf::Reference(plan, target) => {
                plan.read(&mut self.cursor(at), &mut slots).ok()?;
                self.text_within(*target, slots[0], depth)
            }
        }
    }

    /// Whether entries of a type have a text.
    pub(crate) fn has_text(&self, declared: &TypeDeclaration) -> bool {
        let of = self.text_of(declared);
        match of {
            TextOf::Nothing => false,
            TextOf::Itself | TextOf::Field(_) => true,
            // A name that leads through a symbol, not any structure that refers to another.
            TextOf::Reference(_, target) => {
                let target = self.schema.by_id(target);
                target.is_some_and(|t| matches!(self.text_of(t), TextOf::Itself | TextOf::Field(_)))
            }
        }
    }

    /// The string with an id in the string pool.
    pub(crate) fn pooled_string(&self, id: i64) -> Option<Cow<'a, str>> {
        self.text(self.string_type?, id)
    }

    /// The string that stands at an offset of the chunk.
    pub(crate) fn string_at(&self, at: usize) -> Option<Cow<'a, str>> {
        self.string_within(at, MAX_TEXT_DEPTH)
    }

    fn string_within(&self, at: usize, depth: usize) -> Option<Cow<'a, str>> {
        match text::read(&mut self.cursor(at)).ok()? {
            Text::Null => None,
            Text::Pooled(id) => self.text_within(self.string_type?, id, depth),
            Text::Inline(text) => Some(cut(text)),
        }
    }

    /// A reader of some fields of a pooled type: field `n` of `fields` comes in slot `n`.
    pub(crate) fn record(&self, type_name: &str, fields: &[&str]) -> Option<Record> {
        let declared = self.schema.by_name(type_name)?;
        Record::compile(self.schema, declared, self.compressed, fields)
    }
}

impl Pool {
    /// All entries: id and offset of the value.
    pub(crate) fn entries(&self) -> &[(i64, usize)] {
        &self.entries
    }

    /// The position of an id's entry.
    #[inline]
    pub(crate) fn position(&self, id: i64) -> Option<usize> {
        self.index.get(id)
    }

    /// Where the value of the entry at a position stands.
    #[inline]
    pub(crate) fn offset(&self, position: usize) -> Option<usize> {
        self.entries.get(position).map(|(_, at)| *at)
    }
}

/// Reads some fields of a type.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) type_id: i64,
    plan: Plan,
    /// For each field, if the type has it: whether it refers to a pool, and its type.
    kinds: Vec<Option<(bool, i64)>>,
}

impl Record {
    /// Compiles the reader; at most 15 fields.
    pub(crate) fn compile(
        schema: &Schema,
        declared: &TypeDeclaration,
        compressed: bool,
        fields: &[&str],
    ) -> Option<Self> {
        let slot = |name: &str| {
            let slot = fields.iter().position(|field| *field == name)?;
            u8::try_from(slot).ok().filter(|slot| *slot < UNUSED)
        };
        let plan = Plan::compile(schema, declared, compressed, &slot).ok()?;
        let kinds = fields.iter().map(|name| {
            let field = declared.field(name)?;
            Some((field.is_pooled, field.type_id))
        });
        Some(Self {
            type_id: declared.id,
            plan,
            kinds: kinds.collect(),
        })
    }

    /// Reads the record at an offset.
    pub(crate) fn read(&self, pools: &Pools<'_>, at: usize) -> Option<Slots> {
        let mut slots = [0; SLOTS];
        self.plan.read(&mut pools.cursor(at), &mut slots).ok()?;
        Some(slots)
    }

    /// Reads the record at an offset and tells where the next one starts; none if records have no
    /// bytes, because a count of such is not bounded by the input.
    pub(crate) fn read_to_end(&self, pools: &Pools<'_>, at: usize) -> Option<(Slots, usize)> {
        if self.plan.is_empty() {
            return None;
        }
        let mut slots = [0; SLOTS];
        let mut cursor = pools.cursor(at);
        self.plan.read(&mut cursor, &mut slots).ok()?;
        Some((slots, cursor.position()))
    }

    /// The number in a field.
    pub(crate) fn number(&self, slots: &Slots, field: usize) -> Option<i64> {
        (*self.kinds.get(field)?)?;
        slots.get(field).copied()
    }

    /// The text of a field, written in place or in a pool.
    pub(crate) fn text<'a>(
        &self,
        pools: &Pools<'a>,
        slots: &Slots,
        field: usize,
    ) -> Option<Cow<'a, str>> {
        let (is_pooled, type_id) = (*self.kinds.get(field)?)?;
        let value = *slots.get(field)?;
        if is_pooled {
            pools.text(type_id, value)
        } else {
            pools.string_at(usize::try_from(value).ok()?)
        }
    }
}

/// Steps over the times, the offset of the event before and the flags; answers the pool count.
fn pool_event_header(cursor: &mut Cursor<'_>) -> Result<usize, Truncated> {
    for _start_duration_delta in 0..3 {
        cursor.long()?;
    }
    cursor.byte()?;
    cursor.count()
}

/// The offset, relative to the event, of the pool event before; 0 at the first.
pub(crate) fn delta(bytes: &[u8], frame: Frame, compressed: bool) -> Option<i64> {
    let mut cursor = Cursor::new(bytes, frame.body, compressed);
    cursor.long().ok()?;
    cursor.long().ok()?;
    cursor.long().ok()
}

fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= MAX_NAME {
        return text;
    }
    let end = text.floor_char_boundary(MAX_NAME);
    Cow::Owned(text.get(..end).unwrap_or_default().to_owned())
}
