//! The sections of the incident report: one file each, one line each in [`all`].

mod advice;
mod causes;
mod clocks;
mod episodes;
mod latency;
mod locks;
mod quality;
mod requests;
mod stacks;
mod summary;
mod writes;

use crate::{Answers, Section, Text};
pub(crate) use latency::heat_legend;

/// The queries that the sections show, in order. One that kcorr does not have is left out of the report.
pub static QUERIES: &[&str] = &[
    "headline",
    "causes",
    "root_classes",
    "root_states",
    "rule_shares",
    "latency_over_time",
    "latency_heatmap",
    "causes_over_time",
    "episodes",
    "episode_rows",
    "worst_requests",
    "request_chains",
    "log_ranking",
    "lock_ranking",
    "thread_ranking",
    "blockers",
    "write_figures",
    "write_heatmap",
    "flame_frames",
    "advice",
    "why_not",
    "recordings",
    "clocks",
    "data_quality",
    "root_commits",
    "expected_gains",
    "ablation",
    "false_attribution",
];

/// All sections that have something to show.
pub fn all(answers: &Answers) -> Vec<Section> {
    let sections = [
        summary::section(answers),
        latency::section(answers),
        causes::section(answers),
        episodes::section(answers),
        requests::section(answers),
        locks::section(answers),
        writes::section(answers),
        stacks::section(answers),
        advice::section(answers),
        clocks::section(answers),
        quality::section(answers),
    ];
    sections.into_iter().flatten().collect()
}

/// What the report is about: when, and how long.
pub(crate) fn subtitle(answers: &Answers) -> Text {
    match answers.rows("headline") {
        Some(answer) => match answer.time(0, "first_time") {
            Some(first) => Text::from(crate::cell::day(first))
                .and(", ")
                .and(answer.cell(0, "first_time"))
                .and(" to ")
                .and(answer.cell(0, "last_time"))
                .and(" UTC (")
                .and(answer.cell(0, "span_s"))
                .and(")"),
            None => "no requests were recorded".into(),
        },
        None => Text::default(),
    }
}

/// A table of the steps of a chart over time, which follows its zoom.
fn steps_table(
    steps: &crate::Answer,
    id: &str,
    caption: Text,
    columns: &[(&str, &str)],
) -> crate::Table {
    let mut table = crate::Table::of(steps, id, caption, columns);
    for (at, row) in table.rows.iter_mut().enumerate() {
        row.time = steps.time(at, "start_time").zip(steps.time(at, "end_time"));
    }
    table
}
