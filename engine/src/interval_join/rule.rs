//! Which joins of a plan become interval joins.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{NullEquality, Result};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, JoinOn, NestedLoopJoinExec};

use super::condition::IntervalCondition;
use super::exec::{BuildMode, IntervalJoin, IntervalJoinExec};

/// Puts an [`IntervalJoinExec`] in the place of hash joins and nested loops that join intervals.
///
/// It runs after DataFusion has chosen the build side by the size of the inputs.
#[derive(Debug, Default)]
pub struct IntervalJoinRule;

impl IntervalJoinRule {
    /// DataFusion's rules with this one at its place among them.
    pub fn with_default_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
        let mut rules = PhysicalOptimizer::new().rules;
        let selection = rules
            .iter()
            .position(|rule| rule.name() == "join_selection");
        let place = selection.map_or(0, |place| place + 1);
        rules.insert(place, Arc::new(Self));
        rules
    }
}

impl PhysicalOptimizerRule for IntervalJoinRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(match replacement(&plan)? {
                Some(join) => Transformed::yes(join),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "interval_join"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The interval join that does the same as a plan node.
fn replacement(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (left, right, on, filter, join_type, null_equality, projection) =
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            if join.null_aware || join.fetch().is_some() {
                return Ok(None);
            }
            let on: JoinOn = join.on().to_vec();
            (
                join.left(),
                join.right(),
                on,
                join.filter(),
                join.join_type(),
                join.null_equality(),
                join.projection.as_ref(),
            )
        } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let nulls = NullEquality::NullEqualsNothing;
            let projection = join.projection().as_ref();
            (
                join.left(),
                join.right(),
                Vec::new(),
                join.filter(),
                join.join_type(),
                nulls,
                projection,
            )
        } else {
            return Ok(None);
        };
    let Some(filter) = filter else {
        return Ok(None);
    };
    let (left_schema, right_schema) = (left.schema(), right.schema());
    for (key, _) in &on {
        if !is_key(&key.data_type(&left_schema)?) {
            return Ok(None);
        }
    }
    let Some((condition, residual)) = IntervalCondition::of(filter, &left_schema, &right_schema)?
    else {
        return Ok(None);
    };
    let join = IntervalJoin {
        on,
        condition,
        residual,
        join_type: *join_type,
        null_equality,
    };
    let projection = projection.map(|projection| projection.to_vec());
    let (left, right) = (Arc::clone(left), Arc::clone(right));
    let join = IntervalJoinExec::try_new(left, right, join, BuildMode::Shared, projection)?;
    Ok(Some(Arc::new(join)))
}

/// Whether values of a type can be told apart by their bytes. Not so floating point (two zeros), nor
/// what may have it inside.
fn is_key(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_key(values),
        data_type => !data_type.is_floating() && !data_type.is_nested(),
    }
}
