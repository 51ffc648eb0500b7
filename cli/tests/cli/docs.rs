//! The book in `docs/` against the program: its reference is made as its build makes it, what the program has is told
//! where readers look for it, links lead somewhere, and what readers are told to type is there.
//!
//! Without Python, which makes the reference, the tests that need it say so and pass, except in CI.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::{Desk, status, stderr, stdout};

/// Pages by their path below `docs/src`.
type Pages = BTreeMap<PathBuf, String>;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn read(folder: &Path, below: &Path, pages: &mut Pages) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = below.join(path.file_name().expect("a name"));
        if path.is_dir() {
            read(&path, &name, pages);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            let text = std::fs::read_to_string(&path).expect("a page");
            pages.insert(name, text);
        }
    }
}

/// The pages that are written by hand.
fn written() -> Pages {
    let mut pages = Pages::new();
    read(&docs().join("src"), Path::new(""), &mut pages);
    // Of an earlier build.
    pages.retain(|path, _| !path.starts_with("reference"));
    assert!(pages.len() > 20, "{:?}", pages.keys());
    pages
}

/// All pages; the reference is made anew. None without Python.
fn with_reference(desk: &Desk) -> Option<Pages> {
    let made = desk.path("reference");
    let run = std::process::Command::new("python3")
        .arg(docs().join("generate"))
        .arg(assert_cmd::cargo::cargo_bin!("kcorr"))
        .arg(&made)
        .output();
    let run = match run {
        Ok(run) => run,
        Err(e) => {
            assert!(std::env::var_os("CI").is_none(), "python3: {e}");
            println!("skipped: python3: {e}");
            return None;
        }
    };
    assert!(run.status.success(), "{}", stderr(&run));
    let mut pages = written();
    read(&made, Path::new("reference"), &mut pages);
    Some(pages)
}

/// Lines that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            return false;
        }
        !is_code && !line.starts_with("    ")
    })
}

/// What stands in round brackets behind square ones.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let behind = line.split("](").skip(1);
    behind.filter_map(|rest| Some(rest.split_once(')')?.0))
}

/// Ids of a page's headings, as mdBook makes them.
fn ids(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let ids = headings.map(|heading| match heading.split_once("{#") {
        Some((_, id)) => id.trim_end_matches('}').to_owned(),
        None => {
            let kept = heading.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
                _ => None,
            });
            kept.collect()
        }
    });
    ids.collect()
}

/// A path without its `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
        path
    })
}

/// First words of the lines of a list that a command prints.
fn listed(desk: &Desk, arguments: &[&str]) -> BTreeSet<String> {
    let output = desk.kcorr(arguments);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let words = text.lines().filter_map(|line| line.split(' ').next());
    let is_name = |word: &&str| !word.is_empty() && !word.ends_with(':');
    let words = words.filter(is_name).map(str::to_owned);
    words.collect()
}

fn commands(desk: &Desk) -> BTreeSet<String> {
    let help = stdout(&desk.kcorr(&["--help"]));
    let list = help.split("\nCommands:\n").nth(1).expect("commands");
    let list = list.split("\n\n").next().expect("a list");
    let lines = list.lines().filter_map(|line| line.strip_prefix("  "));
    let names = lines.filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
    names.collect()
}

#[test]
fn each_page_of_the_book_is_in_its_summary() {
    let pages = written();
    let summary = &pages[Path::new("SUMMARY.md")];
    let told: BTreeSet<PathBuf> = summary
        .lines()
        .flat_map(targets)
        .map(PathBuf::from)
        .collect();
    let mut there: BTreeSet<PathBuf> = pages.keys().cloned().collect();
    there.remove(Path::new("SUMMARY.md"));
    there.extend(
        told.iter()
            .filter(|path| path.starts_with("reference"))
            .cloned(),
    );
    assert_eq!(told, there);
}

#[test]
fn the_reference_is_made_and_each_link_of_the_book_leads_somewhere() {
    let desk = Desk::new();
    let Some(pages) = with_reference(&desk) else {
        return;
    };
    let summary = &pages[Path::new("SUMMARY.md")];
    let mut wrong = Vec::new();
    for path in summary.lines().flat_map(targets) {
        if !pages.contains_key(Path::new(path)) {
            wrong.push(format!("SUMMARY.md: {path}"));
        }
    }
    let mut links = 0;
    for (page, text) in &pages {
        let folder = page.parent().expect("a folder");
        for target in prose(text).flat_map(targets) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, id) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                file => plain(&folder.join(file)),
            };
            let leads = match pages.get(&file) {
                Some(text) => id.is_empty() || ids(text).contains(id),
                None => id.is_empty() && docs().join("src").join(&file).is_file(),
            };
            if !leads {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
        for include in text.split("{{#include ").skip(1) {
            let place = include.split("}}").next().expect("a place");
            let (file, part) = place.split_once(':').unwrap_or((place, ""));
            let file = docs().join("src").join(folder).join(file);
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            // Lines by their numbers, or what stands between two comments.
            let lines = part.split(':').filter_map(|at| at.parse::<usize>().ok());
            let holds = match lines.max() {
                Some(last) => last <= text.lines().count(),
                None => part.is_empty() || text.contains(&format!("ANCHOR: {part} ")),
            };
            if text.is_empty() || !holds {
                wrong.push(format!("{}: {place}", page.display()));
            }
        }
    }
    assert!(links > 100, "{links}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_link_of_the_pages_at_the_root_leads_to_a_file() {
    let root = docs().join("..");
    let mut wrong = Vec::new();
    for page in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
    ] {
        let text = std::fs::read_to_string(root.join(page)).expect("a page");
        for target in prose(&text).flat_map(targets) {
            let file = target.split('#').next().expect("a part");
            if !target.contains("://") && !root.join(file).exists() {
                wrong.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn each_table_canned_query_and_command_is_in_the_reference() {
    let desk = Desk::new();
    let Some(pages) = with_reference(&desk) else {
        return;
    };
    let ids = |name: &str| ids(&pages[&Path::new("reference").join(name)]);
    let mut missing = Vec::new();
    let mut look_for = |names: BTreeSet<String>, ids: &BTreeSet<String>| {
        assert!(names.len() > 10, "{names:?}");
        missing.extend(names.difference(ids).cloned());
    };
    let mut names = commands(&desk);
    names.remove("help");
    look_for(names, &ids("commands.md"));
    look_for(listed(&desk, &["tables"]), &ids("tables.md"));
    let mut asked = listed(&desk, &["queries"]);
    asked.remove("The");
    look_for(asked, &ids("queries.md"));
    let both = ids("queries.md").union(&ids("steps.md")).cloned().collect();
    look_for(listed(&desk, &["queries", "--all"]), &both);
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_reason_has_a_heading_under_mechanisms_and_its_roots_below_it() {
    let desk = Desk::new();
    let line = r#"{"ev":"write","start_ns":5,"end_ns":9,"tid":7,"dir":"orders-0"}"#;
    let file = desk.write("one.jsonl", line);
    assert_eq!(status(&desk.kcorr(&["ingest", "--bpf", &file])), 0);
    let pages = written();
    let index = &pages[Path::new("mechanisms/index.md")];
    let reasons = desk.rows(&["reasons"]);
    assert!(reasons.len() > 30);
    for row in &reasons {
        let word = |column: &str| row[column].as_str().expect("text");
        let reason = word("reason");
        let heading = format!("{{#{reason}}}");
        let with = pages
            .iter()
            .filter_map(|(path, text)| Some((path, text.split_once(&heading)?.1)));
        let with: Vec<(&PathBuf, &str)> = with.collect();
        let [(path, below)] = with.as_slice() else {
            panic!(
                "{reason}: headings in {:?}",
                with.iter().map(|(path, _)| path)
            );
        };
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(
            index.contains(&format!("[`{reason}`]({name}#{reason})")),
            "mechanisms/index.md does not lead to {reason}"
        );
        // What is so of all reasons of a page stands above the first.
        let section = below.split("\n## ").next().expect("a section");
        let head = pages[*path].split("\n## ").next().expect("a head");
        for needed in ["**Proved by**", "**Change**"] {
            assert!(section.contains(needed), "{reason}: no {needed}");
        }
        for root in word("roots").split(' ') {
            let root = format!("`{root}`");
            assert!(
                section.contains(&root) || head.contains(&root),
                "{}: {reason} may be at {root}",
                path.display()
            );
        }
    }
}

#[test]
fn each_probe_and_each_kind_of_recording_is_told() {
    let desk = Desk::new();
    let pages = written();
    let by_hand = &pages[Path::new("record/by-hand.md")];
    let mut probes = listed(&desk, &["probes"]);
    probes.retain(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    assert!(probes.len() > 10, "{probes:?}");
    let untold: Vec<&String> = probes
        .iter()
        .filter(|name| !by_hand.contains(&format!("`{name}`")))
        .collect();
    assert!(untold.is_empty(), "{untold:?}");
    let formats = &pages[Path::new("record/formats.md")];
    let help = stdout(&desk.kcorr(&["ingest", "--help"]));
    let options = help.lines().filter_map(|line| {
        let (option, value) = line.trim().split_once(' ')?;
        let is_input = ["<FILE>...", "<FOLDER>..."].contains(&value);
        (option.starts_with("--") && is_input).then_some(option)
    });
    let options: Vec<&str> = options.collect();
    assert!(options.len() > 6, "{options:?}");
    for option in options {
        assert!(formats.contains(&format!("| `{option}` |")), "{option}");
    }
}

/// A command line that a page tells people to type: its words, without what is quoted.
fn typed(text: &str) -> Vec<Vec<String>> {
    let inline = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    let indented = text.lines().filter(|line| line.starts_with("    "));
    let mut lines = Vec::new();
    for code in inline.chain(indented) {
        for part in code
            .trim()
            .split(['|', ';', '(', ')'])
            .flat_map(|part| part.split("&&"))
        {
            let Some(line) = part.trim().strip_prefix("kcorr ") else {
                continue;
            };
            // Two spaces begin what it is for, and quotes what is not kcorr's.
            let line = line.split("  ").next().expect("a part");
            let unquoted: String = line.split(['"', '\'']).step_by(2).collect();
            let line = unquoted.split(" > ").next().expect("a part");
            lines.push(line.split_whitespace().map(str::to_owned).collect());
        }
    }
    lines
}

#[test]
fn what_the_book_and_the_readme_tell_to_type_are_commands_with_their_options() {
    let desk = Desk::new();
    let mut pages = written();
    let readme = docs().join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    pages.insert("README.md".into(), readme);
    let commands = commands(&desk);
    let queries = listed(&desk, &["queries", "--all"]);
    let mut helps: BTreeMap<Vec<&str>, String> = BTreeMap::new();
    let (mut wrong, mut count) = (Vec::new(), 0);
    let typed: Vec<(&PathBuf, Vec<String>)> = pages
        .iter()
        .flat_map(|(page, text)| typed(text).into_iter().map(move |words| (page, words)))
        .collect();
    for (page, words) in &typed {
        let mut rest = words.as_slice();
        while let [option, _, behind @ ..] = rest {
            if !option.starts_with("--") {
                break;
            }
            rest = behind;
        }
        let Some((command, rest)) = rest.split_first() else {
            continue;
        };
        if command.chars().any(|c| c.is_ascii_uppercase() || c == '…') {
            // `kcorr COMMAND`
            continue;
        }
        if command == "sli" && cfg!(not(feature = "sli")) {
            // Of a program that is built with it; see `.ci/run`.
            continue;
        }
        let mut asked = if commands.contains(command) {
            vec![command.as_str()]
        } else if queries.contains(command) {
            vec!["query"]
        } else {
            wrong.push(format!("{}: kcorr {command}", page.display()));
            continue;
        };
        if let ("export" | "sources", Some(below)) = (command.as_str(), rest.first())
            && below.chars().all(|c| c.is_ascii_lowercase())
        {
            asked.push(below);
        }
        let help = helps.entry(asked).or_insert_with_key(|asked| {
            stdout(&desk.kcorr(&[asked.as_slice(), &["--help"]].concat()))
        });
        for option in rest.iter().filter(|word| word.starts_with("--")) {
            let name = option.split('=').next().expect("a name");
            let is_told = help
                .split(name)
                .skip(1)
                .any(|behind| !behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'));
            if !is_told {
                wrong.push(format!("{}: kcorr {}", page.display(), words.join(" ")));
            }
        }
        count += 1;
    }
    assert!(count > 80, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_sql_of_the_book_runs_on_the_bundled_incident() {
    let desk = Desk::with_incident();
    let mut asked: Vec<String> = Vec::new();
    for text in written().into_values() {
        for block in text.split("```sql\n").skip(1) {
            asked.push(block.split("\n```").next().expect("a block").to_owned());
        }
        for line in text.split("query -c \"").skip(1) {
            asked.push(line.split('"').next().expect("a text").to_owned());
        }
    }
    asked.retain(|sql| !sql.starts_with('…'));
    assert!(asked.len() >= 10, "{asked:?}");
    for sql in asked {
        let file = desk.write("asked.sql", &sql);
        let output = desk.kcorr(&["query", "--format", "csv", &file]);
        assert_eq!(status(&output), 0, "{sql}\n{}", stderr(&output));
    }
}
