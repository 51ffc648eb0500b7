//! How others read the lines that `kcorr live` writes.

/// DuckDB's table of the roll-ups in a folder: those of days that are over are compressed, and not each has all fields.
pub(super) const ROLLUPS: &str = "read_json('rollups/*.jsonl*', union_by_name = true)";
