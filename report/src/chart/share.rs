//! One bar cut into shares.

use maud::{Markup, html};

use super::at;

/// A share of a bar.
#[derive(Debug, Clone)]
pub struct Share {
    /// From 0 to 1.
    pub ratio: f64,
    /// Class of its colour.
    pub class: String,
    /// What is said of it when pointed at.
    pub title: String,
}

/// Draws a bar of the full width; what the shares leave is left empty.
pub fn share_bar(label: &str, height: f64, shares: &[Share]) -> Markup {
    let mut x = 0.0;
    let places: Vec<(f64, f64)> = shares
        .iter()
        .map(|share| {
            let place = (x, share.ratio * 1000.0);
            x += place.1;
            place
        })
        .collect();
    html! {
        svg class="share" role="img" aria-label=(label) preserveAspectRatio="none"
            viewBox={ "0 0 1000 " (at(height)) } height=(at(height)) {
            rect class="empty" width="1000" height=(at(height)) {}
            @for (share, (x, width)) in shares.iter().zip(places) {
                rect class={ "bar " (share.class) } x=(at(x)) y="0" width=(at(width)) height=(at(height)) {
                    title { (share.title) }
                }
            }
        }
    }
}
