//! Which rows of an answer are looked at: those of a stretch of time, a topic or a client.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::functions::expr_fn::{coalesce, regexp_like, starts_with};
use datafusion::functions_nested::expr_fn::array_to_string;
use datafusion::logical_expr::{Expr, cast, ident, lit};

use super::planned_query::PlannedQuery;
use crate::error::{Error, ErrorKind, Result};

/// Columns that say when what a row is about began, the first that an answer has.
const BEGINS: [&str; 4] = ["arrival_time", "start_time", "time", "first_time"];

/// Columns that say when it ended.
const ENDS: [&str; 2] = ["end_time", "last_time"];

/// Columns that list topic-partitions: as texts, or in one, separated by spaces.
const LISTS: [&str; 2] = ["partitions", "logs"];

/// What has a meaning in a pattern.
const META: &str = r"\.+*?()|[]{}^$#&-~";

/// What rows must be about. An answer without a column that tells is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFilter {
    /// Rows that ended before are left out; ns since 1970.
    pub since_ns: Option<i64>,
    /// Rows that began at it or later are left out; ns since 1970.
    pub until_ns: Option<i64>,
    /// A topic's name.
    pub topic: Option<String>,
    /// A client id, or a client's address with or without its port.
    pub client: Option<String>,
}

impl RowFilter {
    /// Whether it lets all rows through.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The condition that rows of such columns must meet.
    fn condition(&self, schema: &Schema) -> Result<Expr> {
        let mut condition = lit(true);
        if let Some(ns) = self.since_ns {
            let begin = required(schema, &BEGINS, "time")?;
            let when = match first(schema, &ENDS) {
                Some(end) => coalesce(vec![ident(end), ident(begin)]),
                None => ident(begin),
            };
            condition = condition.and(when.gt_eq(time(ns)));
        }
        if let Some(ns) = self.until_ns {
            let begin = required(schema, &BEGINS, "time")?;
            condition = condition.and(ident(begin).lt(time(ns)));
        }
        if let Some(topic) = &self.topic {
            condition = condition.and(of_topic(schema, topic)?);
        }
        if let Some(client) = &self.client {
            let columns = ["client_id", "client_address"];
            required(schema, &columns, "client")?;
            let mut any = lit(false);
            for column in columns {
                if first(schema, &[column]).is_some() {
                    any = any.or(text(column).eq(lit(client.as_str())));
                }
            }
            if first(schema, &["client_address"]).is_some() {
                any = any.or(starts_with(
                    text("client_address"),
                    lit(format!("{client}:")),
                ));
            }
            condition = condition.and(any);
        }
        Ok(condition)
    }
}

impl PlannedQuery {
    /// The same with only some of its rows.
    pub fn only(self, filter: &RowFilter) -> Result<Self> {
        if filter.is_none() {
            return Ok(self);
        }
        let condition = filter.condition(&self.schema())?;
        self.with_frame(|frame| frame.filter(condition))
    }

    /// The same with its first rows only.
    pub fn first(self, row_count: usize) -> Result<Self> {
        self.with_frame(|frame| frame.limit(0, Some(row_count)))
    }
}

/// Whether a row is about a topic. Where it lists topic-partitions beside a topic, that is one of them.
fn of_topic(schema: &Schema, topic: &str) -> Result<Expr> {
    let is_list = |name: &&str| {
        let field = schema.field_with_name(name);
        field.is_ok_and(|field| matches!(field.data_type(), DataType::List(_)))
    };
    let list = match (LISTS.into_iter().find(is_list), first(schema, &["topic"])) {
        (Some(column), _) => array_to_string(ident(column), lit(" ")),
        (None, Some(column)) => return Ok(ident(column).eq(lit(topic))),
        (None, None) => text(required(schema, &LISTS, "topic")?),
    };
    let mut name = String::new();
    for c in topic.chars() {
        if META.contains(c) {
            name.push('\\');
        }
        name.push(c);
    }
    let pattern = format!("(^| ){name}-[0-9]+( |$)");
    Ok(regexp_like(list, lit(pattern), None))
}

fn first<'a>(schema: &Schema, names: &[&'a str]) -> Option<&'a str> {
    let mut names = names.iter().copied();
    names.find(|name| schema.field_with_name(name).is_ok())
}

fn required<'a>(schema: &Schema, names: &[&'a str], what: &str) -> Result<&'a str> {
    first(schema, names).ok_or_else(|| {
        Error::new(
            ErrorKind::Query,
            format!("the rows of this query say no {what} that they could be chosen by"),
        )
    })
}

/// A column of labels or text as text.
fn text(column: &str) -> Expr {
    cast(ident(column), DataType::Utf8)
}

fn time(ns: i64) -> Expr {
    let value = ScalarValue::TimestampNanosecond(Some(ns), Some("UTC".into()));
    Expr::Literal(value, None)
}
