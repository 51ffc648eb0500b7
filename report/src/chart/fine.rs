//! Finer cells of a heatmap, which its script draws where a zoom leaves room for them.
//!
//! They are numbers in one attribute, a few bytes a cell: drawn all at once they would be most of the page.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{LogScale, at};

/// A class of values.
#[derive(Debug, Clone, PartialEq)]
pub struct FineClass {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// What is said of it.
    pub label: String,
}

/// How many are in a class in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FineCell {
    /// Start of the step, in ns since 1970.
    pub start_ns: i64,
    /// The place of its class.
    pub class: usize,
    /// How many; more than 0.
    pub count: i64,
}

/// Cells in steps that are too short to be drawn all at once.
#[derive(Debug, Clone, PartialEq)]
pub struct FineCells {
    /// Length of a step, ns; more than 0.
    pub step_ns: i64,
    /// The classes.
    pub classes: Vec<FineClass>,
    /// The cells, in the order of their steps.
    pub cells: Vec<FineCell>,
    /// What is counted.
    pub noun: String,
}

impl FineCells {
    /// The element that the script fills: classes as `top height label`, parted by `|`; cells as steps since the
    /// cell before, class, and count if that is not 1, parted by dots and spaces.
    pub(super) fn draw(&self, scale: &LogScale) -> Markup {
        let class = |class: &FineClass| {
            let top = scale.y(class.high);
            let height = scale.y(class.low) - top;
            format!("{} {} {}", at(top), at(height), class.label)
        };
        let classes: Vec<String> = self.classes.iter().map(class).collect();
        let first_ns = self.cells.first().map_or(0, |cell| cell.start_ns);
        let mut before_ns = first_ns;
        let mut cells = String::new();
        for cell in &self.cells {
            let steps = cell.start_ns.saturating_sub(before_ns) / self.step_ns.max(1);
            before_ns = cell.start_ns;
            let space = if cells.is_empty() { "" } else { " " };
            let _ = write!(cells, "{space}{steps}.{}", cell.class);
            if cell.count != 1 {
                let _ = write!(cells, ".{}", cell.count);
            }
        }
        html! {
            g class="fine" data-first=(first_ns) data-step=(self.step_ns) data-noun=(self.noun)
                data-classes=(classes.join("|")) data-cells=(cells) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_told_by_the_steps_between_them() {
        let class = |low: f64, high: f64| FineClass {
            low,
            high,
            label: format!("{low} to {high} ms"),
        };
        let cell = |step: i64, class: usize, count: i64| FineCell {
            start_ns: 1_000_000_000 + step * 10_000_000,
            class,
            count,
        };
        let fine = FineCells {
            step_ns: 10_000_000,
            classes: vec![class(1.0, 10.0), class(10.0, 100.0)],
            cells: vec![cell(2, 0, 3), cell(2, 1, 1), cell(9, 0, 1)],
            noun: "writes".to_owned(),
        };
        let scale = LogScale {
            low: 1.0,
            high: 100.0,
            height: 200.0,
        };
        let drawn = fine.draw(&scale).into_string();
        assert!(
            drawn.contains(r#"data-first="1020000000" data-step="10000000""#),
            "{drawn}"
        );
        assert!(drawn.contains(r#"data-cells="0.0.3 0.1 7.0""#), "{drawn}");
        assert!(
            drawn.contains(r#"data-classes="100 100 1 to 10 ms|0 100 10 to 100 ms""#),
            "{drawn}"
        );
    }
}
