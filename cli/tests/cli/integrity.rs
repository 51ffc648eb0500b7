//! What a store answers is what was put into it, or an error.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::{Desk, recording, status, stderr, stdout};

/// The data files of a table.
fn files(desk: &Desk, table: &str) -> Vec<PathBuf> {
    let folder = desk.path("incident.kcorr/data").join(table);
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    files
}

/// Flips a bit of a file; gives back what it held.
fn flip(path: &PathBuf, at: usize, bit: u32) -> Vec<u8> {
    let good = fs::read(path).expect("bytes");
    let mut bad = good.clone();
    let at = at % bad.len();
    bad[at] ^= 1 << bit;
    fs::write(path, bad).expect("written");
    good
}

#[test]
fn no_flipped_bit_is_believed() {
    let desk = Desk::with_incident();
    let tables = [
        "requests",
        "writes",
        "lock_waits",
        "stack_samples",
        "request_partitions",
    ];
    for number in 0..25_usize {
        let table = tables[number % tables.len()];
        let file = &files(&desk, table)[0];
        let length = usize::try_from(fs::metadata(file).expect("a file").len()).expect("a length");
        // Over the whole file, and at its end, where the footer is.
        let at = if number % 6 == 5 {
            length - number
        } else {
            number * 7919 * 61
        };
        let good = flip(file, at, u32::try_from(number % 8).expect("a bit"));
        let output = desk.kcorr(&[
            "query",
            "--format",
            "csv",
            "-c",
            &format!("SELECT * FROM {table}"),
        ]);
        assert_eq!(status(&output), 2, "{table}, byte {}", at % length);
        assert!(
            stderr(&output).contains("is damaged"),
            "{}",
            stderr(&output)
        );
        fs::write(file, good).expect("written");
    }
    let output = desk.kcorr(&["query", "-c", "SELECT count(*) FROM requests"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_check_names_every_damaged_file_and_nothing_else() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["check"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("none is damaged"),
        "{}",
        stderr(&output)
    );
    let (writes, waits) = (&files(&desk, "writes")[0], &files(&desk, "lock_waits")[0]);
    flip(writes, 10_000, 3);
    fs::remove_file(waits).expect("removed");
    let output = desk.kcorr(&["check"]);
    assert_eq!(status(&output), 2);
    let text = stderr(&output);
    assert_eq!(text.matches("error:").count(), 2, "{text}");
    for (file, is) in [(writes, "is damaged"), (waits, "is missing")] {
        assert!(text.contains(&format!("{} {is}", file.display())), "{text}");
    }
}

#[test]
fn damage_is_not_merged_into_new_files() {
    let desk = Desk::with_incident();
    for part in 0..2 {
        let text = fs::read_to_string(recording("writes.jsonl")).expect("text");
        let lines: Vec<&str> = text.lines().skip(700 + part * 500).take(300).collect();
        desk.write(&format!("part{part}.jsonl"), lines.join("\n"));
        desk.kcorr(&["-q", "ingest", "--bpf", &format!("part{part}.jsonl")]);
    }
    flip(&files(&desk, "writes")[0], 5_000, 0);
    let output = desk.kcorr(&["compact"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("is damaged"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_recording_ingested_again_mends_its_damaged_file() {
    let desk = Desk::with_incident();
    let rows = desk.rows(&[
        "-c",
        "SELECT count(*) AS n, sum(latency_ns) AS ns FROM requests",
    ]);
    flip(&files(&desk, "requests")[0], 5_000, 0);
    desk.kcorr(&["-q", "ingest", "--pcap", &recording("dump.pcap.zst")]);
    let again = desk.rows(&[
        "-c",
        "SELECT count(*) AS n, sum(latency_ns) AS ns FROM requests",
    ]);
    assert_eq!(again, rows);
    assert_eq!(status(&desk.kcorr(&["check"])), 0);
}

#[test]
fn a_clock_check_that_failed_is_a_warning() {
    let desk = Desk::with_incident();
    flip(&files(&desk, "requests")[0], 5_000, 0);
    let text = fs::read_to_string(recording("writes.jsonl")).expect("text");
    let lines: Vec<&str> = text.lines().skip(700).take(300).collect();
    desk.write("part.jsonl", lines.join("\n"));
    let output = desk.kcorr(&["-q", "ingest", "--bpf", "part.jsonl"]);
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    let text = stderr(&output);
    assert!(
        text.contains("clocks were not checked") && text.contains("is damaged"),
        "{text}"
    );
    let verdicts = desk.rows(&["-c", "SELECT DISTINCT verdict FROM clock_fits"]);
    assert_eq!(verdicts.len(), 1);
    assert_eq!(verdicts[0]["verdict"], "unchecked");
}

#[test]
fn a_store_named_by_a_path_with_parents_is_as_any_other() {
    let desk = Desk::new();
    fs::create_dir(desk.path("sub")).expect("a folder");
    let run = |arguments: &[&str]| {
        let mut command = desk.command(&[]);
        command.current_dir(desk.path("sub"));
        command
            .args(["--store", "../incident.kcorr"])
            .args(arguments);
        command.output().expect("kcorr runs")
    };
    let (jsonl, pcap) = (recording("writes.jsonl"), recording("dump.pcap.zst"));
    let output = run(&["ingest", "--bpf", &jsonl, "--pcap", &pcap]);
    assert!(
        !stderr(&output).contains("not checked"),
        "{}",
        stderr(&output)
    );
    let output = run(&["query", "summary"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let ties = "SELECT count(*) AS n FROM clock_fits WHERE verdict IN ('agrees', 'reference')";
    assert_eq!(desk.number(ties), 2.0);
}

/// A shell that has the store open, of a user who may not write to it if the test may start one.
#[cfg(unix)]
fn reader(desk: &Desk) -> Child {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let lock = desk.path("incident.kcorr/readers.lock");
    let lock_only_readable = fs::Permissions::from_mode(0o444);
    fs::set_permissions(lock, lock_only_readable).expect("permissions");
    fs::set_permissions(desk.path(""), fs::Permissions::from_mode(0o755)).expect("permissions");
    // Where the program is built, others may not be allowed to look.
    let program = desk.path("kcorr");
    fs::copy(assert_cmd::cargo::cargo_bin!("kcorr"), &program).expect("a copy");
    let mut command = Command::new(program);
    let store = desk.path("incident.kcorr");
    command
        .arg("--store")
        .arg(store)
        .args(["sql", "--format", "csv"])
        .env("HOME", "/");
    command.current_dir("/");
    let is_root = fs::metadata("/proc/self").is_ok_and(|me| {
        use std::os::unix::fs::MetadataExt;
        me.uid() == 0
    });
    if is_root {
        command.uid(65534).gid(65534);
    }
    let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    streams.stderr(Stdio::piped()).spawn().expect("kcorr runs")
}

/// Waits until a shell has answered something, and so has the store open.
#[cfg(unix)]
fn ask(shell: &mut Child, sql: &str) -> String {
    use std::io::{BufRead, BufReader};

    let input = shell.stdin.as_mut().expect("a pipe");
    writeln!(input, "{sql};").expect("asked");
    let output = shell.stdout.as_mut().expect("a pipe");
    let mut answer = String::new();
    for line in BufReader::new(output).lines() {
        let line = line.expect("text");
        answer.push_str(&line);
        answer.push('\n');
        if line.contains("ready") {
            break;
        }
    }
    answer
}

#[cfg(unix)]
#[test]
fn a_reader_who_may_not_write_keeps_what_it_opened() {
    let desk = Desk::with_incident();
    let sum = "SELECT sum(latency_ns) AS ns FROM requests";
    let expected = desk.number(sum);
    let mut shell = reader(&desk);
    ask(&mut shell, "SELECT 'ready' AS word");
    let replaced = files(&desk, "requests");
    let output = desk.kcorr(&["-q", "ingest", "--pcap", &recording("dump.pcap.zst")]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    assert!(replaced[0].exists(), "removed while somebody reads it");
    writeln!(shell.stdin.as_mut().expect("a pipe"), "{sum};").expect("asked");
    let output = shell.wait_with_output().expect("ended");
    let found = stdout(&output);
    assert!(
        found.contains(&format!("{expected:.0}")),
        "{found} {}",
        stderr(&output)
    );
    // Nobody reads any more: what was replaced goes with the next ingest.
    desk.kcorr(&["-q", "ingest", "--bpf", &recording("writes.jsonl")]);
    assert!(!replaced[0].exists());
}

#[cfg(unix)]
#[test]
fn a_file_that_goes_while_the_store_is_open_is_an_error_and_not_no_rows() {
    let desk = Desk::with_incident();
    let mut shell = reader(&desk);
    ask(&mut shell, "SELECT 'ready' AS word");
    for file in files(&desk, "requests") {
        fs::remove_file(file).expect("removed");
    }
    let input = shell.stdin.as_mut().expect("a pipe");
    writeln!(input, "SELECT sum(latency_ns) AS ns FROM requests;").expect("asked");
    let output = shell.wait_with_output().expect("ended");
    assert!(
        stderr(&output).contains("is missing"),
        "{} {}",
        stdout(&output),
        stderr(&output)
    );
}

#[test]
fn a_rotated_recording_and_its_successor_are_two_and_neither_begins_like_the_other() {
    let text = fs::read_to_string(recording("writes.jsonl")).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let (early, late) = lines.split_at(lines.len() / 2);
    for order in [["a.jsonl.1", "a.jsonl"], ["a.jsonl", "a.jsonl.1"]] {
        let desk = Desk::new();
        desk.write("a.jsonl", early.join("\n"));
        desk.kcorr(&["-q", "ingest", "--bpf", "a.jsonl"]);
        let first = desk.number("SELECT count(*) AS n FROM writes");
        let ids = "SELECT min(write_id) AS n FROM writes";
        let first_id = desk.number(ids);
        fs::rename(desk.path("a.jsonl"), desk.path("a.jsonl.1")).expect("renamed");
        desk.write("a.jsonl", late.join("\n"));
        let output = desk.kcorr(&[&["ingest", "--bpf"], &order[..]].concat());
        let said = stderr(&output);
        assert!(!said.contains("begins with the same bytes"), "{said}");
        assert!(!said.contains("are gone"), "{said}");
        assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 2.0);
        assert!(desk.number("SELECT count(*) AS n FROM writes") > first);
        assert_eq!(
            desk.number(ids),
            first_id,
            "the rows of the first keep their ids"
        );
    }
}

#[test]
fn an_io_error_tells_its_reason_once() {
    let desk = Desk::new();
    let output = desk.kcorr(&["ingest", "--bpf", "absent.jsonl"]);
    assert_eq!(status(&output), 2);
    assert_eq!(
        stderr(&output).matches("No such file").count(),
        1,
        "{}",
        stderr(&output)
    );
    let head = [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 4];
    desk.write("writes.jsonl.xz", head);
    let output = desk.kcorr(&["ingest", "--bpf", "writes.jsonl.xz"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("`xz -dc "), "{}", stderr(&output));
}
