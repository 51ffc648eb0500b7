//! Scripts on this machine, where bpftrace, root and (for the journal) a loop device are there.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kcorr_probes::{ProbeParameters, by_name};

const RAW: &str = r#"
tracepoint:ext4:ext4_journal_start_inode { printf("%llu %d ext4_journal_start_inode\n", nsecs, tid); }
tracepoint:ext4:ext4_journal_start_sb { printf("%llu %d ext4_journal_start_sb\n", nsecs, tid); }
tracepoint:ext4:ext4_journal_start_reserved { printf("%llu %d ext4_journal_start_reserved\n", nsecs, tid); }
tracepoint:jbd2:jbd2_handle_start { printf("%llu %d jbd2_handle_start\n", nsecs, tid); }
"#;

/// Set to run what takes half a minute and mounts a file system.
const ASKED_BY: &str = "KCORR_TEST_BPFTRACE";

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a script for some seconds, and returns what it printed.
fn traced(script: &Path, out: &Path) -> std::process::Child {
    Command::new("timeout")
        .args(["25", "bpftrace"])
        .arg(script)
        .env("BPFTRACE_PERF_RB_PAGES", "512")
        .stdout(std::fs::File::create(out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn the_journal_script_prints_the_waits_of_a_raw_trace() {
    let folder = std::env::temp_dir().join(format!("kcorr-probe-{}", std::process::id()));
    let mount = folder.join("mount");
    let image = folder.join("ext4.img");
    let is_asked = std::env::var_os(ASKED_BY).is_some();
    let is_there = is_asked
        && Path::new("/sys/kernel/tracing/events/jbd2").exists()
        && succeeds("bpftrace", &["--version"])
        && std::fs::create_dir_all(&mount).is_ok()
        && succeeds("truncate", &["-s", "200M", image.to_str().unwrap()])
        && succeeds("mkfs.ext4", &["-q", image.to_str().unwrap()])
        && succeeds(
            "mount",
            &[
                "-o",
                "loop",
                image.to_str().unwrap(),
                mount.to_str().unwrap(),
            ],
        );
    if !is_there {
        println!(
            "skipped: {ASKED_BY} is not set, or bpftrace, root, tracefs or loop devices are missing"
        );
        return;
    }
    let parameters = ProbeParameters {
        threshold_ns: Some(100_000),
        ..ProbeParameters::default()
    };
    let journal = by_name("journal").unwrap().render(&parameters).unwrap();
    std::fs::write(folder.join("journal.bt"), journal).unwrap();
    std::fs::write(folder.join("raw.bt"), RAW).unwrap();
    let mut raw = traced(&folder.join("raw.bt"), &folder.join("raw.txt"));
    let mut probe = traced(&folder.join("journal.bt"), &folder.join("probe.jsonl"));
    let end = Instant::now() + Duration::from_secs(20);
    let file = std::fs::File::create(mount.join("log")).unwrap();
    while Instant::now() < end {
        (&file).write_all(&[0; 70_000]).unwrap();
        file.sync_all().unwrap();
        file.set_len(0).unwrap();
        std::thread::sleep(Duration::from_millis(3));
    }
    raw.wait().unwrap();
    probe.wait().unwrap();
    drop(file);
    assert!(succeeds("umount", &[mount.to_str().unwrap()]));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (raw, probe) = (read("raw.txt"), read("probe.jsonl"));
    std::fs::remove_dir_all(&folder).unwrap();
    let lines = raw
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let mut events = super::replay::events(&lines.collect::<Vec<_>>().join("\n"));
    events.sort_by_key(|event| event.ns);
    let waits = super::pairing::waits_for_handles(&events);
    assert!(!waits.is_empty());
    // Both scripts read the clock of their own; one may have begun earlier.
    for line in probe.lines().filter(|line| line.contains("journal_wait")) {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let (start, end) = (
            value["start_ns"].as_i64().unwrap(),
            value["end_ns"].as_i64().unwrap(),
        );
        let is_wait =
            |wait: &&(i64, i64)| (wait.0 - start).abs() < 200_000 && (wait.1 - end).abs() < 200_000;
        assert!(waits.iter().any(|wait| is_wait(&wait)), "{line}");
    }
}

/// Sends a byte to a listener, and gives the addresses of the connection's ends.
fn exchanged(listener: TcpListener, address: IpAddr) -> (SocketAddr, SocketAddr) {
    let port = listener.local_addr().unwrap().port();
    let mut client = TcpStream::connect((address, port)).unwrap();
    client.write_all(b"x").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    server.read_exact(&mut [0]).unwrap();
    let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    (
        canonical(client.local_addr().unwrap()),
        canonical(client.peer_addr().unwrap()),
    )
}

#[test]
fn the_network_script_prints_both_ends_of_a_connection() {
    let is_there = std::env::var_os(ASKED_BY).is_some()
        && Path::new("/sys/kernel/tracing/events/syscalls").exists()
        && succeeds("bpftrace", &["--version"]);
    if !is_there {
        println!("skipped: {ASKED_BY} is not set, or bpftrace, root or tracefs are missing");
        return;
    }
    let folder = std::env::temp_dir().join(format!("kcorr-network-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let parameters = ProbeParameters {
        pid: Some(std::process::id()),
        ..ProbeParameters::default()
    };
    let script = by_name("network").unwrap().render(&parameters).unwrap();
    std::fs::write(folder.join("network.bt"), script).unwrap();
    let out = folder.join("network.jsonl");
    let mut probe = traced(&folder.join("network.bt"), &out);
    let start = Instant::now();
    while !std::fs::read_to_string(&out).unwrap().contains("clock") {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it did not start"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let any: IpAddr = Ipv6Addr::UNSPECIFIED.into();
    let v4: IpAddr = Ipv4Addr::LOCALHOST.into();
    let v6: IpAddr = Ipv6Addr::LOCALHOST.into();
    let ends = [(v4, v4), (v6, v6), (any, v4)]
        .map(|(listens, address)| exchanged(TcpListener::bind((listens, 0)).unwrap(), address));
    probe.wait().unwrap();
    let printed = std::fs::read_to_string(&out).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let mut seen = Vec::new();
    for line in printed
        .lines()
        .filter(|line| line.contains("connection_thread"))
    {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["pid"], std::process::id());
        let end = |address: &str, port: &str| {
            let address: IpAddr = value[address].as_str().unwrap().parse().unwrap();
            let port = u16::try_from(value[port].as_u64().unwrap()).unwrap();
            SocketAddr::new(address.to_canonical(), port)
        };
        seen.push((end("local", "local_port"), end("peer", "peer_port")));
    }
    let expected: Vec<_> = ends
        .into_iter()
        .flat_map(|(client, server)| [(client, server), (server, client)])
        .collect();
    assert_eq!(seen, expected);
}
