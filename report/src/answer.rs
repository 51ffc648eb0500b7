//! The answers of queries: their rows, and the text of what was asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;

use crate::{Cell, Error, Text, Value};

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryText {
    /// Name of the query.
    pub name: String,
    /// What it answers, in a sentence.
    pub purpose: String,
    /// The whole SQL, with its header.
    pub sql: String,
    /// Values that its parameters had, by name.
    pub parameters: Vec<(String, String)>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// What it holds.
    pub doc: String,
}

/// The rows that a query gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    query: QueryText,
    name: Arc<str>,
    columns: Vec<Column>,
    values: Vec<Vec<Value>>,
    len: usize,
    /// The time zone of its times.
    zone: String,
}

impl Answer {
    /// Reads the rows of a query. `columns` are its columns, in order.
    pub fn new(
        query: QueryText,
        columns: Vec<Column>,
        batches: &[RecordBatch],
    ) -> Result<Self, Error> {
        let mut values = vec![Vec::new(); columns.len()];
        let mut zone = "UTC".to_owned();
        for batch in batches {
            if batch.num_columns() != columns.len() {
                let message = format!(
                    "{} columns where {} are declared",
                    batch.num_columns(),
                    columns.len()
                );
                return Err(Error::new(&query.name, message));
            }
            for (column, array) in values.iter_mut().zip(batch.columns()) {
                if let DataType::Timestamp(_, Some(of_column)) = array.data_type() {
                    zone = of_column.to_string();
                }
                column.extend(Value::column(array).map_err(|e| Error::new(&query.name, e))?);
            }
        }
        Ok(Self {
            name: query.name.as_str().into(),
            len: batches.iter().map(RecordBatch::num_rows).sum(),
            query,
            columns,
            values,
            zone,
        })
    }

    /// What was asked.
    pub fn query(&self) -> &QueryText {
        &self.query
    }

    /// Name of the time zone that its times are in.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value in a row and column; null where there is none.
    pub fn value(&self, row: usize, column: &str) -> &Value {
        let at = self.columns.iter().position(|c| &*c.name == column);
        at.and_then(|at| self.values.get(at)?.get(row))
            .unwrap_or(&Value::Null)
    }

    /// The same with its place.
    pub fn cell(&self, row: usize, column: &str) -> Cell {
        let known = self.columns.iter().find(|c| &*c.name == column);
        Cell {
            query: Arc::clone(&self.name),
            row,
            column: known.map_or_else(|| column.into(), |c| Arc::clone(&c.name)),
            value: self.value(row, column).clone(),
        }
    }

    /// The number in a row and column, if there is one.
    pub fn number(&self, row: usize, column: &str) -> Option<f64> {
        self.value(row, column).number()
    }

    /// The time in a row and column, if there is one.
    pub fn time(&self, row: usize, column: &str) -> Option<i64> {
        self.value(row, column).time()
    }

    /// The text in a row and column; empty if there is none.
    pub fn text(&self, row: usize, column: &str) -> &str {
        self.value(row, column).text().unwrap_or_default()
    }

    /// The first row with a text in a column.
    pub fn row_where(&self, column: &str, text: &str) -> Option<usize> {
        (0..self.len).find(|&row| self.text(row, column) == text)
    }
}

/// The answers that a report is made from, and the queries that those build on.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    answers: BTreeMap<String, Answer>,
    steps: BTreeMap<String, QueryText>,
    left_out: BTreeMap<String, Text>,
    /// Whether nobody asked for the objective, the latency from which on a request is slow.
    pub objective_is_default: bool,
    /// What the answers were made with: name and version of the program.
    pub tool: String,
    /// When, with its time zone; `None` when that is not to be said.
    pub made_at: Option<String>,
}

impl Answers {
    /// Adds an answer.
    pub fn insert(&mut self, answer: Answer) {
        self.answers.insert(answer.query.name.clone(), answer);
    }

    /// Adds the text of a query that answers build on.
    pub fn insert_step(&mut self, query: QueryText) {
        self.steps.insert(query.name.clone(), query);
    }

    /// Says why a query has no rows, where they would be shown.
    pub fn leave_out(&mut self, query: &str, why: Text) {
        self.left_out.insert(query.to_owned(), why);
    }

    /// Why a query has no rows, if that was said.
    pub fn why_left_out(&self, query: &str) -> Option<&Text> {
        self.left_out.get(query)
    }

    /// The answer of a query, if it was asked and has rows.
    pub fn rows(&self, query: &str) -> Option<&Answer> {
        self.answers.get(query).filter(|answer| !answer.is_empty())
    }

    /// The answer of a query, if it was asked.
    pub fn get(&self, query: &str) -> Option<&Answer> {
        self.answers.get(query)
    }

    /// All answers, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.answers.values()
    }

    /// The queries that the answers build on and that are not among them, by name.
    pub fn steps(&self) -> impl Iterator<Item = &QueryText> {
        let is_step = |query: &&QueryText| !self.answers.contains_key(&query.name);
        self.steps.values().filter(is_step)
    }
}
