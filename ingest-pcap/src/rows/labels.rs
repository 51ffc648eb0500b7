//! A dictionary column: strings that repeat.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;
use kcorr_model::{Error, Position};

use super::columns::Optional;

/// More distinct strings than this start a new dictionary with the next batch.
const LARGEST_DICTIONARY: usize = 8192;

/// The key of a string in a column's dictionary, kept where the string comes from. Good as long as
/// the column has the same dictionary.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct CachedLabel {
    generation: u32,
    key: i32,
}

/// A column of strings that repeat, as keys of a dictionary that batches share.
#[derive(Debug)]
pub(super) struct Labels {
    /// From 1: the default [`CachedLabel`] is never good.
    generation: u32,
    keys: Optional<Int32Type>,
    values: Vec<Arc<str>>,
    by_value: HashMap<Arc<str>, i32>,
    array: Option<ArrayRef>,
}

impl Labels {
    pub(super) fn new() -> Self {
        Self {
            generation: 1,
            keys: Optional::new(),
            values: Vec::new(),
            by_value: HashMap::new(),
            array: None,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Option<&str>) {
        let key = value.map(|value| self.key(value));
        self.keys.push(key);
    }

    /// Appends a value whose key is kept in `cached`; `value` is asked for when it is not good.
    #[inline]
    pub(super) fn push_cached<S: AsRef<str>>(
        &mut self,
        cached: &mut CachedLabel,
        value: impl FnOnce() -> S,
    ) {
        if cached.generation != self.generation {
            *cached = CachedLabel {
                generation: self.generation,
                key: self.key(value().as_ref()),
            };
        }
        self.keys.push(Some(cached.key));
    }

    fn key(&mut self, value: &str) -> i32 {
        if let Some(&key) = self.by_value.get(value) {
            return key;
        }
        let key = i32::try_from(self.values.len()).unwrap_or(i32::MAX);
        let value: Arc<str> = value.into();
        self.values.push(value.clone());
        self.by_value.insert(value, key);
        self.array = None;
        key
    }

    /// The column, which is empty afterwards.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, Error> {
        let keys = self.keys.finish();
        let values = self
            .array
            .get_or_insert_with(|| {
                Arc::new(StringArray::from_iter_values(
                    self.values.iter().map(|value| &**value),
                ))
            })
            .clone();
        let array = DictionaryArray::try_new(keys, values).map_err(|error| {
            Error::unsupported(
                Position::Whole,
                format!("cannot build a dictionary: {error}"),
            )
        })?;
        if self.values.len() > LARGEST_DICTIONARY {
            self.generation = self.generation.wrapping_add(1).max(1);
            self.values.clear();
            self.by_value.clear();
            self.array = None;
        }
        Ok(Arc::new(array))
    }
}
