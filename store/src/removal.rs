//! Taking sources out of a store.

use crate::compact;
use crate::error::{Error, ErrorKind, Result};
use crate::writer::StoreWriter;

/// A source that was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Its number.
    pub source_id: i64,
    /// Its paths and number, in words.
    pub name: String,
    /// How many rows it had.
    pub row_count: u64,
}

impl StoreWriter {
    /// Takes sources out, in one step; their files go when nobody reads the store. Numbers that no source has
    /// are an error, and then none is taken out. What the clocks of the others rest on stays as it is.
    pub fn remove(mut self, source_ids: &[i64]) -> Result<Vec<Removed>> {
        let mut removed = Vec::new();
        for &source_id in source_ids {
            let mut sources = self.manifest.sources.iter();
            if !sources.any(|source| source.source_id == source_id) {
                let known = self.manifest.sources.iter();
                let known: Vec<String> = known.map(|s| s.source_id.to_string()).collect();
                return Err(Error::new(
                    ErrorKind::Store,
                    format!(
                        "there is no recording {source_id} in the store: it has {}",
                        known.join(", ")
                    ),
                ));
            }
            removed.push(Removed {
                source_id,
                name: self.manifest.source_name(source_id),
                row_count: self.manifest.row_count_of(source_id),
            });
        }
        let mut manifest = self.manifest.clone();
        manifest.generation += 1;
        let mut names = self.merged_names(manifest.generation);
        compact::drop_rows(&mut manifest, source_ids, &mut names)?;
        manifest
            .sources
            .retain(|source| !source_ids.contains(&source.source_id));
        self.publish(manifest)?;
        let _ = self.remove_unnamed();
        Ok(removed)
    }
}
