//! Numbers of rows and of groups: rows with equal keys are one group.

/// The group of a row whose key is not in the table, or null.
pub(super) const NO_GROUP: u32 = u32::MAX;

/// Row and group numbers stay below `u32::MAX`, the limit of a build chunk.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(NO_GROUP)
}
