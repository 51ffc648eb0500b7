//! The forms of a comparison, of stores or over weeks.

use std::path::Path;

use clap::ValueEnum;

/// The forms of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people
    Table,
    /// For a ticket or a wiki
    Markdown,
    /// One object, with an array of objects for each table
    Json,
    /// One file for a browser, which needs no network
    Html,
}

/// How a comparison is written.
pub(super) struct Written<'a> {
    pub(super) form: Form,
    pub(super) output: Option<&'a Path>,
}
