//! The rooms of ARCHITECTURE.md: who may depend on whom.

use std::collections::BTreeSet;
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
        "kcorr-ingest-bpf",
        "kcorr-ingest-broker",
        "kcorr-ingest-jfr",
        "kcorr-ingest-pcap",
        "kcorr-probes",
        "kcorr-report",
        "kcorr-scenario",
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
fn the_interval_join_knows_no_other_crate_of_kcorr_and_the_store_only_the_model() {
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
    assert_eq!(ours("kcorr-store"), ["kcorr-model"]);
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
