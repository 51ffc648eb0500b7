//! Rows of `stacks`: each distinct stack once, and the ids of a chunk's stacks.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int64Array, Int64Builder, ListBuilder, StringBuilder,
};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables};

use super::constants::Constants;
use crate::names::stacks::NewStacks;
use crate::rows::batch::{BATCH_ROWS, NO_STACK};

/// Distinct stacks remembered, to say each once; further ones may come twice.
const MAX_STACKS: usize = 4_000_000;
/// Text of stacks collected before it is handed on, bytes.
const MAX_STACK_TEXT: usize = 8 << 20;

/// Collects stacks and gives them ids.
#[derive(Debug)]
pub(super) struct StackRows {
    next_id: RowIds,
    id_by_hash: HashMap<u128, i64>,
    /// Of the current chunk: frame names, and ids by stack number.
    names: Vec<String>,
    chunk_ids: Vec<i64>,
    held: Held,
}

/// Stacks that were not handed on yet.
#[derive(Debug)]
struct Held {
    ids: Int64Builder,
    frames: ListBuilder<StringBuilder>,
    is_truncated: BooleanBuilder,
    rows: usize,
    text: usize,
}

impl StackRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            next_id: source.row_ids(),
            id_by_hash: HashMap::new(),
            names: Vec::new(),
            chunk_ids: Vec::new(),
            held: Held::new(),
        }
    }

    /// Stacks and names are numbered anew from here on.
    pub(super) fn start_chunk(&mut self) {
        self.names.clear();
        self.chunk_ids.clear();
    }

    /// Takes stacks of the current chunk, in the order of their numbers.
    pub(super) fn take(
        &mut self,
        new: NewStacks,
        constants: &Constants,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        self.names.extend(new.names);
        for stack in new.stacks {
            let known = self.id_by_hash.get(&stack.hash);
            let id = match known {
                Some(id) => *id,
                None => {
                    let id = self.next_id.next();
                    if self.id_by_hash.len() < MAX_STACKS {
                        self.id_by_hash.insert(stack.hash, id);
                    }
                    self.held
                        .push(id, &stack.frames, &self.names, stack.is_truncated);
                    id
                }
            };
            self.chunk_ids.push(id);
            if self.held.text >= MAX_STACK_TEXT || self.held.rows >= BATCH_ROWS {
                self.flush(constants, output)?;
            }
        }
        Ok(())
    }

    /// The column of the ids of stacks, given by their numbers in the current chunk; none when no row has a
    /// stack.
    pub(super) fn ids(&self, numbers: &[u32]) -> Option<ArrayRef> {
        if numbers.iter().all(|number| *number == NO_STACK) {
            return None;
        }
        let id = |number: &u32| self.chunk_ids.get(*number as usize).copied();
        let ids = if numbers.contains(&NO_STACK) {
            numbers.iter().map(id).collect::<Int64Array>()
        } else {
            let ids = numbers.iter().map(|number| id(number).unwrap_or_default());
            ids.collect::<Vec<_>>().into()
        };
        Some(Arc::new(ids))
    }

    /// Hands on what is held.
    pub(super) fn flush(
        &mut self,
        constants: &Constants,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let mut stacks = std::mem::replace(&mut self.held, Held::new());
        if stacks.rows == 0 {
            return Ok(());
        }
        let batch = BatchBuilder::new(&tables::STACKS, stacks.rows)
            .set("stack_id", Arc::new(stacks.ids.finish()))
            .set("source_id", constants.source(stacks.rows))
            .set("frames", Arc::new(stacks.frames.finish()))
            .set("is_truncated", Arc::new(stacks.is_truncated.finish()))
            .finish()?;
        output.batch(&tables::STACKS, batch)
    }
}

impl Held {
    fn new() -> Self {
        Self {
            ids: Int64Builder::new(),
            frames: ListBuilder::new(StringBuilder::new()),
            is_truncated: BooleanBuilder::new(),
            rows: 0,
            text: 0,
        }
    }

    fn push(&mut self, id: i64, frames: &[u32], names: &[String], is_truncated: bool) {
        self.rows += 1;
        self.ids.append_value(id);
        for frame in frames {
            let name = names.get(*frame as usize).map_or("?", String::as_str);
            self.text += name.len();
            self.frames.values().append_value(name);
        }
        self.frames.append(true);
        self.is_truncated.append_value(is_truncated);
    }
}
