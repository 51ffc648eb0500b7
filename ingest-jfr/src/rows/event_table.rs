//! `jfr_<name>` tables: any event type, its fields flattened into columns.
//!
//! | field | columns |
//! |---|---|
//! | `startTime` and other times | `start_time` (`…_time`) |
//! | `duration` and other time spans | `duration_ns` (`…_ns`) |
//! | numbers | `BIGINT`, `DOUBLE`, `BOOLEAN`; amounts of data end in `_bytes` |
//! | a thread | `…_tid`, `…_java_thread_id`, `…_name`; of `eventThread` `tid`, `java_thread_id`, `thread_name` |
//! | `stackTrace` | `stack_id` |
//! | a class, method or other constant with a name | its name |
//! | other structures | their fields, with the field's name before |
//! | arrays | their number of elements, `…_count` |

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use kcorr_model::Type;

use crate::clock::ChunkClock;
use crate::format::cursor::{Cursor, Truncated};
use crate::format::plan::Plan;
use crate::format::schema::{FieldDeclaration, Schema, TypeDeclaration, Unit};
use crate::format::text::{self, Text};
use crate::names::java_name::class_name_from_internal;
use crate::names::pools::Pools;
use crate::rows::batch::{BATCH_ROWS, NO_STACK};
use crate::rows::event::Scope;
use crate::rows::fields::{CLASS_TYPE, STACK_TYPE, THREAD_TYPE};

/// Structures are flattened so deep.
const MAX_DEPTH: usize = 4;
/// The largest JDK event has about 60 fields.
const MAX_COLUMNS: usize = 512;

/// A batch of one event type; the merge decides on the table.
#[derive(Debug)]
pub(crate) struct EventBatch {
    /// `jdk.CPULoad`.
    pub(crate) event: String,
    pub(crate) rows: usize,
    pub(crate) columns: Vec<(String, Type, ArrayRef)>,
    pub(crate) stacks: Vec<u32>,
}

/// Builds batches of one event type.
#[derive(Debug)]
pub(crate) struct EventTable {
    pub(crate) event: String,
    compressed: bool,
    fields: Vec<Reader>,
    columns: Vec<Column>,
    stacks: Vec<u32>,
    rows: usize,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: Type,
    values: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Null,
    Number(i64),
    Float(f64),
    Text(String),
}

/// How a field is read; the values go to the columns in order.
#[derive(Debug)]
enum Reader {
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

impl EventTable {
    /// Prepares to read events of a type.
    pub(crate) fn new(
        schema: &Schema,
        declared: &TypeDeclaration,
        pools: &Pools<'_>,
        compressed: bool,
    ) -> Result<Self, String> {
        let mut layout = Layout {
            schema,
            pools,
            compressed,
            columns: Vec::new(),
        };
        let fields = layout.fields(declared, "", 0)?;
        Ok(Self {
            event: declared.name.clone(),
            compressed,
            fields,
            columns: layout.columns,
            stacks: Vec::new(),
            rows: 0,
        })
    }

    /// Appends the event between two offsets; answers whether the batch is full.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        body: usize,
        end: usize,
        clock: &ChunkClock,
        scope: &mut Scope<'_>,
    ) -> Result<bool, Truncated> {
        let mut cursor = Cursor::new(bytes.get(..end).unwrap_or_default(), body, self.compressed);
        let mut row = Row {
            clock,
            values: Vec::with_capacity(self.columns.len()),
            stack: NO_STACK,
            scope,
        };
        for field in &self.fields {
            row.read(field, &mut cursor)?;
        }
        if cursor.position() != end || row.values.len() != self.columns.len() {
            return Err(Truncated);
        }
        for (column, value) in self.columns.iter_mut().zip(row.values) {
            column.values.push(value);
        }
        self.stacks.push(row.stack);
        self.rows += 1;
        Ok(self.rows >= BATCH_ROWS)
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<EventBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        let columns = self.columns.iter_mut();
        Some(EventBatch {
            event: self.event.clone(),
            rows,
            columns: columns
                .map(|column| (column.name.clone(), column.kind, column.finish()))
                .collect(),
            stacks: std::mem::take(&mut self.stacks),
        })
    }
}

impl Column {
    fn finish(&mut self) -> ArrayRef {
        let values = std::mem::take(&mut self.values);
        let numbers = values.iter().map(|value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        });
        match self.kind {
            Type::Time => {
                let times = numbers.collect::<TimestampNanosecondArray>();
                Arc::new(times.with_timezone("UTC"))
            }
            Type::Bool => Arc::new(numbers.map(|n| Some(n? != 0)).collect::<BooleanArray>()),
            Type::Float64 => {
                let floats = values.iter().map(|value| match value {
                    Value::Float(float) => Some(*float),
                    _ => None,
                });
                Arc::new(floats.collect::<Float64Array>())
            }
            Type::Text => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                Arc::new(texts.collect::<StringArray>())
            }
            _ => Arc::new(numbers.collect::<Int64Array>()),
        }
    }
}

/// Reads the values of one event.
struct Row<'r, 'p> {
    clock: &'r ChunkClock,
    values: Vec<Value>,
    stack: u32,
    scope: &'r mut Scope<'p>,
}

impl Row<'_, '_> {
    /// Recurses at most [`MAX_DEPTH`] deep, as the readers nest.
    fn read(&mut self, reader: &Reader, cursor: &mut Cursor<'_>) -> Result<(), Truncated> {
        let value = match reader {
            Reader::Integer {
                width,
                unsigned,
                unit,
            } => {
                let number = integer(cursor, *width, *unsigned)?;
                Value::Number(self.in_ns(number, *unit))
            }
            Reader::Bool => Value::Number(i64::from(cursor.byte()?)),
            Reader::Float(width) => Value::Float(float(cursor.take(usize::from(*width))?)),
            Reader::String => match text::read(cursor)? {
                Text::Null => Value::Null,
                Text::Pooled(id) => text_value(self.scope.pools.pooled_string(id)),
                Text::Inline(text) => Value::Text(text.into_owned()),
            },
            Reader::Thread => {
                let id = cursor.long()?;
                let position = self.scope.thread_position(id);
                let thread = position.and_then(|position| self.scope.threads.get(position));
                let number = |number: Option<i64>| number.map_or(Value::Null, Value::Number);
                let name = thread.and_then(|thread| thread.name());
                self.values
                    .push(number(thread.and_then(|t| t.tid.map(i64::from))));
                self.values
                    .push(number(thread.and_then(|t| t.java_thread_id)));
                name.map_or(Value::Null, |name| Value::Text(name.to_owned()))
            }
            Reader::Stack => {
                let id = cursor.long()?;
                self.stack = self.scope.stacks.number(id).unwrap_or(NO_STACK);
                return Ok(());
            }
            Reader::Text { type_id, is_class } => {
                let text = self.scope.pools.text(*type_id, cursor.long()?);
                text_value(match is_class {
                    true => text.map(|name| class_name_from_internal(&name).into()),
                    false => text,
                })
            }
            Reader::Structure(fields) => {
                for field in fields {
                    self.read(field, cursor)?;
                }
                return Ok(());
            }
            Reader::Pooled {
                type_id,
                fields,
                columns,
            } => {
                let id = cursor.long()?;
                let pools = self.scope.pools;
                let at = pools
                    .pool(*type_id)
                    .and_then(|pool| pool.offset(pool.position(id)?));
                let before = self.values.len();
                if let Some(at) = at {
                    let mut cursor = pools.cursor(at);
                    let read = fields
                        .iter()
                        .try_for_each(|field| self.read(field, &mut cursor));
                    if read.is_err() {
                        self.values.truncate(before);
                    }
                }
                self.values.resize(before + columns, Value::Null);
                return Ok(());
            }
            Reader::Array(element) => {
                let count = cursor.count()?;
                if !element.is_empty() {
                    if count > cursor.remaining() {
                        return Err(Truncated);
                    }
                    for _ in 0..count {
                        element.skip(cursor)?;
                    }
                }
                Value::Number(i64::try_from(count).unwrap_or(i64::MAX))
            }
        };
        self.values.push(value);
        Ok(())
    }

    fn in_ns(&self, number: i64, unit: Unit) -> i64 {
        match unit {
            Unit::None | Unit::Bytes => number,
            Unit::TickTime => self.clock.realtime_from_ticks(number),
            Unit::TickSpan => self.clock.ns_from_ticks(number),
            Unit::Span(ns) | Unit::EpochTime(ns) => number.saturating_mul(ns),
        }
    }
}

fn text_value(text: Option<Cow<'_, str>>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.into_owned()))
}

#[allow(clippy::cast_possible_truncation)]
fn integer(cursor: &mut Cursor<'_>, width: u8, unsigned: bool) -> Result<i64, Truncated> {
    Ok(match (width, unsigned) {
        (1, true) => i64::from(cursor.byte()?),
        (1, false) => i64::from(cursor.byte()?.cast_signed()),
        (2, true) => i64::from(cursor.short()?),
        (2, false) => i64::from(cursor.short()?.cast_signed()),
        (4, unsigned) => {
            let number = cursor.int()?;
            if unsigned {
                i64::from(number)
            } else {
                i64::from(number.cast_signed())
            }
        }
        _ => cursor.long()?,
    })
}

fn float(bytes: &[u8]) -> f64 {
    match (bytes.first_chunk::<8>(), bytes.first_chunk::<4>()) {
        (Some(eight), _) => f64::from_be_bytes(*eight),
        (None, Some(four)) => f64::from(f32::from_be_bytes(*four)),
        (None, None) => f64::NAN,
    }
}

/// Decides on the columns of an event type.
struct Layout<'l, 'p> {
    schema: &'l Schema,
    pools: &'l Pools<'p>,
    compressed: bool,
    columns: Vec<Column>,
}

impl Layout<'_, '_> {
    fn fields(
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
        self.columns.push(Column {
            name: unique,
            kind,
            values: Vec::new(),
        });
    }
}

/// `jdk.CPULoad` → `jfr_cpu_load`.
pub(crate) fn table_name(event: &str) -> String {
    let simple = event.rsplit('.').next().unwrap_or(event);
    format!("jfr_{}", snake_case(simple))
}

/// `GCPhasePauseLevel1` → `gc_phase_pause_level1`.
fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 8);
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| characters.get(index));
        let after = characters.get(index + 1);
        let starts_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
            });
        if starts_word {
            snake.push('_');
        }
        if character.is_alphanumeric() {
            snake.extend(character.to_lowercase());
        } else {
            snake.push('_');
        }
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        assert_eq!(table_name("jdk.CPULoad"), "jfr_cpu_load");
        assert_eq!(
            table_name("jdk.GCPhasePauseLevel1"),
            "jfr_gc_phase_pause_level1"
        );
        assert_eq!(table_name("jdk.G1HeapSummary"), "jfr_g1_heap_summary");
        assert_eq!(table_name("my.app.Order$Placed"), "jfr_order_placed");
        assert_eq!(snake_case("osThreadId"), "os_thread_id");
    }
}
