//! ARCHITECTURE.md against the tree: paths that it names are there, and what there is of each kind stands in
//! the places where "Where do I add …" says that one adds it, so that following it is enough.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Names of the files of a folder that end so, without that and without `mod`.
fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).expect("a folder");
    let files = entries.map(|entry| {
        let name = entry.expect("an entry").file_name();
        name.into_string().expect("a name")
    });
    let names = files.filter_map(|file| file.strip_suffix(ending).map(str::to_owned));
    let names: BTreeSet<String> = names.filter(|name| name != "mod").collect();
    assert!(!names.is_empty(), "nothing in {folder}");
    names
}

/// The places in backquotes that begin with a folder of the project.
fn paths(text: &str) -> BTreeSet<String> {
    let mut folders = names("", "");
    folders.retain(|folder| root().join(folder).is_dir());
    let quoted = text.split('`').skip(1).step_by(2);
    let is_path = |path: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.".contains(c);
        let first = path.split('/').next();
        path.contains('/')
            && path.chars().all(plain)
            && first.is_some_and(|first| folders.contains(first))
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

#[test]
fn each_place_that_the_architecture_names_is_there() {
    let paths = paths(&text("ARCHITECTURE.md"));
    assert!(paths.len() > 40, "{paths:?}");
    let missing: Vec<&String> = paths
        .iter()
        .filter(|path| !root().join(path).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_places_to_add_something_are_those_where_everything_of_its_kind_stands() {
    let kinds: [(&str, &str, &str, &[&str]); 4] = [
        (
            "model/src/tables",
            ".rs",
            "model/src/tables/mod.rs",
            &["mod {name};", "pub use {name}::{NAME};", "    &{NAME},"],
        ),
        (
            "engine/src/functions",
            ".rs",
            "engine/src/functions/mod.rs",
            &["mod {name};", "ScalarUDF::from({name}::"],
        ),
        (
            "report/src/sections",
            ".rs",
            "report/src/sections/mod.rs",
            &["mod {name};", "{name}::section(answers)"],
        ),
        ("probes", ".bt", "probes/src/catalogue.rs", &["\"{name}\""]),
    ];
    for (folder, ending, list, lines) in kinds {
        let list_text = text(list);
        for name in names(folder, ending) {
            for line in lines {
                let line = line
                    .replace("{name}", &name)
                    .replace("{NAME}", &name.to_uppercase());
                assert!(list_text.contains(&line), "{list} has no `{line}`");
            }
        }
    }
}

/// The rows of `rules.sql` and the branches of `explained_times.sql` are held together by a test of the
/// engine; here, that each canned query is in a folder that the architecture tells of.
#[test]
fn each_folder_of_queries_is_told() {
    let told = text("ARCHITECTURE.md");
    let entries = std::fs::read_dir(root().join("sql")).expect("sql");
    for entry in entries {
        let entry = entry.expect("an entry");
        if entry.path().is_dir() {
            let name = entry.file_name().into_string().expect("a name");
            let is_told =
                told.contains(&format!("`{name}/`")) || told.contains(&format!("sql/{name}/"));
            assert!(is_told, "ARCHITECTURE.md does not say what sql/{name} is");
        }
    }
}
