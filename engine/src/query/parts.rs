//! Parts of a query (`WITH name AS (…)`) that are better run by themselves, before the rest is planned.
//!
//! A part that is used more than once DataFusion plans again at each place that uses it, and what that part uses
//! again at each of these: plans, and what they read, multiply. Run before, it is planned and read once. Of a part
//! that is a UNION of many branches, most have no rows in most stores: each is run by itself, and those that are
//! sure to have none are not. In both cases what a part gave is known when the rest is planned: how many rows, and
//! whether any.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    self, Query, SetExpr, SetOperator, SetQuantifier, With, visit_relations,
};

use super::statements::{parse, query_of, query_of_mut};
use crate::error::{Error, ErrorKind, Result};

/// A UNION of fewer branches is run as one.
const MANY_BRANCHES: usize = 4;

/// A query whose parts that are better run by themselves are tables.
#[derive(Debug)]
pub(super) struct Parts {
    /// What is run for them, in order.
    pub(super) runs: Vec<PartRun>,
    /// The query, which reads these tables.
    pub(super) rest: Statement,
}

/// What is run for a part, or for a branch of one.
#[derive(Debug)]
pub(super) struct PartRun {
    /// The table that its rows become.
    pub(super) name: String,
    pub(super) statement: Statement,
    /// Of a part whose branches were run before, their tables: it is the rows of these, one after another.
    pub(super) branches: Vec<String>,
}

impl Parts {
    /// Of a query, whose tables are named after it.
    pub(super) fn of(query: &str, statement: &Statement) -> Result<Self> {
        let mut rest = statement.clone();
        let mut runs = Vec::new();
        for part in parts_to_run(statement) {
            let name = format!("{query}.{}", part.name);
            let branches = part.branches(&rest)?.into_iter().zip(1..);
            let branches: Vec<_> = branches
                .map(|(statement, number)| PartRun {
                    name: format!("{name}.{number}"),
                    statement,
                    branches: Vec::new(),
                })
                .collect();
            let names: Vec<String> = branches.iter().map(|run| run.name.clone()).collect();
            runs.extend(branches);
            runs.push(PartRun {
                name: name.clone(),
                statement: part.whole(&rest, &names)?,
                branches: names,
            });
            part.replace(&mut rest, &name)?;
        }
        Ok(Self { runs, rest })
    }

    /// The tables that its parts become.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|run| run.name.as_str())
    }
}

/// A part of a statement, to be run by itself.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// Its place among the statement's parts.
    place: usize,
    name: String,
}

/// The parts of a statement that are better run by themselves, in order.
fn parts_to_run(statement: &Statement) -> Vec<Part> {
    let Some(query) = query_of(statement) else {
        return Vec::new();
    };
    let parts = query.with.as_ref().map_or(&[][..], |with| &with.cte_tables);
    // What comes after the parts: the query without them.
    let mut rest = query.clone();
    rest.with = None;
    let part = |(place, part): (usize, &ast::Cte)| {
        let name = part.alias.name.value.clone();
        let later = parts.iter().skip(place + 1);
        let uses_later = later.map(|part| uses(&part.query, &name)).sum::<usize>();
        let is_shared = uses_later + uses(&rest, &name) > 1;
        let is_union = branches(&part.query).is_some();
        (is_shared || is_union).then_some(Part { place, name })
    };
    parts.iter().enumerate().filter_map(part).collect()
}

impl Part {
    /// The statements of its branches, if these are run one by one.
    fn branches(&self, statement: &Statement) -> Result<Vec<Statement>> {
        let (with, part) = self.find(statement)?;
        let branches = branches(part).unwrap_or_default().into_iter();
        branches
            .map(|branch| {
                let mut statement = all_of(&self.name, 0, with)?;
                let query = query_of_mut(&mut statement).ok_or_else(no_part)?;
                *query.body = branch.clone();
                query.with = used_by(query, with, self.place);
                Ok(statement)
            })
            .collect()
    }

    /// The statement that gives its rows; of branches that were run, with the tables that these became.
    fn whole(&self, statement: &Statement, branches: &[String]) -> Result<Statement> {
        if branches.is_empty() {
            let (with, _) = self.find(statement)?;
            return all_of(&self.name, self.place + 1, with);
        }
        let branches: Vec<String> = branches.iter().map(|name| all_rows(name)).collect();
        parsed(&branches.join(" UNION ALL BY NAME "))
    }

    /// Lets it be the rows of a table.
    fn replace(&self, statement: &mut Statement, table: &str) -> Result<()> {
        let mut rows = parsed(&all_rows(table))?;
        let rows = query_of_mut(&mut rows).ok_or_else(no_part)?.clone();
        let with = query_of_mut(statement).and_then(|query| query.with.as_mut());
        let part = with.and_then(|with| with.cte_tables.get_mut(self.place));
        *part.ok_or_else(no_part)?.query = rows;
        Ok(())
    }

    fn find<'a>(&self, statement: &'a Statement) -> Result<(&'a With, &'a Query)> {
        let with = query_of(statement).and_then(|query| query.with.as_ref());
        let with = with.ok_or_else(no_part)?;
        let part = with.cte_tables.get(self.place).ok_or_else(no_part)?;
        Ok((with, &part.query))
    }
}

/// The branches of a query that is a UNION ALL BY NAME of many. (Where columns go by place, they need no names of
/// their own, and a branch by itself may be none.)
fn branches(query: &Query) -> Option<Vec<&SetExpr>> {
    if query.with.is_some() || query.order_by.is_some() || query.limit_clause.is_some() {
        return None;
    }
    let mut branches = Vec::new();
    let mut open = query.body.as_ref();
    while let SetExpr::SetOperation {
        op: SetOperator::Union,
        set_quantifier: SetQuantifier::AllByName,
        left,
        right,
    } = open
    {
        branches.push(right.as_ref());
        open = left.as_ref();
    }
    branches.push(open);
    branches.reverse();
    (branches.len() >= MANY_BRANCHES).then_some(branches)
}

/// `SELECT *` of a part, with those before a place that it needs.
fn all_of(name: &str, before: usize, with: &With) -> Result<Statement> {
    let mut statement = parsed(&all_rows(name))?;
    let query = query_of_mut(&mut statement).ok_or_else(no_part)?;
    query.with = used_by(query, with, before);
    Ok(statement)
}

/// The parts before a place that a query uses, by itself or through each other.
fn used_by(query: &Query, with: &With, before: usize) -> Option<With> {
    let mut names = relations(query);
    let mut used = Vec::new();
    for part in with.cte_tables.iter().take(before).rev() {
        if names.contains(&part.alias.name.value) {
            names.extend(relations(&part.query));
            used.push(part.clone());
        }
    }
    used.reverse();
    let cte_tables = used;
    (!cte_tables.is_empty()).then(|| With {
        cte_tables,
        ..with.clone()
    })
}

/// Names of what a query reads.
fn relations(query: &Query) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let _ = visit_relations(query, |relation| {
        if let [ast::ObjectNamePart::Identifier(ident)] = relation.0.as_slice() {
            names.insert(ident.value.clone());
        }
        ControlFlow::<()>::Continue(())
    });
    names
}

fn no_part() -> Error {
    Error::new(ErrorKind::Query, "a query has no such part")
}

/// How often a query reads a table of a name. A part inside it that has the same name is counted too: then
/// one is run by itself that need not be.
fn uses(query: &Query, name: &str) -> usize {
    let mut count = 0;
    let _ = visit_relations(query, |relation| {
        let is_it = match relation.0.as_slice() {
            [ast::ObjectNamePart::Identifier(ident)] => ident.value == name,
            _ => false,
        };
        count += usize::from(is_it);
        ControlFlow::<()>::Continue(())
    });
    count
}

fn all_rows(table: &str) -> String {
    format!("SELECT * FROM \"{table}\"")
}

/// The one statement of a text.
fn parsed(sql: &str) -> Result<Statement> {
    parse(sql)?.pop().ok_or_else(no_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(sql: &str) -> Statement {
        parse(sql).unwrap().remove(0)
    }

    fn places(sql: &str) -> Vec<usize> {
        let parts = parts_to_run(&statement(sql));
        parts.into_iter().map(|part| part.place).collect()
    }

    #[test]
    fn parts_that_are_used_more_than_once_are_run_by_themselves() {
        for (sql, shared) in [
            ("SELECT 1", vec![]),
            ("WITH a AS (SELECT 1 AS x) SELECT * FROM a", vec![]),
            (
                "WITH a AS (SELECT 1 AS x) SELECT * FROM a AS b JOIN a AS c ON b.x = c.x",
                vec![0],
            ),
            // Once in another part, once after them.
            (
                "WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a) SELECT * FROM a, b",
                vec![0],
            ),
            // In a part that is shared itself: run with it, once.
            (
                "WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a) SELECT * FROM b AS c, b AS d",
                vec![1],
            ),
            (
                "WITH a AS (SELECT 1 AS x)
                 SELECT * FROM a UNION ALL SELECT x FROM t WHERE x IN (SELECT x FROM a)",
                vec![0],
            ),
        ] {
            assert_eq!(places(sql), shared, "{sql}");
        }
    }

    #[test]
    fn unions_of_many_branches_are_run_a_branch_at_a_time() {
        let union = |operator: &str, count: usize| {
            let branches: Vec<String> = (0..count).map(|n| format!("SELECT {n} AS x")).collect();
            let branches = branches.join(&format!(" {operator} "));
            format!("WITH a AS ({branches}) SELECT * FROM a")
        };
        assert_eq!(places(&union("UNION ALL BY NAME", 4)), [0]);
        assert!(places(&union("UNION ALL BY NAME", 3)).is_empty());
        for other in ["UNION ALL", "UNION", "UNION BY NAME", "EXCEPT ALL"] {
            assert!(places(&union(other, 5)).is_empty(), "{other}");
        }
    }

    #[test]
    fn a_part_is_run_with_those_that_it_needs_and_becomes_the_rows_of_a_table() {
        let sql =
            "WITH a AS (SELECT 1 AS x), z AS (SELECT 3), b AS (SELECT x FROM a), c AS (SELECT 2)
                   SELECT * FROM b JOIN b AS d";
        let mut statement = statement(sql);
        let parts = parts_to_run(&statement);
        let [part] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert!(part.branches(&statement).unwrap().is_empty());
        assert_eq!(
            part.whole(&statement, &[]).unwrap().to_string(),
            "WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM \"b\""
        );
        part.replace(&mut statement, "kept b").unwrap();
        let replaced = statement.to_string();
        assert!(
            replaced.contains("b AS (SELECT * FROM \"kept b\")"),
            "{replaced}"
        );
    }

    #[test]
    fn branches_are_run_one_by_one_and_put_together_as_they_were() {
        let sql = "WITH a AS (SELECT 1 AS x), b AS (
                     SELECT x FROM a UNION ALL BY NAME SELECT 2 AS y UNION ALL BY NAME SELECT 3 AS x
                     UNION ALL BY NAME SELECT 4 AS y
                   ) SELECT * FROM b";
        let mut statement = statement(sql);
        let parts = parts_to_run(&statement);
        let [part] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        let alone = part.branches(&statement).unwrap();
        let alone: Vec<String> = alone.iter().map(ToString::to_string).collect();
        assert_eq!(
            alone,
            [
                "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
                "SELECT 2 AS y",
                "SELECT 3 AS x",
                "SELECT 4 AS y"
            ]
        );
        let whole = part.whole(&statement, &["b.1".to_owned(), "b.2".to_owned()]);
        assert_eq!(
            whole.unwrap().to_string(),
            "SELECT * FROM \"b.1\" UNION ALL BY NAME SELECT * FROM \"b.2\""
        );
        part.replace(&mut statement, "b").unwrap();
        let replaced = statement.to_string();
        assert!(
            replaced.contains("b AS (SELECT * FROM \"b\")"),
            "{replaced}"
        );
    }
}
