//! A certificate for tests, and a client that knows it: both openssl's.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::certificate::Certificate;

/// A certificate that openssl has made, in a folder that goes with it; none where there is no openssl.
pub(crate) struct Made {
    folder: TempDir,
    pub(crate) certificate: Certificate,
}

impl Made {
    pub(crate) fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let words = "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out chain.pem -subj /CN=kcorr";
        let mut command = openssl(&folder, words);
        let made = command.stdout(Stdio::null()).status();
        if !made.is_ok_and(|it| it.success()) {
            println!("skipped: there is no openssl to make a certificate");
            return None;
        }
        let file = |name| folder.path().join(name);
        let certificate = Certificate::read(&file("chain.pem"), &file("key.pem")).unwrap();
        Some(Self {
            folder,
            certificate,
        })
    }

    /// What openssl's client is answered, which knows the certificate.
    pub(crate) fn asked(&self, address: SocketAddr, words: &str) -> String {
        let client = format!(
            "s_client -connect {address} -CAfile chain.pem -verify_return_error -quiet -no_ign_eof"
        );
        let mut command = openssl(&self.folder, &client);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut client = command.spawn().unwrap();
        // It ends when its input does.
        let mut stdin = client.stdin.take().unwrap();
        stdin.write_all(words.as_bytes()).unwrap();
        let answer = client.wait_with_output().unwrap().stdout;
        drop(stdin);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn openssl(folder: &TempDir, words: &str) -> Command {
    let mut command = Command::new("openssl");
    command.args(words.split_ascii_whitespace());
    command.current_dir(folder.path()).stderr(Stdio::null());
    command
}
