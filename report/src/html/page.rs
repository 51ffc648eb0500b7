//! The page around a report: head, navigation, style and script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("../../assets/style.css");
const SCRIPT: &str = include_str!("../../assets/script.js");

/// An entry of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Id of the section.
    pub id: &'a str,
    /// Its title.
    pub title: &'a str,
}

/// A whole page: one file that loads nothing.
pub fn page(title: &str, subtitle: &Markup, entries: &[Entry<'_>], body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#content" { "Skip to the report" }
                header {
                    p class="brand" { "kcorr" }
                    h1 { (title) }
                    p class="subtitle" { (subtitle) }
                }
                nav aria-label="Sections" {
                    ul {
                        @for entry in entries {
                            li { a href={ "#" (entry.id) } { (entry.title) } }
                        }
                    }
                }
                main id="content" { (body) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}
