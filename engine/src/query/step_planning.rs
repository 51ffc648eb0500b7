//! How steps, and other canned queries, are planned over a small store.
//!
//! An account of a small recording is a hundred statements over some thousand rows, and to plan one takes longer than
//! to run it. So only what a plan needs is done: DataFusion's rules that make a plan run, or keep it from comparing all
//! rows with all, each once. Those that spare work of many rows (filters within files, columns that are computed once for
//! two places) are left out, and the requirements of operators are met by a pass that adds what is missing, where
//! DataFusion's tries plans for many processors.
//!
//! Only canned queries are planned so. What somebody else writes, which may be of any form, has all rules, as have large
//! stores, and statements for which this makes no plan that is sound.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{
    ChildSatisfactionOptions, ExecutionPlan, ExecutionPlanProperties, replace_children_if_necessary,
};
use kcorr_interval_join::IntervalJoinRule;

/// Rules of the logical optimizer that spare work of many rows, or concern what no canned query has.
const LOGICAL_LEFT_OUT: [&str; 9] = [
    "rewrite_set_comparison",
    "unions_to_filter",
    "eliminate_join",
    "decorrelate_lateral_join",
    "filter_null_join_keys",
    "single_distinct_aggregation_to_group_by",
    "common_sub_expression_eliminate",
    "extract_leaf_expressions",
    "push_down_leaf_projections",
];

/// Rules of the physical optimizer that are gone through; the others are for many rows, files or processors. Which side of
/// a join is read first is chosen as ever: it tells in which order rows come, and sums of doubles have other last digits
/// in another.
const PHYSICAL: [&str; 6] = [
    "join_selection",
    "interval_join",
    "CombinePartialFinalAggregate",
    "LimitPushdown",
    "EnsureCooperative",
    "SanityCheckPlan",
];

/// Plans steps of one store.
#[derive(Debug)]
pub(super) struct StepPlanner {
    state: SessionState,
}

impl StepPlanner {
    /// One for the tables and functions of a session.
    pub(super) fn of(session: SessionState) -> Self {
        // The catalog is the session's: none is made in its place.
        let config = session.config().clone();
        let mut config = config.with_create_default_catalog_and_schema(false);
        config.options_mut().optimizer.max_passes = 1;
        let state = SessionStateBuilder::new_from_existing(session)
            .with_config(config)
            .with_optimizer_rules(logical_rules())
            .with_physical_optimizer_rules(physical_rules())
            .build();
        Self { state }
    }

    /// A plan to run.
    pub(super) async fn physical(&self, plan: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        self.state.create_physical_plan(plan).await
    }
}

fn logical_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    rules.retain(|rule| !LOGICAL_LEFT_OUT.contains(&rule.name()));
    let place = rules
        .iter()
        .position(|rule| rule.name() == "push_down_filter");
    // A condition on both sides that stood above a join is a condition of it only now.
    let place = place.map_or(rules.len(), |place| place + 1);
    rules.insert(place, Arc::new(ExtractEquijoinPredicate::new()));
    rules
}

fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = IntervalJoinRule::default().with_default_rules();
    rules.retain(|rule| PHYSICAL.contains(&rule.name()));
    let place = rules.iter().position(|rule| rule.name() == "interval_join");
    let place = place.map_or(0, |place| place + 1);
    rules.insert(place, Arc::new(RequirementsRule));
    rules
}

/// Sorts and collects rows where an operator requires that and its input does not give them so. It takes nothing away.
#[derive(Debug)]
struct RequirementsRule;

impl PhysicalOptimizerRule for RequirementsRule {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(met).data()
    }

    fn name(&self) -> &'static str {
        "requirements"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// An operator whose inputs are as it requires them.
fn met(plan: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let distributions = plan.input_distribution_requirements();
    let orderings = plan.required_input_ordering();
    let mut is_changed = false;
    let mut inputs = Vec::new();
    for ((place, input), ordering) in plan.children().into_iter().enumerate().zip(orderings) {
        let mut input = Arc::clone(input);
        let options = ChildSatisfactionOptions::new();
        if input.output_partitioning().partition_count() > 1
            && !distributions
                .child_satisfaction(place, input.as_ref(), options)?
                .is_satisfied()
        {
            input = Arc::new(CoalescePartitionsExec::new(input));
            is_changed = true;
        }
        if let Some(ordering) = ordering {
            let required = ordering.into_single();
            let given = input.equivalence_properties();
            if !given.ordering_satisfy_requirement(required.clone())?
                && let Some(ordering) = LexOrdering::new(required.into_iter().map(Into::into))
            {
                let is_in_parts = input.output_partitioning().partition_count() > 1;
                let sort = SortExec::new(ordering, input);
                input = Arc::new(sort.with_preserve_partitioning(is_in_parts));
                is_changed = true;
            }
        }
        inputs.push(input);
    }
    if !is_changed {
        return Ok(Transformed::no(plan));
    }
    replace_children_if_necessary(plan, inputs).map(Transformed::yes)
}
