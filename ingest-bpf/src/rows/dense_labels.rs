//! Columns of labels, from rows that hold their numbers.

use arrow::array::ArrayRef;
use kcorr_model::columns::keyed;

use crate::labels::{Label, Labels, NONE};

/// Renumbers the labels of one column densely, in order of first use. Keeps its memory between
/// batches.
#[derive(Debug, Default)]
pub(crate) struct DenseLabels {
    /// Key of each label, or −1.
    key_of: Vec<i32>,
}

/// A column of labels: a key a row (−1 for null), and the label of each key.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Key of each row.
    pub(crate) keys: Vec<i32>,
    /// Label of each key.
    pub(crate) labels: Vec<Label>,
}

impl DenseLabels {
    /// The keys of a column.
    pub(crate) fn keys<R>(
        &mut self,
        rows: &[R],
        labels: &Labels,
        value: impl Fn(&R) -> Label,
    ) -> Keys {
        self.key_of.resize(labels.len().saturating_add(1), -1);
        let mut used: Vec<Label> = Vec::new();
        let keys = rows
            .iter()
            .map(|row| {
                let label = value(row);
                if label == NONE {
                    return -1;
                }
                match self.key_of.get_mut(label as usize) {
                    Some(key) => {
                        if *key < 0 {
                            *key = i32::try_from(used.len()).unwrap_or(-1);
                            used.push(label);
                        }
                        *key
                    }
                    None => -1,
                }
            })
            .collect();
        for &label in &used {
            if let Some(key) = self.key_of.get_mut(label as usize) {
                *key = -1;
            }
        }
        Keys { keys, labels: used }
    }

    /// A label column.
    pub(crate) fn column<R>(
        &mut self,
        rows: &[R],
        labels: &Labels,
        value: impl Fn(&R) -> Label,
    ) -> ArrayRef {
        self.keys(rows, labels, value).into_array(labels)
    }
}

impl Keys {
    /// The column.
    pub(crate) fn into_array(self, labels: &Labels) -> ArrayRef {
        let values = self.labels.iter().map(|&label| labels.get(label)).collect();
        keyed(self.keys, values)
    }
}
