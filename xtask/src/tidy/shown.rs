//! `docs/security.md` names tests that exist.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const PAGE: &str = "docs/security.md";
/// Names of tests are sentences; a name with fewer words is something else.
const WORDS_MIN: usize = 4;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.text(PAGE) else { return Vec::new() };
    let tests: BTreeSet<&str> = tree
        .with_extension("rs")
        .flat_map(|(_, text)| text.lines())
        .filter_map(|line| {
            let code = line.trim_start();
            code.strip_prefix("async ").unwrap_or(code).strip_prefix("fn ")?.split('(').next()
        })
        .collect();
    let mut findings = Vec::new();
    for (index, line) in page.lines().enumerate() {
        for name in line.split('`').skip(1).step_by(2).filter(|name| is_test(name)) {
            if !tests.contains(name) {
                let message = format!("no test has the name {name}");
                findings.push(Finding::refused(PAGE, index + 1, message));
            }
        }
    }
    findings
}

fn is_test(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.split('_').count() >= WORDS_MIN && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_do_not_exist_are_refused() {
        let code = (
            "a/src/lib.rs",
            "    fn a_key_opens_its_lock() {}\n    async fn a_key_waits_for_it() {}",
        );
        for (page, expected) in [
            ("`a_key_opens_its_lock`, `is_equal`, `a_key_waits_for_it`", 0),
            ("`a_key_opens_no_lock`", 1),
            ("a_key_opens_no_lock and `crypto::a_b_c_d`", 0),
        ] {
            let findings = check(&Tree::of(&[(PAGE, page), code]));
            assert_eq!(findings.len(), expected, "{page}: {findings:?}");
        }
    }
}
