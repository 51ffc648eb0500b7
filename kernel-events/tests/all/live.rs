//! What a process does, as rows: only where programs can be loaded.

use std::fs::File;
use std::io::{BufRead, IoSlice, Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kcorr_kernel_events::{ErrorKind, JsonLines, PROBES, Probe, Recorder, Settings};

use crate::decoded::{Decoded, decode};

/// Tells the test below that it is the process that is recorded, and where it may write.
const FOLDER: &str = "KCORR_TEST_RECORDED_FOLDER";

/// Tells the test that it runs in a PID namespace of its own.
const IN_NAMESPACE: &str = "KCORR_TEST_IN_NAMESPACE";

/// The process that is recorded: this test in a process of its own.
#[test]
fn the_recorded_process() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .expect("a line");
    let log = Path::new(&folder).join("orders-7/00000000000000000042.log");
    let options = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&log);
    let mut file = options.expect("a file");
    for _ in 0..100 {
        file.write_all(&[7; 1000]).expect("a write");
    }
    file.write_at(&[8; 10], 5).expect("a pwrite");
    let parts = [IoSlice::new(&[1; 3]), IoSlice::new(&[2; 4])];
    assert_eq!(file.write_vectored(&parts).expect("a writev"), 7);
    file.sync_all().expect("an fsync");
    file.sync_data().expect("an fdatasync");
    let mut bytes = [0; 100];
    file.read_at(&mut bytes, 33).expect("a pread");
    file.rewind().expect("a seek");
    file.read_exact(&mut bytes).expect("a read");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (sender, receiver) = mpsc::channel();
    let waiter = std::thread::Builder::new()
        .name("waiter".to_owned())
        .spawn(move || {
            let received: u32 = receiver.recv().expect("what is sent");
            let mut stream = TcpStream::connect(address).expect("a connection");
            stream
                .write_all(&received.to_ne_bytes())
                .expect("a write to a socket");
        });
    std::thread::sleep(Duration::from_millis(30));
    sender.send(5).expect("a receiver");
    let (mut stream, _) = listener.accept().expect("a connection");
    stream.read_exact(&mut [0; 4]).expect("four bytes");
    waiter.expect("a thread").join().expect("its end");
}

/// Whether programs may be loaded here; what keeps them from it is said.
fn may_load() -> bool {
    match Recorder::start(&Settings::of_probes(
        std::process::id(),
        [Probe::FileWrites],
    )) {
        Ok(_) => true,
        Err(error) => {
            println!("left out: {error}");
            false
        }
    }
}

fn start_recorded(folder: &Path) -> Child {
    std::fs::create_dir_all(folder.join("orders-7")).expect("a folder");
    Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "live::the_recorded_process", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("this test, again")
}

/// Records the process that is told to go on, until it ends.
fn record(settings: &Settings, process: &mut Child) -> (String, Decoded) {
    let mut recorder = Recorder::start(settings).expect("programs that load");
    for left in recorder.left_out() {
        println!("left out: {}: {}", left.probe, left.reason);
    }
    let mut lines = JsonLines::begin(Vec::new(), settings).expect("a vector");
    process
        .stdin
        .take()
        .expect("an input")
        .write_all(b"go on\n")
        .expect("a line");
    let end = Instant::now() + Duration::from_secs(60);
    while process.try_wait().expect("a child").is_none() {
        assert!(
            Instant::now() < end,
            "the process that is recorded does not end"
        );
        let wait = Duration::from_millis(50);
        recorder.read(&mut |event| lines.event(event), wait);
    }
    let losses = recorder
        .stop(&mut |event| lines.event(event))
        .expect("counters");
    assert_eq!(losses, []);
    lines.losses(&losses);
    lines.flush().expect("a vector");
    let text = String::from_utf8(lines.output().clone()).expect("text");
    let decoded = decode(text.as_bytes());
    (text, decoded)
}

#[test]
fn what_a_process_does_with_files_and_what_it_waits_for_are_rows() {
    if !may_load() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = start_recorded(folder.path());
    let pid = process.id();
    let (text, decoded) = record(&Settings::of_process(pid), &mut process);
    assert!(process.wait().expect("its end").success());

    let operations = decoded.label("writes", "operation");
    let files = decoded.label("writes", "file");
    let topics = decoded.label("writes", "topic");
    let bytes = decoded.int64("writes", "bytes");
    let offsets = decoded.int64("writes", "file_offset");
    let of_log: Vec<(&str, i64, i64)> = (0..operations.len())
        .filter(|&i| files[i] == "00000000000000000042.log" && topics[i] == "orders")
        .map(|i| (operations[i].as_str(), bytes[i], offsets[i]))
        .collect();
    let mut expected: Vec<(&str, i64, i64)> = (0..100).map(|i| ("write", 1000, i * 1000)).collect();
    expected.extend([
        ("pwrite", 10, 5),
        ("writev", 7, 100_000),
        ("fsync", 0, 0),
        ("fdatasync", 0, 0),
        ("pread", 100, 33),
        ("read", 100, 0),
    ]);
    assert_eq!(of_log, expected, "{text}");
    // In a PID namespace of its own the process has another number on the host.
    let pids = decoded.int32("writes", "pid");
    let pid = match std::env::var_os(IN_NAMESPACE) {
        Some(_) => pids[0].cast_unsigned(),
        None => pid,
    };
    assert!(pids.iter().all(|&of| of.cast_unsigned() == pid), "{pids:?}");
    for duration in decoded.int64("writes", "duration_ns") {
        assert!((1..10_000_000_000).contains(&duration), "{duration}");
    }

    // The thread that waits for what is sent stands in futex, and who sends wakes it.
    let comms = decoded.label("standings", "comm");
    let wakers = decoded.int32("standings", "waker_tid");
    let classes = decoded.label("standings", "wait_class");
    let durations = decoded.int64("standings", "duration_ns");
    let of_waiter: Vec<usize> = (0..comms.len())
        .filter(|&i| comms[i] == "waiter" && classes[i] == "futex")
        .collect();
    assert_eq!(of_waiter.len(), 1, "{text}");
    let waiter = of_waiter[0];
    assert!(
        (20_000_000..5_000_000_000).contains(&durations[waiter]),
        "{text}"
    );
    let waker = wakers[waiter].cast_unsigned();
    let tids = decoded.int32("standings", "tid");
    assert!(
        tids.iter().any(|&tid| tid.cast_unsigned() == waker),
        "{waker}: {text}"
    );
    let comms = decoded.label("socket_threads", "comm");
    assert!(comms.iter().any(|comm| comm == "waiter"), "{text}");
    assert_eq!(decoded.summary.anchors.len(), 1);
}

#[test]
fn a_process_is_found_by_its_number_in_the_recorders_pid_namespace() {
    if !may_load() {
        return;
    }
    // A number there that is none of it here.
    let unshared = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .args(["--pid", "--fork", "--mount-proc"])
            .args(arguments);
        command.env(IN_NAMESPACE, "1").output()
    };
    if !unshared(&["true"]).is_ok_and(|output| output.status.success()) {
        println!("left out: unshare(1) makes no PID namespace here");
        return;
    }
    let test = std::env::current_exe().expect("this test");
    let test = test.to_str().expect("a path of text");
    let name = "live::what_a_process_does_with_files_and_what_it_waits_for_are_rows";
    let output = unshared(&[test, "--exact", name, "--nocapture"]).expect("a test that runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!text.contains("left out: the"), "{text}");
}

#[test]
fn what_is_shorter_than_a_threshold_is_not_recorded_and_a_limit_says_so() {
    if !may_load() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = start_recorded(folder.path());
    let settings = Settings::of_probes(process.id(), [Probe::FileReads])
        .with_threshold(Probe::FileWrites, Duration::from_secs(50));
    let (text, decoded) = record(&settings, &mut process);
    assert!(process.wait().expect("its end").success());
    let operations = decoded.label("writes", "operation");
    assert!(
        operations.iter().any(|operation| operation == "pread"),
        "{text}"
    );
    assert!(
        !operations.iter().any(|operation| operation == "write"),
        "{text}"
    );
    assert_eq!(decoded.row_count("standings"), 0);
    let limits = decoded.summary.limits.iter();
    let limits: Vec<(&str, i64)> = limits.map(|l| (l.name.as_str(), l.value)).collect();
    assert_eq!(limits, [("file_write_threshold_ns", 50_000_000_000)]);
}

#[test]
fn a_ring_that_is_too_small_loses_events_and_counts_them() {
    if !may_load() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = start_recorded(folder.path());
    let mut settings = Settings::of_probes(process.id(), [Probe::FileWrites]);
    settings.ring_bytes = 1 << 12;
    let mut recorder = Recorder::start(&settings).expect("programs that load");
    process
        .stdin
        .take()
        .expect("an input")
        .write_all(b"go on\n")
        .expect("a line");
    assert!(process.wait().expect("its end").success());
    let mut events = 0;
    let losses = recorder.losses().expect("counters");
    let more = recorder.stop(&mut |_| events += 1).expect("counters");
    assert_eq!(more, []);
    let [loss] = losses.as_slice() else {
        panic!("{losses:?}");
    };
    assert_eq!(loss.probe, Some(Probe::FileWrites));
    assert!(events > 0 && loss.count > 50, "{events} events, {loss:?}");
    assert!(loss.since_ns < loss.until_ns);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let kind = |settings: &Settings| Recorder::start(settings).err().map(|error| error.kind());
    let none = Settings::of_probes(1, []);
    assert_eq!(kind(&none), Some(ErrorKind::Settings));
    let mut odd = Settings::of_probes(1, PROBES);
    odd.ring_bytes = 5000;
    assert_eq!(kind(&odd), Some(ErrorKind::Settings));
    if may_load() {
        let nobody = Settings::of_probes(i32::MAX.cast_unsigned(), PROBES);
        assert_eq!(kind(&nobody), Some(ErrorKind::NoProcess));
    }
}
