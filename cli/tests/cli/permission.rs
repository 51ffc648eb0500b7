//! What SQL may do: read the store's tables.

use crate::{Desk, recording, status, stderr};

fn desk() -> Desk {
    let desk = Desk::new();
    let output = desk.kcorr(&["ingest", "--bpf", &recording("writes.jsonl")]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    desk.write("secret.csv", "a,b\n1,2\n");
    // For the shell's history.
    std::fs::create_dir(desk.path("state")).expect("a folder");
    desk
}

/// What is in a desk's folder.
fn files(desk: &Desk) -> Vec<String> {
    let entries = std::fs::read_dir(desk.folder.path()).expect("files");
    let names = entries.map(|entry| entry.expect("a file").file_name());
    let mut names: Vec<String> = names.map(|n| n.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn sql_from_elsewhere_touches_no_file() {
    let desk = desk();
    let before = files(&desk);
    let rows = desk.number("SELECT count(*) AS n FROM writes");
    for sql in [
        "COPY writes TO 'out.csv'",
        "COPY (SELECT 1 AS a) TO 'out.parquet' STORED AS PARQUET",
        "EXPLAIN ANALYZE COPY writes TO 'out.csv'",
        "EXPLAIN COPY writes TO 'out.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'secret.csv'",
        "CREATE UNBOUNDED EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION 'secret.csv'",
        "CREATE TABLE t AS SELECT * FROM writes",
        "CREATE TABLE t (a INT)",
        "CREATE SCHEMA s",
        "CREATE DATABASE d",
        "DROP TABLE writes",
        "INSERT INTO writes SELECT * FROM writes",
        "WITH w AS (SELECT * FROM writes) INSERT INTO writes SELECT * FROM w",
        "DELETE FROM writes",
        "UPDATE writes SET tid = 0",
        "TRUNCATE TABLE writes",
        "SELECT * INTO t FROM writes",
        "SELECT * FROM 'secret.csv'",
        "SELECT * FROM \"secret.csv\"",
        "SELECT count(*) FROM writes WHERE tid IN (SELECT a FROM './secret.csv')",
        "WITH w AS (SELECT * FROM 'file:///etc/passwd') SELECT * FROM w",
        "CREATE VIEW v AS SELECT * FROM 'secret.csv'",
        "DESCRIBE 'secret.csv'",
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT * FROM parquet_metadata('secret.csv')",
        "SET datafusion.runtime.temp_directory = 'elsewhere'",
        "SET datafusion.catalog.location = '.'",
        "SET datafusion.runtime.memory_limit = '1G'",
        "RESET datafusion.runtime.memory_limit",
        "PREPARE p AS SELECT 1",
        "BEGIN",
    ] {
        let output = desk.kcorr(&["query", "-c", sql]);
        assert_eq!(status(&output), 2, "{sql}");
        // The same from a file, behind a statement that is allowed, and in the shell.
        desk.write("ticket.sql", format!("SELECT 1 AS a;\n{sql};\n"));
        let output = desk.kcorr(&["query", "ticket.sql"]);
        assert_eq!(status(&output), 2, "{sql}");
        assert!(output.stdout.is_empty(), "{sql}: nothing of it is run");
        std::fs::remove_file(desk.path("ticket.sql")).expect("removed");
        let shell = desk
            .command(&["sql"])
            .env("XDG_STATE_HOME", desk.path("state"))
            .write_stdin(format!("{sql};\n"))
            .output()
            .expect("kcorr runs");
        assert_eq!(status(&shell), 2, "{sql}: {}", stderr(&shell));
        assert_eq!(files(&desk), before, "{sql}");
        assert_eq!(
            desk.number("SELECT count(*) AS n FROM writes"),
            rows,
            "{sql}"
        );
    }
}

#[test]
fn a_refusal_says_what_was_refused_and_the_flag() {
    let desk = desk();
    for (sql, what) in [
        ("COPY writes TO 'out.csv'", "COPY"),
        ("DROP TABLE writes", "DROP TABLE"),
        ("INSERT INTO writes SELECT * FROM writes", "INSERT INTO"),
        ("SELECT * FROM 'secret.csv'", "secret.csv"),
        (
            "SET datafusion.runtime.temp_directory = 'x'",
            "datafusion.runtime.temp_directory",
        ),
        (
            "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'secret.csv'",
            "CREATE EXTERNAL TABLE",
        ),
        ("SELECT * INTO t FROM writes", "DDL"),
    ] {
        let text = stderr(&desk.kcorr(&["query", "-c", sql]));
        assert!(
            text.contains(what) && text.contains("--allow-files"),
            "{sql}: {text}"
        );
    }
}

#[test]
fn files_are_read_and_written_when_they_are_allowed() {
    let desk = desk();
    let query = |sql: &str| desk.kcorr(&["query", "--allow-files", "-c", sql]);
    let output = query("COPY (SELECT b FROM 'secret.csv') TO 'out.parquet'");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let output = desk.kcorr(&[
        "query",
        "--allow-files",
        "-f",
        "csv",
        "-c",
        "SELECT * FROM 'out.parquet'",
    ]);
    assert_eq!(crate::stdout(&output), "b\n2\n", "{}", stderr(&output));
    let table = "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'secret.csv' \
        OPTIONS ('format.has_header' 'true'); SELECT a FROM t";
    assert_eq!(status(&query(table)), 0);
}

#[test]
fn what_changes_only_the_session_is_allowed() {
    let desk = desk();
    for sql in [
        "CREATE VIEW v AS SELECT tid FROM writes; SELECT count(*) FROM v; DROP VIEW v",
        "SET datafusion.execution.target_partitions = 1; SELECT count(*) FROM writes",
        "SET datafusion.execution.time_zone = '+02:00'; SELECT 1",
        "EXPLAIN SELECT count(*) FROM writes",
        "EXPLAIN ANALYZE SELECT count(*) FROM writes",
        "SHOW TABLES",
        "SHOW COLUMNS FROM writes",
        "DESCRIBE writes",
        "SHOW ALL",
        "VALUES (1), (2)",
        "SELECT count(*) FROM generate_series(1, 10)",
        "SELECT 'a/b.csv' AS text FROM datafusion.public.writes LIMIT 1",
    ] {
        let output = desk.kcorr(&["query", "-c", sql]);
        assert_eq!(status(&output), 0, "{sql}: {}", stderr(&output));
    }
}

/// How kcorr ends with a statement: by itself, with an answer or an error, never by a signal.
fn ends(desk: &Desk, sql: &str) -> (i32, String) {
    let file = desk.write("long.sql", sql);
    let output = desk.kcorr(&["query", &file, "--format", "csv"]);
    (status(&output), stderr(&output))
}

#[test]
fn a_statement_of_thousands_of_terms_is_answered() {
    let desk = desk();
    for (operator, test, count) in [(" OR ", "tid = ", 3000), (" AND ", "tid <> ", 1000)] {
        let terms: Vec<String> = (0..count).map(|n| format!("{test}{n}")).collect();
        let condition = terms.join(operator);
        let sql = format!("SELECT count(*) AS n FROM writes WHERE {condition}");
        let (code, text) = ends(&desk, &sql);
        assert_eq!(code, 0, "{operator}: {text}");
    }
    let sums = vec!["tid"; 1000].join(" + ");
    let (code, text) = ends(&desk, &format!("SELECT {sums} AS n FROM writes LIMIT 1"));
    assert_eq!(code, 0, "{text}");
    let list: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    let (code, text) = ends(
        &desk,
        &format!(
            "SELECT count(*) AS n FROM writes WHERE tid IN ({})",
            list.join(", ")
        ),
    );
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_statement_too_long_or_too_deep_is_an_error() {
    let desk = desk();
    let chain =
        |operator: &str, terms: usize| format!("SELECT {}", vec!["1"; terms].join(operator));
    for sql in [
        chain(" + ", 200_000),
        chain(" OR ", 200_000),
        format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT {}1", "- ".repeat(10_000)),
        format!("SELECT {}true", "NOT ".repeat(10_000)),
        format!("SELECT 1{}", "::INT".repeat(20_000)),
        vec!["SELECT 1"; 20_000].join(" UNION ALL "),
    ] {
        let (code, text) = ends(&desk, &sql);
        assert_eq!(code, 2, "{:.40}: {text:.300}", sql);
    }
}
