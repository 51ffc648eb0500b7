//! What an interval join joins, and how.

use datafusion::common::{JoinType, NullEquality};
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_plan::joins::utils::JoinFilter;

use super::condition::IntervalCondition;

/// What is joined and how. All of it can be encoded: there are only expressions and names in it.
#[derive(Debug, Clone)]
pub struct IntervalJoin {
    /// Equal keys: expressions of the build side and of the probe side.
    pub on: Vec<(PhysicalExprRef, PhysicalExprRef)>,
    /// The bounds.
    pub condition: IntervalCondition,
    /// What else a pair of rows must meet.
    pub residual: Option<JoinFilter>,
    /// The kind of join; left is the build side.
    pub join_type: JoinType,
    /// Whether a null key matches a null key.
    pub null_equality: NullEquality,
}

/// How the work is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildMode {
    /// All partitions of the probe side search one build side.
    Shared,
    /// Both sides are partitioned by the keys.
    Partitioned,
}

impl IntervalJoin {
    /// Whether the output has rows for pairs, and not only for rows of one side.
    pub(super) fn yields_pairs(&self) -> bool {
        use JoinType::{Full, Inner, Left, Right};
        matches!(self.join_type, Inner | Left | Right | Full)
    }

    /// Whether the output depends on which build rows had a match.
    pub(super) fn needs_matched_build_rows(&self) -> bool {
        use JoinType::{Full, Left, LeftAnti, LeftMark, LeftSemi};
        matches!(self.join_type, Left | Full | LeftSemi | LeftAnti | LeftMark)
    }

    /// Whether the output depends on which probe rows had a match.
    pub(super) fn needs_matched_probe_rows(&self) -> bool {
        use JoinType::{Full, Right, RightAnti, RightMark, RightSemi};
        matches!(
            self.join_type,
            Right | Full | RightSemi | RightAnti | RightMark
        )
    }

    /// Whether all that counts is that a probe row has some match.
    pub(super) fn is_existence_enough(&self) -> bool {
        use JoinType::{RightAnti, RightMark, RightSemi};
        self.residual.is_none() && matches!(self.join_type, RightSemi | RightAnti | RightMark)
    }
}
