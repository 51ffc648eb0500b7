//! The incident in a few sentences.

use crate::cause::{cause, class, label};
use crate::chart::{Share, share_bar};
use crate::names::root;
use crate::{Answer, Answers, Block, Drawing, Figure, Section, Text};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let headline = answers.rows("headline")?;
    let mut blocks = vec![Block::Headline(sentence(
        headline,
        answers.objective_is_default,
    ))];
    if headline.value(0, "slow_count").int().unwrap_or(0) > 0 {
        if let Some(classes) = answers.rows("root_classes") {
            blocks.push(Block::Paragraph(fix_first(classes)));
        }
        if let Some(causes) = answers.rows("causes") {
            blocks.push(Block::Drawing(shares(causes)));
        }
        blocks.push(Block::List(points(answers, headline)));
    }
    blocks.push(Block::Figures(figures(headline)));
    Some(Section {
        id: "summary",
        title: "Summary".to_owned(),
        blocks,
    })
}

fn sentence(headline: &Answer, objective_is_default: bool) -> Text {
    let default = if objective_is_default {
        " (the default objective; --slo sets another)"
    } else {
        ""
    };
    let cell = |column| headline.cell(0, column);
    if headline.value(0, "request_count").int().unwrap_or(0) == 0 {
        return "No answered request was recorded, so there is nothing to explain. \
                A packet capture shows the requests."
            .into();
    }
    if headline.value(0, "slow_count").int().unwrap_or(0) == 0 {
        return Text::from("None of ")
            .and(cell("request_count"))
            .and(" requests took ")
            .and(cell("slo_ms"))
            .and(" or more")
            .and(default)
            .and(". The slowest took ")
            .and(cell("max_ms"))
            .and(".");
    }
    Text::from(cell("slow_count"))
        .and(" of ")
        .and(cell("request_count"))
        .and(" requests (")
        .and(cell("slow_ratio"))
        .and("; ")
        .and(cell("slow_apis"))
        .and(") took ")
        .and(cell("slo_ms"))
        .and(" or more")
        .and(default)
        .and(". The slowest took ")
        .and(cell("max_ms"))
        .and(".")
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

fn points(answers: &Answers, headline: &Answer) -> Vec<Text> {
    let cell = |column| headline.cell(0, column);
    let mut points = Vec::new();
    if let Some(causes) = answers.rows("causes") {
        for row in 0..causes.len() {
            let name = causes.text(row, "cause");
            let sentence = match cause(name) {
                Some(cause) => cause.sentence(),
                None => name.into(),
            };
            points.push(
                Text::from(causes.cell(row, "request_count"))
                    .and(" (")
                    .and(causes.cell(row, "request_ratio"))
                    .and("): ")
                    .and(&*sentence)
                    .and("."),
            );
        }
    }
    if headline.value(0, "hidden_count").int().unwrap_or(0) > 0 {
        points.push(
            Text::from(cell("hidden_count"))
                .and(" (")
                .and(cell("hidden_ratio"))
                .and(
                    "): under the objective from when the broker could read them. The rest of their time they \
                     waited behind earlier requests of their own connection, which the broker's own metrics \
                     do not show.",
                ),
        );
    }
    points.push(how_sure(answers, headline));
    points
}

fn fix_first(classes: &Answer) -> Text {
    let kind = classes.text(0, "kind");
    let several = classes.value(0, "episode_count").int() != Some(1);
    let (one, many) = root(kind);
    if kind == "other" {
        return Text::from(
            "Most of the time has no recorded commit, write or pause at its root: see ",
        )
        .and(crate::Span::Link(
            "what to record".to_owned(),
            "advice".to_owned(),
        ))
        .and(".");
    }
    Text::default()
        .strong("Fix first:")
        .and(" ")
        .and(many)
        .and(". ")
        .and(classes.cell(0, "episode_count"))
        .and(" ")
        .and(if several { many } else { one })
        .and(if several {
            " are at the root of "
        } else {
            " is at the root of "
        })
        .and(classes.cell(0, "request_count"))
        .and(" slow requests (")
        .and(classes.cell(0, "request_ratio"))
        .and(") and of ")
        .and(classes.cell(0, "cost_ratio"))
        .and(" of their time. See ")
        .and(crate::Span::Link(
            "what to try next".to_owned(),
            "advice".to_owned(),
        ))
        .and(".")
}

fn how_sure(answers: &Answers, headline: &Answer) -> Text {
    let cell = |column| headline.cell(0, column);
    let text = Text::default()
        .strong("How sure:")
        .and(" recorded rows explain ")
        .and(cell("explained_ratio"))
        .and(" of the slow requests' time");
    let text = match headline.value(0, "confidence") {
        crate::Value::Null => text.and("."),
        _ => text
            .and("; the mean confidence of the verdicts is ")
            .and(cell("confidence"))
            .and(", where one is certain."),
    };
    let text = match headline.value(0, "unexplained_count").int().unwrap_or(0) {
        0 => text,
        _ => text
            .and(" Requests with most of their time unexplained: ")
            .and(cell("unexplained_count"))
            .and("."),
    };
    let rates = answers.rows("false_attribution");
    match rates.and_then(|rates| Some((rates, rates.row_where("cause", "any")?))) {
        Some((rates, any)) => text
            .and(" With the recordings shifted in time, so that they fit by chance only, ")
            .and(rates.cell(any, "chance_ratio"))
            .and(" of the slow requests are still blamed on something, instead of ")
            .and(rates.cell(any, "request_ratio"))
            .and(": see ")
            .and(crate::Span::Link(
                "data quality".to_owned(),
                "quality".to_owned(),
            ))
            .and("."),
        None => text,
    }
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
