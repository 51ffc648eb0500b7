//! Dictionary columns whose values come from a constant pool.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringBuilder};
use arrow::datatypes::Int32Type;
use kcorr_model::columns::{Nullable, dictionary};

const UNSEEN: i32 = 0;
const NULL: i32 = -1;

/// Builds a dictionary column: a pool entry's text is looked up once a batch.
#[derive(Debug)]
pub(crate) struct PooledLabels {
    keys: Nullable<i32>,
    values: StringBuilder,
    value_count: i32,
    /// By position in the pool: key + 1, [`UNSEEN`] or [`NULL`].
    seen: Vec<i32>,
    used: Vec<usize>,
}

impl Default for PooledLabels {
    fn default() -> Self {
        Self {
            keys: Nullable::default(),
            values: StringBuilder::new(),
            value_count: 0,
            seen: Vec::new(),
            used: Vec::new(),
        }
    }
}

impl PooledLabels {
    /// Appends the text of the entry at a position; null if it has none.
    #[inline(always)]
    pub(crate) fn push<'a>(
        &mut self,
        position: Option<usize>,
        text: impl FnOnce() -> Option<Cow<'a, str>>,
    ) {
        let Some(position) = position else {
            return self.keys.push(None);
        };
        let seen = self.seen.get(position).copied().unwrap_or(UNSEEN);
        let key = if seen == UNSEEN {
            self.add(position, text())
        } else {
            seen
        };
        self.keys.push((key != NULL).then_some(key - 1));
    }

    #[cold]
    fn add(&mut self, position: usize, text: Option<Cow<'_, str>>) -> i32 {
        let key = match text {
            Some(text) => {
                self.values.append_value(text);
                self.value_count += 1;
                self.value_count
            }
            None => NULL,
        };
        if self.seen.len() <= position {
            self.seen.resize(position + 1, UNSEEN);
        }
        if let Some(place) = self.seen.get_mut(position) {
            *place = key;
        }
        self.used.push(position);
        key
    }

    /// The column, none if it is all null; the next batch starts empty.
    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        for position in self.used.drain(..) {
            if let Some(place) = self.seen.get_mut(position) {
                *place = UNSEEN;
            }
        }
        self.value_count = 0;
        let values = Arc::new(self.values.finish());
        dictionary(self.keys.finish::<Int32Type>()?, values)
    }
}
