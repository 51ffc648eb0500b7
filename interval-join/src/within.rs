//! Whether a row's times meet one of many stretches, found by bisection.
//!
//! The same as an OR of two comparisons a stretch, for rows. It says nothing to whoever compares an
//! expression with statistics: the OR must stand beside it, where it is evaluated for few rows only.

use std::fmt::{self, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::{PhysicalExpr, PhysicalExprRef};

use super::ordinal::Ordinals;

/// A stretch of time: a row's upper bound must be beyond the first, its lower bound before the second.
pub(super) type Stretch = (i64, i64);

/// A row's two bounds and the stretches that they may meet.
#[derive(Debug, Clone)]
pub(super) struct Within {
    upper: PhysicalExprRef,
    lower: PhysicalExprRef,
    /// Whether a bound that is equal meets.
    is_closed: (bool, bool),
    /// Both ends ascend.
    stretches: Arc<[Stretch]>,
}

impl Within {
    /// Bounds of a row, each with whether equal ones meet, and stretches in order of time.
    pub(super) fn new(
        (upper, is_upper_closed): (&PhysicalExprRef, bool),
        (lower, is_lower_closed): (&PhysicalExprRef, bool),
        stretches: &[Stretch],
    ) -> Self {
        // Ends that ascend let one bisection find the only stretch to look at.
        let mut ascending: Vec<Stretch> = Vec::with_capacity(stretches.len());
        for &(first, last) in stretches {
            match ascending.last_mut() {
                Some(before) if last <= before.1 || first <= before.0 => {
                    *before = (before.0.min(first), before.1.max(last));
                }
                _ => ascending.push((first, last)),
            }
        }
        Self {
            upper: Arc::clone(upper),
            lower: Arc::clone(lower),
            is_closed: (is_upper_closed, is_lower_closed),
            stretches: ascending.into(),
        }
    }

    fn meets(&self, upper: i64, lower: i64) -> bool {
        let (is_upper_closed, is_lower_closed) = self.is_closed;
        let begins =
            |stretch: &Stretch| stretch.0 < upper || (is_upper_closed && stretch.0 == upper);
        let begun = self.stretches.partition_point(begins);
        // Of those that begin in time, the last one ends last.
        let last = begun
            .checked_sub(1)
            .and_then(|last| self.stretches.get(last));
        last.is_some_and(|last| lower < last.1 || (is_lower_closed && lower == last.1))
    }
}

impl PhysicalExpr for Within {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        Ok(self.upper.nullable(schema)? || self.lower.nullable(schema)?)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(
            "within",
            DataType::Boolean,
            self.nullable(schema)?,
        )))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let upper = Ordinals::of(&self.upper.evaluate(batch)?.into_array(rows)?)?;
        let lower = Ordinals::of(&self.lower.evaluate(batch)?.into_array(rows)?)?;
        let meets = BooleanBuffer::collect_bool(rows, |row| {
            self.meets(upper.values[row], lower.values[row])
        });
        let nulls = NullBuffer::union(upper.nulls.as_ref(), lower.nulls.as_ref());
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(
            meets, nulls,
        ))))
    }

    fn children(&self) -> Vec<&PhysicalExprRef> {
        vec![&self.upper, &self.lower]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<PhysicalExprRef>,
    ) -> Result<PhysicalExprRef> {
        let Ok([upper, lower]) = <[PhysicalExprRef; 2]>::try_from(children) else {
            return internal_err!("a row has an upper and a lower bound");
        };
        Ok(Arc::new(Self {
            upper,
            lower,
            ..self.as_ref().clone()
        }))
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Display for Within {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (upper, lower) = (&self.upper, &self.lower);
        write!(
            f,
            "within({lower}, {upper}, {} stretches)",
            self.stretches.len()
        )
    }
}

impl PartialEq for Within {
    fn eq(&self, other: &Self) -> bool {
        self.upper.as_ref() == other.upper.as_ref()
            && self.lower.as_ref() == other.lower.as_ref()
            && self.is_closed == other.is_closed
            && self.stretches == other.stretches
    }
}

impl Eq for Within {}

impl Hash for Within {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.upper.hash(state);
        self.lower.hash(state);
        self.is_closed.hash(state);
        self.stretches.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::physical_expr::expressions::lit;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bisection_finds_what_trying_each_stretch_finds(
            steps in vec((0..5_i64, 0..5_i64), 0..6),
            closed: (bool, bool),
            (upper, lower) in (0..40_i64, 0..40_i64),
        ) {
            let mut last = 0;
            let mut stretches = Vec::new();
            for (gap, length) in steps {
                stretches.push((last + gap, last + gap + length));
                last += gap + length;
            }
            let bound: PhysicalExprRef = lit(0_i64);
            let within = Within::new((&bound, closed.0), (&bound, closed.1), &stretches);
            let meets = |stretch: &(i64, i64)| {
                let begins = if closed.0 { upper >= stretch.0 } else { upper > stretch.0 };
                let ends = if closed.1 { lower <= stretch.1 } else { lower < stretch.1 };
                begins && ends
            };
            let expected = stretches.iter().any(meets);
            // Stretches that touch may be taken for one, which is never too little.
            prop_assert!(within.meets(upper, lower) || !expected);
            if stretches.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1) {
                prop_assert_eq!(within.meets(upper, lower), expected);
            }
        }
    }
}
