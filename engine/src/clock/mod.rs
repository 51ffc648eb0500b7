//! Clock alignment: what must be done to a source's clock to make wall time.
//!
//! | file | what is in it |
//! |---|---|
//! | `declared` | what clock lines, formats and overlap tell: the clock as it is declared |
//! | `local_time` | local times of an unknown day or zone |
//! | `check` | the declared clocks against the data: ties between rows of two sources |
//! | `estimate`, `sweep`, `doubt`, `tie` | offset, drift and uncertainty from ties, most of which are wrong |
//! | `graph` | from relations of pairs to one correction for each source |
//! | `hosts` | the same for the hosts of several brokers |
//!
//! The ties are the rows of the canned query `clock_ties`. What comes of them is in the tables
//! `clock_fits` and `clock_checks`, and in words in `sources.clock_basis`.

mod check;
mod declared;
mod doubt;
mod estimate;
mod graph;
mod hosts;
mod local_time;
mod state;
mod sweep;
mod tie;
mod verdict;

pub(crate) use check::check;
pub(crate) use declared::{Others, align};
pub(crate) use state::ClockState;
