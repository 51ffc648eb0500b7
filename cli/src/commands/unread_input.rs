//! What is said of an input that could not be read: the reason, what the file looks like, and what would help.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use kcorr_engine::{Error, ErrorKind};

use super::log_directory;
use crate::causes::with_causes;
use crate::recordings;
use crate::screen::Screen;

/// Says why inputs were not read, each in a line, and then once what their options read.
pub(super) struct UnreadInputs<'a> {
    screen: &'a Screen,
    /// Options whose inputs were of no known kind.
    unknown: BTreeSet<String>,
}

impl<'a> UnreadInputs<'a> {
    pub(super) fn new(screen: &'a Screen) -> Self {
        Self {
            screen,
            unknown: BTreeSet::new(),
        }
    }

    /// Says why an input was not read. `kind` is its job's.
    pub(super) fn show(&mut self, error: &Error, kind: &str, paths: &[PathBuf]) {
        let option = kind.replace('_', "-");
        let mut text = with_causes(error);
        let path = paths.first().map_or(Path::new("-"), PathBuf::as_path);
        if error.kind() == ErrorKind::Input {
            if let Some(words) = self.what_it_is(path, &option, &text) {
                let _ = write!(text, " (the file {words})");
            }
        } else if let Some(advice) = advice(error, path, &option) {
            let _ = write!(text, ": {advice}");
        }
        self.screen.error(&anyhow::anyhow!(text));
    }

    /// Says what could have been read.
    pub(super) fn finish(self) {
        for option in self.unknown {
            self.screen.note(&recordings::reads(&option));
        }
    }

    fn what_it_is(&mut self, path: &Path, option: &str, told: &str) -> Option<String> {
        let head = (path != Path::new("-") && path.is_file())
            .then(|| kcorr_store::input::head(path).ok())
            .flatten();
        let Some(head) = head else {
            self.unknown.insert(option.to_owned());
            return None;
        };
        match recordings::recognised(&head) {
            // It is of its kind and yet cannot be read; the error says why.
            Some((other, _)) if other == option => None,
            Some((other, form)) => Some(format!("looks like {form}: give it with --{other}")),
            None => {
                // A file that has been written to since, or a wrong kind of right bytes.
                let is_empty = head.is_empty();
                if is_empty {
                    return None;
                }
                self.unknown.insert(option.to_owned());
                let words = recordings::looks_like(&head);
                let is_told =
                    words.contains("Thread.dump_to_file") && told.contains("dump_to_file");
                (!is_told).then(|| format!("looks like {words}"))
            }
        }
    }
}

/// What would help when the operating system refused.
fn advice(error: &Error, path: &Path, option: &str) -> Option<String> {
    let name = path.display();
    match io_reason(error)? {
        io::ErrorKind::PermissionDenied => Some(format!(
            "run kcorr as a user who may read it, or give it through a pipe: sudo cat {name} | kcorr ingest --{option} -"
        )),
        io::ErrorKind::NotFound if name.to_string().contains(['*', '?', '[']) => {
            Some("nothing matched the pattern, so the shell left it as it is".to_owned())
        }
        io::ErrorKind::IsADirectory if log_directory::files(path).is_ok() => {
            Some("it holds log segments: give it with --segments".to_owned())
        }
        io::ErrorKind::IsADirectory => Some(format!("name the files in it: --{option} {name}/*")),
        _ => None,
    }
}

/// Why the operating system refused, if it did.
fn io_reason(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}
