//! The objective: one option, and every answer says it.

use crate::{Desk, status, stderr, stdout};

#[test]
fn the_objective_is_one_option_and_every_answer_says_it() {
    let desk = Desk::with_incident();
    let blame = ["query", "blame", "--format", "csv"];
    let said = "objective: a request is slow from 1300 ms on";
    let asked = desk.kcorr(&[&blame[..], &["--slo", "1.3s"]].concat());
    assert!(stderr(&asked).contains(said), "{}", stderr(&asked));
    assert!(!stderr(&asked).contains("default"), "{}", stderr(&asked));
    let same = desk.kcorr(&[&blame[..], &["--param", "slo_ms=1300"]].concat());
    assert_eq!(stdout(&asked), stdout(&same));
    assert!(stderr(&same).contains(said), "{}", stderr(&same));
    let before = desk.kcorr(&[&["--slo", "1300ms"][..], &blame[..]].concat());
    assert_eq!(stdout(&asked), stdout(&before));
    // As a table for people the answer itself says it.
    let table = stdout(&desk.kcorr(&["query", "causes"]));
    let last = table.lines().last().unwrap_or_default();
    assert!(last.contains("65 ms on (the default"), "{table}");
    let without = stdout(&desk.kcorr(&["query", "slow_writes"]));
    assert!(!without.contains("objective"), "{without}");
}

#[test]
fn whatif_and_compare_and_verify_say_the_objective() {
    let desk = Desk::with_incident();
    let commands: [&[&str]; 3] = [
        &["whatif", "--without", "gc"],
        &[
            "compare",
            "incident.kcorr",
            "./incident.kcorr",
            "--replicates",
            "10",
        ],
        &["verify", "--shifts", "1", "--no-ablation"],
    ];
    for command in commands {
        let default = stdout(&desk.kcorr(command));
        assert!(
            default.contains("slow from 65 ms on (the default"),
            "{default}"
        );
        let asked = stdout(&desk.kcorr(&[command, &["--slo", "1s"]].concat()));
        assert!(asked.contains("slow from 1000 ms on\n"), "{asked}");
    }
}

#[test]
fn an_api_may_have_its_own_objective() {
    let desk = Desk::with_incident();
    let slow = |slo: &[&str]| {
        let asked = [&["query", "slow_requests", "--format", "csv"][..], slo].concat();
        stdout(&desk.kcorr(&asked)).lines().count() - 1
    };
    let all = slow(&["--slo", "65ms"]);
    let none = slow(&["--slo", "65ms,produce=1h"]);
    assert!(none < all, "{none} of {all}");
    assert_eq!(slow(&["--slo", "1h", "--slo", "Produce=65ms"]), all - none);
    let said = desk.kcorr(&["query", "causes", "--slo", "produce=1300ms"]);
    let said = stdout(&said);
    let last = said.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("slow from 65 ms on, Produce from 1300 ms"),
        "{said}"
    );
}

#[test]
fn an_objective_without_effect_is_refused() {
    let desk = Desk::with_incident();
    let refused: [&[&str]; 8] = [
        &["tables", "--slo", "100ms"],
        &["query", "slow_writes", "--slo", "100ms"],
        &["query", "blame", "--slo", "100ms", "--param", "slo_ms=100"],
        &["query", "blame", "--slo", "soon"],
        &["query", "blame", "--slo", "0ms"],
        &["query", "blame", "--slo", "fetsh=1s"],
        &["query", "blame", "--slo", "1s", "--slo", "2s"],
        &["whatif", "--without", "gc", "--slo", "fetch=1s"],
    ];
    for arguments in refused {
        let output = desk.kcorr(arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains("slo"), "{}", stderr(&output));
    }
}

#[test]
fn a_misspelt_parameter_is_told_what_it_may_be() {
    let desk = Desk::with_incident();
    let commands: [&[&str]; 3] = [
        &["compare", "incident.kcorr", "./incident.kcorr"],
        &["whatif", "--without", "gc"],
        &["query", "blame"],
    ];
    for command in commands {
        let output = desk.kcorr(&[command, &["--param", "clock_slak_ms=2"]].concat());
        assert_eq!(status(&output), 2, "{command:?}");
        let text = stderr(&output);
        assert!(text.contains("Did you mean clock_slack_ms?"), "{text}");
    }
}
