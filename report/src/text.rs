//! Sentences whose numbers are cells.

use crate::Cell;

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Span {
    /// Words.
    Words(String),
    /// A value of a query, written with its unit.
    Cell(Cell),
    /// Words that stand out.
    Strong(String),
    /// The name of an option, file or command.
    Code(String),
    /// A value of a query that is the name of an option, file or command.
    CellCode(Cell),
    /// Words that lead to a place in the report, by its id.
    Link(String, String),
}

/// A sentence, or several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Text(pub Vec<Span>);

impl Text {
    /// The same with one more part.
    #[must_use]
    pub fn and(mut self, span: impl Into<Span>) -> Self {
        self.0.push(span.into());
        self
    }

    /// The same with another text behind it.
    #[must_use]
    pub fn append(mut self, text: Self) -> Self {
        self.0.extend(text.0);
        self
    }

    /// The same with the name of an option, file or command.
    #[must_use]
    pub fn code(self, code: &str) -> Self {
        self.and(Span::Code(code.to_owned()))
    }

    /// The same with words that stand out.
    #[must_use]
    pub fn strong(self, words: &str) -> Self {
        self.and(Span::Strong(words.to_owned()))
    }

    /// The text without marks.
    pub fn plain(&self) -> String {
        let plain = |span: &Span| match span {
            Span::Words(words) | Span::Strong(words) | Span::Code(words) | Span::Link(words, _) => {
                words.clone()
            }
            Span::Cell(cell) | Span::CellCode(cell) => cell.text_with_unit(),
        };
        self.0.iter().map(plain).collect()
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self(vec![words.into()])
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self(vec![Span::Words(words)])
    }
}

impl From<Cell> for Text {
    fn from(cell: Cell) -> Self {
        Self(vec![Span::Cell(cell)])
    }
}

impl From<&str> for Span {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<Cell> for Span {
    fn from(cell: Cell) -> Self {
        Self::Cell(cell)
    }
}
