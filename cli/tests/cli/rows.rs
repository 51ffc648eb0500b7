//! Which rows of an answer are shown, what is taken out of a store, and what a configuration says.

use crate::{Desk, status, stderr, stdout};

/// The values of a column of CSV that quotes nothing.
fn column(csv: &str, name: &str) -> Vec<String> {
    let mut lines = csv.lines();
    let heads = lines.next().expect("a header").split(',');
    let at = heads.into_iter().position(|head| head == name);
    let at = at.unwrap_or_else(|| panic!("no column {name} in {csv}"));
    lines
        .map(|line| line.split(',').nth(at).expect("a cell").to_owned())
        .collect()
}

#[test]
fn rows_are_chosen_by_time_topic_client_and_number() {
    let desk = Desk::with_incident();
    let asked = |more: &[&str]| {
        let output = desk.kcorr(&[&["query", "-f", "csv", "requests"], more].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let all = column(&asked(&[]), "arrival_time");
    let part = asked(&["--since", "16:23:15", "--until", "2026-11-20T16:23:15.5"]);
    let ends = column(&part, "end_time");
    assert!(!ends.is_empty() && ends.len() < all.len(), "{}", ends.len());
    assert!(
        ends.iter().all(|end| end.as_str() >= "2026-11-20T16:23:15"),
        "{ends:?}"
    );
    let begins = column(&part, "arrival_time");
    assert!(
        begins
            .iter()
            .all(|begin| begin.as_str() < "2026-11-20T16:23:15.5")
    );

    let of_client = asked(&["--client", "svc-3", "--limit", "7"]);
    assert_eq!(column(&of_client, "client_id"), vec!["svc-3"; 7]);
    let address = column(&of_client, "client_address").remove(0);
    let (ip, _) = address.split_once(':').expect("a port");
    let of_address = column(&asked(&["--client", &address]), "client_address");
    assert!(of_address.iter().all(|found| *found == address) && of_address.len() >= 7);
    assert_eq!(
        column(&asked(&["--client", ip]), "client_id").len(),
        all.len()
    );

    let blamed = desk.kcorr(&["blame", "-f", "csv", "--topic", "topicF"]);
    let topics = column(&stdout(&blamed), "topic");
    assert!(!topics.is_empty() && topics.iter().all(|topic| topic == "topicF"));
    let chained = desk.kcorr(&["episodes", "-f", "csv", "--topic", "topicA"]);
    assert!(
        stdout(&chained).lines().count() >= 2,
        "{}",
        stdout(&chained)
    );
    let none = desk.kcorr(&["episodes", "-f", "csv", "--topic", "topic"]);
    assert_eq!(stdout(&none).lines().count(), 1, "a part of a name is none");

    for (arguments, said) in [
        (&["causes", "--topic", "a"][..], "say no topic"),
        (
            &["blame", "--since", "17:00", "--until", "16:00"],
            "not before",
        ),
        (&["blame", "--since", "noon"], "16:23:11"),
        (
            &["query", "--explain", "blame", "--limit", "3"],
            "no effect",
        ),
    ] {
        let refused = desk.kcorr(arguments);
        assert_eq!(status(&refused), 2, "{arguments:?}");
        assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    }
}

#[test]
fn recordings_are_listed_and_taken_out() {
    let desk = Desk::with_incident();
    let listed = stdout(&desk.kcorr(&["sources", "-f", "csv"]));
    assert_eq!(column(&listed, "kind"), ["jfr", "bpf", "pcap"]);
    let output = desk.kcorr(&["sources", "rm", "2"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("writes.jsonl"),
        "{}",
        stderr(&output)
    );
    assert_eq!(
        desk.number("SELECT COUNT(*) AS n FROM writes WHERE origin = 'bpf'"),
        0.0
    );
    assert!(desk.number("SELECT COUNT(*) AS n FROM requests") > 5_000.0);
    let refused = desk.kcorr(&["sources", "rm", "2"]);
    assert_eq!(status(&refused), 2);
    assert!(
        stderr(&refused).contains("it has 1, 3"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_configuration_says_what_the_command_line_does_not() {
    let desk = Desk::with_incident();
    std::fs::rename(desk.path("incident.kcorr"), desk.path("monday.kcorr")).expect("renamed");
    desk.write("kcorr.toml", "store = 'monday.kcorr'\nslo = '200ms'\n");
    let output = desk.kcorr(&["blame", "-f", "csv"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("from 200 ms on"),
        "{}",
        stderr(&output)
    );
    let output = desk.kcorr(&["blame", "-f", "csv", "--slo", "100ms"]);
    assert!(
        stderr(&output).contains("from 100 ms on"),
        "{}",
        stderr(&output)
    );
    // What knows no slow requests is not refused for an objective that nobody asked it for.
    assert_eq!(status(&desk.kcorr(&["sources"])), 0);
    assert_eq!(status(&desk.kcorr(&["query", "writes", "--limit", "1"])), 0);
    desk.write("kcorr.toml", "stoer = 'monday.kcorr'\n");
    let refused = desk.kcorr(&["blame"]);
    assert_eq!(status(&refused), 2);
    assert!(stderr(&refused).contains("stoer"), "{}", stderr(&refused));
}

#[test]
fn every_command_has_a_manual_page() {
    let desk = Desk::new();
    let output = desk.kcorr(&["man", "pages"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let page = std::fs::read_to_string(desk.path("pages/kcorr-report.1")).expect("a page");
    assert!(page.contains("brief"), "{page}");
}
