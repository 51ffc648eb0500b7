//! Which columns an event type has, and how its fields are read.

use kcorr_model::Type;

use super::column::Column;
use super::names::snake_case;
use crate::format::plan::Plan;
use crate::format::schema::{FieldDeclaration, Schema, TypeDeclaration, Unit};
use crate::names::pools::Pools;
use crate::rows::fields::{CLASS_TYPE, STACK_TYPE, THREAD_TYPE};

/// Structures are flattened so deep.
const MAX_DEPTH: usize = 4;
/// The largest JDK event has about 60 fields.
const MAX_COLUMNS: usize = 512;

/// How a field is read; the values go to the columns in order.
#[derive(Debug)]
pub(super) enum Reader {
    /// An integer of this many bytes, and what it counts.
    Integer {
        width: u8,
        unsigned: bool,
        unit: Unit,
    },
    Bool,
    Float(u8),
    String,
    /// Ids in pools.
    Thread,
    Stack,
    Text {
        type_id: i64,
        is_class: bool,
    },
    /// A structure in place.
    Structure(Vec<Reader>),
    /// A structure in a pool, of this type.
    Pooled {
        type_id: i64,
        fields: Vec<Reader>,
        columns: usize,
    },
    /// Elements that are passed over; their number is kept.
    Array(Plan),
}

/// Decides on the columns of an event type.
pub(super) struct Layout<'l, 'p> {
    pub(super) schema: &'l Schema,
    pub(super) pools: &'l Pools<'p>,
    pub(super) compressed: bool,
    pub(super) columns: Vec<Column>,
}

impl Layout<'_, '_> {
    /// How the fields of a type are read; their columns are added.
    pub(super) fn fields(
        &mut self,
        declared: &TypeDeclaration,
        prefix: &str,
        depth: usize,
    ) -> Result<Vec<Reader>, String> {
        let mut readers = Vec::new();
        for field in &declared.fields {
            readers.push(self.field(field, prefix, depth)?);
        }
        Ok(readers)
    }

    fn field(
        &mut self,
        field: &FieldDeclaration,
        prefix: &str,
        depth: usize,
    ) -> Result<Reader, String> {
        if self.columns.len() > MAX_COLUMNS {
            return Err(format!("it has more than {MAX_COLUMNS} columns"));
        }
        let declared = self.schema.by_id(field.type_id);
        let declared = declared.ok_or_else(|| format!("type {} is not declared", field.type_id))?;
        let name = format!("{prefix}{}", snake_case(&field.name));
        if field.is_array {
            self.column(&format!("{name}_count"), Type::Int64);
            let element = if field.is_pooled {
                Plan::reference(self.compressed)
            } else {
                Plan::compile(self.schema, declared, self.compressed, &|_| None)
                    .map_err(|refusal| refusal.to_string())?
            };
            return Ok(Reader::Array(element));
        }
        if field.is_pooled {
            return self.pooled(declared, &name, depth);
        }
        let integer = |width| Reader::Integer {
            width,
            unsigned: field.is_unsigned,
            unit: field.unit,
        };
        Ok(match declared.name.as_str() {
            "boolean" => {
                self.column(&name, Type::Bool);
                Reader::Bool
            }
            "byte" => self.number(&name, field.unit, integer(1)),
            "short" | "char" => self.number(&name, field.unit, integer(2)),
            "int" => self.number(&name, field.unit, integer(4)),
            "long" => self.number(&name, field.unit, integer(8)),
            "float" => {
                self.column(&name, Type::Float64);
                Reader::Float(4)
            }
            "double" => {
                self.column(&name, Type::Float64);
                Reader::Float(8)
            }
            "java.lang.String" => {
                self.column(&name, Type::Text);
                Reader::String
            }
            _ if depth >= MAX_DEPTH => return Err(format!("{} is nested too deep", field.name)),
            _ => Reader::Structure(self.fields(declared, &format!("{name}_"), depth + 1)?),
        })
    }

    fn pooled(
        &mut self,
        declared: &TypeDeclaration,
        name: &str,
        depth: usize,
    ) -> Result<Reader, String> {
        let type_id = declared.id;
        let is_class = declared.name == CLASS_TYPE;
        if declared.name == THREAD_TYPE {
            let of = |what: &str, alone: &str| match name {
                "event_thread" | "sampled_thread" => alone.to_owned(),
                _ => format!("{name}_{what}"),
            };
            self.column(&of("tid", "tid"), Type::Int64);
            self.column(&of("java_thread_id", "java_thread_id"), Type::Int64);
            self.column(&of("name", "thread_name"), Type::Text);
            return Ok(Reader::Thread);
        }
        if declared.name == STACK_TYPE && name == "stack_trace" {
            return Ok(Reader::Stack);
        }
        if is_class || self.pools.has_text(declared) {
            self.column(name, Type::Text);
            return Ok(Reader::Text { type_id, is_class });
        }
        if depth >= MAX_DEPTH {
            return Ok(Reader::Pooled {
                type_id,
                fields: Vec::new(),
                columns: 0,
            });
        }
        let before = self.columns.len();
        let fields = self.fields(declared, &format!("{name}_"), depth + 1)?;
        Ok(Reader::Pooled {
            type_id,
            fields,
            columns: self.columns.len() - before,
        })
    }

    fn number(&mut self, name: &str, unit: Unit, reader: Reader) -> Reader {
        let ends = |suffix: &str| match name.ends_with(suffix) {
            true => name.to_owned(),
            false => format!("{name}{suffix}"),
        };
        match unit {
            Unit::None => self.column(name, Type::Int64),
            Unit::Bytes => self.column(&ends("_bytes"), Type::Int64),
            Unit::TickTime | Unit::EpochTime(_) => self.column(&ends("_time"), Type::Time),
            Unit::TickSpan | Unit::Span(_) => self.column(&ends("_ns"), Type::Int64),
        }
        reader
    }

    /// Adds a column; a name that is taken gets a number.
    fn column(&mut self, name: &str, kind: Type) {
        let taken = |name: &str| {
            let reserved = ["jfr_event_id", "source_id", "stack_id"];
            reserved.contains(&name) || self.columns.iter().any(|column| column.name == name)
        };
        let mut unique = name.to_owned();
        let mut number = 2;
        while taken(&unique) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        self.columns.push(Column::new(unique, kind));
    }
}
