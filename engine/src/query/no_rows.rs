//! Whether a statement is sure to give no rows, told by its text before anything is planned.
//!
//! A store seldom has all recordings, and most of an account's steps have no rows then. What a statement reads is in its
//! text, so that of such a step not even a plan need be made. Where the text does not tell, it may have rows.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArguments, GroupByExpr, Join, JoinOperator, ObjectName,
    ObjectNamePart, Query, Select, SetExpr, SetOperator, TableFactor, TableWithJoins,
    visit_expressions,
};

use super::empty_branches::EmptyTables;
use super::statements::query_of;

/// What is known when a statement is looked at.
pub(super) struct NoRows<'a> {
    /// Tables and steps without rows.
    pub(super) empty: &'a EmptyTables<'a>,
    /// Whether a function of a name makes one row of any number, also of none.
    pub(super) is_aggregate: &'a dyn Fn(&str) -> bool,
}

/// The parts (`WITH name AS …`) that can be seen somewhere, and whether they have no rows.
type Parts = BTreeMap<String, bool>;

impl NoRows<'_> {
    /// Whether a statement is sure to give no rows.
    pub(super) fn of(&self, statement: &Statement) -> bool {
        query_of(statement).is_some_and(|query| self.query(query, &Parts::new()))
    }

    fn query(&self, query: &Query, parts: &Parts) -> bool {
        let mut parts = parts.clone();
        if let Some(with) = &query.with {
            if with.recursive {
                return false;
            }
            for part in &with.cte_tables {
                let has_none = self.query(&part.query, &parts);
                parts.insert(part.alias.name.value.clone(), has_none);
            }
        }
        self.body(&query.body, &parts)
    }

    fn body(&self, body: &SetExpr, parts: &Parts) -> bool {
        match body {
            SetExpr::Select(select) => self.select(select, parts),
            SetExpr::Query(query) => self.query(query, parts),
            SetExpr::SetOperation {
                op, left, right, ..
            } => {
                let (left, right) = (self.body(left, parts), self.body(right, parts));
                match op {
                    SetOperator::Union => left && right,
                    SetOperator::Intersect => left || right,
                    SetOperator::Except | SetOperator::Minus => left,
                }
            }
            _ => false,
        }
    }

    fn select(&self, select: &Select, parts: &Parts) -> bool {
        let groups = match &select.group_by {
            GroupByExpr::Expressions(groups, modifiers) if modifiers.is_empty() => groups,
            _ => return false,
        };
        // Sets of groups may have one of all rows.
        let is_set = |group: &Expr| {
            matches!(
                group,
                Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) | Expr::Tuple(_)
            )
        };
        let makes_rows = match groups.is_empty() {
            true => select.having.is_some() || self.has_aggregates(select),
            false => groups.iter().any(is_set),
        };
        let is_more = !select.lateral_views.is_empty() || !select.connect_by.is_empty();
        if makes_rows || is_more {
            return false;
        }
        let reads_none = select.from.iter().any(|from| self.from(from, parts));
        let keeps = |condition: &Expr| self.keeps_nothing(condition, parts);
        reads_none || select.selection.as_ref().is_some_and(keeps)
    }

    fn has_aggregates(&self, select: &Select) -> bool {
        let found = visit_expressions(&select.projection, |expression| match expression {
            Expr::Function(function) => {
                let is_window = function.over.is_some();
                let is_plain = matches!(function.args, FunctionArguments::List(_));
                let name = function.name.to_string().to_lowercase();
                match !is_window && (!is_plain || (self.is_aggregate)(&name)) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        });
        found.is_break()
    }

    /// Whether no row is as a condition wants it.
    fn keeps_nothing(&self, condition: &Expr, parts: &Parts) -> bool {
        match condition {
            Expr::Nested(inner) => self.keeps_nothing(inner, parts),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And,
                right,
            } => self.keeps_nothing(left, parts) || self.keeps_nothing(right, parts),
            Expr::Exists {
                subquery,
                negated: false,
            }
            | Expr::InSubquery {
                subquery,
                negated: false,
                ..
            } => self.query(subquery, parts),
            _ => false,
        }
    }

    fn from(&self, from: &TableWithJoins, parts: &Parts) -> bool {
        let first = self.relation(&from.relation, parts);
        from.joins
            .iter()
            .fold(first, |left, join| self.join(left, join, parts))
    }

    fn join(&self, left: bool, join: &Join, parts: &Parts) -> bool {
        let right = self.relation(&join.relation, parts);
        match &join.join_operator {
            JoinOperator::Join(_)
            | JoinOperator::Inner(_)
            | JoinOperator::CrossJoin(_)
            | JoinOperator::Semi(_)
            | JoinOperator::LeftSemi(_)
            | JoinOperator::RightSemi(_) => left || right,
            JoinOperator::Left(_)
            | JoinOperator::LeftOuter(_)
            | JoinOperator::Anti(_)
            | JoinOperator::LeftAnti(_)
            | JoinOperator::AsOf { .. } => left,
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) | JoinOperator::RightAnti(_) => {
                right
            }
            JoinOperator::FullOuter(_) => left && right,
            _ => false,
        }
    }

    fn relation(&self, relation: &TableFactor, parts: &Parts) -> bool {
        match relation {
            TableFactor::Table {
                name, args: None, ..
            } => self.table(name, parts),
            TableFactor::Derived { subquery, .. } => self.query(subquery, parts),
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => self.from(table_with_joins, parts),
            _ => false,
        }
    }

    fn table(&self, name: &ObjectName, parts: &Parts) -> bool {
        let [ObjectNamePart::Identifier(name)] = name.0.as_slice() else {
            return false;
        };
        let part = parts.get(&name.value).copied();
        part.unwrap_or_else(|| self.empty.names.contains(name.value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::statements::parse;
    use super::*;

    fn has_rows(sql: &str) -> bool {
        let empty = EmptyTables {
            names: HashSet::from(["none"]),
        };
        let no_rows = NoRows {
            empty: &empty,
            is_aggregate: &|name| name == "count",
        };
        !no_rows.of(&parse(sql).unwrap()[0])
    }

    #[test]
    fn what_needs_a_row_of_a_table_without_any_has_none() {
        for sql in [
            "SELECT a FROM none",
            "SELECT a FROM some, none",
            "SELECT a FROM some AS s JOIN none AS n ON n.a = s.a",
            "SELECT a FROM none AS n LEFT JOIN some AS s ON n.a = s.a",
            "SELECT a FROM some AS s RIGHT JOIN none AS n ON n.a = s.a",
            "SELECT a FROM none AS n ASOF JOIN some AS s MATCH_CONDITION (n.a >= s.a) ON n.b = s.b",
            "SELECT a, COUNT(*) FROM none GROUP BY a",
            "SELECT COUNT(*) OVER () FROM none",
            "SELECT a FROM none UNION ALL SELECT a FROM none",
            "SELECT a FROM none EXCEPT SELECT a FROM some",
            "WITH x AS (SELECT * FROM none), y AS (SELECT * FROM x) SELECT y.a FROM some JOIN y ON TRUE",
            "SELECT a FROM (SELECT a FROM none) AS x",
            "SELECT a FROM some WHERE a > 1 AND EXISTS (SELECT 1 FROM none)",
            "SELECT a FROM some WHERE (a IN (SELECT a FROM none))",
        ] {
            assert!(!has_rows(sql), "{sql}");
        }
    }

    #[test]
    fn what_may_have_rows_without_those_of_a_table_is_run() {
        for sql in [
            "SELECT 1",
            "SELECT a FROM some",
            "SELECT COUNT(*) FROM none",
            "SELECT 1 + COUNT(*) FROM none",
            "SELECT 1 FROM none HAVING TRUE",
            "SELECT a, COUNT(*) FROM none GROUP BY ROLLUP (a)",
            "SELECT a FROM some AS s LEFT JOIN none AS n ON n.a = s.a",
            "SELECT a FROM some AS s FULL JOIN none AS n ON n.a = s.a",
            "SELECT a FROM some UNION ALL SELECT a FROM none",
            "SELECT a FROM some EXCEPT SELECT a FROM none",
            "WITH none AS (SELECT 1 AS a) SELECT a FROM none",
            "WITH x AS (SELECT COUNT(*) AS a FROM none) SELECT a FROM x",
            "SELECT a FROM some WHERE NOT EXISTS (SELECT 1 FROM none)",
            "SELECT a FROM some WHERE a NOT IN (SELECT a FROM none)",
            "SELECT a FROM some WHERE a > 1 OR EXISTS (SELECT 1 FROM none)",
            "SELECT a FROM other.none",
        ] {
            assert!(has_rows(sql), "{sql}");
        }
    }
}
