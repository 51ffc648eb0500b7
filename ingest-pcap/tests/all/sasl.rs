//! SASL: exchanges keep the framing, the user's name is kept, and no secret is.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::exchange::{order, ordered};
use crate::support::kafka::{Out, request, response};
use crate::support::recordings;
use crate::support::{Decoded, decode};

const HANDSHAKE: i16 = 17;
const AUTHENTICATE: i16 = 36;

const COLUMNS: &[&str] = &["correlation_id", "api", "principal", "no_response"];

/// A connection that logs in and sends an order after each login. Tokens are the client's and the broker's.
fn login(version: i16, mechanism: &str, tokens: &[(&[u8], &[u8])], times: i32) -> Decoded {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let mut id = 0;
    for _ in 0..times {
        id += 1;
        let body = Out::default().string(false, mechanism).0;
        let asked = request(HANDSHAKE, i16::from(version > 0), id, "app", &body);
        capture.send(&mut tcp, CLIENT, &asked, 100);
        let answer = response(id, false, &[0, 0, 0, 0, 0, 0]);
        capture.send(&mut tcp, BROKER, &answer, 100);
        for (client, broker) in tokens {
            if version == 0 {
                capture.send(
                    &mut tcp,
                    CLIENT,
                    &Out::default().bytes(false, client).0,
                    100,
                );
                capture.send(
                    &mut tcp,
                    BROKER,
                    &Out::default().bytes(false, broker).0,
                    100,
                );
                continue;
            }
            id += 1;
            let is_flexible = version == 3;
            let mut body = Out::default().bytes(is_flexible, client).0;
            body.extend(is_flexible.then_some(0));
            let asked = request(AUTHENTICATE, version - 1, id, "app", &body);
            capture.send(&mut tcp, CLIENT, &asked, 100);
            let answer = response(id, is_flexible, &[0, 0, 0, 0, 0, 0, 0, 0]);
            capture.send(&mut tcp, BROKER, &answer, 100);
        }
        id += 1;
        capture.send(&mut tcp, CLIENT, &order(id, &["b"]), 1000);
        capture.send(&mut tcp, BROKER, &ordered(id, 8), 1000);
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), [] as [&str; 0], "{version} {mechanism}");
    let shown = format!("{:?}", decoded.batches);
    assert!(!shown.contains("secret"), "{version} {mechanism}");
    decoded
}

const PLAIN: &[(&[u8], &[u8])] = &[(b"\0alice\0alice-secret", b"")];
const SCRAM: &[(&[u8], &[u8])] = &[
    (
        b"n,,n=alice,r=secret-nonce",
        b"r=secret-nonce,s=c2FsdA==,i=4096",
    ),
    (b"c=biws,r=secret-nonce,p=cHJvb2Y=", b"v=c2lnbmF0dXJl"),
];

#[test]
fn bare_tokens_of_the_first_version_keep_the_framing() {
    for (mechanism, tokens) in [("PLAIN", PLAIN), ("SCRAM-SHA-512", SCRAM)] {
        let rows = login(0, mechanism, tokens, 1).rows("requests", COLUMNS);
        assert_eq!(
            rows,
            ["1 SaslHandshake - -", "2 Produce alice -"],
            "{mechanism}"
        );
    }
}

#[test]
fn requests_behind_a_login_have_its_user() {
    for version in [1, 2, 3] {
        let rows = login(version, "SCRAM-SHA-256", SCRAM, 1).rows("requests", COLUMNS);
        let expected = [
            "1 SaslHandshake - -",
            "2 SaslAuthenticate - -",
            "3 SaslAuthenticate alice -",
            "4 Produce alice -",
        ];
        assert_eq!(rows, expected, "{version}");
        let rows = login(version, "PLAIN", PLAIN, 1).rows("requests", COLUMNS);
        assert_eq!(rows[2], "3 Produce alice -", "{version}");
    }
}

#[test]
fn a_login_that_the_broker_refuses_has_its_error() {
    for (version, is_flexible) in [(1, false), (2, true)] {
        let mut capture = Capture::default();
        let mut tcp = Tcp::new(40_000);
        capture.open(&mut tcp);
        let mut body = Out::default()
            .bytes(is_flexible, b"\0alice\0alice-secret")
            .0;
        body.extend(is_flexible.then_some(0));
        let asked = request(AUTHENTICATE, version, 1, "app", &body);
        capture.send(&mut tcp, CLIENT, &asked, 1448);
        // 58: SASL_AUTHENTICATION_FAILED, and its message in words.
        let refused = [&[0, 58][..], &[0, 2, b'n', b'o', 0, 0, 0, 0]].concat();
        let answer = response(1, is_flexible, &refused);
        capture.send(&mut tcp, BROKER, &answer, 1448);
        let decoded = decode(&capture.pcap(Link::Ethernet));
        let rows = decoded.rows("requests", &["api", "error_code", "no_response"]);
        assert_eq!(rows, ["SaslAuthenticate 58 -"], "{version}");
    }
}

#[test]
fn a_connection_that_authenticates_again_keeps_its_user() {
    let rows = login(2, "PLAIN", PLAIN, 3).rows("requests", COLUMNS);
    assert_eq!(rows.len(), 9);
    assert_eq!(
        rows[3..6],
        [
            "4 SaslHandshake alice -",
            "5 SaslAuthenticate alice -",
            "6 Produce alice -"
        ]
    );
}

#[test]
fn tokens_without_a_visible_user_keep_the_framing() {
    let ticket = [&[0x60, 0x82, 2, 0x11][..], &[0xa5; 525]].concat();
    let kerberos: &[(&[u8], &[u8])] = &[
        (&ticket, b"\x60\x30secret"),
        (b"", b"\x05\x04\x01\xff"),
        (b"\x05\x04\x01\xff", b""),
    ];
    let bearer: &[(&[u8], &[u8])] = &[(b"n,,\x01auth=Bearer secret.secret.secret\x01\x01", b"")];
    for (mechanism, tokens) in [("GSSAPI", kerberos), ("OAUTHBEARER", bearer)] {
        for version in [0, 1, 3] {
            let rows = login(version, mechanism, tokens, 1).rows("requests", &["api", "principal"]);
            assert_eq!(rows[0], "SaslHandshake -");
            assert_eq!(rows.last().unwrap(), "Produce -", "{mechanism} {version}");
        }
    }
}

/// Java and librdkafka on listeners SASL_PLAINTEXT and SASL_SSL, the former authenticating again meanwhile.
#[test]
fn users_are_those_of_the_broker_s_log() {
    for (name, port) in [("sasl-plaintext", 9098), ("sasl-ssl", 9094)] {
        let decoded = recordings::decoded_on(name, port);
        assert_eq!(decoded.losses(), [] as [&str; 0], "{name}");
        let shown = format!("{:?}", decoded.batches);
        assert!(!shown.contains("-secret"), "{name}");
        let columns = ["client_address", "correlation_id", "principal"];
        let mut rows: BTreeMap<(String, String), String> = BTreeMap::new();
        for row in decoded.rows("requests", &columns) {
            let fields: Vec<&str> = row.split(' ').collect();
            rows.insert((fields[0].into(), fields[1].into()), fields[2].into());
        }
        let logged = recordings::text(&format!("{name}.requests"));
        let mut users = BTreeSet::new();
        for line in logged.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let key = (fields[0].to_owned(), fields[3].to_owned());
            assert_eq!(
                rows.get(&key).map(String::as_str),
                Some(fields[4]),
                "{name}: {line}"
            );
            users.insert(fields[4]);
        }
        assert_eq!(users, BTreeSet::from(["alice", "bob"]), "{name}");
        // The broker does not log logins.
        let logins = decoded.rows("requests", &["api", "error_code"]);
        let logins = logins
            .iter()
            .filter(|row| *row == "SaslAuthenticate 0")
            .count();
        assert!(logins > 10, "{name}");
    }
}
