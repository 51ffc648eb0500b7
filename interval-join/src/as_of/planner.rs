//! Planning an as-of join within parentheses.

use datafusion::common::{
    Column, DFSchema, DFSchemaRef, JoinType, Result, ScalarValue, plan_datafusion_err,
};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_window::expr_fn::{lag, lead};
use datafusion::logical_expr::binary::BinaryTypeCoercer;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator,
};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, Join, JoinConstraint, JoinOperator, Spanned, TableFactor,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::has_ordinals;

/// Plans tables that are an as-of join within parentheses.
#[derive(Debug)]
pub struct AsOfPlanner;

impl RelationPlanner for AsOfPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::NestedJoin {
            mut table_with_joins,
            alias,
        } = relation
        else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let last = table_with_joins.joins.pop();
        let Some(Join {
            relation: right,
            join_operator:
                JoinOperator::AsOf {
                    match_condition,
                    constraint,
                },
            ..
        }) = last
        else {
            table_with_joins.joins.extend(last);
            let original = TableFactor::NestedJoin {
                table_with_joins,
                alias,
            };
            return Ok(RelationPlanning::Original(Box::new(original)));
        };
        let left = match table_with_joins.joins.is_empty() {
            true => context.plan(table_with_joins.relation)?,
            false => context.plan(TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            })?,
        };
        let right = context.plan(right)?;
        let condition = Condition::new(&left, &right, match_condition, constraint, context)?;
        let plan = condition.join(left, right)?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, alias,
        ))))
    }
}

/// What makes a row of the right side the nearest.
struct Condition {
    left_time: Expr,
    operator: Operator,
    right_time: Expr,
    /// The greatest (least) time, which stands for that of the row after the last (before the first).
    endless: ScalarValue,
    /// Equal keys, of the left and right side.
    keys: Vec<(Expr, Expr)>,
}

/// The column with the time of the next (last) row. It is gone after the join.
const NEIGHBOUR: &str = "time of the neighbour";

impl Condition {
    fn new(
        left: &LogicalPlan,
        right: &LogicalPlan,
        match_condition: SqlExpr,
        constraint: JoinConstraint,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<Self> {
        let (left, right) = (left.schema(), right.schema());
        let both = left.join(right)?;
        let span = match_condition.span();
        let wrong = || {
            let rule = "MATCH_CONDITION has to be one comparison by >=, >, <= or <, of a time of \
                the left table with one of the right table, in this order";
            located(span, rule)
        };
        let SqlExpr::BinaryOp {
            left: one,
            op,
            right: other,
        } = match_condition
        else {
            return Err(wrong());
        };
        let operator = match op {
            BinaryOperator::GtEq => Operator::GtEq,
            BinaryOperator::Gt => Operator::Gt,
            BinaryOperator::LtEq => Operator::LtEq,
            BinaryOperator::Lt => Operator::Lt,
            _ => return Err(wrong()),
        };
        let left_time = context.sql_to_expr(*one, &both)?;
        let right_time = context.sql_to_expr(*other, &both)?;
        if !is_of(&left_time, left) || !is_of(&right_time, right) {
            return Err(wrong());
        }
        let types = (left_time.get_type(left)?, right_time.get_type(right)?);
        let (left_type, right_type) =
            BinaryTypeCoercer::new(&types.0, &operator, &types.1).get_input_types()?;
        let endless = match operator {
            Operator::GtEq | Operator::Gt => ScalarValue::max(&right_type),
            _ => ScalarValue::min(&right_type),
        };
        let is_time = left_type == right_type && has_ordinals(&right_type);
        let Some(endless) = endless.filter(|_| is_time) else {
            let rule = "MATCH_CONDITION has to compare times, dates or integers, not";
            return Err(located(
                span,
                &format!("{rule} {} and {}", types.0, types.1),
            ));
        };
        Ok(Self {
            left_time: left_time.cast_to(&left_type, left)?,
            operator,
            right_time: right_time.cast_to(&right_type, right)?,
            endless,
            keys: keys(constraint, left, right, &both, context, span)?,
        })
    }

    fn join(self, left: LogicalPlan, right: LogicalPlan) -> Result<LogicalPlan> {
        let (left_columns, right_columns) = (columns(left.schema()), columns(right.schema()));
        let right = self.with_neighbour(right, &right_columns)?;
        let neighbour = Expr::Column(Column::new_unqualified(NEIGHBOUR));
        // Bounds that have no null, so that rows are found by them.
        let bound = coalesce(vec![neighbour.clone(), Expr::Literal(self.endless, None)]);
        let is_outermost = neighbour.clone().is_null();
        let (time, right_time) = (self.left_time, self.right_time);
        let mut conditions = match self.operator {
            Operator::GtEq => vec![
                right_time.lt_eq(time.clone()),
                time.clone().lt_eq(bound),
                time.lt(neighbour).or(is_outermost),
            ],
            Operator::Gt => vec![right_time.lt(time.clone()), time.lt_eq(bound)],
            Operator::LtEq => vec![
                right_time.gt_eq(time.clone()),
                time.clone().gt_eq(bound),
                time.gt(neighbour).or(is_outermost),
            ],
            _ => vec![right_time.gt(time.clone()), time.gt_eq(bound)],
        };
        let keys = self.keys.into_iter().map(|(left, right)| left.eq(right));
        conditions.extend(keys);
        LogicalPlanBuilder::from(left)
            .join_on(right, JoinType::Left, conditions)?
            .project(left_columns.into_iter().chain(right_columns))?
            .build()
    }

    /// The right side with the time of the next row of the same key, or of the last one before.
    fn with_neighbour(&self, right: LogicalPlan, columns: &[Expr]) -> Result<LogicalPlan> {
        let neighbour = match self.operator {
            Operator::GtEq | Operator::Gt => lead(self.right_time.clone(), Some(1), None),
            _ => lag(self.right_time.clone(), Some(1), None),
        };
        let keys = self.keys.iter().map(|(_, key)| key.clone());
        let neighbour = neighbour
            .partition_by(keys.collect())
            .order_by(vec![self.right_time.clone().sort(true, false)])
            .build()?;
        let name = neighbour.schema_name().to_string();
        let named = Expr::Column(Column::new_unqualified(name)).alias(NEIGHBOUR);
        LogicalPlanBuilder::from(right)
            .filter(self.right_time.clone().is_not_null())?
            .window([neighbour])?
            .project(columns.iter().cloned().chain([named]))?
            .build()
    }
}

/// The keys in `ON a.k = b.k AND …`, the left side's first.
fn keys(
    constraint: JoinConstraint,
    left: &DFSchemaRef,
    right: &DFSchemaRef,
    both: &DFSchema,
    context: &mut dyn RelationPlannerContext,
    match_span: Span,
) -> Result<Vec<(Expr, Expr)>> {
    let condition = match constraint {
        JoinConstraint::None => return Ok(Vec::new()),
        JoinConstraint::On(condition) => condition,
        JoinConstraint::Using(_) | JoinConstraint::Natural => {
            let rule = "write the keys as ON a.key = b.key, USING is not supported here";
            return Err(located(match_span, rule));
        }
    };
    let span = condition.span();
    let condition = context.sql_to_expr(condition, both)?;
    let key = |part: &Expr| {
        if let Expr::BinaryExpr(BinaryExpr {
            left: one,
            op: Operator::Eq,
            right: other,
        }) = part
        {
            if is_of(one, left) && is_of(other, right) {
                return Ok((*one.clone(), *other.clone()));
            }
            if is_of(one, right) && is_of(other, left) {
                return Ok((*other.clone(), *one.clone()));
            }
        }
        let rule = "ON has to compare keys of the left table with keys of the right table by =, \
            joined by AND; what else is asked of rows belongs into WHERE or a subquery";
        Err(located(span, rule))
    };
    split_conjunction(&condition).into_iter().map(key).collect()
}

/// Whether an expression is over columns of one side, and of nothing else.
fn is_of(expression: &Expr, side: &DFSchema) -> bool {
    let columns = expression.column_refs();
    !columns.is_empty() && columns.iter().all(|column| side.has_column(column))
}

fn columns(schema: &DFSchemaRef) -> Vec<Expr> {
    schema.columns().into_iter().map(Expr::Column).collect()
}

fn located(span: Span, rule: &str) -> datafusion::common::DataFusionError {
    let at = span.start;
    plan_datafusion_err!("ASOF JOIN, line {}, column {}: {rule}", at.line, at.column)
}
