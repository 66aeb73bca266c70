//! docs/conformance: each row has a test or a reason, each test exists and serves few rows.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::tree::Tree;
use crate::conformance::{OPEN, PAGE, PARTLY, REASONS, ROWS, SHOWN, TESTS, columns, page};

/// Rows that one test may serve: one that shows everything shows nothing.
const ROWS_PER_TEST_MAX: usize = 3;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let (Some(rows), Some(tests), Some(open)) =
        (tree.text(ROWS), tree.text(TESTS), tree.text(OPEN))
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    let mut ids = BTreeMap::new();
    for (index, line) in columns(rows).enumerate() {
        if line.len() != 2 {
            findings.push(Finding::refused(ROWS, index + 1, "not `id, what`"));
        } else if ids.insert(line[0], index + 1).is_some() {
            findings.push(Finding::refused(ROWS, index + 1, format!("a second {}", line[0])));
        }
    }
    let tested = check_tests(tree, tests, &ids, &mut findings);
    let mut seen = BTreeSet::new();
    for (index, line) in columns(open).enumerate() {
        let [id, reason, note] = line[..] else {
            findings.push(Finding::refused(OPEN, index + 1, "not `id, why, note`"));
            continue;
        };
        let is_reason = REASONS.iter().any(|(it, _)| *it == reason);
        if !ids.contains_key(id) || !is_reason || note.is_empty() {
            let wrong = format!("{id}: no such row, no reason `{reason}`, or nothing said of it");
            findings.push(Finding::refused(OPEN, index + 1, wrong));
        } else if tested.contains(id) || !seen.insert(id) {
            let wrong = format!("{id} has a test, or is named twice");
            findings.push(Finding::refused(OPEN, index + 1, wrong));
        }
    }
    for (id, line) in ids {
        if !tested.contains(id) && !seen.contains(id) {
            let wrong = format!("{id} has neither a test nor a reason why there is none");
            findings.push(Finding::refused(ROWS, line, wrong));
        }
    }
    if tree.text(PAGE) != Some(&page(rows, tests, open)) {
        let wrong = "older than its lists; run `cargo xtask conformance`";
        findings.push(Finding::refused(PAGE, 0, wrong));
    }
    findings
}

/// The rows that have a test.
fn check_tests<'a>(
    tree: &Tree,
    tests: &'a str,
    ids: &BTreeMap<&str, usize>,
    findings: &mut Vec<Finding>,
) -> BTreeSet<&'a str> {
    let mut tested = BTreeSet::new();
    let mut served: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in columns(tests).enumerate() {
        let mut refuse = |wrong: String| findings.push(Finding::refused(TESTS, index + 1, wrong));
        let [id, test, state, note] = line[..] else {
            refuse("not `id, test, shown or partly, note`".into());
            continue;
        };
        if !ids.contains_key(id) {
            refuse(format!("there is no row {id}"));
        }
        let is_state = state == SHOWN || state == PARTLY && !note.is_empty();
        if !is_state {
            refuse(format!("`{state}` is neither shown, nor partly with a note what is missing"));
        }
        if !is_test(tree, test) {
            refuse(format!("there is no test {test}"));
        }
        let count = served.entry(test).or_default();
        *count += 1;
        if *count > ROWS_PER_TEST_MAX {
            refuse(format!("{test} serves more than {ROWS_PER_TEST_MAX} rows"));
        }
        tested.insert(id);
    }
    tested
}

/// Whether a file has a test of this name.
fn is_test(tree: &Tree, test: &str) -> bool {
    let Some((path, name)) = test.split_once("::") else { return false };
    let Some(text) = tree.text(path) else { return false };
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let declares = |line: &str| {
        let code = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        code.and_then(|code| code.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    lines.iter().enumerate().any(|(index, line)| {
        let before = lines[..index].iter().rev();
        let mut attributes = before.take_while(|it| it.starts_with('#') || it.starts_with("//"));
        declares(line) && attributes.any(|it| it.starts_with("#[test]") || it.contains("::test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "#[test]\nfn a_works() {}\nfn helper() {}\n#[tokio::test]\n\
                        #[ignore]\nasync fn b_works() {}\n";

    /// What is refused: the file, and the line.
    fn refused(rows: &str, tests: &str, open: &str) -> Vec<(String, usize)> {
        let page = page(rows, tests, open);
        let files = [(ROWS, rows), (TESTS, tests), (OPEN, open), (PAGE, &page), ("a.rs", CODE)];
        let findings = check(&Tree::of(&files));
        findings.into_iter().map(|it| (it.path, it.line)).collect()
    }

    #[test]
    fn each_row_needs_a_test_that_exists_or_a_reason() {
        let rows = "api-a\ta\napi-b\tb\napi-c\tc\n";
        let tests = "api-a\ta.rs::a_works\tshown\t\napi-b\ta.rs::b_works\tpartly\thalf\n";
        assert_eq!(refused(rows, tests, "api-c\tmissing\tnot yet\n"), []);
        assert_eq!(refused(rows, tests, ""), [(ROWS.into(), 3)]);
        for open in ["api-c\tlater\tnot yet\n", "api-c\tmissing\t\n", "api-d\tmissing\tno\n"] {
            assert_eq!(refused(rows, tests, open)[0], (OPEN.into(), 1), "{open}");
        }
        let both = "api-c\tmissing\tno\napi-a\tmissing\tno\n";
        assert_eq!(refused(rows, tests, both), [(OPEN.into(), 2)]);
        let twice = format!("{rows}api-a\ta\n");
        assert_eq!(refused(&twice, tests, "api-c\tmissing\tno\n"), [(ROWS.into(), 4)]);
    }

    #[test]
    fn a_test_that_is_none_or_serves_many_is_refused() {
        let rows = "api-a\ta\napi-b\tb\napi-c\tc\napi-d\td\n";
        for wrong in ["a.rs::c_works", "b.rs::a_works", "a.rs::helper", "a.rs::a_work", "a.rs"] {
            let tests = format!("api-a\t{wrong}\tshown\t\n");
            assert_eq!(refused("api-a\ta\n", &tests, ""), [(TESTS.into(), 1)], "{wrong}");
        }
        let all: String = ["a", "b", "c", "d"]
            .iter()
            .map(|it| format!("api-{it}\ta.rs::a_works\tshown\t\n"))
            .collect();
        assert_eq!(refused(rows, &all, ""), [(TESTS.into(), 4)]);
        for state in ["partly\t", "perhaps\twhy"] {
            let tests = format!("api-a\ta.rs::a_works\t{state}\n");
            assert_eq!(refused("api-a\ta\n", &tests, ""), [(TESTS.into(), 1)], "{state}");
        }
        assert_eq!(refused("api-a\ta\n", "api-a\ta.rs::a_works\tshown\t\nx\n", "").len(), 1);
    }

    #[test]
    fn a_page_that_is_older_than_its_lists_is_refused() {
        let (rows, open) = ("api-a\ta\n", "api-a\tmissing\tno\n");
        let files = [(ROWS, rows), (TESTS, ""), (OPEN, open), (PAGE, "# Conformance\n")];
        assert_eq!(check(&Tree::of(&files)).len(), 1);
        assert_eq!(check(&Tree::of(&[])).len(), 0, "elsewhere there is none");
    }
}
