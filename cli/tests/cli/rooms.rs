//! The rooms of ARCHITECTURE.md: who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The packages that some crates compile, each with its features.
fn compiled(packages: &[&str]) -> BTreeSet<String> {
    let tree = [
        "tree",
        "--offline",
        "--locked",
        "-e",
        "normal,build",
        "--prefix",
        "none",
        "-f",
        "{p} {f}",
    ];
    let output = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(tree)
        .args(packages)
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)").trim());
    lines
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn decoders_the_store_and_the_report_compile_no_datafusion() {
    let crates = [
        "kcorr-model",
        "kcorr-kafka",
        "kcorr-capture",
        "kcorr-tls",
        "kcorr-exposition",
        "kcorr-ingest-bpf",
        "kcorr-ingest-broker",
        "kcorr-ingest-client",
        "kcorr-ingest-jfr",
        "kcorr-ingest-pcap",
        "kcorr-kernel-events",
        "kcorr-probes",
        "kcorr-record",
        "kcorr-report",
        "kcorr-scenario",
        "kcorr-sli",
        "kcorr-store",
    ];
    for name in crates {
        let packages = compiled(&["-p", name]);
        assert!(packages.iter().any(|package| package.starts_with(name)));
        let datafusion = packages
            .iter()
            .find(|package| package.starts_with("datafusion"));
        assert_eq!(datafusion, None, "{name}");
    }
    assert!(
        compiled(&["-p", "kcorr"])
            .iter()
            .any(|package| package.starts_with("datafusion "))
    );
}

#[test]
fn what_knows_no_other_crate_and_what_only_the_model() {
    let ours = |name| -> Vec<String> {
        let packages = compiled(&["-p", name]);
        let names = packages
            .iter()
            .filter_map(|package| package.split(' ').next());
        names
            .filter(|package| package.starts_with("kcorr") && *package != name)
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(ours("kcorr-interval-join"), [""; 0]);
    assert_eq!(ours("kcorr-exposition"), [""; 0]);
    for name in ["kcorr-store", "kcorr-capture", "kcorr-tls"] {
        assert_eq!(ours(name), ["kcorr-model"], "{name}");
    }
}

#[test]
fn the_binary_alone_and_the_workspace_compile_the_same_datafusion() {
    let alone = compiled(&["-p", "kcorr"]);
    let workspace = compiled(&["--workspace"]);
    let is_ours = |package: &&String| package.starts_with("kcorr");
    let differ: Vec<&String> = alone
        .difference(&workspace)
        .filter(|p| !is_ours(p))
        .collect();
    assert!(
        differ.is_empty(),
        "name these features in engine/Cargo.toml: {differ:?}"
    );
}

/// Lines of Rust below a folder, those of other crates and of builds left out.
fn lines_of_rust(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let lines = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            let is_own = !path.join("Cargo.toml").exists() && !path.ends_with("target");
            return if is_own { lines_of_rust(&path) } else { 0 };
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            return 0;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        text.lines().count()
    });
    lines.sum()
}

/// A crate that outgrows this is several rooms behind one door.
#[test]
fn no_crate_has_more_than_15_percent_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("the workspace");
    let members = manifest
        .lines()
        .find_map(|line| line.strip_prefix("members = "))
        .expect("its members");
    let sizes: BTreeMap<&str, usize> = members
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|member| (member, lines_of_rust(&root.join(member))))
        .collect();
    assert!(sizes.len() > 20, "{sizes:?}");
    let all: usize = sizes.values().sum();
    let too_large: Vec<_> = sizes
        .iter()
        .filter(|(_, lines)| **lines * 100 > all * 15)
        .collect();
    assert!(too_large.is_empty(), "of {all} lines: {too_large:?}");
}
