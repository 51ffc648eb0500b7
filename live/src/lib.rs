//! What requests waited for, window by window over weeks: what `kcorr live` does besides recording.
//!
//! | room | what is in it |
//! |---|---|
//! | [`Schedule`] | which windows there are, and what of the recording each needs |
//! | [`Accountant`] | a process a window, which makes a store of its recording and asks it: [`account()`] |
//! | [`Books`] | enters accounts, each slow request once |
//! | [`Metrics`], [`Endpoint`] | counts since the start, and their page for Prometheus |
//! | [`Archive`], [`Evidence`] | roll-ups, accounts and stores, bounded |
//! | [`History`], [`Settings`] | its windows read again, and what they are marked by |
//! | [`Feed`], [`FeedTables`] | the last windows and episodes, as tables for a page |
//! | [`Episodes`], [`Notifier`] | what goes on, and who is told when it begins |
//!
//! It takes no recording and knows no format of one.

mod account;
mod accountant;
mod archive;
mod books;
mod episodes;
mod error;
mod evidence;
mod feed;
mod feed_tables;
mod history;
mod limits;
mod line_files;
mod metrics;
mod notice;
mod own_cost;
mod period;
mod rollup;
mod rollup_days;
mod schedule;
mod settings;
mod target;
mod topics;
mod verdict;

pub use account::{Bucket, LATE_NS, Lost, WindowAccount, account};
pub use accountant::{AccountCommand, Accountant, Done, Recorded};
pub use archive::{Archive, Keeping, MOST_RECENT};
pub use books::{Books, Entered};
pub use episodes::{Episode, Episodes};
pub use error::{Error, Result};
pub use evidence::{Evidence, KeptWindows};
pub use feed::Feed;
pub use feed_tables::{FeedStanding, FeedTables};
pub use history::History;
pub use kcorr_exposition::{Access, Bounds, Endpoint, Form, Page};
pub use metrics::{Metrics, MetricsOptions, Standing, WindowCounts};
pub use notice::{NoticeOptions, Notifier};
pub use own_cost::OwnCost;
pub use period::Period;
pub use rollup::{Outcome, Rollup, RollupSeries};
pub use schedule::{Due, Schedule, ScheduleSettings};
pub use settings::Settings;
pub use target::Target;
pub use verdict::Verdict;
