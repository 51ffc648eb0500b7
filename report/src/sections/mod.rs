//! The sections of the incident report: one file each, one line each in [`all`].

mod advice;
mod causes;
mod clocks;
mod episodes;
mod follow_up;
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
    "who_waited",
    "causes",
    "brokers",
    "root_classes",
    "root_states",
    "off_cpu_writes",
    "rule_shares",
    "latency_over_time",
    "latency_heatmap",
    "load_over_time",
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
    "fine_cells",
    "recording_gaps",
    "flame_frames",
    "advice",
    "settled_changes",
    "why_not",
    "recordings",
    "clocks",
    "data_quality",
    "root_commits",
    "expected_gains",
    "ablation",
    "false_attribution",
];

/// Those of them that the report for a ticket shows, in order.
pub static BRIEF_QUERIES: &[&str] = &[
    "headline",
    "who_waited",
    "causes",
    "root_classes",
    "root_states",
    "off_cpu_writes",
    "episodes",
    "advice",
    "settled_changes",
    "why_not",
    "expected_gains",
    "false_attribution",
];

/// All sections that have something to show.
pub fn all(answers: &Answers) -> Vec<Section> {
    let sections = [
        summary::section(answers),
        advice::section(answers),
        episodes::section(answers),
        causes::section(answers),
        requests::section(answers),
        latency::section(answers),
        locks::section(answers),
        writes::section(answers),
        stacks::section(answers),
        clocks::section(answers),
        quality::section(answers),
        follow_up::section(answers),
    ];
    sections.into_iter().flatten().collect()
}

/// What fits a ticket: the story, what to do, the costliest episodes and the causes.
pub(crate) fn brief(answers: &Answers) -> Vec<Section> {
    let sections = [
        summary::brief(answers),
        advice::brief(answers),
        episodes::brief(answers),
        causes::brief(answers),
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
                .and(format!(" {} (", answer.zone()).as_str())
                .and(answer.cell(0, "span_s"))
                .and(")"),
            None => "no requests were recorded".into(),
        },
        None => Text::default(),
    }
}

/// What the report rests on and was made with.
pub(crate) fn facts(answers: &Answers) -> Vec<(&'static str, Text)> {
    let mut facts = Vec::new();
    if let Some(who) = answers.rows("who_waited") {
        facts.push(("Broker", Text::from(who.cell(0, "brokers"))));
    }
    if let Some(headline) = answers.rows("headline") {
        let source = match answers.objective_is_default {
            true => " (the default; --slo sets another)",
            false => " (as asked)",
        };
        let objective = Text::from(headline.cell(0, "slo_ms")).and(source);
        facts.push(("Objective", objective));
    }
    if !answers.tool.is_empty() {
        facts.push(("Made with", Text::default().code(&answers.tool)));
    }
    if let Some(made) = &answers.made_at {
        facts.push(("Made at", Text::default().code(made)));
    }
    facts
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_for_a_ticket_asks_nothing_that_the_whole_one_does_not() {
        assert!(BRIEF_QUERIES.iter().all(|name| QUERIES.contains(name)));
    }
}
