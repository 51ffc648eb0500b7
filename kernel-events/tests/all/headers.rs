//! What the programs and this crate must both know stands in both once: numbers are places in a list.

use kcorr_kernel_events::{PROBES, Probe};

const STATE: &str = include_str!("../../bpf/state.h");

/// The names of an `enum` of a header, in order.
fn names(header: &str, of: &str) -> Vec<String> {
    let start = header.find(&format!("enum {of} {{")).expect("the enum");
    let body = header[start..].split_once('{').expect("a body").1;
    let body = body.split_once('}').expect("an end").0;
    let names = body.split(',').map(|name| name.trim().to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn probes_have_the_numbers_that_the_programs_count_their_losses_by() {
    let ours = PROBES.map(|probe| probe.name().to_uppercase().replace('-', "_"));
    let mut theirs = names(STATE, "probe");
    assert_eq!(theirs.pop().as_deref(), Some("PROBES"));
    assert_eq!(theirs, ours);
}

#[test]
fn each_probe_has_a_bpftrace_script_of_its_name_with_its_threshold() {
    for probe in PROBES {
        let path = format!("{}/../probes/{probe}.bt", env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(&path).expect("a script");
        let threshold = probe.usual_threshold().as_nanos();
        let has = script.contains(&format!("$2 > 0 ? $2 : {threshold}"));
        assert_eq!(has, threshold > 0, "{probe}");
        assert_eq!(probe.name().parse::<Probe>(), Ok(probe));
    }
    let error = "writes".parse::<Probe>().expect_err("no probe");
    assert!(
        error
            .to_string()
            .starts_with("`writes` is none of file-writes, ")
    );
}
