//! Help, completions and listings.

use crate::{Desk, status, stdout};

#[test]
fn every_command_shows_examples() {
    let desk = Desk::new();
    let help = stdout(&desk.kcorr(&["--help"]));
    let commands = help.split("Commands:").nth(1).expect("commands");
    let commands: Vec<&str> = commands
        .lines()
        .take_while(|line| !line.starts_with("Options"))
        .filter_map(|line| line.strip_prefix("  "))
        // Not what a description goes on with.
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .filter(|name| name.chars().all(char::is_alphabetic))
        .collect();
    assert!(
        commands.contains(&"ingest") && commands.contains(&"query"),
        "{commands:?}"
    );
    for command in commands {
        let help = stdout(&desk.kcorr(&[command, "--help"]));
        assert!(help.contains("Examples:"), "{command}: {help}");
    }
}

#[test]
fn completions_know_the_commands() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&desk.kcorr(&["completions", shell]));
        assert!(script.contains("ingest"), "{shell}");
    }
}

#[test]
fn a_canned_query_can_be_read() {
    let desk = Desk::new();
    let list = stdout(&desk.kcorr(&["queries"]));
    assert!(
        list.lines().any(|line| line.starts_with("blame ")),
        "{list}"
    );
    assert!(!list.contains("explained_times"), "{list}");
    let all = stdout(&desk.kcorr(&["queries", "--all"]));
    assert!(all.contains("\naccount:\n"), "{all}");
    assert!(all.contains("explained_times"), "{all}");
    let blame = stdout(&desk.kcorr(&["queries", "blame"]));
    assert!(
        blame.starts_with("-- ") && blame.contains("@param  slo_ms DOUBLE = 65 -- "),
        "{blame}"
    );
    assert_eq!(status(&desk.kcorr(&["queries", "nosuch"])), 2);
}

#[test]
fn columns_of_a_table_come_with_their_units_and_meaning() {
    let desk = Desk::new();
    let columns = stdout(&desk.kcorr(&["tables", "writes"]));
    let line = columns
        .lines()
        .find(|line| line.contains("duration_ns"))
        .expect("a column");
    assert!(line.contains("BIGINT") && line.contains(" ns "), "{line}");
    assert_eq!(status(&desk.kcorr(&["tables", "nosuch"])), 2);
}
