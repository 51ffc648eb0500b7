//! The values of one event, read in the order of its columns.

use std::borrow::Cow;

use super::column::Value;
use super::layout::Reader;
use crate::clock::ChunkClock;
use crate::format::cursor::{Cursor, Truncated};
use crate::format::schema::Unit;
use crate::format::text::{self, Text};
use crate::names::java_name::class_name_from_internal;
use crate::rows::batch::NO_STACK;
use crate::rows::event::Scope;

/// Reads the values of one event.
pub(super) struct Row<'r, 'p> {
    pub(super) clock: &'r ChunkClock,
    pub(super) values: Vec<Value>,
    pub(super) stack: u32,
    pub(super) scope: &'r mut Scope<'p>,
}

impl Row<'_, '_> {
    /// Reads a field. Recurses as deep as the readers nest, which the layout bounds.
    pub(super) fn read(
        &mut self,
        reader: &Reader,
        cursor: &mut Cursor<'_>,
    ) -> Result<(), Truncated> {
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
