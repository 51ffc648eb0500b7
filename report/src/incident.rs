//! The incident report: what the sections show, and the queries behind it.

use crate::{Answers, Report, Text, sections};

impl Report {
    /// The incident report.
    pub fn incident(answers: &Answers) -> Self {
        let mut queries: Vec<_> = answers.iter().map(|a| a.query().clone()).collect();
        queries.extend(answers.steps().cloned());
        Self {
            title: "Kafka tail latency: incident report".to_owned(),
            subtitle: sections::subtitle(answers),
            sections: sections::all(answers),
            queries_note: Text::from(
                "Every number above is a cell of one of these queries. Run one yourself with ",
            )
            .code("kcorr query NAME")
            .and("; ")
            .code("kcorr queries NAME")
            .and(" prints its SQL."),
            queries,
        }
    }
}
