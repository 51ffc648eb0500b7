//! What the build side tells the scan of the probe side: rows outside these times, and outside these
//! keys, match nothing. Parquet row groups and pages are skipped by it without being read.

use std::sync::Arc;

use datafusion::common::{NullEquality, Result};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExprRef;
use datafusion::physical_expr::expressions::{BinaryExpr, lit};
use datafusion::physical_expr::utils::conjunction;
use datafusion::physical_plan::ExecutionPlan;

use super::build_chunk::BuildChunk;
use super::join::IntervalJoin;
use super::ordinal::value_of;
use super::within::{Stretch, Within};

/// Stretches of time that statistics are compared with at most. Each costs time for every file: with 64 of
/// them the account of 10 M writes in 52 files took a quarter longer than with 16.
const MOST_FOR_STATISTICS: usize = 16;

/// Stretches of time that rows are compared with at most, by bisection.
const MOST_FOR_ROWS: usize = 4096;

/// Above this number of build rows, their times are named as one stretch.
const MOST_ROWS: usize = 1 << 18;

/// The expressions of the probe side that [`time_filter`] is about.
pub(super) fn filtered_expressions(join: &IntervalJoin) -> Vec<PhysicalExprRef> {
    let bounds = [&join.condition.upper.probe, &join.condition.lower.probe];
    let keys = join.on.iter().map(|(_, probe)| probe);
    bounds.into_iter().chain(keys).map(Arc::clone).collect()
}

/// A condition that every probe row with a match meets.
pub(super) fn time_filter(
    join: &IntervalJoin,
    chunk: &BuildChunk,
    probe: &dyn ExecutionPlan,
) -> Result<PhysicalExprRef> {
    let Some(bounds) = chunk.index.bounds() else {
        return Ok(lit(false));
    };
    let mut alternatives = Vec::new();
    for (least_upper, greatest_lower) in stretches(chunk, bounds, MOST_FOR_STATISTICS) {
        match stretch_filter(join, least_upper, greatest_lower, probe)? {
            Some(filter) => alternatives.push(filter),
            None => return Ok(lit(true)),
        }
    }
    let either = |one, other| comparison(&one, Operator::Or, other);
    let mut parts: Vec<PhysicalExprRef> = Vec::new();
    let fine = stretches(chunk, bounds, MOST_FOR_ROWS);
    if fine.len() > 1 {
        // First, so that the others are evaluated only where it leaves rows.
        let (upper, lower) = (&join.condition.upper, &join.condition.lower);
        let (upper, lower) = (
            (&upper.probe, upper.is_closed),
            (&lower.probe, lower.is_closed),
        );
        parts.push(Arc::new(Within::new(upper, lower, &fine)));
    }
    parts.extend(alternatives.into_iter().reduce(either));
    parts.extend(key_filters(join, chunk, probe)?);
    Ok(conjunction(parts))
}

fn stretch_filter(
    join: &IntervalJoin,
    least_upper: i64,
    greatest_lower: i64,
    probe: &dyn ExecutionPlan,
) -> Result<Option<PhysicalExprRef>> {
    let schema = probe.schema();
    let (upper, lower) = (&join.condition.upper, &join.condition.lower);
    let at_least = value_of(least_upper, &upper.probe.data_type(&schema)?);
    let at_most = value_of(greatest_lower, &lower.probe.data_type(&schema)?);
    let (Some(at_least), Some(at_most)) = (at_least, at_most) else {
        return Ok(None);
    };
    let after = if upper.is_closed {
        Operator::GtEq
    } else {
        Operator::Gt
    };
    let before = if lower.is_closed {
        Operator::LtEq
    } else {
        Operator::Lt
    };
    Ok(Some(conjunction([
        comparison(&upper.probe, after, lit(at_least)),
        comparison(&lower.probe, before, lit(at_most)),
    ])))
}

/// The least and greatest value of each key that has an order.
fn key_filters(
    join: &IntervalJoin,
    chunk: &BuildChunk,
    probe: &dyn ExecutionPlan,
) -> Result<Vec<PhysicalExprRef>> {
    let mut filters = Vec::new();
    let Some(keys) = &chunk.keys else {
        return Ok(filters);
    };
    if join.null_equality == NullEquality::NullEqualsNull {
        return Ok(filters);
    }
    for (limits, (_, expression)) in keys.limits().into_iter().zip(&join.on) {
        let data_type = expression.data_type(&probe.schema())?;
        let value = |ordinal| value_of(ordinal, &data_type);
        if let Some((least, greatest)) = limits
            && let (Some(least), Some(greatest)) = (value(least), value(greatest))
        {
            filters.push(comparison(expression, Operator::GtEq, lit(least)));
            filters.push(comparison(expression, Operator::LtEq, lit(greatest)));
        }
    }
    Ok(filters)
}

fn comparison(
    left: &PhysicalExprRef,
    operator: Operator,
    right: PhysicalExprRef,
) -> PhysicalExprRef {
    Arc::new(BinaryExpr::new(Arc::clone(left), operator, right))
}

/// The build rows' times as some stretches, cut where nothing happens for longest; as one stretch when
/// cutting it would leave out little.
fn stretches(
    chunk: &BuildChunk,
    (least_upper, greatest_lower): Stretch,
    most: usize,
) -> Vec<Stretch> {
    let whole = vec![(least_upper, greatest_lower)];
    let mut entries: Vec<Stretch> = chunk.index.entries().take(MOST_ROWS + 1).collect();
    if entries.len() > MOST_ROWS {
        return whole;
    }
    entries.sort_unstable();
    let mut gaps = Vec::new();
    let mut last = i64::MIN;
    for (place, &(upper, lower)) in entries.iter().enumerate() {
        let gap = i128::from(upper.min(lower)) - i128::from(last);
        if place > 0 && gap > 0 {
            gaps.push((gap, place));
        }
        last = last.max(upper).max(lower);
    }
    gaps.sort_unstable_by(|one, other| other.cmp(one));
    gaps.truncate(most - 1);
    let left_out: i128 = gaps.iter().map(|(gap, _)| gap).sum();
    let first = entries
        .first()
        .map_or(last, |&(upper, lower)| upper.min(lower));
    let length = i128::from(last) - i128::from(first);
    if left_out * 4 < length {
        return whole;
    }
    let mut cuts: Vec<usize> = gaps.into_iter().map(|(_, place)| place).collect();
    cuts.extend([0, entries.len()]);
    cuts.sort_unstable();
    let stretch = |rows: &[Stretch]| {
        let uppers = rows.iter().map(|row| row.0);
        let lowers = rows.iter().map(|row| row.1);
        Some((uppers.min()?, lowers.max()?))
    };
    cuts.windows(2)
        .filter_map(|cut| stretch(&entries[cut[0]..cut[1]]))
        .collect()
}
