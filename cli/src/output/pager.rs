//! A pager for what is longer than the terminal: `$PAGER`, else `less`.

use std::env;
use std::io::{self, BufWriter, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use anyhow::{Context, bail};
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};

use crate::output::visible::standard_output;

/// What `less` is told: end at once what fits the screen, obey colours, leave the text on the screen.
const LESS: &str = "-FRX";

/// The same for lines that are longer than the screen is wide: these are not broken.
const LESS_WIDE: &str = "-FRXS";

/// Where text goes that a terminal shows. The pager is started when there is something to show.
pub(crate) enum Pager {
    /// Nothing was written.
    Idle { is_wide: bool },
    /// A pager reads it.
    Paged {
        /// `None` once it has the whole text.
        text: Option<BufWriter<ChildStdin>>,
        pager: Child,
    },
    /// There is no pager.
    Plain(BufWriter<Box<dyn Write + Send>>),
}

impl Pager {
    /// One that is started at the first write.
    pub(crate) fn new(is_wide: bool) -> Self {
        Self::Idle { is_wide }
    }

    fn start(is_wide: bool) -> io::Result<Self> {
        let plain = || Self::Plain(BufWriter::new(standard_output()));
        let mut command = match env::var("PAGER").ok().as_deref().map(str::trim) {
            Some("" | "cat") => return Ok(plain()),
            Some(asked) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", asked]);
                shell
            }
            None => {
                let mut less = Command::new("less");
                less.arg(if is_wide { LESS_WIDE } else { LESS });
                less
            }
        };
        match command.stdin(Stdio::piped()).spawn() {
            Ok(mut pager) => match pager.stdin.take() {
                Some(text) => Ok(Self::Paged {
                    text: Some(BufWriter::new(text)),
                    pager,
                }),
                None => Ok(plain()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(plain()),
            Err(error) => Err(error),
        }
    }

    fn out(&mut self) -> io::Result<&mut dyn Write> {
        if let Self::Idle { is_wide } = *self {
            *self = Self::start(is_wide)?;
        }
        match self {
            Self::Paged {
                text: Some(text), ..
            } => Ok(text),
            Self::Plain(out) => Ok(out),
            _ => Err(io::Error::other("the pager has the whole text")),
        }
    }

    /// Hands the rest over, and waits until who reads has seen enough.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        match &mut self {
            Self::Idle { .. } => Ok(()),
            Self::Plain(out) => Ok(out.flush()?),
            Self::Paged { text, pager } => {
                let status = end(text, pager).context("cannot write to the pager")?;
                // As a shell says of a command that is not there.
                if matches!(status.code(), Some(126 | 127)) {
                    let asked = env::var("PAGER").unwrap_or_default();
                    bail!("the pager {asked} cannot be run: PAGER=cat shows answers without one");
                }
                Ok(())
            }
        }
    }
}

/// Closes the text and waits. Ctrl-C is the pager's meanwhile, which obeys it or not.
fn end(text: &mut Option<BufWriter<ChildStdin>>, pager: &mut Child) -> io::Result<ExitStatus> {
    let (_own, _interrupts) = match Handle::try_current() {
        Ok(_) => (None, signal(SignalKind::interrupt())?),
        Err(_) => {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let inside = runtime.enter();
            let interrupts = signal(SignalKind::interrupt())?;
            drop(inside);
            (Some(runtime), interrupts)
        }
    };
    if let Some(text) = text.take()
        && let Err(error) = text.into_inner()
        // Who has left the pager has read enough.
        && error.error().kind() != io::ErrorKind::BrokenPipe
    {
        return Err(error.into_error());
    }
    pager.wait()
}

/// What failed after some text was written must not leave the pager alone on the terminal.
impl Drop for Pager {
    fn drop(&mut self) {
        if let Self::Paged { text, pager } = self
            && text.is_some()
        {
            let _ = end(text, pager);
        }
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out()?.write(bytes)
    }

    /// The pager is handed the whole text: it waits for its end to know whether that fits the screen.
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Idle { .. } | Self::Paged { .. } => Ok(()),
        }
    }
}
