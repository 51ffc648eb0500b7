use crate::{BpftraceVersion, PROBES, ProbeParameters, by_name};

#[test]
fn a_rendered_script_has_no_parameters_left() {
    let parameters = ProbeParameters {
        pid: Some(4242),
        threshold_ns: Some(1_000_000),
        libjvm: Some("/usr/lib/jvm/java-17/lib/server/libjvm.so".to_owned()),
        bpftrace: None,
    };
    for probe in PROBES {
        let script = probe.render(&parameters).unwrap();
        assert!(
            !script.contains("$1") && !script.contains("$2"),
            "{}",
            probe.name
        );
        assert!(!script.contains("usdt:LIBJVM"), "{}", probe.name);
        // Which threads serve a connection has no length.
        let has_threshold = probe.name != "network";
        assert_eq!(script.contains("1000000"), has_threshold, "{}", probe.name);
    }
    let script = by_name("file-writes").unwrap().render(&parameters).unwrap();
    assert!(script.contains("pid == 4242"));
}

#[test]
fn every_script_prints_what_it_is_and_the_clocks() {
    for probe in PROBES {
        let name = format!("\\\"name\\\":\\\"{}\\\"", probe.name);
        assert!(probe.script.contains(&name), "{}", probe.name);
        let clock = "\\\"ev\\\":\\\"clock\\\"";
        assert_eq!(probe.script.matches(clock).count(), 2, "{}", probe.name);
    }
}

#[test]
fn a_script_sets_the_length_of_strings_or_tells_how() {
    let rendered = |name: &str, version: Option<&str>| {
        let parameters = ProbeParameters {
            bpftrace: version.map(|version| version.parse().unwrap()),
            libjvm: Some("/libjvm.so".to_owned()),
            ..ProbeParameters::default()
        };
        by_name(name).unwrap().render(&parameters).unwrap()
    };
    for name in [
        "file-writes",
        "file-reads",
        "file-writes-kprobe",
        "monitors",
        "pauses",
    ] {
        for version in [None, Some("bpftrace v0.17.0"), Some("0.19")] {
            let script = rendered(name, version);
            assert!(script.starts_with("#!/usr/bin/env -S BPFTRACE_STRLEN=128 bpftrace\n"));
            assert!(script.contains("// Run it as: BPFTRACE_STRLEN=128 bpftrace FILE"));
            assert!(!script.contains("config ="));
        }
        let script = rendered(name, Some("v0.20.1"));
        assert!(script.starts_with("#!/usr/bin/env bpftrace\nconfig = { max_strlen = 128 }\n"));
        assert!(rendered(name, Some("0.23.5-dirty")).contains("max_strlen = 256 }"));
    }
    assert!(!rendered("journal", Some("0.23")).contains("max_strlen"));
    assert!("bpftrace".parse::<BpftraceVersion>().is_err());
}

#[test]
fn a_path_that_is_no_path_is_refused() {
    let monitors = by_name("monitors").unwrap();
    assert!(monitors.render(&ProbeParameters::default()).is_err());
    let parameters = ProbeParameters {
        libjvm: Some("/x:hotspot:y { system(\"id\") }".to_owned()),
        ..ProbeParameters::default()
    };
    assert!(monitors.render(&parameters).is_err());
}
