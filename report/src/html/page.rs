//! The page around a report: head, navigation, style and script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

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

/// A whole page: one file that loads nothing. `about` stands below the title.
pub fn page(title: &str, about: &Markup, entries: &[Entry<'_>], body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy());
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#content" { "Skip to the report" }
                header {
                    p class="brand" { "kcorr" }
                    h1 { (title) }
                    (about)
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

/// What the page may load and run: its own style and script by their hashes, and nothing else. Text of a
/// recording that came to be markup would be neither.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_style_and_the_script_of_the_page_are_allowed() {
        let page = page("Incident", &html! {}, &[], &html! {});
        assert!(!page.contains("unsafe-inline"));
        assert!(
            !page.contains("style=\""),
            "an attribute would not be applied"
        );
        for (open, close, kind) in [
            ("<style>", "</style>", "style"),
            ("<script>", "</script>", "script"),
        ] {
            let (_, rest) = page.split_once(open).expect("a beginning");
            let (text, _) = rest.split_once(close).expect("an end");
            let hash = STANDARD.encode(Sha256::digest(text));
            assert!(
                page.contains(&format!("{kind}-src &#39;sha256-{hash}&#39;"))
                    || page.contains(&format!("{kind}-src 'sha256-{hash}'"))
            );
        }
    }
}
