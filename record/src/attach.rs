//! Commands to a running JVM through HotSpot's attach mechanism, as `jcmd` gives them.
//!
//! The protocol is spoken here, because brokers often run on a JRE that has no `jcmd`, or in a container: HotSpot
//! listens on `/tmp/.java_pidN` of its own mounts, after it was asked to by the file `.attach_pidN` and a `SIGQUIT`
//! (`attachListener_posix.cpp`). A `SIGQUIT` is only sent to a process that catches it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::broker::{Broker, Status};
use crate::host::Host;

/// How long the JVM may take to open its socket.
const OPEN_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to answer; it writes a whole recording to a file meanwhile.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read; a thread dump of 10,000 threads has 20 MB.
const MOST_ANSWER_BYTES: u64 = 256 << 20;

/// Gives a JVM a diagnostic command (`JFR.check`, `Thread.print`) and returns what it prints.
///
/// # Errors
/// Why it cannot be asked, or what it answered when it refused, in words.
pub(crate) fn jcmd(broker: &Broker, command: &str) -> Result<String, String> {
    ask(broker, &["jcmd", command])
}

/// Has a JVM load an agent's library, or gives one that is loaded its options, as `jcmd JVMTI.agent_load` does.
///
/// # Errors
/// Why it cannot be asked, or that the agent refused.
pub(crate) fn load_agent(broker: &Broker, library: &str, options: &str) -> Result<(), String> {
    agent_result(&ask(broker, &["load", library, "true", options])?)
}

/// What an agent returned: 0 when it is content (`return code: 0` from JDK 9 on, `0` before).
fn agent_result(answer: &str) -> Result<(), String> {
    let code = answer.trim();
    match code.strip_prefix("return code:").unwrap_or(code).trim() {
        "0" | "" => Ok(()),
        _ => Err(format!("the agent refused: {}", first_line(answer))),
    }
}

/// Whether the JVM can be asked, without asking it.
///
/// # Errors
/// Why it cannot.
pub(crate) fn can_attach(host: &Host, broker: &Broker) -> Result<(), String> {
    if broker.jvm.libjvm.is_none() {
        return Err("the process has no libjvm.so mapped: it is no HotSpot JVM".to_owned());
    }
    if host.path(socket(broker)).exists() {
        return Ok(());
    }
    let line = broker.command_line.as_ref();
    if line.and_then(|line| line.flag("DisableAttachMechanism")) == Some(true) {
        return Err("the JVM runs with -XX:+DisableAttachMechanism: start it without".to_owned());
    }
    let catches = Status::of(host, broker.pid).is_ok_and(|status| status.catches_quit());
    if !catches {
        return Err(
            "the JVM does not catch SIGQUIT (it runs with -Xrs), so it cannot be attached to: start it without"
                .to_owned(),
        );
    }
    Ok(())
}

fn socket(broker: &Broker) -> PathBuf {
    let name = format!("/tmp/.java_pid{}", broker.status.inner_pid);
    broker.outside(Path::new(&name))
}

/// One request: the protocol's version, a command and three arguments, each ended by a zero.
fn ask(broker: &Broker, words: &[&str]) -> Result<String, String> {
    let mut stream = connection(broker)?;
    let cannot = |error: std::io::Error| format!("the JVM does not answer: {error}");
    stream
        .set_read_timeout(Some(ANSWER_PATIENCE))
        .map_err(cannot)?;
    let mut request = b"1\0".to_vec();
    for at in 0..4 {
        request.extend_from_slice(words.get(at).unwrap_or(&"").as_bytes());
        request.push(0);
    }
    stream.write_all(&request).map_err(cannot)?;
    let mut answer = Vec::new();
    let mut answers = stream.take(MOST_ANSWER_BYTES);
    answers.read_to_end(&mut answer).map_err(cannot)?;
    result(&String::from_utf8_lossy(&answer))
}

/// What an answer says: a number, which is 0 when it was done, and the text behind it.
fn result(answer: &str) -> Result<String, String> {
    match answer.split_once('\n') {
        Some(("0", text)) => Ok(text.to_owned()),
        None if answer == "0" => Ok(String::new()),
        Some((_, text)) if !text.trim().is_empty() => {
            Err(format!("the JVM refused: {}", first_line(text)))
        }
        None if answer.is_empty() => Err(
            "the JVM closed the connection: it takes commands of its own user, and of root from JDK 9 on".to_owned(),
        ),
        _ => Err(format!("the JVM refused with {:?}", answer.trim())),
    }
}

/// The first line that says something.
pub(crate) fn first_line(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

fn connection(broker: &Broker) -> Result<UnixStream, String> {
    let socket = socket(broker);
    if let Ok(stream) = UnixStream::connect(&socket) {
        return Ok(stream);
    }
    can_attach(&Host::here(), broker)?;
    let asked = Request::make(broker)?;
    let pid = i32::try_from(broker.pid).map_err(|_| "its id is no process's".to_owned())?;
    kill(Pid::from_raw(pid), Signal::SIGQUIT)
        .map_err(|error| format!("the JVM may not be signalled ({error}): run as root"))?;
    let begun = Instant::now();
    let stream = loop {
        match UnixStream::connect(&socket) {
            Ok(stream) => break Ok(stream),
            Err(_) if begun.elapsed() < OPEN_PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => {
                break Err(format!(
                    "the JVM did not open its socket of attachment ({error})"
                ));
            }
        }
    };
    drop(asked);
    stream
}

/// The file that asks a JVM to listen; removed when it is dropped.
struct Request(PathBuf);

impl Request {
    /// Makes it where HotSpot looks: in the JVM's working folder, else in its `/tmp`; owned by the JVM's user.
    fn make(broker: &Broker) -> Result<Self, String> {
        let name = format!(".attach_pid{}", broker.status.inner_pid);
        let folders = [
            PathBuf::from(format!("/proc/{}/cwd", broker.pid)),
            broker.outside(Path::new("/tmp")),
        ];
        let mut why = String::new();
        for folder in folders {
            let path = folder.join(&name);
            let made = std::fs::File::create(&path).and_then(|_| {
                let Status { uid, gid, .. } = broker.status;
                std::os::unix::fs::chown(&path, Some(uid), Some(gid))
            });
            match made {
                Ok(()) => return Ok(Self(path)),
                Err(error) => {
                    why = format!("cannot ask the JVM to listen: {}: {error}", path.display())
                }
            }
        }
        Err(why)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // It may be gone with the process.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_and_a_text() {
        assert_eq!(
            result("0\nStarted recording 1.\n"),
            Ok("Started recording 1.\n".to_owned())
        );
        assert_eq!(result("0\n"), Ok(String::new()));
        let error = result("1\njava.lang.IllegalArgumentException: Unknown diagnostic command\n");
        assert!(error.unwrap_err().contains("Unknown diagnostic command"));
        assert!(result("101\n").unwrap_err().contains("101"));
        assert!(result("").unwrap_err().contains("own user"));
    }

    #[test]
    fn an_agent_that_refuses_is_no_answer() {
        for content in ["return code: 0\n", "0\n", ""] {
            assert_eq!(agent_result(content), Ok(()), "{content:?}");
        }
        for refused in ["return code: 100\n", "-1", "libx.so was not loaded.\n"] {
            assert!(agent_result(refused).is_err(), "{refused:?}");
        }
    }
}
