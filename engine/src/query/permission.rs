//! What a statement may do: read the store's tables, and nothing else, unless files are allowed.
//!
//! SQL comes from tickets and chats. It is run to see what it answers, so that it must not be able to write a
//! file, or read another one than the store's: without leave there is no COPY, no INSERT, no external
//! table, no `FROM 'some.parquet'`. What only changes the session stays: views, and settings of how a query
//! is planned. Rows computed after one of these are not kept for other sessions.

use datafusion::logical_expr::{LogicalPlan, Statement as PlanStatement};
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ObjectType, Statement as SqlStatement};

use crate::error::{Error, ErrorKind, Result};

/// Settings that change how a query is planned and shown, and nothing outside of the session; names, or
/// their beginnings.
const HARMLESS_SETTINGS: &[&str] = &[
    "datafusion.execution.batch_size",
    "datafusion.execution.target_partitions",
    "datafusion.execution.time_zone",
    "datafusion.explain.",
    "datafusion.optimizer.",
];

/// What kind of statement one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatementKind {
    /// It gives rows.
    Reads,
    /// It makes or drops a view of the session.
    View,
    /// It changes a setting; which one its plan says.
    Setting,
    /// It may do anything.
    Other,
}

impl StatementKind {
    pub(super) fn of(statement: &Statement) -> Self {
        match statement {
            Statement::Explain(explain) => Self::of(&explain.statement),
            Statement::Statement(statement) => Self::of_sql(statement),
            Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {
                Self::Other
            }
        }
    }

    fn of_sql(statement: &SqlStatement) -> Self {
        match statement {
            SqlStatement::Explain { statement, .. } => Self::of_sql(statement),
            SqlStatement::Query(_)
            | SqlStatement::ExplainTable { .. }
            | SqlStatement::ShowColumns { .. }
            | SqlStatement::ShowCreate { .. }
            | SqlStatement::ShowFunctions { .. }
            | SqlStatement::ShowTables { .. }
            | SqlStatement::ShowVariable { .. } => Self::Reads,
            SqlStatement::CreateView(_)
            | SqlStatement::Drop {
                object_type: ObjectType::View,
                ..
            } => Self::View,
            SqlStatement::Set(_) => Self::Setting,
            _ => Self::Other,
        }
    }
}

/// Refuses a statement that needs leave, before it is planned.
pub(super) fn check_statement(statement: &Statement) -> Result<()> {
    match StatementKind::of(statement) {
        StatementKind::Other => Err(refused(&format!("{} is refused", words_of(statement)))),
        _ => Ok(()),
    }
}

/// Refuses the name of a table that is a file's.
pub(super) fn check_table(name: &str) -> Result<()> {
    if name.contains(['.', '/', '\\', ':']) {
        return Err(refused(&format!(
            "the file {name:?} is not read as a table"
        )));
    }
    Ok(())
}

/// Refuses a plan that does more than its statement was taken for.
pub(super) fn check_plan(kind: StatementKind, plan: &LogicalPlan) -> Result<()> {
    if let LogicalPlan::Statement(PlanStatement::SetVariable(set)) = plan {
        let is_harmless = |name: &str| set.variable.starts_with(name);
        if !HARMLESS_SETTINGS.iter().any(|name| is_harmless(name)) {
            return Err(refused(&format!("SET {} is refused", set.variable)));
        }
    }
    let allowed = SQLOptions::new()
        .with_allow_dml(false)
        .with_allow_ddl(kind == StatementKind::View)
        .with_allow_statements(kind == StatementKind::Setting);
    allowed
        .verify_plan(plan)
        .map_err(|e| refused(&e.strip_backtrace()))
}

/// What a statement is called: its first words.
fn words_of(statement: &Statement) -> String {
    match statement {
        Statement::Explain(explain) => words_of(&explain.statement),
        Statement::CopyTo(_) => "COPY".to_owned(),
        Statement::CreateExternalTable(_) => "CREATE EXTERNAL TABLE".to_owned(),
        Statement::Reset(_) => "RESET".to_owned(),
        Statement::Statement(statement) => {
            let text = statement.to_string();
            let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_uppercase());
            let words = text.split(' ').take_while(is_word).take(2);
            words.collect::<Vec<_>>().join(" ")
        }
    }
}

fn refused(what: &str) -> Error {
    let message = format!(
        "{what}: SQL reads the store's tables and touches no file, unless --allow-files is given"
    );
    Error::new(ErrorKind::Query, message)
}
