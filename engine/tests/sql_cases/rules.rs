//! The rules, and the steps that name them.

use std::collections::BTreeSet;

use datafusion::arrow::array::RecordBatch;
use kcorr_engine::{Columns, GivenParameters, Session, canned_query};

use crate::case::Case;

/// A branch without its row would explain nothing, and a row without its branch would say what is not done.
#[tokio::test]
async fn every_branch_has_a_rule_and_every_rule_its_branch() {
    let rows = rules().await;
    let columns = Columns(&rows);
    let (branches, rules) = (
        columns.text("branch").unwrap(),
        columns.text("rule").unwrap(),
    );
    let branches: BTreeSet<&str> = (0..rows.num_rows())
        .filter_map(|r| branches.get(r))
        .collect();
    let rules: BTreeSet<&str> = (0..rows.num_rows())
        .filter_map(|row| rules.get(row))
        .collect();
    assert_eq!(branches.len(), rows.num_rows(), "a branch has two rows");

    let explained = text("explained_times");
    let holders = text("wait_holders");
    let is_named = |branch: &str| {
        let quoted = format!("'{branch}'");
        // Those of samples are put together of two parts.
        let part = branch
            .strip_suffix("_taken")
            .map(|part| format!("'{part}'"));
        explained.contains(&quoted)
            || holders.contains(&quoted)
            || part.is_some_and(|part| explained.contains(&part))
    };
    for branch in &branches {
        assert!(is_named(branch), "no branch {branch}");
    }
    for named in named_rules(holders) {
        assert!(
            branches.contains(named) && rules.contains(named),
            "no rule {named}"
        );
    }
    for named in named_branches(explained) {
        assert!(branches.contains(named), "no rule for the branch {named}");
    }
}

/// A reason is a word with a meaning, and belongs to the root that its rule has.
#[tokio::test]
async fn every_reason_of_a_rule_is_explained() {
    let (rules, reasons) = (rows_of("rules").await, rows_of("reasons").await);
    let (rules, reasons) = (Columns(&rules), Columns(&reasons));
    let (names, roots) = (
        reasons.text("reason").unwrap(),
        reasons.text("roots").unwrap(),
    );
    let known: Vec<(&str, &str)> = (0..reasons.0.num_rows())
        .filter_map(|row| names.get(row).zip(roots.get(row)))
        .collect();
    assert_eq!(known.len(), reasons.0.num_rows());
    let (reason, root) = (rules.text("reason").unwrap(), rules.text("root").unwrap());
    let mut used = 0;
    for row in 0..rules.0.num_rows() {
        let Some(reason) = reason.get(row) else {
            continue;
        };
        let meant = known.iter().find(|(name, _)| *name == reason);
        let (_, roots) = meant.unwrap_or_else(|| panic!("{reason} has no row in reasons"));
        // A branch may say the root itself.
        if let Some(root) = root.get(row) {
            assert!(roots.split(' ').any(|one| one == root), "{reason}: {root}");
        }
        used += 1;
    }
    assert!(used > 5, "{used}");
}

/// What the decoder calls a wait means something to the account.
#[tokio::test]
async fn every_class_of_waits_has_a_row_and_every_reason_of_one_is_explained() {
    let (classes, reasons) = (rows_of("wait_classes").await, rows_of("reasons").await);
    let (columns, reasons) = (Columns(&classes), Columns(&reasons));
    let (class, reason) = (
        columns.text("wait_class").unwrap(),
        columns.text("reason").unwrap(),
    );
    let named: BTreeSet<&str> = (0..classes.num_rows())
        .filter_map(|row| class.get(row))
        .collect();
    assert_eq!(named.len(), classes.num_rows(), "a class has two rows");
    let list = include_str!("../../../ingest-bpf/src/kernel_waits/waits.csv");
    let told = list.lines().skip(1).filter_map(|row| row.split(',').next());
    // These two say who woke a thread, not what it waited for.
    for class in told.filter(|class| !matches!(*class, "interrupt" | "thread")) {
        assert!(named.contains(class), "{class} has no row in wait_classes");
    }
    let known = reasons.text("reason").unwrap();
    let known: BTreeSet<&str> = (0..reasons.0.num_rows())
        .filter_map(|row| known.get(row))
        .collect();
    for reason in (0..classes.num_rows()).filter_map(|row| reason.get(row)) {
        assert!(known.contains(reason), "{reason} has no row in reasons");
    }
}

/// Words in quotes between `SELECT` and `AS branch`.
fn named_branches(sql: &str) -> Vec<&str> {
    let mut named = Vec::new();
    for (end, _) in sql.match_indices(" AS branch") {
        let start = sql[..end].rfind("SELECT").unwrap_or(0);
        let expression = &sql[start..end];
        let results = expression.split(['\n', ' ']).collect::<Vec<_>>();
        let mut quoted = results.windows(2).filter(|pair| {
            matches!(pair[0], "THEN" | "ELSE" | "SELECT" | "") && pair[1].starts_with('\'')
        });
        let words = quoted
            .by_ref()
            .map(|pair| pair[1].trim_matches(['\'', ')', ',']));
        named.extend(words.filter(|word| !word.is_empty() && *word != "_taken"));
    }
    assert!(named.len() > 10, "{named:?}");
    named
}

/// Words in quotes right before `AS rule`.
fn named_rules(sql: &str) -> Vec<&str> {
    let ends = sql.match_indices("' AS rule").map(|(end, _)| end);
    let named: Vec<&str> = ends
        .map(|end| {
            let start = sql[..end].rfind('\'').map_or(0, |at| at + 1);
            &sql[start..end]
        })
        .collect();
    assert!(named.len() > 3, "{named:?}");
    named
}

fn text(query: &str) -> &'static str {
    canned_query(query).expect("a query").expect("a header").sql
}

async fn rules() -> RecordBatch {
    rows_of("rules").await
}

async fn rows_of(query: &str) -> RecordBatch {
    let (_folder, store) = Case::parse("").expect("a case").open();
    let session = Session::open(&store).await.expect("a session");
    let rows = session.run_canned(query, &GivenParameters::new()).await;
    let rows = datafusion::physical_plan::common::collect(rows.expect("a stream"));
    let batches = rows.await.expect("rows");
    let schema = batches[0].schema();
    datafusion::arrow::compute::concat_batches(&schema, &batches).expect("one batch")
}
