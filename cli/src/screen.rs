//! What goes to the terminal besides results: notes, warnings, errors, and whether to use colour. They quote
//! recordings, so that all of them are made visible.

use std::fmt;
use std::io::{IsTerminal, Write};

use clap::ValueEnum;

use crate::causes::with_causes;
use crate::output::visible::visible;
use crate::time_zone::TimeZone;

/// When to colour output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The terminal as the user wants it used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    color: Color,
    quiet: bool,
    verbose: bool,
    zone: TimeZone,
}

impl Screen {
    pub(crate) fn new(color: Color, quiet: bool, verbose: bool, zone: TimeZone) -> Self {
        Self {
            color,
            quiet,
            verbose,
            zone,
        }
    }

    /// The time zone that times are shown in.
    pub(crate) fn zone(&self) -> TimeZone {
        self.zone
    }

    /// Whether only what went wrong is said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line for people; silent with `-q`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            say(format_args!("{}", visible(text)));
        }
    }

    /// A line for people who asked for more with `-v`.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose && !self.quiet {
            say(format_args!("{}", visible(text)));
        }
    }

    /// Something that the user should know of, said even with `-q`.
    pub(crate) fn warning(&self, text: &str) {
        say(format_args!(
            "{} {}",
            self.paint("33;1", "warning:", Stream::Err),
            visible(text)
        ));
    }

    /// Why the command failed, with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        say(format_args!(
            "{} {}",
            self.paint("31;1", "error:", Stream::Err),
            visible(&with_causes(error.as_ref()).to_string())
        ));
    }

    /// A heading in a listing on standard output.
    pub(crate) fn heading(&self, text: &str) -> String {
        self.paint("1", text, Stream::Out)
    }

    /// Secondary text on standard output.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint("2", text, Stream::Out)
    }

    /// Whether standard output is coloured.
    pub(crate) fn colors_output(&self) -> bool {
        self.colors(Stream::Out)
    }

    /// Whether progress bars are shown.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    fn paint(&self, code: &str, text: &str, stream: Stream) -> String {
        if self.colors(stream) {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn colors(&self, stream: Stream) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let is_terminal = match stream {
                    Stream::Out => std::io::stdout().is_terminal(),
                    Stream::Err => std::io::stderr().is_terminal(),
                };
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// Nobody may be there to read it.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
