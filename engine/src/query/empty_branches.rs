//! Plans without what is sure to give no rows.
//!
//! A store seldom has all recordings, and many steps have no rows then. Two things are seen before
//! DataFusion plans anything: that a whole step has no rows, so that it need not be run, and that of a query
//! that is a UNION only one branch may have some, which then stands for it. Unions of which several branches are
//! left, and those inside a query, stay as they are: DataFusion 55.2 refuses some plans of its own in which a
//! branch is missing (`SanityCheckPlan`, with one partition).

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, Projection, cast};

use crate::error::Result;

/// Tables that are known to have no rows, by name.
#[derive(Debug, Default)]
pub(super) struct EmptyTables<'a> {
    pub(super) names: HashSet<&'a str>,
}

impl EmptyTables<'_> {
    /// Whether a plan is sure to give no rows.
    pub(super) fn leave_nothing_of(&self, plan: &LogicalPlan) -> bool {
        let input = |plan: &LogicalPlan| self.leave_nothing_of(plan);
        match plan {
            LogicalPlan::TableScan(scan) => self.names.contains(scan.table_name.table()),
            LogicalPlan::EmptyRelation(empty) => !empty.produce_one_row,
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Repartition(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Unnest(_) => plan.inputs().into_iter().all(input),
            LogicalPlan::Union(_) => plan.inputs().into_iter().all(input),
            LogicalPlan::Aggregate(aggregate) => {
                !aggregate.group_expr.is_empty() && input(&aggregate.input)
            }
            LogicalPlan::Join(join) => {
                let (left, right) = (input(&join.left), input(&join.right));
                match join.join_type {
                    JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi => left || right,
                    JoinType::Left | JoinType::LeftAnti | JoinType::LeftMark => left,
                    JoinType::Right | JoinType::RightAnti | JoinType::RightMark => right,
                    JoinType::Full => left && right,
                }
            }
            _ => false,
        }
    }

    /// Which of the tables of a plan they are, each once.
    pub(super) fn names_in(&self, plan: &LogicalPlan) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        plan.apply_with_subqueries(|plan| {
            if let LogicalPlan::TableScan(scan) = plan
                && self.names.contains(scan.table_name.table())
            {
                names.insert(scan.table_name.table().to_owned());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(names.into_iter().collect())
    }

    /// The plan of a query that is a UNION, with the branch that alone may have rows in its place; any other
    /// plan as it is.
    pub(super) fn leave_out_of(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let LogicalPlan::Union(union) = &plan else {
            return Ok(plan);
        };
        let branches = branches(&plan);
        let mut left = branches
            .iter()
            .filter(|branch| !self.leave_nothing_of(branch));
        let (Some(only), None) = (left.next(), left.next()) else {
            return Ok(plan);
        };
        // Under the names that the union gives.
        let named = only.schema().columns().into_iter().enumerate();
        let named = named.zip(union.schema.iter());
        let named = named.map(|((place, column), (qualifier, field))| {
            let column = Expr::Column(column);
            // A column that is null in this branch has the type that others give it.
            let column = match (type_of(only, place), typed(&branches, place)) {
                (Some(DataType::Null), Some(of_others)) => cast(column, of_others.clone()),
                _ => column,
            };
            column.alias_qualified(qualifier.cloned(), field.name())
        });
        let projection = Projection::try_new(named.collect(), Arc::new((*only).clone()))?;
        Ok(LogicalPlan::Projection(projection))
    }
}

/// The branches of a union, and of the unions that are branches of it.
fn branches(plan: &LogicalPlan) -> Vec<&LogicalPlan> {
    match plan {
        LogicalPlan::Union(union) => union.inputs.iter().flat_map(|i| branches(i)).collect(),
        branch => vec![branch],
    }
}

fn type_of(plan: &LogicalPlan, place: usize) -> Option<&DataType> {
    let field = plan.schema().fields().get(place);
    field.map(|field| field.data_type())
}

/// The first type of a column in some plans that is one.
fn typed<'a>(plans: &[&'a LogicalPlan], place: usize) -> Option<&'a DataType> {
    let mut types = plans.iter().filter_map(|plan| type_of(plan, place));
    types.find(|data_type| **data_type != DataType::Null)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    /// A plan over tables `some` and `none`, of which the second has no rows.
    async fn plan(sql: &str) -> LogicalPlan {
        let context = SessionContext::new();
        for table in ["some", "none"] {
            let sql = format!("CREATE TABLE {table} AS SELECT 1 AS a, 'x' AS b");
            context.sql(&sql).await.unwrap();
        }
        let state = context.state();
        state.create_logical_plan(sql).await.unwrap()
    }

    fn empty() -> EmptyTables<'static> {
        EmptyTables {
            names: HashSet::from(["none"]),
        }
    }

    #[tokio::test]
    async fn what_needs_a_row_of_a_table_without_any_has_none() {
        for (sql, has_rows) in [
            ("SELECT a FROM none", false),
            ("SELECT a FROM some", true),
            (
                "SELECT s.a FROM some AS s JOIN none AS n ON n.a = s.a",
                false,
            ),
            (
                "SELECT s.a FROM some AS s LEFT JOIN none AS n ON n.a = s.a",
                true,
            ),
            (
                "SELECT n.a FROM none AS n LEFT JOIN some AS s ON n.a = s.a",
                false,
            ),
            ("SELECT a FROM none GROUP BY a", false),
            ("SELECT COUNT(*) FROM none", true),
            ("WITH none AS (SELECT 1 AS a) SELECT a FROM none", true),
            ("SELECT a FROM none UNION ALL SELECT a FROM none", false),
            ("SELECT a FROM some UNION ALL SELECT a FROM none", true),
            (
                "SELECT ROW_NUMBER() OVER (ORDER BY a) FROM none WHERE a > 1 LIMIT 2",
                false,
            ),
        ] {
            assert_eq!(
                !empty().leave_nothing_of(&plan(sql).await),
                has_rows,
                "{sql}"
            );
        }
    }

    #[tokio::test]
    async fn of_a_union_the_only_branch_with_rows_stands_for_it_under_the_names_of_the_union() {
        let sql =
            "SELECT a AS c FROM none UNION ALL SELECT a FROM some UNION ALL SELECT a FROM none";
        let left = empty().leave_out_of(plan(sql).await).unwrap();
        let shown = left.display_indent().to_string();
        assert!(
            !shown.contains("Union") && !shown.contains("none"),
            "{shown}"
        );
        assert_eq!(left.schema().field(0).name(), "c");
    }

    #[tokio::test]
    async fn a_column_that_only_the_other_branch_has_keeps_its_type() {
        let sql = "SELECT a, b FROM none UNION ALL BY NAME SELECT a FROM some";
        let left = empty().leave_out_of(plan(sql).await).unwrap();
        assert!(!left.display_indent().to_string().contains("Union"));
        assert_ne!(*left.schema().field(1).data_type(), DataType::Null);
    }

    #[tokio::test]
    async fn a_union_of_which_several_branches_are_left_stays() {
        let sql = "SELECT a FROM some UNION ALL SELECT a FROM some UNION ALL SELECT a FROM none";
        let whole = plan(sql).await;
        let left = empty().leave_out_of(whole.clone()).unwrap();
        assert_eq!(left, whole);
    }
}
