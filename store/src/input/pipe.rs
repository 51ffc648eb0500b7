//! A pipe that can be left while it is silent.

use std::fmt;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;

/// Bytes that are read at once; more than pipes hold.
const READ_BYTES: usize = 256 << 10;

/// Reads that wait to be decoded.
const AHEAD: usize = 16;

/// How often a silent pipe's reader looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);

/// How long a pipe may go on after it was asked to end. Ctrl-C reaches all of `tcpdump … | kcorr …`: what tcpdump
/// still holds comes then, and its end.
const GRACE: Duration = Duration::from_secs(1);

/// The bytes of a pipe, until it ends or is asked to.
///
/// They are read on a thread of its own, because nothing wakes a thread that waits for a pipe. Once asked to
/// end, that thread is left alone.
pub struct Pipe {
    reads: Receiver<io::Result<Vec<u8>>>,
    read: io::Cursor<Vec<u8>>,
    stop: Stop,
    /// When it ends, once it was asked to.
    end: Option<Instant>,
    /// Reads that are still taken at that time: those that had come.
    last_reads: usize,
}

impl Pipe {
    pub(crate) fn new(pipe: impl Read + Send + 'static, stop: &Stop) -> Self {
        let (sender, reads) = sync_channel(AHEAD);
        thread::spawn(move || pass_on(pipe, &sender));
        Self {
            reads,
            read: io::Cursor::default(),
            stop: stop.clone(),
            end: None,
            last_reads: AHEAD,
        }
    }

    /// The next bytes; `None` at the end.
    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        loop {
            if self.end.is_none() && self.stop.is_asked() {
                self.end = Some(Instant::now() + GRACE);
            }
            if self.end.is_some_and(|end| Instant::now() >= end) {
                self.last_reads = self.last_reads.checked_sub(1)?;
                return self.reads.try_recv().ok();
            }
            match self.reads.recv_timeout(LOOK) {
                Ok(read) => return Some(read),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

/// Reads a pipe to its end, or until nobody wants its bytes.
fn pass_on(mut pipe: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match pipe.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => Ok(buffer[..n].to_vec()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => Err(e),
        };
        let failed = read.is_err();
        if sender.send(read).is_err() || failed {
            return;
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.read.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            match self.next() {
                Some(read) => self.read = io::Cursor::new(read?),
                None => return Ok(0),
            }
        }
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_pipe_gives_all_its_bytes_and_ends_with_it() {
        let (reader, mut writer) = io::pipe().unwrap();
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let sent = bytes.clone();
        let sender = thread::spawn(move || writer.write_all(&sent).unwrap());
        let mut read = Vec::new();
        let mut pipe = Pipe::new(reader, &Stop::default());
        pipe.read_to_end(&mut read).unwrap();
        sender.join().unwrap();
        assert_eq!(read, bytes);
    }

    #[test]
    fn a_silent_pipe_ends_when_it_is_asked_to_with_what_came() {
        let (reader, mut writer) = io::pipe().unwrap();
        let stop = Stop::default();
        let mut pipe = Pipe::new(reader, &stop);
        writer.write_all(b"some").unwrap();
        let mut some = [0; 4];
        pipe.read_exact(&mut some).unwrap();
        stop.ask();
        // As tcpdump does, which is told at the same time.
        writer.write_all(b" more").unwrap();
        let asked = Instant::now();
        let mut rest = Vec::new();
        pipe.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b" more");
        assert!(asked.elapsed() < 10 * GRACE, "{:?}", asked.elapsed());
        drop(writer);
    }

    #[test]
    fn a_pipe_that_never_pauses_ends_when_it_is_asked_to() {
        let stop = Stop::default();
        stop.ask();
        let mut pipe = Pipe::new(io::repeat(7), &stop);
        let asked = Instant::now();
        let mut buffer = vec![0; 1 << 20];
        while pipe.read(&mut buffer).unwrap() > 0 {
            assert!(asked.elapsed() < 10 * GRACE, "{:?}", asked.elapsed());
        }
    }
}
