//! The incident in a few sentences.

mod story;
mod strip;

use crate::cause::{class, label};
use crate::chart::{Share, share_bar};
use crate::{Answer, Answers, Block, Drawing, Figure, Section, Text};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let headline = answers.rows("headline")?;
    let mut blocks = vec![Block::Headline(story::headline(answers, headline))];
    if headline.value(0, "slow_count").int().unwrap_or(0) > 0 {
        blocks.push(Block::List(story::sentences(answers, headline)));
        blocks.extend(strip::drawing(answers).map(Block::Drawing));
        if let Some(causes) = answers.rows("causes") {
            blocks.push(Block::Drawing(shares(causes)));
        }
        blocks.extend(hidden(headline).map(Block::Note));
    }
    blocks.push(Block::Figures(figures(headline)));
    Some(Section {
        id: "summary",
        title: "Summary".to_owned(),
        blocks,
    })
}

/// The story alone.
pub(super) fn brief(answers: &Answers) -> Option<Section> {
    let headline = answers.rows("headline")?;
    let mut blocks = vec![Block::Headline(story::headline(answers, headline))];
    if headline.value(0, "slow_count").int().unwrap_or(0) > 0 {
        blocks.push(Block::List(story::sentences(answers, headline)));
    }
    Some(Section {
        id: "summary",
        title: "Summary".to_owned(),
        blocks,
    })
}

fn shares(causes: &Answer) -> Drawing {
    let mut shares = Vec::new();
    let mut legend = Vec::new();
    let mut told = Vec::new();
    for row in 0..causes.len() {
        let name = causes.text(row, "cause");
        let text = format!(
            "{}: {} requests ({})",
            label(name),
            causes.cell(row, "request_count").text(),
            causes.cell(row, "request_ratio").text_with_unit()
        );
        shares.push(Share {
            ratio: causes.number(row, "request_ratio").unwrap_or(0.0),
            class: class(name),
            title: text.clone(),
        });
        legend.push((class(name), text.clone()));
        told.push(text);
    }
    let description = told.join("; ");
    Drawing {
        id: "summary-shares".to_owned(),
        title: "What the slow requests waited for".into(),
        svg: share_bar(&description, 28.0, &shares),
        description,
        legend,
        queries: vec!["causes".to_owned()],
    }
}

/// Slow requests that the broker's own metrics do not show.
fn hidden(headline: &Answer) -> Option<Text> {
    let has_some = headline.value(0, "hidden_count").int().unwrap_or(0) > 0;
    has_some.then(|| {
        Text::from("The broker's own metrics do not show ")
            .and(headline.cell(0, "hidden_count"))
            .and(" of the slow requests (")
            .and(headline.cell(0, "hidden_ratio"))
            .and("): from when the broker could read them they met the objective. The rest of their time they waited behind earlier requests of their own connection.")
    })
}

fn figures(headline: &Answer) -> Vec<Figure> {
    let figure = |label: &str, column: &str| Figure {
        label: label.to_owned(),
        cell: headline.cell(0, column),
        note: None,
    };
    vec![
        figure("median latency", "p50_ms"),
        figure("p99", "p99_ms"),
        figure("p99.9", "p999_ms"),
        figure("slowest", "max_ms"),
        figure("over the objective", "slow_count"),
        figure("time explained", "explained_ratio"),
    ]
}
