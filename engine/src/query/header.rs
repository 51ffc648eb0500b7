//! The header of a query file: what it answers, its parameters and its columns.
//!
//! ```sql
//! -- Slow requests and what each one waited for, worst first.
//! --
//! -- More sentences.
//! -- @terminal arrival_time cause | topic
//! -- @param  slo_ms DOUBLE = 65      -- a request at least this slow is listed
//! -- @column arrival_time TIMESTAMP  -- first byte of the request on the wire
//! -- @column cause VARCHAR           -- root of what took most of its time;
//! --                                    null when nothing explains it
//! ```
//!
//! An indented line behind a parameter or a column goes on with its text. Before the `|` of `@terminal` are the columns
//! that a terminal always shows, in that order; behind it those that it shows as far as there is room.

use crate::error::{Error, ErrorKind, Result};

/// What the comments at the top of a query file say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// The first paragraph in one line; empty when there is none.
    pub purpose: String,
    /// Everything that is said before the parameters and columns, by line.
    pub text: Vec<String>,
    /// The parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The output columns, in order.
    pub columns: Vec<OutputColumn>,
    /// Whether its rows are computed once and kept when another query uses it (`@materialized`): for
    /// steps that are small and used several times.
    pub is_materialized: bool,
    /// Whether it is asked of each broker's recordings by themselves (`@by_broker`), and its rows are those of
    /// all brokers: for what lays rows beside each other by thread, file, lock or connection.
    pub is_by_broker: bool,
    /// Whether it lays rows of several brokers beside each other for steps that are asked of one (`@over_brokers`):
    /// they all see its rows. Where there is one broker it has none.
    pub is_over_brokers: bool,
    /// What a terminal shows of it; the columns as they come when it says nothing.
    pub terminal: Option<TerminalColumns>,
}

/// Names of the columns that a terminal shows, in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalColumns {
    /// Those that answer the question: who, when, how long, why.
    pub first: Vec<String>,
    /// Those that are shown as far as there is room.
    pub more: Vec<String>,
}

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name: `$name` in the query.
    pub name: String,
    /// Its SQL type: `DOUBLE`, `BIGINT`, `VARCHAR`, `TIMESTAMP` or `BOOLEAN`.
    pub sql_type: String,
    /// The value it has when none is given; `NULL` for null, `None` when one must be given.
    pub default: Option<String>,
    /// What it does.
    pub doc: String,
}

/// A declared output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// Its SQL type.
    pub sql_type: String,
    /// What it holds.
    pub doc: String,
}

impl Header {
    /// Reads the comments before the first line that is not one.
    pub fn parse(sql: &str) -> Result<Self> {
        let mut header = Self::default();
        for (number, comment) in comments(sql) {
            let entry = |rest: &str| {
                split_entry(rest).ok_or_else(|| {
                    let message = format!(
                        "line {number}: expected `@param name TYPE = default -- text` or `@column name TYPE -- text`, found `{comment}`"
                    );
                    Error::new(ErrorKind::Query, message)
                })
            };
            if let Some(rest) = comment.strip_prefix("@param") {
                let (name, sql_type, default, doc) = entry(rest)?;
                header.parameters.push(Parameter {
                    name,
                    sql_type,
                    default,
                    doc,
                });
            } else if let Some(rest) = comment.strip_prefix("@column") {
                let (name, sql_type, _, doc) = entry(rest)?;
                header.columns.push(OutputColumn {
                    name,
                    sql_type,
                    doc,
                });
            } else if let Some(rest) = comment.strip_prefix("@terminal") {
                let (first, more) = rest.split_once('|').unwrap_or((rest, ""));
                let names = |text: &str| text.split_whitespace().map(str::to_owned).collect();
                header.terminal = Some(TerminalColumns {
                    first: names(first),
                    more: names(more),
                });
            } else if comment == "@materialized" {
                header.is_materialized = true;
            } else if comment == "@by_broker" {
                header.is_by_broker = true;
            } else if comment == "@over_brokers" {
                header.is_over_brokers = true;
            } else {
                header.text.push(comment);
            }
        }
        let paragraph = header.text.iter().take_while(|line| !line.is_empty());
        header.purpose = paragraph.cloned().collect::<Vec<_>>().join(" ");
        while header.text.last().is_some_and(String::is_empty) {
            header.text.pop();
        }
        Ok(header)
    }
}

/// The comments at the top, each with the number of its line; a declaration with all of its lines.
fn comments(sql: &str) -> Vec<(usize, String)> {
    let mut comments: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(sql.lines()) {
        let Some(comment) = line.trim().strip_prefix("--") else {
            if line.trim().is_empty() {
                continue;
            }
            break;
        };
        let text = comment.trim();
        let goes_on = comment.starts_with("  ") && !text.starts_with('@');
        match comments.last_mut() {
            Some((_, declaration)) if goes_on && is_declaration(declaration) => {
                declaration.push(' ');
                declaration.push_str(text);
            }
            _ => comments.push((number, text.to_owned())),
        }
    }
    comments
}

fn is_declaration(comment: &str) -> bool {
    ["@param", "@column", "@terminal"]
        .iter()
        .any(|kind| comment.starts_with(kind))
}

/// `name TYPE = default -- text` in its parts.
fn split_entry(rest: &str) -> Option<(String, String, Option<String>, String)> {
    let (declaration, doc) = rest.split_once("--").unwrap_or((rest, ""));
    let (declaration, default) = match declaration.split_once('=') {
        Some((declaration, default)) => (declaration, Some(default.trim().to_owned())),
        None => (declaration, None),
    };
    let (name, sql_type) = declaration.trim().split_once(char::is_whitespace)?;
    Some((
        name.to_owned(),
        sql_type.trim().to_uppercase(),
        default,
        doc.trim().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_at_the_first_statement() {
        let sql = "-- Slow requests,\n-- worst first.\n--\n-- More.\n\
                   -- @param  slo_ms DOUBLE = 65 -- a request at least this slow\n\
                   -- @param  topic VARCHAR\n\
                   -- @column n BIGINT -- how many\n\nSELECT 1 AS n -- @column x INT\n";
        let header = Header::parse(sql).unwrap();
        assert_eq!(header.purpose, "Slow requests, worst first.");
        assert_eq!(header.text.last().map(String::as_str), Some("More."));
        assert_eq!(header.parameters.len(), 2);
        assert_eq!(header.parameters[0].default.as_deref(), Some("65"));
        assert_eq!(header.parameters[1].default, None);
        assert_eq!(header.columns.len(), 1);
        assert_eq!(header.columns[0].sql_type, "BIGINT");
    }

    #[test]
    fn an_indented_line_goes_on_with_the_declaration_above_it() {
        let sql = "-- Title.\n\
                   -- @param  slo_ms DOUBLE = 65 -- a request at least\n\
                   --                               this slow\n\
                   --   @column n BIGINT -- how many\n\
                   -- The end.\n\
                   --   - a point\nSELECT 1 AS n\n";
        let header = Header::parse(sql).unwrap();
        assert_eq!(header.parameters[0].doc, "a request at least this slow");
        assert_eq!(header.columns[0].doc, "how many");
        assert_eq!(header.text, ["Title.", "The end.", "- a point"]);
    }

    #[test]
    fn columns_of_a_terminal_are_those_that_answer_and_more() {
        let sql = "-- Title.\n-- @terminal time cause | topic\n--   client\nSELECT 1 AS n\n";
        let terminal = Header::parse(sql).unwrap().terminal.unwrap();
        assert_eq!(terminal.first, ["time", "cause"]);
        assert_eq!(terminal.more, ["topic", "client"]);
        assert_eq!(Header::parse("SELECT 1").unwrap().terminal, None);
    }

    #[test]
    fn a_parameter_without_a_type_is_located() {
        let error = Header::parse("-- Title.\n-- @param slo_ms\nSELECT 1").unwrap_err();
        assert!(error.to_string().starts_with("line 2:"), "{error}");
    }
}
