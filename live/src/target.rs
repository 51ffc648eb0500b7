//! Who is told of episodes: a command of the shell, or a URL.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How long a command, or a connection, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A command of the shell, which gets a notice on its standard input.
    Command(String),
    /// An address that it is posted to: host with port, and path.
    Http {
        /// `HOST:PORT`
        host: String,
        /// The path, with its query.
        path: String,
    },
}

impl Target {
    /// A text that begins with `http://` is a URL, any other a command.
    ///
    /// # Errors
    /// For a URL that cannot be posted to.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |why: &str| Err(Error::Refused(format!("{text}: {why}")));
        let Some((scheme, rest)) = text.split_once("://") else {
            return match text.trim() {
                "" => refused("expected a command or a URL"),
                command => Ok(Self::Command(command.to_owned())),
            };
        };
        match scheme {
            "http" => {}
            "https" => {
                return refused(
                    "only http:// is spoken here; a command such as `curl --silent --fail --json @- URL` posts to it",
                );
            }
            _ => return Ok(Self::Command(text.to_owned())),
        }
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if host.is_empty()
            || host.contains('@')
            || rest.contains(|c: char| c.is_control() || c == ' ')
        {
            return refused("expected http://HOST:PORT/PATH, without a user");
        }
        let has_port = host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let host = if has_port {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        Ok(Self::Http {
            host,
            path: path.to_owned(),
        })
    }

    /// Tells a text: JSON, or Markdown; why it was not taken. Of the command, or the path, nothing is said: they may be
    /// secrets. A command is not waited for when all ends.
    pub(crate) fn send(
        &self,
        text: &str,
        is_json: bool,
        is_ended: &AtomicBool,
    ) -> Result<(), String> {
        match self {
            Self::Command(command) => run(command, text, is_ended),
            Self::Http { host, path } => post(host, path, text, is_json),
        }
    }
}

fn run(command: &str, text: &str, is_ended: &AtomicBool) -> Result<(), String> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::piped());
    shell.stdout(Stdio::null()).stderr(Stdio::null());
    // A Ctrl-C is the recorder's; and with its group goes what it has started.
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    let started = shell.spawn();
    let mut child = started.map_err(|error| format!("cannot run its command: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command may care for nothing of it; one that stands still is ended below, and the pipe with it.
        let text = text.to_owned();
        std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    }
    match ended(&mut child, is_ended) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("its command ended with {status}")),
        None => Err("its command took too long, and was ended".to_owned()),
    }
}

fn ended(child: &mut Child, is_ended: &AtomicBool) -> Option<std::process::ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE && !is_ended.load(Ordering::Relaxed) {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    // The group, by the program that is for it.
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn post(host: &str, path: &str, text: &str, is_json: bool) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot post to {host}: {error}");
    let addresses = host.to_socket_addrs().map_err(cannot)?;
    let mut stream = Err(format!("{host} has no address"));
    for address in addresses {
        stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(cannot);
        if stream.is_ok() {
            break;
        }
    }
    let mut stream = stream?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(cannot)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(cannot)?;
    let kind = if is_json {
        "application/json"
    } else {
        "text/markdown; charset=utf-8"
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: kcorr\r\nContent-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).map_err(cannot)?;
    stream.write_all(text.as_bytes()).map_err(cannot)?;
    let mut answer = [0; 64];
    let mut length = 0;
    // `HTTP/1.1 200`
    while length < 12 {
        match stream.read(&mut answer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) => return Err(cannot(error)),
        }
    }
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    match status.starts_with('2') {
        true => Ok(()),
        false => Err(format!(
            "{host} answered {:?}",
            answer.lines().next().unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_url_is_posted_to_and_anything_else_is_a_command() {
        let http = |host: &str, path: &str| Target::Http {
            host: host.to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(
            Target::parse("http://h:9/a?b=c").unwrap(),
            http("h:9", "/a?b=c")
        );
        assert_eq!(Target::parse("http://h").unwrap(), http("h:80", "/"));
        assert_eq!(
            Target::parse("mail -s x me").unwrap(),
            Target::Command("mail -s x me".to_owned())
        );
        for bad in [
            "",
            "http://",
            "http://user:word@h/",
            "http://h/a b",
            "http://h\r\nX:y/",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
        let said = Target::parse("https://h/").unwrap_err().to_string();
        assert!(said.contains("curl"), "{said}");
    }

    #[test]
    fn a_post_has_its_body_and_a_refusal_is_a_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let answering = std::thread::spawn(move || {
            let mut bodies = Vec::new();
            for status in ["503 Busy", "204 No Content"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut text = Vec::new();
                let mut piece = [0; 1024];
                while !text.ends_with(b"{\"a\":1}") {
                    let count = stream.read(&mut piece).unwrap();
                    text.extend_from_slice(&piece[..count]);
                }
                bodies.push(String::from_utf8(text).unwrap());
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
            bodies
        });
        let target = Target::Http {
            host: host.clone(),
            path: "/hook".to_owned(),
        };
        assert!(
            target
                .send("{\"a\":1}", true, &AtomicBool::new(false))
                .unwrap_err()
                .contains("503 Busy")
        );
        assert_eq!(
            target.send("{\"a\":1}", true, &AtomicBool::new(false)),
            Ok(())
        );
        let bodies = answering.join().unwrap();
        assert!(bodies[0].starts_with(&format!("POST /hook HTTP/1.1\r\nHost: {host}\r\n")));
        assert!(bodies[0].contains("Content-Type: application/json\r\nContent-Length: 7\r\n"));
    }
}
