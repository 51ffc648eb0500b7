//! The canned queries below a statement: those that it uses as tables, and those that they use.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::ScalarValue;
use datafusion::sql::parser::Statement;
use kcorr_model::Table;

use super::canned::CannedQuery;
use super::header::{Header, Parameter};
use super::parameters::{GivenParameters, bind, parameters};
use super::parsed::{ParsedQuery, named, parsed_query};
use super::statements::parse;
use crate::error::{Error, ErrorKind, Result};

/// The canned queries below some statements, each after those it uses itself. A query's place is where it
/// stands in that order.
#[derive(Debug, Default)]
pub(super) struct Below {
    queries: Vec<Used>,
    /// Places of those that the statements themselves use.
    direct: Vec<usize>,
    /// Tables that the statements themselves read.
    tables: Vec<&'static Table>,
}

/// A canned query that is used as a table.
#[derive(Debug)]
pub(super) struct Used {
    parsed: Arc<ParsedQuery>,
    /// Places of those that it uses itself.
    pub(super) uses: Vec<usize>,
}

impl Deref for Used {
    type Target = ParsedQuery;

    fn deref(&self) -> &ParsedQuery {
        &self.parsed
    }
}

static FOUND: Mutex<BTreeMap<&'static str, Arc<Below>>> = Mutex::new(BTreeMap::new());

impl Below {
    /// Those below a text.
    pub(super) fn text(sql: &str) -> Result<Self> {
        Self::of(&parse(sql)?)
    }

    /// Those below a canned query: found once, like what they are parsed to.
    pub(super) fn query(name: &str) -> Result<Arc<Self>> {
        let Some(parsed) = parsed_query(name).transpose()? else {
            return Ok(Arc::default());
        };
        let name = parsed.query.name;
        let known = {
            let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
            found.get(name).cloned()
        };
        if let Some(below) = known {
            return Ok(below);
        }
        let mut below = Self::default();
        below.direct = below.add_named(&parsed.used_names, &mut vec![name])?;
        below.tables.clone_from(&parsed.tables);
        let below = Arc::new(below);
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found.insert(name, Arc::clone(&below));
        Ok(below)
    }

    /// Those below statements. A name that is a table's stands for the table.
    pub(super) fn of(statements: &[Statement]) -> Result<Self> {
        let mut below = Self::default();
        for statement in statements {
            let (direct, tables) = below.add_used(statement)?;
            below.direct.extend(direct);
            below.tables.extend(tables);
        }
        Ok(below)
    }

    /// Each after those it uses itself.
    pub(super) fn queries(&self) -> impl Iterator<Item = &CannedQuery> {
        self.queries.iter().map(|used| &used.query)
    }

    /// A query by its place.
    pub(super) fn used(&self, place: usize) -> &Used {
        &self.queries[place]
    }

    /// The place of a query, if it is below.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.queries.iter().position(|used| used.query.name == name)
    }

    /// Parameters of the statements, whose header is given: its own and those of what they use.
    pub(super) fn parameters(&self, header: &Header) -> Vec<Parameter> {
        let below = self.queries.iter().rev();
        parameters(header, below.map(|used| &used.query.header))
    }

    /// The values that the rows of a query depend on: those of its parameters, and of the parameters of
    /// the queries it uses.
    pub(super) fn values(
        &self,
        place: usize,
        given: &GivenParameters,
    ) -> Result<Vec<(String, ScalarValue)>> {
        let reached = self.reached([place]);
        // Those that use before those that are used.
        let below = reached.iter().rev().filter(|&&reached| reached != place);
        let below = below.map(|&place| &self.used(place).query.header);
        let parameters = parameters(&self.used(place).query.header, below);
        let given = given
            .iter()
            .filter(|(name, _)| parameters.iter().any(|p| p.name == **name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        bind(&parameters, &given)
    }

    /// Places of the queries below one that lay rows of several brokers beside each other, each after those below
    /// it.
    pub(super) fn over_brokers(&self, place: usize) -> Vec<usize> {
        let reached = self.reached([place]).into_iter();
        let is_over = |place: &usize| self.used(*place).query.header.is_over_brokers;
        reached.filter(is_over).collect()
    }

    /// Places of those that the statements themselves use.
    pub(super) fn direct(&self) -> &[usize] {
        &self.direct
    }

    /// The tables that the statements read, by themselves or through canned queries.
    pub(super) fn all_tables(&self) -> Vec<&'static Table> {
        let below = self.queries.iter().flat_map(|used| used.tables.iter());
        distinct(self.tables.iter().chain(below).copied().collect())
    }

    /// The same, but for what is below some canned queries alone.
    pub(super) fn all_tables_without(&self, left_out: &[&str]) -> Vec<&'static Table> {
        let is_in = |place: &usize| !left_out.contains(&self.used(*place).query.name);
        let mut reached = BTreeSet::new();
        let mut open: Vec<usize> = self.direct.iter().copied().filter(is_in).collect();
        while let Some(place) = open.pop() {
            if reached.insert(place) {
                open.extend(self.used(place).uses.iter().copied().filter(is_in));
            }
        }
        let below = reached
            .iter()
            .flat_map(|&place| self.used(place).tables.iter());
        distinct(self.tables.iter().chain(below).copied().collect())
    }

    /// The tables that a query reads, by itself or through canned queries.
    pub(super) fn tables_of(&self, place: usize) -> Vec<&'static Table> {
        let reached = self.reached([place]);
        let tables = reached
            .iter()
            .flat_map(|&place| self.used(place).tables.iter().copied());
        distinct(tables.collect())
    }

    /// Names of the tables that a query reads itself.
    pub(super) fn own_tables(&self, place: usize) -> impl Iterator<Item = &'static str> {
        self.used(place).tables.iter().map(|table| table.name)
    }

    /// Places of some queries and of all below them.
    fn reached(&self, places: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<usize> = places.into_iter().collect();
        while let Some(place) = open.pop() {
            if reached.insert(place) {
                open.extend(&self.used(place).uses);
            }
        }
        reached
    }

    /// Adds what a statement uses; answers the places of what it uses itself, and its tables.
    fn add_used(&mut self, statement: &Statement) -> Result<(Vec<usize>, Vec<&'static Table>)> {
        let (names, tables) = named(statement)?;
        Ok((self.add_named(&names, &mut Vec::new())?, tables))
    }

    /// Adds queries and what they use; answers their places.
    fn add_named(
        &mut self,
        names: &[&'static str],
        open: &mut Vec<&'static str>,
    ) -> Result<Vec<usize>> {
        let mut places = Vec::new();
        for &name in names {
            if let Some(place) = self.place(name) {
                places.push(place);
                continue;
            }
            if open.contains(&name) {
                let message = format!("the canned query {name} uses itself");
                return Err(Error::new(ErrorKind::Query, message));
            }
            let Some(parsed) = parsed_query(name).transpose()? else {
                continue;
            };
            open.push(name);
            let uses = self.add_named(&parsed.used_names, open)?;
            open.pop();
            places.push(self.queries.len());
            self.queries.push(Used { parsed, uses });
        }
        Ok(places)
    }
}

impl CannedQuery {
    /// The canned queries that it uses as tables, and those that they use, each after those it uses
    /// itself.
    pub fn below(&self) -> Result<Vec<Self>> {
        Ok(Below::query(self.name)?.queries().cloned().collect())
    }

    /// Its parameters, and those of the queries that it uses: its own default stands for all below it.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        Ok(Below::query(self.name)?.parameters(&self.header))
    }
}

fn distinct(mut tables: Vec<&'static Table>) -> Vec<&'static Table> {
    tables.sort_unstable_by_key(|table| table.name);
    tables.dedup_by_key(|table| table.name);
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stands_before_what_uses_it() {
        let below = Below::text("SELECT cause FROM blame").unwrap();
        let place = |name: &str| below.place(name).unwrap();
        assert!(place("accounted_requests") < place("own_writes"));
        assert!(place("own_writes") < place("blame"));
    }

    #[test]
    fn values_are_those_of_a_query_and_of_what_is_below_it() {
        let below = Below::text("SELECT cause FROM blame").unwrap();
        let place = below.place("accounted_requests").unwrap();
        let given = GivenParameters::from([
            ("slo_ms".to_owned(), "80".to_owned()),
            ("handoff_ms".to_owned(), "2".to_owned()),
        ]);
        let values = below.values(place, &given).unwrap();
        let api_slo = ("api_slo".to_owned(), ScalarValue::from(""));
        let slo_ms = ("slo_ms".to_owned(), ScalarValue::Float64(Some(80.0)));
        assert!(
            values.contains(&api_slo) && values.contains(&slo_ms),
            "{values:?}"
        );
        // A parameter of what stands above it.
        assert!(
            !values.iter().any(|(name, _)| name == "handoff_ms"),
            "{values:?}"
        );
    }

    #[test]
    fn tables_are_found_through_queries() {
        let below = Below::text("SELECT a.cause FROM blame AS a, sources AS b").unwrap();
        let names: Vec<&str> = below.all_tables().iter().map(|table| table.name).collect();
        assert!(
            names.contains(&"sources") && names.contains(&"writes"),
            "{names:?}"
        );
        let place = below.place("accounted_requests").unwrap();
        let names: Vec<&str> = below.tables_of(place).iter().map(|t| t.name).collect();
        assert!(
            names.contains(&"requests") && !names.contains(&"pauses"),
            "{names:?}"
        );
    }

    #[test]
    fn what_only_a_query_reads_that_is_left_out_is_no_table_of_the_others() {
        let below = Below::text("SELECT request_id FROM accounted_requests").unwrap();
        let names = |tables: Vec<&Table>| tables.iter().map(|t| t.name).collect::<Vec<_>>();
        let with = names(below.all_tables());
        let without = names(below.all_tables_without(&["line_times"]));
        assert!(with.contains(&"lock_waits"), "{with:?}");
        assert!(!without.contains(&"lock_waits"), "{without:?}");
        assert!(without.contains(&"requests"), "{without:?}");
    }
}
