//! `cargo xtask conformance`: writes docs/conformance.md, which links what hosted RTM 2.x offers to
//! the tests that show it here.
//!
//! Made from three lists in docs/conformance: `rows.tsv` says what there is, `tests.tsv` which test
//! shows it, and `open.tsv` why nothing does. `cargo xtask tidy` checks that they agree.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use crate::failure::Failure;
use crate::process::root;
use crate::refuse_words;

pub(crate) const PAGE: &str = "docs/conformance.md";
pub(crate) const ROWS: &str = "docs/conformance/rows.tsv";
pub(crate) const TESTS: &str = "docs/conformance/tests.tsv";
pub(crate) const OPEN: &str = "docs/conformance/open.tsv";

/// Groups of rows, by how their ids begin.
const GROUPS: &[(&str, &str)] = &[
    ("api", "Calls"),
    ("opt", "Options of calls"),
    ("event", "Events"),
    ("config", "Configuration"),
    ("limit", "Limits, at the limit and one beyond"),
    ("error", "Error numbers"),
    ("link", "States, operations and reasons of the link"),
    ("rule", "Rules"),
];

/// How far a row is shown.
pub(crate) const SHOWN: &str = "shown";
pub(crate) const PARTLY: &str = "partly";
/// Why a row isn't.
pub(crate) const REASONS: &[(&str, &str)] = &[
    ("untested", "there, without a test of its own"),
    ("missing", "not there"),
    ("decided", "decided otherwise"),
    ("unreachable", "no user can provoke it"),
];

/// The columns of a list's lines.
pub(crate) fn columns(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.split('\t').collect())
}

/// The page, from the lists.
pub(crate) fn page(rows: &str, tests: &str, open: &str) -> String {
    let mut remarks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut states: BTreeMap<&str, &str> = BTreeMap::new();
    for line in columns(tests) {
        let [id, test, state, note] = line[..] else { continue };
        // Once, and as what the weakest of its tests says.
        let known = states.entry(id).or_insert(state);
        if state == PARTLY {
            *known = state;
        }
        let (path, name) = test.split_once("::").unwrap_or((test, ""));
        let mut remark = format!("[{name}](../{path})");
        if state == PARTLY {
            remark += "; partly";
        }
        if !note.is_empty() {
            let _ = write!(remark, ": {note}");
        }
        remarks.entry(id).or_default().push(remark);
    }
    for line in columns(open) {
        let [id, reason, note] = line[..] else { continue };
        states.insert(id, reason);
        let meaning = REASONS.iter().find(|(it, _)| *it == reason).map_or("", |(_, it)| *it);
        remarks.entry(id).or_default().push(format!("{meaning}: {note}"));
    }
    let count = |what: &str| states.values().filter(|it| **it == what).count();
    let mut page = String::from(
        "# Conformance\n\n\
         What hosted RTM 2.x offers, row by row, and the test that shows it here. Made by \
         `cargo xtask conformance` from the lists in [conformance](conformance/); \
         `cargo xtask tidy` refuses a row without a test or a reason, a test that doesn't exist, \
         and one that serves more than three rows.\n\n| rows | |\n|---|---|\n",
    );
    let _ = writeln!(
        page,
        "| {} | shown by a test; where that is not both ends, a remark says so |",
        count(SHOWN)
    );
    let _ = writeln!(page, "| {} | partly: the test says less than the row |", count(PARTLY));
    for (reason, meaning) in REASONS {
        let _ = writeln!(page, "| {} | {meaning} |", count(reason));
    }
    for (group, title) in GROUPS {
        let _ = write!(page, "\n## {title}\n\n| row | what | shown by |\n|---|---|---|\n");
        for line in columns(rows) {
            let [id, what] = line[..] else { continue };
            if id.split('-').next() == Some(group) {
                let by = remarks.get(id).map(|it| it.join("<br>")).unwrap_or_default();
                let _ = writeln!(page, "| {id} | {what} | {by} |");
            }
        }
    }
    page
}

pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    refuse_words(words)?;
    let read = |path| fs::read_to_string(root().join(path));
    let page = page(&read(ROWS)?, &read(TESTS)?, &read(OPEN)?);
    fs::write(root().join(PAGE), &page)?;
    println!("conformance: wrote {PAGE}, {} lines", page.lines().count());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_stands_in_its_group_with_its_tests_or_its_reason() {
        let rows = "api-a\tdo a\nerror-1\tno\napi-b\tdo b\n";
        let tests = "api-a\ta/b.rs::c\tshown\t\napi-a\ta/b.rs::d\tpartly\tonly half\n";
        let page = page(rows, tests, "error-1\tmissing\tnever given\napi-b\tdecided\tno b\n");
        let wanted = "## Calls\n\n| row | what | shown by |\n|---|---|---|\n\
             | api-a | do a | [c](../a/b.rs)<br>[d](../a/b.rs); partly: only half |\n\
             | api-b | do b | decided otherwise: no b |\n";
        assert!(page.contains(wanted), "{page}");
        assert!(page.contains("| error-1 | no | not there: never given |\n"), "{page}");
        assert!(page.contains("| 0 | shown"), "{page}");
        assert!(page.contains("| 1 | partly: the test says less than the row |\n"), "{page}");
    }
}
