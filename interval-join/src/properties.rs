//! What the planner may know of an interval join's output.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{JoinSide, JoinType, Result};
use datafusion::physical_expr::Partitioning;
use datafusion::physical_expr::equivalence::{ProjectionMapping, join_equivalence_properties};
use datafusion::physical_plan::execution_plan::{EmissionType, SchedulingType};
use datafusion::physical_plan::joins::utils::adjust_right_output_partitioning;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, PlanProperties, project_schema,
};

use super::join::{BuildMode, IntervalJoin};

/// What is known of the output. Its order is not: with little memory, probe rows come in several passes.
pub(super) fn properties(
    left: &Arc<dyn ExecutionPlan>,
    right: &Arc<dyn ExecutionPlan>,
    join: &IntervalJoin,
    mode: BuildMode,
    schema: &SchemaRef,
    projection: Option<&[usize]>,
) -> Result<PlanProperties> {
    let mut equivalences = join_equivalence_properties(
        left.equivalence_properties().clone(),
        right.equivalence_properties().clone(),
        &join.join_type,
        Arc::clone(schema),
        &[false, false],
        Some(JoinSide::Right),
        &join.on,
    )?;
    let right_partitioning = right.output_partitioning();
    let is_partition_of_right = mode == BuildMode::Shared;
    let mut partitioning = match join.join_type {
        JoinType::Inner | JoinType::Right if is_partition_of_right => {
            adjust_right_output_partitioning(right_partitioning, left.schema().fields().len())?
        }
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            right_partitioning.clone()
        }
        _ => Partitioning::UnknownPartitioning(right_partitioning.partition_count()),
    };
    if let Some(projection) = projection {
        let mapping = ProjectionMapping::from_indices(projection, schema)?;
        let output = project_schema(schema, Some(&projection))?;
        partitioning = partitioning.project(&mapping, &equivalences);
        equivalences = equivalences.project(&mapping, output);
    }
    let boundedness = match left.boundedness().is_unbounded() {
        true => left.boundedness(),
        false => right.boundedness(),
    };
    let emission = match join.needs_matched_build_rows() {
        true => EmissionType::Both,
        false => EmissionType::Incremental,
    };
    let properties = PlanProperties::new(equivalences, partitioning, emission, boundedness);
    // Both sides give way to other work of their thread; see `Probe::next` and `BuildSide::collect`.
    Ok(properties.with_scheduling_type(SchedulingType::Cooperative))
}
