//! Names and texts that try to give orders to the terminal.

use std::process::Output;

use crate::{Desk, PATIENCE, status, stderr, stdout};

/// A title for the window, a colour, and hidden text; the last as one C1 character.
const ORDERS: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[31mred\u{9b}8m";

fn is_clean(text: &str) -> bool {
    !text.contains(['\u{1b}', '\u{7}', '\u{9b}'])
}

#[test]
fn messages_that_quote_an_input_give_no_orders_to_the_terminal() {
    let desk = Desk::new();
    let file = desk.write("a.log", format!("{ORDERS} line\nx\n"));
    for flag in [
        "--gc-log",
        "--request-log",
        "--bpf",
        "--threads",
        "--jfr",
        "--pcap",
    ] {
        let output = desk.kcorr(&["-v", "ingest", flag, &file]);
        assert_eq!(status(&output), 2, "{flag}");
        assert!(is_clean(&stderr(&output)), "{flag}: {:?}", stderr(&output));
    }
    let name = desk.write(&format!("{ORDERS}.log"), "x\n");
    let output = desk.kcorr(&["ingest", "--gc-log", &name]);
    assert!(is_clean(&stderr(&output)), "{:?}", stderr(&output));
    let output = desk.kcorr(&["query", "-c", &format!("SELECT \"{ORDERS}\"")]);
    assert!(is_clean(&stderr(&output)), "{:?}", stderr(&output));
}

/// A desk with a query whose answer has such a cell.
fn desk() -> Desk {
    let desk = Desk::with_incident();
    desk.write(
        "topics.sql",
        format!("SELECT '{ORDERS}' AS topic FROM sources LIMIT 1"),
    );
    desk
}

#[test]
fn cells_of_a_table_give_no_orders_to_the_terminal() {
    let desk = desk();
    let output = desk.kcorr(&["query", "topics.sql"]);
    let text = stdout(&output);
    assert!(
        is_clean(&text) && text.contains("\\u{1b}]0;PWNED"),
        "{text:?}"
    );
    let header = desk.kcorr(&["query", "-c", &format!("SELECT 1 AS \"{ORDERS}\"")]);
    assert!(is_clean(&stdout(&header)), "{:?}", stdout(&header));
}

#[test]
fn a_file_or_a_pipe_gets_the_text_as_it_is() {
    let desk = desk();
    let output = desk.kcorr(&["query", "--format", "csv", "topics.sql"]);
    assert!(stdout(&output).contains(ORDERS), "{:?}", stdout(&output));
}

#[test]
fn no_format_gives_orders_to_a_terminal() {
    let desk = desk();
    let kcorr = assert_cmd::cargo::cargo_bin!("kcorr").display().to_string();
    for format in ["table", "csv", "ndjson"] {
        let command = format!("{kcorr} --color never query --format {format} topics.sql");
        let output = on_terminal(&desk, &command);
        let Some(output) = output else {
            println!("skipped: there is no script(1)");
            return;
        };
        let text = stdout(&output);
        assert!(
            text.contains("PWNED") && is_clean(&text),
            "{format}: {text:?}"
        );
    }
}

/// Runs a command on a terminal of its own; `None` without `script`.
fn on_terminal(desk: &Desk, command: &str) -> Option<Output> {
    let output = assert_cmd::Command::new("script")
        .current_dir(desk.folder.path())
        .args(["--quiet", "--return", "--command", command, "/dev/null"])
        .env_remove("KCORR_STORE")
        // A pager gives orders of its own.
        .env("PAGER", "cat")
        .timeout(PATIENCE)
        .output();
    output.ok()
}
