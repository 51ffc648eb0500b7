//! The two bounds of an interval join, and how they are found in a join's filter.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinSide, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_expr::utils::{collect_columns, conjunction, split_conjunction};
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprRef};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};

use super::ordinal::has_ordinals;

/// A comparison of an expression of the build side (left) with one of the probe side (right).
#[derive(Debug, Clone)]
pub struct Bound {
    /// The build side's expression, over that side's columns.
    pub build: PhysicalExprRef,
    /// The probe side's expression, over that side's columns.
    pub probe: PhysicalExprRef,
    /// Whether equal values match.
    pub is_closed: bool,
}

/// What makes two rows match, besides equal keys.
#[derive(Debug, Clone)]
pub struct IntervalCondition {
    /// `upper.build` is less than `upper.probe`.
    pub upper: Bound,
    /// `lower.build` is greater than `lower.probe`.
    pub lower: Bound,
}

impl fmt::Display for IntervalCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = |bound: &Bound| if bound.is_closed { "=" } else { "" };
        let (upper, lower) = (&self.upper, &self.lower);
        write!(f, "{} <{} {}", upper.build, equal(upper), upper.probe)?;
        write!(f, " AND {} >{} {}", lower.build, equal(lower), lower.probe)
    }
}

impl IntervalCondition {
    /// The bounds in a filter, and the rest of the filter; `None` when it does not bound an interval.
    pub(super) fn of(
        filter: &JoinFilter,
        left: &Schema,
        right: &Schema,
    ) -> Result<Option<(Self, Option<JoinFilter>)>> {
        let parts = split_conjunction(filter.expression());
        let mut uppers = Vec::new();
        let mut lowers = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            match bound(part, filter, left, right)? {
                Some((Side::Upper, bound)) => uppers.push((place, bound)),
                Some((Side::Lower, bound)) => lowers.push((place, bound)),
                None => {}
            }
        }
        let pairs = uppers
            .iter()
            .flat_map(|upper| lowers.iter().map(move |lower| (upper, lower)));
        // Two bounds of one expression bound most; of pairs alike, the one written first.
        let Some((upper, lower)) = pairs.min_by_key(|((_, upper), (_, lower))| {
            !(upper.build.eq(&lower.build) || upper.probe.eq(&lower.probe))
        }) else {
            return Ok(None);
        };
        let rest = (0..)
            .zip(&parts)
            .filter(|(place, _)| ![upper.0, lower.0].contains(place))
            .map(|(_, &part)| Arc::clone(part));
        let rest = narrowed(filter, rest.collect())?;
        let condition = Self {
            upper: upper.1.clone(),
            lower: lower.1.clone(),
        };
        Ok(Some((condition, rest)))
    }
}

enum Side {
    Upper,
    Lower,
}

/// A part of a filter as a bound, with the build side's expression on the left.
fn bound(
    part: &PhysicalExprRef,
    filter: &JoinFilter,
    left: &Schema,
    right: &Schema,
) -> Result<Option<(Side, Bound)>> {
    let Some(comparison) = part.downcast_ref::<BinaryExpr>() else {
        return Ok(None);
    };
    let (build, operator, probe) = match (
        side_of(comparison.left(), filter),
        side_of(comparison.right(), filter),
    ) {
        (Some(JoinSide::Left), Some(JoinSide::Right)) => {
            (comparison.left(), *comparison.op(), comparison.right())
        }
        (Some(JoinSide::Right), Some(JoinSide::Left)) => match comparison.op().swap() {
            Some(operator) => (comparison.right(), operator, comparison.left()),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let (side, is_closed) = match operator {
        Operator::Lt => (Side::Upper, false),
        Operator::LtEq => (Side::Upper, true),
        Operator::Gt => (Side::Lower, false),
        Operator::GtEq => (Side::Lower, true),
        _ => return Ok(None),
    };
    let build = over_input(build, filter)?;
    let probe = over_input(probe, filter)?;
    if is_volatile(&build) || is_volatile(&probe) {
        return Ok(None);
    }
    let is_fit = are_ordered_alike(&build.data_type(left)?, &probe.data_type(right)?);
    Ok(is_fit.then_some((
        side,
        Bound {
            build,
            probe,
            is_closed,
        },
    )))
}

/// Whether numbers of one type's values can be compared with those of another's.
fn are_ordered_alike(one: &DataType, other: &DataType) -> bool {
    let is_alike = match (one, other) {
        (DataType::Timestamp(one, _), DataType::Timestamp(other, _)) => one == other,
        _ => one == other,
    };
    is_alike && has_ordinals(one)
}

/// The side that an expression of a filter is about; `None` when it is about both or neither.
fn side_of(expression: &PhysicalExprRef, filter: &JoinFilter) -> Option<JoinSide> {
    let columns = collect_columns(expression);
    let mut sides = columns.iter().map(|column| {
        filter
            .column_indices()
            .get(column.index())
            .map(|index| index.side)
    });
    let first = sides.next()??;
    sides.all(|side| side == Some(first)).then_some(first)
}

/// An expression over a filter's columns as one over those of its side's input.
fn over_input(expression: &PhysicalExprRef, filter: &JoinFilter) -> Result<PhysicalExprRef> {
    with_columns(expression, |column| {
        filter
            .column_indices()
            .get(column.index())
            .map(|index| index.index)
    })
}

/// A copy of an expression with other places of its columns.
fn with_columns(
    expression: &PhysicalExprRef,
    place: impl Fn(&Column) -> Option<usize>,
) -> Result<PhysicalExprRef> {
    Arc::clone(expression)
        .transform_up(|part| {
            Ok(
                match part
                    .downcast_ref::<Column>()
                    .map(|column| (column, place(column)))
                {
                    Some((column, Some(index))) => {
                        let moved: Arc<dyn PhysicalExpr> =
                            Arc::new(Column::new(column.name(), index));
                        Transformed::yes(moved)
                    }
                    _ => Transformed::no(part),
                },
            )
        })
        .data()
}

/// A filter with only some of its parts, and only the columns that they need.
fn narrowed(filter: &JoinFilter, parts: Vec<PhysicalExprRef>) -> Result<Option<JoinFilter>> {
    if parts.is_empty() {
        return Ok(None);
    }
    let expression = conjunction(parts);
    let mut used: Vec<usize> = collect_columns(&expression)
        .iter()
        .map(Column::index)
        .collect();
    used.sort_unstable();
    let expression = with_columns(&expression, |column| {
        used.binary_search(&column.index()).ok()
    })?;
    let columns: Vec<ColumnIndex> = used
        .iter()
        .filter_map(|&place| filter.column_indices().get(place).cloned())
        .collect();
    let schema = Arc::new(filter.schema().project(&used)?);
    Ok(Some(JoinFilter::new(expression, columns, schema)))
}
