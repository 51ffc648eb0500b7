//! A type compiled into a flat list of steps, so that decoding an event asks no questions of its
//! metadata.

use crate::format::cursor::{Cursor, Truncated};
use crate::format::schema::{Schema, TypeDeclaration};
use crate::format::text;

/// Values that a plan can keep of one record.
pub(crate) const SLOTS: usize = 16;
/// Where the values that nobody asked for go.
pub(crate) const UNUSED: u8 = 15;

/// Structures nest by value at most this deep; the JDK's own nest two deep.
const MAX_DEPTH: usize = 8;
/// The largest JDK event has about 60 fields.
const MAX_STEPS: usize = 2048;

/// Numbers of one record: for strings the offset of the string in the chunk, for arrays that of
/// the count.
pub(crate) type Slots = [i64; SLOTS];

/// One step: reads or passes over a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// A compressed integer.
    Varint(u8),
    /// One byte.
    Byte(u8),
    /// An uncompressed integer or a float of this width.
    Fixed(u8, u8),
    /// A string; the slot gets its offset.
    Text(u8),
    /// An array of records; the slot gets the offset of its count.
    Array(u8, Box<[Step]>),
}

/// Why a type cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it refers to type {0}, which is not declared")]
    Unknown(i64),
    #[error("it contains itself, or is nested deeper than 8")]
    TooDeep,
    #[error("it has more than 2048 fields")]
    TooWide,
}

/// The steps of one type.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    steps: Box<[Step]>,
    /// The slots, if all steps are compressed integers: most events are, and they are the hot path.
    varints: Option<Box<[u8]>>,
}

impl Plan {
    /// Compiles a type; `slot` tells where the value of a top-level field is to be kept.
    pub(crate) fn compile(
        schema: &Schema,
        declared: &TypeDeclaration,
        compressed: bool,
        slot: &dyn Fn(&str) -> Option<u8>,
    ) -> Result<Self, Refusal> {
        let mut compiler = Compiler {
            schema,
            compressed,
            steps: 0,
        };
        let mut steps = Vec::new();
        compiler.value(declared, 0, UNUSED, Some(slot), &mut steps)?;
        Ok(Self::of(steps))
    }

    fn of(steps: Vec<Step>) -> Self {
        let slot = |step: &Step| match step {
            Step::Varint(slot) => Some(*slot),
            _ => None,
        };
        Self {
            varints: steps.iter().map(slot).collect(),
            steps: steps.into(),
        }
    }

    /// The plan of a reference into a pool.
    pub(crate) fn reference(compressed: bool) -> Self {
        let step = match compressed {
            true => Step::Varint(UNUSED),
            false => Step::Fixed(UNUSED, 8),
        };
        Self::of(vec![step])
    }

    /// Steps through a record at the cursor and keeps what was asked for.
    #[inline]
    #[allow(clippy::cast_possible_wrap)]
    pub(crate) fn read(&self, cursor: &mut Cursor<'_>, slots: &mut Slots) -> Result<(), Truncated> {
        let Some(varints) = &self.varints else {
            return run(&self.steps, cursor, slots);
        };
        for slot in varints {
            let value = cursor.varint()? as i64;
            if let Some(place) = slots.get_mut(usize::from(slot & UNUSED)) {
                *place = value;
            }
        }
        Ok(())
    }

    /// Steps over a record.
    #[inline]
    pub(crate) fn skip(&self, cursor: &mut Cursor<'_>) -> Result<(), Truncated> {
        run(&self.steps, cursor, &mut [0; SLOTS])
    }

    /// Whether records have no bytes at all, so that a count of them is not bounded by the input.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

#[inline]
#[allow(clippy::cast_possible_wrap)]
fn run(steps: &[Step], cursor: &mut Cursor<'_>, slots: &mut Slots) -> Result<(), Truncated> {
    for step in steps {
        let (slot, value) = match step {
            Step::Varint(slot) => (slot, cursor.varint()? as i64),
            Step::Byte(slot) => (slot, i64::from(cursor.byte()?)),
            Step::Fixed(slot, width) => {
                let bytes = cursor.take(usize::from(*width))?;
                let bits = bytes.iter().fold(0u64, |bits, b| bits << 8 | u64::from(*b));
                (slot, bits as i64)
            }
            Step::Text(slot) => {
                let at = cursor.position();
                text::skip(cursor)?;
                (slot, at as i64)
            }
            Step::Array(slot, steps) => {
                let at = cursor.position();
                skip_array(steps, cursor)?;
                (slot, at as i64)
            }
        };
        if let Some(place) = slots.get_mut(usize::from(slot & UNUSED)) {
            *place = value;
        }
    }
    Ok(())
}

/// Recurses at most as deep as the plan nests.
fn skip_array(steps: &[Step], cursor: &mut Cursor<'_>) -> Result<(), Truncated> {
    let count = cursor.count()?;
    if steps.is_empty() {
        return Ok(());
    }
    if count > cursor.remaining() {
        return Err(Truncated);
    }
    if steps.iter().all(|step| matches!(step, Step::Varint(_))) {
        for _ in 0..count.saturating_mul(steps.len()) {
            cursor.varint()?;
        }
        return Ok(());
    }
    let mut unused = [0; SLOTS];
    for _ in 0..count {
        run(steps, cursor, &mut unused)?;
    }
    Ok(())
}

struct Compiler<'a> {
    schema: &'a Schema,
    compressed: bool,
    steps: usize,
}

type SlotOf<'a> = Option<&'a dyn Fn(&str) -> Option<u8>>;

impl Compiler<'_> {
    /// Appends the steps of a value of a type.
    fn value(
        &mut self,
        declared: &TypeDeclaration,
        depth: usize,
        slot: u8,
        slot_of: SlotOf<'_>,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        // Records without fields add no steps, but visiting them takes time too.
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Refusal::TooWide);
        }
        if let Some(step) = self.primitive(&declared.name, slot) {
            return self.push(step, steps);
        }
        for field in &declared.fields {
            let slot = slot_of.and_then(|of| of(&field.name)).unwrap_or(UNUSED);
            if field.is_array {
                let mut element = Vec::new();
                self.field(field.type_id, field.is_pooled, depth, UNUSED, &mut element)?;
                self.push(Step::Array(slot, element.into()), steps)?;
            } else {
                self.field(field.type_id, field.is_pooled, depth, slot, steps)?;
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        type_id: i64,
        is_pooled: bool,
        depth: usize,
        slot: u8,
        steps: &mut Vec<Step>,
    ) -> Result<(), Refusal> {
        if is_pooled {
            let step = self.integer(8, slot);
            return self.push(step, steps);
        }
        let declared = self.schema.by_id(type_id);
        let declared = declared.ok_or(Refusal::Unknown(type_id))?;
        self.value(declared, depth + 1, slot, None, steps)
    }

    fn push(&mut self, step: Step, steps: &mut Vec<Step>) -> Result<(), Refusal> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Refusal::TooWide);
        }
        steps.push(step);
        Ok(())
    }

    fn primitive(&self, name: &str, slot: u8) -> Option<Step> {
        Some(match name {
            "boolean" | "byte" => Step::Byte(slot),
            "short" | "char" => self.integer(2, slot),
            "int" => self.integer(4, slot),
            "long" => self.integer(8, slot),
            "float" => Step::Fixed(slot, 4),
            "double" => Step::Fixed(slot, 8),
            "java.lang.String" => Step::Text(slot),
            _ => return None,
        })
    }

    fn integer(&self, width: u8, slot: u8) -> Step {
        if self.compressed {
            Step::Varint(slot)
        } else {
            Step::Fixed(slot, width)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::schema::{FieldDeclaration, Unit};

    fn declared(id: i64, name: &str, fields: &[(&str, i64, bool)]) -> TypeDeclaration {
        let field = |(name, type_id, is_array): &(&str, i64, bool)| FieldDeclaration {
            name: (*name).into(),
            type_id: *type_id,
            is_pooled: false,
            is_array: *is_array,
            is_unsigned: false,
            unit: Unit::None,
        };
        TypeDeclaration {
            id,
            name: name.into(),
            is_event: false,
            fields: fields.iter().map(field).collect(),
        }
    }

    #[test]
    fn a_nested_record_is_flattened_and_an_array_passed_over() {
        let schema = Schema::of_types([
            declared(1, "long", &[]),
            declared(2, "java.lang.String", &[]),
            declared(3, "Pair", &[("a", 1, false), ("b", 1, false)]),
            declared(
                4,
                "Event",
                &[
                    ("pairs", 3, true),
                    ("pair", 3, false),
                    ("text", 2, false),
                    ("last", 1, false),
                ],
            ),
        ]);
        let slot = |name: &str| (name == "last").then_some(2);
        let event = schema.by_id(4).unwrap();
        let plan = Plan::compile(&schema, event, true, &slot).unwrap();
        let bytes = [2, 1, 1, 1, 1, 9, 9, 3, 1, b'x', 42];
        let mut slots = [0; SLOTS];
        let mut cursor = Cursor::new(&bytes, 0, true);
        plan.read(&mut cursor, &mut slots).unwrap();
        assert_eq!((cursor.position(), slots[2]), (bytes.len(), 42));
    }

    #[test]
    fn a_type_that_contains_itself_is_refused() {
        let schema = Schema::of_types([declared(
            1,
            "Loop",
            &[("again", 1, false), ("twice", 1, false)],
        )]);
        let plan = Plan::compile(&schema, schema.by_id(1).unwrap(), true, &|_| None);
        assert_eq!(plan, Err(Refusal::TooDeep));
    }

    #[test]
    fn an_array_of_nothing_does_not_spin() {
        let schema = Schema::of_types([
            declared(1, "Nothing", &[]),
            declared(2, "Event", &[("nothings", 1, true)]),
        ]);
        let plan = Plan::compile(&schema, schema.by_id(2).unwrap(), true, &|_| None).unwrap();
        let bytes = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(plan.skip(&mut Cursor::new(&bytes, 0, true)).is_ok());
    }
}
