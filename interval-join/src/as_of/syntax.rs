//! Parentheses around as-of joins.

use std::convert::Infallible;
use std::mem::take;
use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    Join, JoinOperator, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

/// Makes every as-of join of a statement the last join within parentheses of its own: of
/// `a JOIN b … ASOF JOIN c … JOIN d …` this makes `(a JOIN b … ASOF JOIN c …) JOIN d …`, which means the
/// same, because joins are taken from the left.
pub fn nest(statement: &mut Statement) {
    let (ControlFlow::Continue(()) | ControlFlow::Break(_)) = match statement {
        Statement::Statement(statement) => statement.visit(&mut Nester),
        Statement::Explain(explain) => return nest(&mut explain.statement),
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.visit(&mut Nester),
            CopyToSource::Relation(_) => return,
        },
        _ => return,
    };
}

struct Nester;

impl VisitorMut for Nester {
    type Break = Infallible;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Infallible> {
        for tables in &mut select.from {
            nest_all(tables);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<Infallible> {
        if let TableFactor::NestedJoin {
            table_with_joins, ..
        } = table
        {
            // The last join of all has its parentheses already.
            let last = table_with_joins.joins.pop();
            nest_all(table_with_joins);
            table_with_joins.joins.extend(last);
        }
        ControlFlow::Continue(())
    }
}

fn nest_all(tables: &mut TableWithJoins) {
    for join in take(&mut tables.joins) {
        let is_as_of = is_as_of(&join);
        tables.joins.push(join);
        if is_as_of {
            let joins = take(&mut tables.joins);
            let relation = tables.relation.clone();
            tables.relation = TableFactor::NestedJoin {
                table_with_joins: Box::new(TableWithJoins { relation, joins }),
                alias: None,
            };
        }
    }
}

fn is_as_of(join: &Join) -> bool {
    matches!(join.join_operator, JoinOperator::AsOf { .. })
}
