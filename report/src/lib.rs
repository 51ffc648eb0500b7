//! Turns the answers of kcorr's queries into a report: one HTML file, Markdown, or JSON.
//!
//! It computes nothing that a person would want to check: every number is a [`Cell`] of an [`Answer`]
//! and names the query it comes from. It runs no queries and knows no store; whoever does gives it the
//! [`Answers`].
//!
//! | room | what is in it |
//! |---|---|
//! | [`Answer`], [`Cell`], [`Value`] | what the queries gave, and how numbers are written |
//! | [`Report`], [`Section`], [`Block`] | what a report is made of |
//! | [`sections`] | one file a section of the incident report, one line each |
//! | [`Report::one_request`] | one request's verdict |
//! | [`comparison`] | the comparison of several stores |
//! | [`over_time`] | one broker over weeks, by what it ran on and with |
//! | [`live`] | what `kcorr live` has seen lately |
//! | [`chart`] | drawings as SVG that is readable without a script |
//! | [`html`], [`markdown`], [`json`] | the three forms |

mod answer;
mod cause;
mod cell;
pub mod chart;
pub mod comparison;
mod error;
mod gaps;
pub mod html;
mod incident;
pub mod json;
pub mod live;
pub mod markdown;
mod names;
mod one_request;
pub mod over_time;
mod report;
pub mod sections;
mod text;
mod value;

pub use answer::{Answer, Answers, Column, QueryText};
pub use cause::{Cause, cause};
pub use cell::Cell;
pub use error::Error;
pub use one_request::ONE_REQUEST_QUERIES;
pub use report::{Block, Drawing, Figure, Report, Row, Section, Table, TableColumn};
pub use text::{Span, Text};
pub use value::Value;
