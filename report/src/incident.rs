//! The incident report: what the sections show, and the queries behind it.

use crate::{Answers, Report, Section, Text, sections};

impl Report {
    /// The incident report.
    pub fn incident(answers: &Answers) -> Self {
        let mut queries: Vec<_> = answers.iter().map(|a| a.query().clone()).collect();
        queries.extend(answers.steps().cloned());
        Self {
            queries,
            ..Self::of(answers, sections::all(answers))
        }
    }

    /// The same for a ticket: the story, what to do, the costliest episodes and the causes.
    pub fn brief(answers: &Answers) -> Self {
        Self::of(answers, sections::brief(answers))
    }

    fn of(answers: &Answers, sections: Vec<Section>) -> Self {
        Self {
            title: "Kafka tail latency: incident report".to_owned(),
            subtitle: sections::subtitle(answers),
            facts: sections::facts(answers),
            sections,
            queries_note: Text::from(
                "Every number above is a cell of one of these queries. Run one yourself with ",
            )
            .code("kcorr query NAME")
            .and("; ")
            .code("kcorr queries NAME")
            .and(" prints its SQL."),
            queries: Vec::new(),
        }
    }
}
