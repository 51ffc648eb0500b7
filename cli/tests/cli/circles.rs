//! Files that name each other, directly or through others, can only be read together.
//!
//! Here each crate's files are read for what they import. A part may name the whole that it is part of (a file
//! below `a/` what `a.rs` or `a/mod.rs` declares); any other circle is a definition in the wrong file. Seen are
//! `use` and paths that begin with `crate`, `super`, `self` or a module, through whatever is used again; not
//! seen are calls of methods, whose files need no import.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module's path in its crate: `["query", "below"]`.
type Module = Vec<String>;

/// A crate's source files.
#[derive(Default)]
struct Crate {
    texts: BTreeMap<Module, String>,
    /// What a module has under a name that is defined elsewhere.
    names: BTreeMap<(Module, String), Module>,
    /// The paths that a module names.
    paths: BTreeMap<Module, BTreeSet<Module>>,
}

impl Crate {
    fn read(source: &Path) -> Self {
        let mut files = Vec::new();
        find_files(source, &mut files);
        let mut found = Self::default();
        for file in &files {
            let text = std::fs::read_to_string(file).expect("a source file");
            let inside = file.strip_prefix(source).expect("a file of the crate");
            found.add(module_of(inside), &text);
        }
        found.resolve_names();
        found
    }

    /// Adds a file without its comments and tests.
    fn add(&mut self, module: Module, text: &str) {
        let mut lines = Vec::new();
        let mut ahead = text.lines().peekable();
        while let Some(line) = ahead.next() {
            if line.starts_with("#[cfg(test)]") {
                match ahead.next() {
                    Some(item) if item.starts_with("mod ") => break,
                    _ => continue,
                }
            }
            let is_comment = line.trim_start().starts_with("//");
            lines.push(if is_comment { "" } else { line });
        }
        self.texts.insert(module, lines.join("\n"));
    }

    /// Finds what each module names, once all are known.
    fn resolve_names(&mut self) {
        for (module, text) in &self.texts {
            let mut in_scope: BTreeMap<String, Module> = BTreeMap::new();
            for other in self.texts.keys() {
                if let Some((name, parent)) = other.split_last()
                    && parent == module
                {
                    in_scope.insert(name.clone(), other.clone());
                }
            }
            let mut found = BTreeSet::new();
            let (uses, rest) = split_uses(text);
            for used in uses.iter().flat_map(|tree| leaves(tree)) {
                let (path, name) = match used.split_once(" as ") {
                    Some((path, name)) => (path.trim(), name.trim().to_owned()),
                    None => (
                        used.as_str(),
                        used.rsplit("::").next().unwrap_or_default().to_owned(),
                    ),
                };
                let segments: Vec<&str> = path.split("::").map(str::trim).collect();
                let Some(path) = self.absolute(module, &segments, &in_scope) else {
                    continue;
                };
                if self.texts.contains_key(&path) {
                    in_scope.insert(name.clone(), path.clone());
                }
                self.names.insert((module.clone(), name), path.clone());
                found.insert(path);
            }
            for path in qualified(&rest) {
                let segments: Vec<&str> = path.split("::").collect();
                found.extend(self.absolute(module, &segments, &in_scope));
            }
            self.paths.insert(module.clone(), found);
        }
    }

    /// A path from the crate's root on, if it is one of the crate.
    fn absolute(
        &self,
        module: &Module,
        segments: &[&str],
        in_scope: &BTreeMap<String, Module>,
    ) -> Option<Module> {
        let (first, mut rest) = segments.split_first()?;
        let mut base = match *first {
            "crate" => Vec::new(),
            "self" => module.clone(),
            "super" => module.split_last()?.1.to_vec(),
            name => in_scope.get(name)?.clone(),
        };
        while let Some(("super", behind)) = rest.split_first().map(|(s, b)| (*s, b)) {
            base.pop()?;
            rest = behind;
        }
        base.extend(rest.iter().map(|segment| (*segment).to_owned()));
        Some(base)
    }

    /// The file where what a path names is defined, through whatever is used again on the way.
    fn home(&self, path: &Module, depth: usize) -> Option<Module> {
        let length = (0..=path.len())
            .rev()
            .find(|&n| self.texts.contains_key(&path[..n]))?;
        let (module, behind) = path.split_at(length);
        if let Some((name, rest)) = behind.split_first()
            && let Some(other) = self.names.get(&(module.to_vec(), name.clone()))
            && depth > 0
        {
            let other: Module = other.iter().chain(rest).cloned().collect();
            return self.home(&other, depth - 1);
        }
        Some(module.to_vec())
    }

    /// The files that each names, but for those that it is part of.
    fn edges(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, paths) in &self.paths {
            let homes = paths.iter().filter_map(|path| self.home(path, 8));
            let others = homes.filter(|home| !module.starts_with(home));
            edges.insert(module.clone(), others.collect());
        }
        edges
    }

    /// Groups of files that reach each other.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let reached: BTreeMap<&Module, BTreeSet<&Module>> = edges
            .keys()
            .map(|from| {
                let mut reached = BTreeSet::new();
                let mut open: Vec<&Module> = edges[from].iter().collect();
                while let Some(next) = open.pop() {
                    if reached.insert(next) {
                        open.extend(edges.get(next).into_iter().flatten());
                    }
                }
                (from, reached)
            })
            .collect();
        let mut circles = BTreeSet::new();
        for (from, to) in &reached {
            if to.contains(from) {
                let back = to.iter().filter(|other| reached[**other].contains(from));
                circles.insert(back.map(|module| module.join("/")).collect());
            }
        }
        circles.into_iter().collect()
    }
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `query/mod.rs` and `query.rs` → `query`; `lib.rs` and `main.rs` → the root.
fn module_of(file: &Path) -> Module {
    let stem = file.with_extension("");
    let mut module: Module = stem
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let last = module.last().map(String::as_str);
    if matches!(last, Some("mod")) || (module.len() == 1 && matches!(last, Some("lib" | "main"))) {
        module.pop();
    }
    module
}

/// The trees of all `use` in a text, and the text without them.
fn split_uses(text: &str) -> (Vec<String>, String) {
    let (mut uses, mut rest) = (Vec::new(), String::new());
    let mut open: Option<String> = None;
    for line in text.lines() {
        let begins = line.trim_start();
        let begins = begins
            .strip_prefix("pub ")
            .or_else(|| {
                begins
                    .strip_prefix("pub(")
                    .and_then(|b| Some(b.split_once(") ")?.1))
            })
            .unwrap_or(begins);
        let part = match (&open, begins.strip_prefix("use ")) {
            (Some(_), _) => line,
            (None, Some(tree)) => tree,
            (None, None) => {
                rest.push_str(line);
                rest.push('\n');
                continue;
            }
        };
        let tree = open.take().unwrap_or_default() + part.trim();
        match tree.split_once(';') {
            Some((tree, _)) => uses.push(tree.to_owned()),
            None => open = Some(tree + " "),
        }
    }
    (uses, rest)
}

/// `a::{b, c::{d, e}}` → `a::b`, `a::c::d`, `a::c::e`.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, inside)) = tree
        .split_once('{')
        .and_then(|(prefix, behind)| Some((prefix, behind.rsplit_once('}')?.0)))
    else {
        // `a::b::self` and `a::b::*` stand for the module.
        let module = tree
            .strip_suffix("::self")
            .or_else(|| tree.strip_suffix("::*"));
        return vec![module.unwrap_or(tree).to_owned()];
    };
    let (mut found, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, letter) in inside.char_indices().chain([(inside.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inside[start..at].trim();
                if !part.is_empty() {
                    found.extend(leaves(&format!("{prefix}{part}")));
                }
                start = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// Paths of more than one name in a text.
fn qualified(text: &str) -> Vec<String> {
    let is_path = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
    let words = text.split(|letter| !is_path(letter));
    let paths = words.map(|word| word.trim_matches(':'));
    paths
        .filter(|path| path.contains("::"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn no_two_files_of_a_crate_name_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut crates = 0;
    let mut circles = Vec::new();
    for entry in std::fs::read_dir(&root).expect("the project") {
        let folder = entry.expect("an entry").path();
        let source = folder.join("src");
        if folder.join("Cargo.toml").exists() && source.is_dir() {
            crates += 1;
            let name = folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let found = Crate::read(&source).circles();
            circles.extend(
                found
                    .into_iter()
                    .map(|files| format!("{name}: {}", files.join(", "))),
            );
        }
    }
    assert!(crates > 12, "{crates} crates were looked at");
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_through_what_is_used_again_and_a_part_may_name_its_whole() {
    let mut example = Crate::default();
    let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
    example.add(
        module("rows"),
        "mod row;\nmod write;\npub(crate) use row::{Row, Span as S};",
    );
    example.add(
        module("rows/row"),
        "use super::write::{self};\nfn of() { write::count() }",
    );
    example.add(
        module("rows/write"),
        "use super::BATCH;\npub(crate) fn count() {}",
    );
    example.add(
        module("labels"),
        "fn label() -> Option<crate::rows::S> { None }",
    );
    example.resolve_names();
    assert_eq!(example.circles(), [[""; 0]; 0]);
    let labels = &example.edges()[&module("labels")];
    assert_eq!(labels, &BTreeSet::from([module("rows/row")]));
    example.add(
        module("rows/write"),
        "use crate::labels;\nfn count() { labels::label() }",
    );
    example.resolve_names();
    assert_eq!(example.circles(), [["labels", "rows/row", "rows/write"]]);
    // What tests need ties nothing.
    example.add(
        module("rows/write"),
        "#[cfg(test)]\nmod tests {\n    use crate::labels;\n}",
    );
    example.resolve_names();
    assert_eq!(example.circles(), [[""; 0]; 0]);
}
