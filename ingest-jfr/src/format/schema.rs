//! The types that a chunk's metadata declares.

use std::collections::BTreeMap;

use jfrs::reader::JfrReader;
use jfrs::reader::type_descriptor::{FieldDescriptor, TickUnit, TypeDescriptor, Unit as JfrsUnit};

/// The declared types of a chunk, by id.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    types: BTreeMap<i64, TypeDeclaration>,
}

/// A declared type: an event, a constant-pool value, or a primitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeDeclaration {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) is_event: bool,
    pub(crate) fields: Vec<FieldDeclaration>,
}

/// A declared field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldDeclaration {
    pub(crate) name: String,
    pub(crate) type_id: i64,
    /// The value is an id in the type's constant pool.
    pub(crate) is_pooled: bool,
    pub(crate) is_array: bool,
    pub(crate) is_unsigned: bool,
    pub(crate) unit: Unit,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    None,
    Bytes,
    /// A point in time, in the chunk's ticks.
    TickTime,
    /// A duration, in the chunk's ticks.
    TickSpan,
    /// A duration in units of this many ns.
    Span(i64),
    /// A point in time since 1970, in units of this many ns.
    EpochTime(i64),
}

impl Schema {
    /// Lets jfrs read the metadata event of a chunk that holds nothing else.
    ///
    /// The bytes must come from [`crate::format::metadata::canonical_chunk`]: jfrs trusts counts
    /// and recurses by the input's depth. The message of its error is handed on.
    pub(crate) fn read(canonical_chunk: Vec<u8>) -> Result<Self, String> {
        let mut reader = JfrReader::new(std::io::Cursor::new(canonical_chunk));
        let chunk = reader.chunk_metadata().next();
        let (_, chunk) = chunk
            .ok_or("no metadata")?
            .map_err(|error| error.to_string())?;
        let types = chunk.metadata.type_pool.get_types();
        let types = types.map(|declared| (declared.class_id, TypeDeclaration::of(declared)));
        Ok(Self {
            types: types.collect(),
        })
    }

    /// All types, by id.
    pub(crate) fn types(&self) -> impl Iterator<Item = &TypeDeclaration> {
        self.types.values()
    }

    /// The type with an id.
    pub(crate) fn by_id(&self, id: i64) -> Option<&TypeDeclaration> {
        self.types.get(&id)
    }

    /// The type with a name.
    pub(crate) fn by_name(&self, name: &str) -> Option<&TypeDeclaration> {
        self.types.values().find(|declared| declared.name == name)
    }

    /// A schema of given types, for tests of what is built on it.
    #[cfg(test)]
    pub(crate) fn of_types(types: impl IntoIterator<Item = TypeDeclaration>) -> Self {
        Self {
            types: types.into_iter().map(|t| (t.id, t)).collect(),
        }
    }
}

impl TypeDeclaration {
    fn of(declared: &TypeDescriptor) -> Self {
        Self {
            id: declared.class_id,
            name: declared.name().to_owned(),
            is_event: declared.super_type() == Some("jdk.jfr.Event"),
            fields: declared.fields.iter().map(FieldDeclaration::of).collect(),
        }
    }

    /// The field with a name.
    pub(crate) fn field(&self, name: &str) -> Option<&FieldDeclaration> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl FieldDeclaration {
    fn of(declared: &FieldDescriptor) -> Self {
        let unit = match (declared.tick_unit, declared.unit) {
            (Some(TickUnit::Timestamp), _) => Unit::TickTime,
            (Some(TickUnit::Timespan), _) => Unit::TickSpan,
            (None, Some(JfrsUnit::Byte)) => Unit::Bytes,
            (None, Some(JfrsUnit::Nanosecond)) => Unit::Span(1),
            (None, Some(JfrsUnit::Millisecond)) => Unit::Span(1_000_000),
            (None, Some(JfrsUnit::Second)) => Unit::Span(1_000_000_000),
            (None, Some(JfrsUnit::EpochNano)) => Unit::EpochTime(1),
            (None, Some(JfrsUnit::EpochMilli)) => Unit::EpochTime(1_000_000),
            (None, Some(JfrsUnit::EpochSecond)) => Unit::EpochTime(1_000_000_000),
            _ => Unit::None,
        };
        Self {
            name: declared.name().to_owned(),
            type_id: declared.class_id,
            is_pooled: declared.constant_pool,
            is_array: declared.array_type,
            is_unsigned: declared.unsigned,
            unit,
        }
    }
}
