//! "Where do I add …" of ARCHITECTURE.md, walked: something of each kind is added to a copy of the project by
//! touching what the table names and nothing else, and is then there for whoever uses it.
//!
//! What is Rust is compiled: the crates that need no DataFusion, with a program that uses what was added. What is
//! SQL is listed by the engine's own build script, and run as a file by the kcorr that is there. Not walked are
//! what would compile DataFusion again: functions, exports and commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Desk, status, stderr, stdout};

/// A copy of parts of the project.
struct Walk {
    copy: PathBuf,
    /// What to touch, by what is added, as the table says.
    told: BTreeMap<String, String>,
}

/// One addition, and what the table says of it.
struct Addition<'a> {
    copy: &'a Path,
    told: &'a str,
}

impl Walk {
    /// Copies parts of the project to a folder of its own below the target folder.
    fn begin(name: &str, parts: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = std::fs::remove_dir_all(&copy);
        for part in parts {
            copy_all(&root.join(part), &copy.join(part));
        }
        let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).expect("a text");
        let (_, table) = text.split_once("| add | touch |").expect("the table");
        let rows = table
            .lines()
            .take_while(|line| line.is_empty() || line.starts_with('|'));
        let told = rows.skip(2).map_while(|row| {
            let (add, touch) = row
                .strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")?;
            Some((add.to_owned(), touch.to_owned()))
        });
        let told: BTreeMap<String, String> = told.collect();
        assert!(told.len() > 8, "{told:?}");
        Self { copy, told }
    }

    fn add(&self, what: &str) -> Addition<'_> {
        let told = self.told.get(what);
        Addition {
            copy: &self.copy,
            told: told.unwrap_or_else(|| panic!("the table has no row `{what}`")),
        }
    }
}

impl Addition<'_> {
    /// Fails unless the table names the file or a folder above it.
    fn may_touch(&self, path: &str) {
        let quoted = self.told.split('`').skip(1).step_by(2);
        let is_it = |place: &str| match place.split_once("<name>") {
            Some((before, behind)) => path.starts_with(before) && path.ends_with(behind),
            None => path == place || (place.ends_with('/') && path.starts_with(place)),
        };
        let is_named = quoted.into_iter().any(is_it);
        assert!(
            is_named,
            "{path} is not where the table sends one: {}",
            self.told
        );
    }

    fn new_file(&self, path: &str, text: &str) -> &Self {
        self.may_touch(path);
        let place = self.copy.join(path);
        assert!(!place.exists(), "{path} is there already");
        std::fs::write(place, text).expect("written");
        self
    }

    /// Puts a text before one that the file has once.
    fn before(&self, path: &str, anchor: &str, text: &str) -> &Self {
        self.may_touch(path);
        let place = self.copy.join(path);
        let was = std::fs::read_to_string(&place).expect("a text");
        assert_eq!(was.matches(anchor).count(), 1, "{path} has `{anchor}` once");
        std::fs::write(place, was.replacen(anchor, &format!("{text}{anchor}"), 1))
            .expect("written");
        self
    }
}

/// Copies a file, or a folder with all that is in it.
fn copy_all(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(from, to).expect("copied");
    }
}

/// Uses what was added to the crates; prints what it found.
const USER: &str = r#"
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::{Decoder, SourceId, tables};
use kcorr_report::{Answer, Answers, Column, QueryText, Report, markdown, sections};

fn main() {
    let table = tables::by_name("disk_errors").expect("the table");
    println!("table {} {}", table.name, tables::ALL.iter().any(|known| known.name == table.name));

    let options = BpfOptions {
        format: Some("nfsslower".parse().expect("the format")),
        ..BpfOptions::default()
    };
    let mut decoder = BpfDecoder::new(SourceId(1), options);
    let mut batches = Vec::new();
    let line = b"15:37:00 java 4478 W 2009 12 126.5 00000000000000000000.log\n";
    decoder.push(line, &mut batches).expect("pushed");
    decoder.finish(&mut batches).expect("finished");
    let rows: usize = batches.iter().map(|(_, batch)| batch.num_rows()).sum();
    println!("format {} {rows}", batches[0].0.name);

    let probe = kcorr_probes::by_name("disk-errors").expect("the probe");
    println!("probe {}", probe.render(&Default::default()).expect("rendered").contains("disk-errors"));

    let query = QueryText { name: "disk_errors".to_owned(), ..QueryText::default() };
    let column = Column { name: "n".into(), doc: "How many.".to_owned() };
    let count = arrow::array::Int64Array::from(vec![42]);
    let rows = arrow::array::RecordBatch::try_from_iter([("n", std::sync::Arc::new(count) as _)]);
    let mut answers = Answers::default();
    let asked = sections::QUERIES.contains(&"disk_errors");
    answers.insert(Answer::new(query, vec![column], &[rows.expect("rows")]).expect("an answer"));
    let report = markdown::render(&Report::incident(&answers));
    println!("section {asked} {}", report.contains("42 disk errors"));
}
"#;

#[test]
fn a_table_a_format_a_probe_and_a_section_are_added_where_the_table_says() {
    let crates = ["model", "ingest-bpf", "probes", "report"];
    let parts = [
        &crates[..],
        &["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"],
    ]
    .concat();
    let walk = Walk::begin("additions", &parts);

    let list = "model/src/tables/mod.rs";
    walk.add("a table")
        .new_file(
            "model/src/tables/disk_errors.rs",
            r#"//! `disk_errors`: what a disk could not do.

use crate::{Column, Table, Type};

/// An error of a disk.
pub static DISK_ERRORS: Table = Table {
    name: "disk_errors",
    doc: "An error of a disk.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("source_id", Type::Int64, "The recording the row came from."),
        Column::required("time", Type::Time, "When."),
    ],
};
"#,
        )
        .before(list, "mod event_types;", "mod disk_errors;\n")
        .before(
            list,
            "pub use event_types::",
            "pub use disk_errors::DISK_ERRORS;\n",
        )
        .before(list, "    &EVENT_TYPES,", "    &DISK_ERRORS,\n");

    let formats = "ingest-bpf/src/format.rs";
    walk.add("a format of a tracer")
        .before(
            formats,
            "    /// `xfsslower`.\n",
            "    /// `nfsslower`.\n    Nfsslower,\n",
        )
        .before(
            formats,
            "        (\"xfsslower\",",
            "        (\"nfsslower\", Nfsslower),\n",
        )
        .before(
            formats,
            "            Fileslower =>",
            "            Nfsslower => \"TIME COMM PID T BYTES OFF_KB LAT(ms) FILENAME\",\n",
        );

    walk.add("a probe")
        .new_file(
            "probes/disk-errors.bt",
            "BEGIN { printf(\"disk-errors\"); }\n",
        )
        .before(
            "probes/src/catalogue.rs",
            "    probe!(\n        \"journal\",",
            "    probe!(\"disk-errors\", \"errors of disks\", TRACEPOINTS),\n",
        );

    let sections = "report/src/sections/mod.rs";
    walk.add("a report section")
        .new_file(
            "report/src/sections/disk_errors.rs",
            r#"//! What disks could not do.

use crate::{Answers, Block, Section, Text};

pub(super) fn section(answers: &Answers) -> Option<Section> {
    let errors = answers.rows("disk_errors")?;
    let said = Text::from(errors.cell(0, "n")).and(" disk errors");
    Some(Section {
        id: "disk-errors",
        title: "Disks".to_owned(),
        blocks: vec![Block::Paragraph(said)],
    })
}
"#,
        )
        .before(sections, "mod episodes;", "mod disk_errors;\n")
        .before(sections, "    \"write_figures\",", "    \"disk_errors\",\n")
        .before(
            sections,
            "        stacks::section(answers),",
            "        disk_errors::section(answers),\n",
        );

    assert_eq!(
        used(&walk.copy, &crates),
        "table disk_errors true\nformat writes 1\nprobe true\nsection true true\n"
    );
}

/// What the program says that uses what was added to copies of crates.
fn used(copy: &Path, crates: &[&str]) -> String {
    let manifest = copy.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let members = |line: &str| match line.starts_with("members = ") {
        true => format!("members = {:?}", [crates, &["user"]].concat()),
        false => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(members).collect();
    // As little as possible is compiled for it, and kept from one run to the next.
    let profile = "[profile.dev]\ndebug = false\nincremental = false\n";
    std::fs::write(&manifest, format!("{}\n{profile}", lines.join("\n"))).expect("written");
    std::fs::create_dir_all(copy.join("user/src")).expect("a folder");
    let user = "[package]\nname = \"user\"\nedition.workspace = true\n[dependencies]\narrow.workspace = true\n\
        kcorr-model.workspace = true\nkcorr-ingest-bpf.workspace = true\nkcorr-probes.workspace = true\n\
        kcorr-report.workspace = true\n";
    std::fs::write(copy.join("user/Cargo.toml"), user).expect("written");
    std::fs::write(copy.join("user/src/main.rs"), USER).expect("written");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let output = Command::new(env!("CARGO"))
        .current_dir(copy)
        .args(["run", "--offline", "--quiet", "--package", "user"])
        .arg("--target-dir")
        .arg(target)
        .env("CARGO_INCREMENTAL", "0")
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn a_canned_query_and_a_rule_are_added_where_the_table_says() {
    let walk = Walk::begin("additions-sql", &["sql", "engine/build.rs"]);
    walk.add("a canned query").new_file(
        "sql/topic_writes.sql",
        "-- Writes by topic.
-- @column topic      VARCHAR -- the topic
-- @column row_count  BIGINT  -- its writes
SELECT CAST(topic AS VARCHAR) AS topic, COUNT(*) AS row_count
FROM writes
GROUP BY topic
ORDER BY topic
",
    );
    walk.add("a rule of the account")
        .before(
            "sql/account/rules.sql",
            "    ('own_write', 'own_write', 1,",
            "    ('walked', 'walked', 0, 'handler', 'cpu', NULL, 0.5, FALSE, 'a row that shows it', NULL, NULL),\n",
        )
        .before(
            "sql/account/explained_times.sql",
            "),\nstretches AS (",
            "    UNION ALL BY NAME
    SELECT 'walked' AS branch, w.request_id, w.service_start AS start_time, w.end_time
    FROM request_work AS w
",
        );
    let listed = listed(&walk.copy);
    assert!(listed.contains("(\"\", \"topic_writes\", "), "{listed}");

    let desk = Desk::with_incident();
    let path = |file: &str| walk.copy.join(file).display().to_string();
    let rows = desk.rows(&[&path("sql/topic_writes.sql")]);
    let all = desk.number("SELECT count(DISTINCT topic) AS n FROM writes WHERE topic IS NOT NULL");
    let with_topic = rows.iter().filter(|row| !row["topic"].is_null()).count();
    assert_eq!(with_topic as f64, all);

    let rules = desk.rows(&[&path("sql/account/rules.sql")]);
    assert!(rules.iter().any(|row| row["rule"] == "walked"));
    // The step reads the canned rules: here it is given those of the copy.
    let text = |file: &str| std::fs::read_to_string(walk.copy.join(file)).expect("a text");
    let with_rules = format!("WITH\nrules AS (\n{}),\n", text("sql/account/rules.sql"));
    let step = text("sql/account/explained_times.sql").replacen("WITH\n", &with_rules, 1);
    let file = desk.write("explained.sql", step);
    let explained = desk.rows(&[&file]);
    let requests = desk.number("SELECT count(*) AS n FROM request_work");
    let walked: Vec<_> = explained
        .iter()
        .filter(|row| row["rule"] == "walked")
        .collect();
    assert_eq!(walked.len() as f64, requests);
    assert!(walked.iter().all(|row| {
        row["rank"] == 0
            && row["root"] == "cpu"
            && row["cause"] == "cpu"
            && row["confidence"] == 0.5
    }));
    assert!(explained.iter().any(|row| row["rule"] == "own_write"));
}

/// What the engine's build script puts into the binary.
fn listed(copy: &Path) -> String {
    let script = copy.join("engine/build");
    let mut compiler = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"));
    compiler.args(["--edition", "2024", "-o"]).arg(&script);
    let output = compiler.arg(copy.join("engine/build.rs")).output();
    let output = output.expect("rustc runs");
    assert!(output.status.success(), "{}", stderr(&output));
    let mut command = Command::new(&script);
    command
        .current_dir(copy.join("engine"))
        .env("OUT_DIR", copy);
    let output = command.output().expect("the script runs");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    std::fs::read_to_string(copy.join("canned_files.rs")).expect("a list")
}
